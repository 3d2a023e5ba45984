/*
 * conv2d, conv2d_data, conv2d_filter: three views of one trilinear form, each one's gradients the
 * other two. The op and its plain implementation; the fast ones have files of their own.
 */
#include "host/graph/ops/conv2d.h"

#include <stdio.h>

void wg_define_conv(struct wg_defines *defines, const struct wg_conv *conv)
{
    wg_define_int(defines, "N", (long long)conv->n);
    wg_define_int(defines, "H", (long long)conv->h);
    wg_define_int(defines, "W", (long long)conv->w);
    wg_define_int(defines, "C", (long long)conv->c);
    wg_define_int(defines, "OH", (long long)conv->oh);
    wg_define_int(defines, "OW", (long long)conv->ow);
    wg_define_int(defines, "OC", (long long)conv->oc);
    wg_define_int(defines, "K", (long long)conv->k);
    wg_define_int(defines, "S", (long long)conv->stride);
    wg_define_int(defines, "PAD", (long long)conv->pad);
}

const struct wg_node *wg_bias_of(const struct wg_node *node)
{
    if (node->op == &wg_op_norm_up)
        return node->in[UP_BIAS];
    bool may_have =
        node->op == &wg_op_conv2d || node->op == &wg_op_conv2d_data || node->op == &wg_op_matmul;
    return may_have && node->in_count > CONV_BIAS ? node->in[CONV_BIAS] : NULL;
}

void wg_define_epilogue(struct wg_defines *defines, const struct wg_node *node)
{
    if (node->op == &wg_op_layer_data)
        return; // its activation is one before it
    if (wg_bias_of(node))
        wg_define_flag(defines, "BIAS");
    if (node->attr.activation != WG_ACTIVATION_NONE)
        wg_define_int(defines, "ACTIVATION", node->attr.activation);
    if (node->attr.activation == WG_ACTIVATION_LEAKY_RELU)
        wg_define_float(defines, "SLOPE", node->attr.slope);
}

void wg_define_norm_in(struct wg_defines *defines, const struct wg_node *node)
{
    wg_define_flag(defines, "FROM_NORM");
    wg_define_float(defines, "EPSILON", node->attr.epsilon);
    wg_define_float(defines, "SLOPE_IN", node->attr.slope_in);
}

void wg_conv_arguments(const struct wg_node *node, struct wg_argument *arguments)
{
    for (int i = 0; i < node->in_count; i++)
        arguments[i] = WG_NODE(node->in[i]);
    arguments[node->in_count] = WG_NODE(node);
}

struct wg_conv wg_conv_one_pixel(size_t n, size_t c, size_t oc)
{
    return (struct wg_conv){
        .n = n, .h = 1, .w = 1, .c = c, .oh = 1, .ow = 1, .oc = oc, .k = 1, .stride = 1, .pad = 0};
}

struct wg_conv wg_conv_by_table(const struct wg_conv *v)
{
    return wg_conv_one_pixel(v->n * v->oh * v->ow, v->k * v->k * v->c, v->oc);
}

struct wg_argument wg_conv_table(const struct wg_conv *v)
{
    struct wg_conv product = wg_conv_by_table(v);
    return WG_SCRATCH(0, product.n * product.c * sizeof(float));
}

enum wg_form wg_form_of(const struct wg_node *node)
{
    if (node->op == &wg_op_matmul)
        return node->attr.transpose_a   ? WG_FORM_FILTER
               : node->attr.transpose_b ? WG_FORM_DATA
                                        : WG_FORM_CONV2D;
    return node->op == &wg_op_conv2d_data     ? WG_FORM_DATA
           : node->op == &wg_op_conv2d_filter ? WG_FORM_FILTER
                                              : WG_FORM_CONV2D;
}

struct wg_conv wg_conv_of(const struct wg_node *node)
{
    if (node->op != &wg_op_matmul)
        return node->attr.conv;
    size_t m = node->shape.dim[0], n = node->shape.dim[1];
    size_t k = node->in[0]->shape.dim[node->attr.transpose_a ? 0 : 1];
    switch (wg_form_of(node)) {
    case WG_FORM_FILTER:
        return wg_conv_one_pixel(k, m, n);
    case WG_FORM_DATA:
        return wg_conv_one_pixel(m, n, k);
    default:
        return wg_conv_one_pixel(m, k, n);
    }
}

unsigned wg_common_width(const struct wg_device *device, size_t length1, size_t length2)
{
    unsigned width1 = wg_vector_width(device, length1), width2 = wg_vector_width(device, length2);
    return width1 < width2 ? width1 : width2; // both are powers of two
}

bool wg_bind_col2im(struct wg_binder *binder, struct wg_conv v, struct wg_argument table,
                    size_t columns, const struct wg_node *node, struct wg_chunk chunk)
{
    unsigned width = wg_common_width(wg_binder_device(binder), v.c, columns);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "col2im",
        .kernel = "col2im",
        .defines = &defines,
        .arguments = {table, WG_INT(columns)},
        .global = {chunk.images * v.h * v.w * (v.c / width)},
    };
    v.n = v.oc = 0; // the kernel does not ask, and programs of equal macros are shared
    wg_define_int(&defines, "VW", width);
    wg_define_conv(&defines, &v);
    wg_define_epilogue(&defines, node);
    int next = wg_put_arguments(call.arguments, 2, node, WG_NODE(node));
    call.arguments[next++] = WG_INT(chunk.first);
    call.arguments[next] = WG_INT(chunk.images);
    return wg_bind_kernel(binder, &call);
}

static double flops(const struct wg_node *node)
{
    const struct wg_conv *v = &node->attr.conv;
    return 2.0 * (double)(v->n * v->oh * v->ow) * (double)(v->k * v->k) * (double)(v->c * v->oc);
}

/* One work item per element of the result. */
static bool bind_ref(const struct wg_node *node, struct wg_binder *binder)
{
    char kernel[32];
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_ref",
        .kernel = kernel,
        .defines = &defines,
        .global = {wg_shape_count(&node->shape)},
    };
    snprintf(kernel, sizeof kernel, "%s_ref", node->op->name);
    wg_define_conv(&defines, &node->attr.conv);
    wg_define_epilogue(&defines, node);
    wg_conv_arguments(node, call.arguments);
    return wg_bind_kernel(binder, &call);
}

/* ---- conv2d: y from x and w ---- */

static struct wg_node *gradient_conv2d(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                       int i)
{
    return i == 0 ? wg_conv2d_data(g, dy, y->in[1], &y->attr.conv)
                  : wg_conv2d_filter(g, y->in[0], dy, &y->attr.conv);
}

static struct wg_shape x_shape(const struct wg_conv *v)
{
    return wg_shape(v->n, v->h, v->w, v->c);
}

static struct wg_shape y_shape(const struct wg_conv *v)
{
    return wg_shape(v->n, v->oh, v->ow, v->oc);
}

static struct wg_shape w_shape(const struct wg_conv *v)
{
    return wg_shape(v->k, v->k, v->c, v->oc);
}

static bool has_shape(const struct wg_node *node, struct wg_shape shape)
{
    return node && wg_shape_equal(&node->shape, &shape);
}

static struct wg_node *add(struct wg_graph *g, const struct wg_op *op, struct wg_shape shape,
                           struct wg_node *first, struct wg_node *second,
                           const struct wg_conv *conv)
{
    return wg_node_add(g, &(struct wg_node){.op = op,
                                            .shape = shape,
                                            .in = {first, second},
                                            .in_count = 2,
                                            .attr = {.conv = *conv}});
}

struct wg_node *wg_conv2d(struct wg_graph *g, struct wg_node *x, struct wg_node *w,
                          const struct wg_conv *conv)
{
    if (!has_shape(x, x_shape(conv)) || !has_shape(w, w_shape(conv)))
        return wg_node_refuse(g, "conv2d", "x or w does not match the geometry");
    return add(g, &wg_op_conv2d, y_shape(conv), x, w, conv);
}

/* ---- conv2d_data: x from y and w ---- */

static struct wg_node *gradient_data(struct wg_graph *g, struct wg_node *x, struct wg_node *dx,
                                     int i)
{
    return i == 0 ? wg_conv2d(g, dx, x->in[1], &x->attr.conv)
                  : wg_conv2d_filter(g, dx, x->in[0], &x->attr.conv);
}

struct wg_node *wg_conv2d_data(struct wg_graph *g, struct wg_node *y, struct wg_node *w,
                               const struct wg_conv *conv)
{
    if (!has_shape(y, y_shape(conv)) || !has_shape(w, w_shape(conv)))
        return wg_node_refuse(g, "conv2d_data", "y or w does not match the geometry");
    return add(g, &wg_op_conv2d_data, x_shape(conv), y, w, conv);
}

/* ---- conv2d_filter: w from x and y ---- */

static struct wg_node *gradient_filter(struct wg_graph *g, struct wg_node *w, struct wg_node *dw,
                                       int i)
{
    return i == 0 ? wg_conv2d_data(g, w->in[1], dw, &w->attr.conv)
                  : wg_conv2d(g, w->in[0], dw, &w->attr.conv);
}

struct wg_node *wg_conv2d_filter(struct wg_graph *g, struct wg_node *x, struct wg_node *y,
                                 const struct wg_conv *conv)
{
    if (!has_shape(x, x_shape(conv)) || !has_shape(y, y_shape(conv)))
        return wg_node_refuse(g, "conv2d_filter", "x or y does not match the geometry");
    return add(g, &wg_op_conv2d_filter, w_shape(conv), x, y, conv);
}

/* ---- the ops ---- */

static const struct wg_implementation ref = {.name = "ref", .bind = bind_ref};

/* The first three are for CPUs, the next five for GPUs, the last two for both. */
#define IMPLEMENTATIONS                                                                            \
    &wg_conv2d_winograd, &wg_conv2d_thin, &wg_conv2d_direct, &wg_conv2d_winograd_tiled,            \
        &wg_conv2d_lanes, &wg_conv2d_tensor, &wg_conv2d_tiled, &wg_conv2d_blocked,                 \
        &wg_conv2d_gemm, &ref

const struct wg_op wg_op_conv2d = {
    .name = "conv2d",
    .gradient = gradient_conv2d,
    .flops = flops,
    .implementations = {IMPLEMENTATIONS},
};

const struct wg_op wg_op_conv2d_data = {
    .name = "conv2d_data",
    .gradient = gradient_data,
    .flops = flops,
    .implementations = {IMPLEMENTATIONS},
};

const struct wg_op wg_op_conv2d_filter = {
    .name = "conv2d_filter",
    .gradient = gradient_filter,
    .flops = flops,
    .implementations = {IMPLEMENTATIONS},
};
