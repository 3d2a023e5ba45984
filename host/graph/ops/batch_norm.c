/*
 * Batch normalisation: moments, the normalisation itself, its gradient, and the moving statistics.
 *
 * The gradient (Ioffe and Szegedy 2015, section 3, simplified), with g = dy * activation'(y),
 * xhat = (x - mean) / sqrt(variance + epsilon) and n rows:
 *
 *   dbeta = sum g,  dgamma = sum g * xhat,
 *   dx = gamma / sqrt(variance + epsilon) * (g - dbeta / n - xhat * dgamma / n)
 *
 * The activation's sign is recomputed from x, so neither y nor g is read or stored.
 */
#include "host/graph/inputs.h"
#include "host/graph/ops/moments.h"

static void define(struct wg_defines *defines, const struct wg_node *node,
                   const struct wg_device *device)
{
    size_t c = wg_shape_last(&node->in[X]->shape), width = wg_vector_width(device, c);
    wg_define_int(defines, "VW", (long long)width);
    wg_define_int(defines, "NV", (long long)wg_row_vectors(device, c, width));
    wg_define_ahead(defines, device);
    wg_define_gather(defines, device);
    wg_define_int(defines, "C", (long long)c);
    wg_define_float(defines, "EPSILON", node->attr.epsilon);
    wg_define_activation(defines, node);
}

static size_t column_vectors(const struct wg_node *node, const struct wg_device *device)
{
    size_t c = wg_shape_last(&node->in[X]->shape);
    return c / wg_vector_width(device, c);
}

/* Work items side by side in a chunk of rows. */
static size_t chunk_items(const struct wg_node *node, const struct wg_device *device)
{
    size_t c = wg_shape_last(&node->in[X]->shape);
    return column_vectors(node, device) / wg_row_vectors(device, c, wg_vector_width(device, c));
}

static struct wg_row_split split_of(const struct wg_node *node, const struct wg_device *device)
{
    return wg_row_split(&node->in[X]->shape, device);
}

size_t wg_moments_scratch(const struct wg_row_split *chunks, const struct wg_device *device)
{
    return wg_row_scratch(chunks, 2 * chunks->columns, device);
}

struct wg_argument wg_moments_partial(const struct wg_row_split *chunks)
{
    return wg_row_partial(chunks, 2 * chunks->columns);
}

/* Two numbers per column and chunk. */
static size_t scratch_chunks(const struct wg_node *node, const struct wg_device *device)
{
    struct wg_row_split split = split_of(node, device);
    return wg_moments_scratch(&split, device);
}

/* ---- moments ---- */

static void define_moments(struct wg_defines *defines, const struct wg_node *m,
                           const struct wg_device *device)
{
    define(defines, m, device);
    if (!wg_device_is_cpu(device)) // whose caches hold a chunk
        wg_define_flag(defines, "ONE_PASS");
}

bool wg_bind_moments_merge(const struct wg_node *m, struct wg_binder *binder,
                           const struct wg_row_split *split)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_merge merges[WG_ROW_MERGES_MAX];
    int count = wg_row_merges(split, 2 * split->columns, WG_NODE(m), device, merges);
    struct wg_defines defines = {0};
    define_moments(&defines, m, device);
    struct wg_call gather = {
        .file = "batch_norm",
        .kernel = "moments_gather",
        .defines = &defines,
        .arguments = {merges[0].from, WG_NODE(m), WG_ROWS(*split)},
    };
    bool is_bound;
    if (!wg_bind_gather(binder, split, column_vectors(m, device), gather, &is_bound))
        return false;
    for (int i = 0; !is_bound && i < count; i++) {
        bool is_last = i == count - 1;
        if (!wg_bind_kernel(binder,
                            &(struct wg_call){
                                .file = "batch_norm",
                                .kernel = "moments_merge",
                                .defines = &defines,
                                .arguments = {merges[i].from, merges[i].to, WG_INT(split->rows),
                                              WG_INT(merges[i].rows_per_chunk),
                                              WG_INT(merges[i].chunks_per_group),
                                              WG_FLOAT(is_last ? (float)split->rows : 1.0f)},
                                .global = {column_vectors(m, device), merges[i].groups},
                                .local = {wg_row_lanes(device)},
                            }))
            return false;
    }
    return true;
}

static bool bind_moments(const struct wg_node *m, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = split_of(m, device);
    define_moments(&defines, m, device);
    return wg_bind_kernel(
               binder,
               &(struct wg_call){
                   .file = "batch_norm",
                   .kernel = "moments_chunk",
                   .defines = &defines,
                   .arguments = {WG_NODE(m->in[X]), wg_moments_partial(&split), WG_ROWS(split)},
                   .global = {chunk_items(m, device), split.chunks},
                   .local = {wg_row_lanes(device)},
               }) &&
           wg_bind_moments_merge(m, binder, &split);
}

static const struct wg_implementation moments_ref = {
    .name = "ref", .scratch = scratch_chunks, .bind = bind_moments};

const struct wg_op wg_op_moments = {
    .name = "moments",
    .implementations = {&moments_ref},
};

/* The same, written by what computes x, or behind it. */
const struct wg_op wg_op_moments_left = {
    .name = "moments_left",
    .is_byproduct = true,
    .implementations = {&moments_ref},
};

struct wg_node *wg_moments(struct wg_graph *g, struct wg_node *x)
{
    if (!x)
        return wg_node_refuse(g, "moments", "an input is missing");
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_moments,
                                            .shape = wg_shape(2, wg_shape_last(&x->shape)),
                                            .in = {x},
                                            .in_count = 1});
}

/* ---- forward ---- */

/* batch_norm and batch_norm_data: the node's inputs, then itself. */
static bool bind_rows(const struct wg_node *node, struct wg_binder *binder)
{
    enum { ROWS = 8 }; // of an item that is not a CPU's: what it needs of a column is little then
    struct wg_defines defines = {0};
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = wg_device_is_cpu(device)
                                    ? split_of(node, device)
                                    : wg_row_split_by(&node->shape, ROWS, device);
    struct wg_call call = {
        .file = "batch_norm",
        .kernel = node->op->name,
        .defines = &defines,
        .global = {chunk_items(node, device) * split.chunks},
        .local = {wg_row_lanes(device)},
    };
    int count = 0;
    define(&defines, node, device);
    for (; count < node->in_count; count++)
        call.arguments[count] = WG_NODE(node->in[count]);
    call.arguments[count++] = WG_NODE(node);
    call.arguments[count++] = WG_INT(split.rows);
    call.arguments[count] = WG_INT(split.rows_per_chunk);
    return wg_bind_kernel(binder, &call);
}

/* ---- gradient ---- */

static bool bind_sums(const struct wg_node *sums, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = split_of(sums, device);
    struct wg_argument partial = wg_row_sums(&split, 2 * split.columns, WG_NODE(sums));
    define(&defines, sums, device);
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "batch_norm",
                              .kernel = "batch_norm_sums_chunk",
                              .defines = &defines,
                              .arguments = {WG_NODE(sums->in[X]), WG_NODE(sums->in[MOMENTS]),
                                            WG_NODE(sums->in[GAMMA]), WG_NODE(sums->in[BETA]),
                                            WG_NODE(sums->in[DY]), partial, WG_ROWS(split)},
                              .global = {chunk_items(sums, device), split.chunks},
                              .local = {wg_row_lanes(device)},
                          }) &&
           wg_bind_row_sums(binder, &split, 2 * split.columns, WG_NODE(sums));
}

const struct wg_op wg_op_batch_norm_sums = {
    .name = "batch_norm_sums",
    .implementations = {WG_BY(.name = "ref", .scratch = scratch_chunks, .bind = bind_sums)},
};

const struct wg_op wg_op_batch_norm_data = {
    .name = "batch_norm_data",
    .implementations = {WG_BY(.name = "ref", .bind = bind_rows)},
};

static struct wg_node *gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *dy, int i)
{
    if (!y->attr.training)
        return wg_node_refuse(g, "batch_norm", "can't be differentiated in inference mode");
    struct wg_node draft = {
        .op = &wg_op_batch_norm_sums,
        .shape = wg_shape(2, wg_shape_last(&y->shape)),
        .in = {y->in[X], y->in[MOMENTS], y->in[GAMMA], y->in[BETA], dy},
        .in_count = 5,
        .attr = y->attr,
    };
    struct wg_node *sums = i == MOMENTS ? NULL : wg_node_add(g, &draft);
    switch (i) {
    case GAMMA:
        return wg_slice(g, sums, 1);
    case BETA:
        return wg_slice(g, sums, 0);
    case MOMENTS: // contained in dx
        return NULL;
    }
    draft.op = &wg_op_batch_norm_data;
    draft.shape = y->shape;
    draft.in[SUMS] = sums;
    draft.in_count = 6;
    return wg_node_add(g, &draft);
}

const struct wg_op wg_op_batch_norm = {
    .name = "batch_norm",
    .gradient = gradient,
    .implementations = {WG_BY(.name = "ref", .bind = bind_rows)},
};

struct wg_node *wg_batch_norm(struct wg_graph *g, struct wg_node *x, struct wg_node *m,
                              struct wg_node *gamma, struct wg_node *beta, float epsilon,
                              bool training, enum wg_activation activation, float slope)
{
    if (!x || !m || !gamma || !beta)
        return wg_node_refuse(g, "batch_norm", "an input is missing");
    size_t c = wg_shape_last(&x->shape);
    if (wg_shape_count(&m->shape) != 2 * c || wg_shape_count(&gamma->shape) != c ||
        wg_shape_count(&beta->shape) != c)
        return wg_node_refuse(g, "batch_norm", "m, gamma or beta do not match x's last dimension");
    if (activation == WG_ACTIVATION_TANH)
        return wg_node_refuse(g, "batch_norm", "only a leaky ReLU may follow in the same node");
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_batch_norm,
                                            .shape = x->shape,
                                            .in = {x, m, gamma, beta},
                                            .in_count = 4,
                                            .attr = {.epsilon = epsilon,
                                                     .training = training,
                                                     .activation = activation,
                                                     .slope = slope}});
}

/* ---- moving statistics ---- */

static bool bind_moving(const struct wg_node *node, struct wg_binder *binder)
{
    size_t c = wg_shape_last(&node->in[1]->shape);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "moving_average",
                                      .kernel = "moving_average",
                                      .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]),
                                                    WG_FLOAT(node->attr.momentum),
                                                    WG_FLOAT(node->attr.variance_scale), WG_INT(c)},
                                      .global = {2 * c},
                                  });
}

static const struct wg_op op_moving_average = {
    .name = "moving_average",
    .is_effect = true,
    .implementations = {WG_BY(.name = "ref", .bind = bind_moving)},
};

struct wg_node *wg_moving_average(struct wg_graph *g, struct wg_node *moving, struct wg_node *m,
                                  float momentum, float variance_scale)
{
    if (!moving || !m || !wg_shape_equal(&moving->shape, &m->shape))
        return wg_node_refuse(g, "moving_average", "both must be there and of one shape");
    return wg_node_add(
        g, &(struct wg_node){.op = &op_moving_average,
                             .shape = moving->shape,
                             .in = {moving, m},
                             .in_count = 2,
                             .attr = {.momentum = momentum, .variance_scale = variance_scale},
                             .storage = moving->storage});
}
