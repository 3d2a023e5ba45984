/*
 * sum_rows: y[c] = sum over rows of x[row, c]; the gradient of a bias.
 */
#include "host/graph/ops/rows.h"

static size_t scratch(const struct wg_node *y, const struct wg_device *device)
{
    struct wg_row_split split = wg_row_split(&y->in[0]->shape, device);
    return wg_row_scratch(&split, split.columns, device);
}

static bool bind(const struct wg_node *y, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = wg_row_split(&y->in[0]->shape, device);
    unsigned width = wg_vector_width(device, split.columns);
    size_t vectors = wg_row_vectors(device, split.columns, width);
    wg_define_int(&defines, "VW", width);
    wg_define_int(&defines, "NV", (long long)vectors);
    wg_define_ahead(&defines, device);
    return wg_bind_kernel(
               binder,
               &(struct wg_call){
                   .file = "sum_rows",
                   .kernel = "sum_rows_chunk",
                   .defines = &defines,
                   .arguments = {WG_NODE(y->in[0]), wg_row_sums(&split, split.columns, WG_NODE(y)),
                                 WG_INT(split.columns), WG_ROWS(split)},
                   .global = {split.columns / (vectors * width), split.chunks},
                   .local = {wg_row_lanes(device)},
               }) &&
           wg_bind_row_sums(binder, &split, split.columns, WG_NODE(y));
}

const struct wg_op wg_op_sum_rows = {
    .name = "sum_rows",
    .implementations = {WG_BY(.name = "ref", .scratch = scratch, .bind = bind)},
};

struct wg_node *wg_sum_rows(struct wg_graph *g, struct wg_node *x)
{
    if (!x)
        return wg_node_refuse(g, "sum_rows", "an input is missing");
    if (x->storage->op == &wg_op_fill) // as the gradient of a mean is
        return wg_fill(g, (float)wg_shape_rows(&x->shape) * x->storage->attr.scale,
                       wg_shape(wg_shape_last(&x->shape)));
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_sum_rows,
                                            .shape = wg_shape(wg_shape_last(&x->shape)),
                                            .in = {x},
                                            .in_count = 1});
}
