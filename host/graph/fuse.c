#include "host/graph/fuse.h"

#include "host/graph/inputs.h"

#include <string.h>

static int count_readers(const struct wg_graph *g, const struct wg_node *node)
{
    int readers = 0;
    for (int n = 0; n < wg_graph_count(g); n++) {
        const struct wg_node *other = wg_graph_node(g, n);
        for (int i = 0; i < other->in_count; i++)
            readers += other->in[i] == node;
    }
    return readers;
}

/* The next node from `from` on that reads `node`; NULL: none. */
static struct wg_node *find_reader(const struct wg_graph *g, const struct wg_node *node, int from)
{
    for (int n = from; n < wg_graph_count(g); n++) {
        struct wg_node *other = wg_graph_node(g, n);
        for (int i = 0; i < other->in_count; i++)
            if (other->in[i] == node)
                return other;
    }
    return NULL;
}

/* A pure node that nobody reads is left over, or somebody's target; either way it may go on as it
 * is, and what it reads with it. */
static bool matters(const struct wg_graph *g, const struct wg_node *node)
{
    return node->op->is_effect || find_reader(g, node, 0);
}

static bool is_same_conv(const struct wg_node *a, const struct wg_node *b)
{
    return memcmp(&a->attr.conv, &b->attr.conv, sizeof a->attr.conv) == 0;
}

/* Turns a node into another one of the same shape and storage: those who read it need not know. */
static void become(struct wg_node *node, const struct wg_node *draft)
{
    node->op = draft->op;
    node->name = draft->op->name;
    node->attr = draft->attr;
    node->in_count = draft->in_count;
    memcpy(node->in, draft->in, sizeof node->in);
}

static void become_slice(struct wg_node *node, struct wg_node *of, size_t row)
{
    become(node,
           &(struct wg_node){
               .op = &wg_op_slice, .in = {of}, .in_count = 1, .attr = {.row = (uint32_t)row}});
}

/* Whether the device has more than the plain kernel for a node. */
static bool is_fast(const struct wg_node *node, const struct wg_device *device)
{
    return strcmp(wg_op_choose(node, device, NULL)->name, "ref") != 0;
}

static bool is_older(const struct wg_node *draft, const struct wg_node *node)
{
    for (int i = 0; i < draft->in_count; i++)
        if (draft->in[i]->index >= node->index)
            return false;
    return true;
}

static struct wg_node *older(struct wg_node *a, struct wg_node *b)
{
    return !a || (b && b->index < a->index) ? b : a;
}

/* ---- a bias into the convolution or product before it ---- */

/* Not one that computes a gradient of weights. */
static bool can_carry_bias(const struct wg_node *node)
{
    bool is_forward = node->op == &wg_op_conv2d || node->op == &wg_op_conv2d_data ||
                      (node->op == &wg_op_matmul && !node->attr.transpose_a);
    return is_forward && !wg_bias_of(node);
}

static void fuse_bias(struct wg_graph *g, struct wg_node *bias)
{
    struct wg_node *sum = bias->in[0];
    if (!can_carry_bias(sum) || count_readers(g, sum) != 1)
        return;
    struct wg_node draft = *sum;
    draft.in[CONV_BIAS] = bias->in[1];
    draft.in_count = CONV_BIAS + 1;
    draft.attr.activation = bias->attr.activation;
    draft.attr.slope = bias->attr.slope;
    become(bias, &draft);
}

/* ---- a batch norm by constants into the weights before it ---- */

static void fuse_norm_into_weights(struct wg_graph *g, struct wg_node *norm)
{
    struct wg_node *u = norm->in[X], *m = norm->in[MOMENTS], *gamma = norm->in[GAMMA],
                   *beta = norm->in[BETA];
    bool is_data = u->op == &wg_op_conv2d_data;
    if (norm->attr.training || (u->op != &wg_op_conv2d && !is_data) || !wg_bias_of(u) ||
        u->attr.activation != WG_ACTIVATION_NONE || count_readers(g, u) != 1)
        return;
    struct wg_node *w = u->in[CONV_W], *b = u->in[CONV_BIAS];
    if (wg_shape_count(&w->shape) > wg_shape_count(&u->shape))
        return; // a tensor of weights is passed over to save a larger one
    struct wg_node kernel = {
        .op = &wg_op_norm_kernel,
        .shape = w->shape,
        .in = {w, m, gamma},
        .in_count = 3,
        .attr = {.epsilon = norm->attr.epsilon,
                 .inner = is_data ? (uint32_t)wg_shape_last(&w->shape) : 1},
    };
    struct wg_node bias = {
        .op = &wg_op_norm_bias,
        .shape = b->shape,
        .in = {b, m, gamma, beta},
        .in_count = 4,
        .attr = {.epsilon = norm->attr.epsilon},
    };
    struct wg_node draft = *u;
    draft.in[CONV_W] = wg_node_insert(g, &kernel, norm);
    draft.in[CONV_BIAS] = wg_node_insert(g, &bias, norm);
    draft.attr.activation = norm->attr.activation;
    draft.attr.slope = norm->attr.slope;
    if (draft.in[CONV_W] && draft.in[CONV_BIAS])
        become(norm, &draft);
}

/* ---- a batch norm by the batch's moments into the transposed convolution behind it ---- */

/* What stands around a batch norm r of u, and what the fusing puts in its place. */
struct norm_up {
    struct wg_node *norm, *up, *filter, *spread, *sums, *data;
    struct wg_node new_up, new_sums, new_data;
};

/* Whether r is read by `up` and perhaps the gradient of its weights, by nobody else. */
static bool find_around_norm(const struct wg_graph *g, struct norm_up *n)
{
    for (struct wg_node *reader = find_reader(g, n->norm, 0); reader;
         reader = find_reader(g, n->norm, reader->index + 1)) {
        if (reader == n->up)
            continue;
        bool fits = reader->op == &wg_op_conv2d_filter && reader->in[FILTER_X] != n->norm &&
                    is_same_conv(reader, n->up) && !n->filter;
        if (fits)
            n->filter = reader;
        else if (matters(g, reader))
            return false;
    }
    return true;
}

/* Whether the gradient to r is conv2d(d, w), read by those of the batch norm alone. */
static bool find_around_gradient(const struct wg_graph *g, struct norm_up *n)
{
    for (int i = 0; i < wg_graph_count(g) && !n->spread; i++) {
        struct wg_node *node = wg_graph_node(g, i);
        if (node->op == &wg_op_conv2d && !wg_bias_of(node) &&
            node->in[CONV_IN] == n->filter->in[FILTER_X] && node->in[CONV_W] == n->up->in[CONV_W] &&
            is_same_conv(node, n->up))
            n->spread = node;
    }
    for (struct wg_node *reader = n->spread ? find_reader(g, n->spread, 0) : NULL; reader;
         reader = find_reader(g, n->spread, reader->index + 1)) {
        if (reader->op == &wg_op_batch_norm_sums)
            n->sums = reader;
        else if (reader->op == &wg_op_batch_norm_data)
            n->data = reader;
        else if (matters(g, reader))
            return false;
        else
            continue;
        if (reader->in[X] != n->norm->in[X] || reader->in[DY] != n->spread)
            return false;
    }
    for (struct wg_node *reader = n->sums ? find_reader(g, n->sums, 0) : NULL; reader;
         reader = find_reader(g, n->sums, reader->index + 1))
        if (reader->op != &wg_op_slice && reader != n->data)
            return false;
    return n->sums && n->data;
}

static struct wg_attributes norm_up_attributes(const struct norm_up *n)
{
    bool bends = n->norm->attr.activation == WG_ACTIVATION_LEAKY_RELU;
    return (struct wg_attributes){.conv = n->up->attr.conv,
                                  .epsilon = n->norm->attr.epsilon,
                                  .slope_in = bends ? n->norm->attr.slope : 1.0f};
}

static void draft_norm_up(struct norm_up *n)
{
    struct wg_node *u = n->norm->in[X], *m = n->norm->in[MOMENTS], *gamma = n->norm->in[GAMMA],
                   *beta = n->norm->in[BETA], *w = n->up->in[CONV_W];
    struct wg_attributes attr = norm_up_attributes(n);
    struct wg_node *d = n->filter ? n->filter->in[FILTER_X] : NULL;
    n->new_sums = (struct wg_node){
        .op = &wg_op_norm_up_sums,
        .shape = wg_shape(attr.conv.k * attr.conv.k * attr.conv.c + 2, attr.conv.oc),
        .in = {u, m, gamma, beta, d, w},
        .in_count = UP_SUMS,
        .attr = attr,
    };
    n->new_data = n->new_sums; // and the sums, once they are made
    n->new_data.op = &wg_op_norm_up_gradient;
    n->new_data.shape = u->shape;
    attr.activation = n->up->attr.activation;
    attr.slope = n->up->attr.slope;
    n->new_up = (struct wg_node){.op = &wg_op_norm_up,
                                 .shape = n->up->shape,
                                 .in = {u, m, gamma, beta, w, n->up->in[CONV_BIAS]},
                                 .in_count = UP_BIAS + 1,
                                 .attr = attr};
}

static void fuse_norm_gradient(struct wg_graph *g, struct norm_up *n, struct wg_node *before)
{
    struct wg_node *sums = wg_node_insert(g, &n->new_sums, before);
    if (!sums)
        return;
    size_t taps = sums->shape.dim[0] - 2;
    for (struct wg_node *slice = find_reader(g, n->sums, 0); slice;
         slice = find_reader(g, n->sums, slice->index + 1))
        if (slice != n->data)
            become_slice(slice, sums, taps + slice->attr.row);
    n->new_data.in[UP_SUMS] = sums;
    n->new_data.in_count = UP_SUMS + 1;
    become(n->data, &n->new_data);
    become_slice(n->filter, sums, 0);
}

static void fuse_norm_into_up(struct wg_graph *g, struct wg_node *up,
                              const struct wg_device *device)
{
    struct norm_up n = {.norm = up->in[CONV_IN], .up = up};
    if (n.norm->op != &wg_op_batch_norm || !wg_bias_of(up) || !find_around_norm(g, &n) ||
        (n.filter && !find_around_gradient(g, &n)))
        return;
    struct wg_node *before = older(n.filter, n.sums);
    draft_norm_up(&n);
    if (!is_fast(&n.new_up, device) ||
        (n.filter && (!is_fast(&n.new_sums, device) || !is_fast(&n.new_data, device) ||
                      !is_older(&n.new_sums, before))))
        return;
    if (n.filter)
        fuse_norm_gradient(g, &n, before);
    become(up, &n.new_up);
}

/* ---- the gradient before an activation into those who read it ---- */

struct layer {
    struct wg_node *gradient, *filter, *sum, *data;
};

static bool find_around_layer(const struct wg_graph *g, struct layer *l)
{
    for (struct wg_node *reader = find_reader(g, l->gradient, 0); reader;
         reader = find_reader(g, l->gradient, reader->index + 1)) {
        bool is_free = reader->in_count < 2 || reader->in[0] != reader->in[1];
        if (reader->op == &wg_op_conv2d_filter && reader->in[FILTER_Y] == l->gradient && !l->filter)
            l->filter = reader;
        else if (reader->op == &wg_op_sum_rows && !l->sum)
            l->sum = reader;
        else if (reader->op == &wg_op_conv2d_data && reader->in[CONV_IN] == l->gradient &&
                 !wg_bias_of(reader) && !l->data)
            l->data = reader;
        else
            return false;
        if (!is_free)
            return false;
    }
    return l->filter || (l->data && !l->sum);
}

static void fuse_layer_gradient(struct wg_graph *g, struct wg_node *gradient,
                                const struct wg_device *device)
{
    struct layer l = {.gradient = gradient};
    if (!find_around_layer(g, &l))
        return;
    struct wg_attributes attr = gradient->attr;
    attr.conv = (l.filter ? l.filter : l.data)->attr.conv;
    struct wg_node *out = gradient->in[0], *dout = gradient->in[1];
    struct wg_node sums = {
        .op = &wg_op_layer_filter,
        .shape = wg_shape(attr.conv.k * attr.conv.k * attr.conv.c + 1, attr.conv.oc),
        .in = {l.filter ? l.filter->in[FILTER_X] : NULL, out, dout},
        .in_count = 3,
        .attr = attr,
    };
    struct wg_node data = {
        .op = &wg_op_layer_data,
        .in = {out, dout, l.data ? l.data->in[CONV_W] : NULL},
        .in_count = 3,
        .attr = attr,
    };
    struct wg_node *before = older(l.filter, l.sum);
    if ((l.filter && (!is_fast(&sums, device) || !is_older(&sums, before))) ||
        (l.data && (!is_fast(&data, device) || (l.filter && !is_same_conv(l.data, l.filter)))))
        return;
    if (l.filter) {
        struct wg_node *both = wg_node_insert(g, &sums, before);
        if (!both)
            return;
        become_slice(l.filter, both, 0);
        if (l.sum)
            become_slice(l.sum, both, both->shape.dim[0] - 1);
    }
    if (l.data)
        become(l.data, &data);
}

/* ---- the moments of a transposed convolution into what computes it ---- */

static void fuse_moments(struct wg_node *m, const struct wg_device *device)
{
    struct wg_node *u = m->in[0], leaving = *u;
    leaving.moments = m;
    if (u->op != &wg_op_conv2d_data || u->moments ||
        wg_moments_apart(wg_op_choose(&leaving, device, NULL), &leaving, device))
        return;
    u->moments = m;
    become(m, &(struct wg_node){.op = &wg_op_moments_left, .in = {u}, .in_count = 1});
}

/* ---- sums that are zero ---- */

/* A batch norm takes off the mean, so what it learns of its input has none: the gradient of a bias
 * before it is zero but for rounding. */
static void fuse_zero(struct wg_node *sum)
{
    const struct wg_op *of = sum->in[0]->op;
    if (of == &wg_op_batch_norm_data || of == &wg_op_norm_up_gradient)
        become(sum, &(struct wg_node){.op = &wg_op_fill});
}

/* ---- rows that need no copy ---- */

/* A row of a computed tensor is a view of it where the device lets a buffer begin there. */
static void fuse_slice(struct wg_graph *g, struct wg_node *slice, const struct wg_device *device)
{
    struct wg_node *of = slice->in[0]->storage;
    size_t at = slice->in[0]->storage_at + slice->attr.row * wg_shape_count(&slice->shape);
    if (!of->op || of->op->is_constant || at * sizeof(float) % device->buffer_alignment != 0)
        return;
    for (int n = slice->index; n < wg_graph_count(g); n++) {
        struct wg_node *node = wg_graph_node(g, n);
        if (node->storage == slice) {
            node->storage = of;
            node->storage_at += at;
        }
    }
}

/* ---- the whole ---- */

bool wg_fuse(struct wg_graph *g, const struct wg_device *device)
{
    if (!wg_graph_ok(g))
        return false;
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_bias)
            fuse_bias(g, wg_graph_node(g, n));
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_batch_norm)
            fuse_norm_into_weights(g, wg_graph_node(g, n));
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_conv2d_data)
            fuse_norm_into_up(g, wg_graph_node(g, n), device);
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_activation_gradient)
            fuse_layer_gradient(g, wg_graph_node(g, n), device);
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_moments)
            fuse_moments(wg_graph_node(g, n), device);
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_sum_rows)
            fuse_zero(wg_graph_node(g, n));
    for (int n = 0; n < wg_graph_count(g); n++)
        if (wg_graph_node(g, n)->op == &wg_op_slice)
            fuse_slice(g, wg_graph_node(g, n), device);
    return wg_graph_ok(g);
}
