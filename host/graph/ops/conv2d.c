/*
 * conv2d, conv2d_data, conv2d_filter: three views of one trilinear form, each one's gradients the
 * other two. The op and its plain implementation; the fast ones have files of their own.
 */
#include "host/graph/ops/conv2d.h"

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

void wg_define_epilogue(struct wg_defines *defines, const struct wg_node *node)
{
    if (node->in_count > 2)
        wg_define_flag(defines, "BIAS");
    if (node->attr.activation != WG_ACTIVATION_NONE)
        wg_define_int(defines, "ACTIVATION", node->attr.activation);
    if (node->attr.activation == WG_ACTIVATION_LEAKY_RELU)
        wg_define_float(defines, "SLOPE", node->attr.slope);
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

enum wg_form wg_conv2d_form(const struct wg_node *node)
{
    return node->op == &wg_op_conv2d_data     ? WG_FORM_DATA
           : node->op == &wg_op_conv2d_filter ? WG_FORM_FILTER
                                              : WG_FORM_CONV2D;
}

enum wg_form wg_matmul_form(const struct wg_node *c)
{
    return c->attr.transpose_a   ? WG_FORM_FILTER
           : c->attr.transpose_b ? WG_FORM_DATA
                                 : WG_FORM_CONV2D;
}

struct wg_conv wg_matmul_conv(const struct wg_node *c)
{
    size_t m = c->shape.dim[0], n = c->shape.dim[1];
    size_t k = c->in[0]->shape.dim[c->attr.transpose_a ? 0 : 1];
    switch (wg_matmul_form(c)) {
    case WG_FORM_FILTER:
        return wg_conv_one_pixel(k, m, n);
    case WG_FORM_DATA:
        return wg_conv_one_pixel(m, n, k);
    default:
        return wg_conv_one_pixel(m, k, n);
    }
}

static double flops(const struct wg_node *node)
{
    const struct wg_conv *v = &node->attr.conv;
    return 2.0 * (double)(v->n * v->oh * v->ow) * (double)(v->k * v->k) * (double)(v->c * v->oc);
}

/* One work item per element of the result. */
static bool bind_ref(const struct wg_node *node, struct wg_binder *binder, const char *kernel)
{
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_ref",
        .kernel = kernel,
        .defines = &defines,
        .global = {wg_shape_count(&node->shape)},
    };
    wg_define_conv(&defines, &node->attr.conv);
    wg_define_epilogue(&defines, node);
    wg_conv_arguments(node, call.arguments);
    return wg_bind_kernel(binder, &call);
}

/* ---- conv2d: y from x and w ---- */

static bool bind_conv2d(const struct wg_node *y, struct wg_binder *binder)
{
    return bind_ref(y, binder, "conv2d_ref");
}

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

static bool bind_data(const struct wg_node *x, struct wg_binder *binder)
{
    return bind_ref(x, binder, "conv2d_data_ref");
}

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

static bool bind_filter(const struct wg_node *w, struct wg_binder *binder)
{
    return bind_ref(w, binder, "conv2d_filter_ref");
}

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

const struct wg_op wg_op_conv2d = {
    .name = "conv2d",
    .gradient = gradient_conv2d,
    .flops = flops,
    .implementations = {{.name = "winograd",
                         .is_winograd = true,
                         .knobs = wg_winograd_knobs,
                         .suits = wg_conv2d_winograd_suits,
                         .scratch = wg_conv2d_winograd_scratch,
                         .bind = wg_conv2d_winograd_bind},
                        {.name = "thin",
                         .suits = wg_conv2d_thin_suits,
                         .bind = wg_conv2d_thin_bind},
                        {.name = "direct",
                         .suits = wg_conv2d_direct_suits,
                         .scratch = wg_conv2d_direct_scratch,
                         .bind = wg_conv2d_direct_bind},
                        WG_WINOGRAD_TILED,
                        WG_TENSOR,
                        WG_TILED,
                        WG_BLOCKED,
                        {.name = "gemm",
                         .uses_blas = true,
                         .knobs = wg_conv2d_gemm_knobs,
                         .suits = wg_conv2d_gemm_suits,
                         .scratch = wg_conv2d_gemm_scratch,
                         .bind = wg_conv2d_gemm_bind},
                        {.name = "ref", .bind = bind_conv2d}},
};

const struct wg_op wg_op_conv2d_data = {
    .name = "conv2d_data",
    .gradient = gradient_data,
    .flops = flops,
    .implementations = {{.name = "winograd",
                         .is_winograd = true,
                         .knobs = wg_winograd_knobs,
                         .suits = wg_conv2d_data_winograd_suits,
                         .scratch = wg_conv2d_data_winograd_scratch,
                         .bind = wg_conv2d_data_winograd_bind},
                        {.name = "thin",
                         .suits = wg_conv2d_data_thin_suits,
                         .scratch = wg_conv2d_data_thin_scratch,
                         .bind = wg_conv2d_data_thin_bind},
                        {.name = "direct",
                         .suits = wg_conv2d_data_direct_suits,
                         .scratch = wg_conv2d_data_direct_scratch,
                         .bind = wg_conv2d_data_direct_bind},
                        WG_WINOGRAD_TILED,
                        WG_TENSOR,
                        WG_TILED,
                        WG_BLOCKED,
                        {.name = "gemm",
                         .uses_blas = true,
                         .knobs = wg_conv2d_gemm_knobs,
                         .suits = wg_conv2d_data_gemm_suits,
                         .scratch = wg_conv2d_data_gemm_scratch,
                         .bind = wg_conv2d_data_gemm_bind},
                        {.name = "ref", .bind = bind_data}},
};

const struct wg_op wg_op_conv2d_filter = {
    .name = "conv2d_filter",
    .gradient = gradient_filter,
    .flops = flops,
    .implementations = {{.name = "winograd",
                         .is_winograd = true,
                         .knobs = wg_winograd_knobs,
                         .suits = wg_conv2d_filter_winograd_suits,
                         .scratch = wg_conv2d_filter_winograd_scratch,
                         .bind = wg_conv2d_filter_winograd_bind},
                        {.name = "thin",
                         .suits = wg_conv2d_filter_thin_suits,
                         .scratch = wg_conv2d_filter_thin_scratch,
                         .bind = wg_conv2d_filter_thin_bind},
                        {.name = "direct",
                         .suits = wg_conv2d_filter_direct_suits,
                         .scratch = wg_conv2d_filter_direct_scratch,
                         .bind = wg_conv2d_filter_direct_bind},
                        WG_WINOGRAD_TILED,
                        WG_TENSOR,
                        WG_TILED,
                        WG_BLOCKED,
                        {.name = "gemm",
                         .uses_blas = true,
                         .knobs = wg_conv2d_gemm_knobs,
                         .suits = wg_conv2d_filter_gemm_suits,
                         .scratch = wg_conv2d_filter_gemm_scratch,
                         .bind = wg_conv2d_filter_gemm_bind},
                        {.name = "ref", .bind = bind_filter}},
};
