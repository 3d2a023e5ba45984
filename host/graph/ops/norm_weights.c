/*
 * norm_kernel and norm_bias: weights that do what a convolution and the batch norm by constants
 * behind it do together. With factor = gamma / sqrt(variance + epsilon), per channel,
 *
 *   factor * (conv(x, w) + b - mean) + beta = conv(x, factor * w) + (factor * (b - mean) + beta)
 *
 * The fusing pass makes them.
 */
#include "host/graph/bind.h"
#include "host/graph/inputs.h"

static bool bind_kernel(const struct wg_node *y, struct wg_binder *binder)
{
    size_t channels = wg_shape_last(&y->in[MOMENTS]->shape), inner = y->attr.inner;
    unsigned width = wg_vector_width(wg_binder_device(binder), inner > 1 ? inner : channels);
    size_t vectors = wg_shape_count(&y->shape) / width;
    struct wg_defines defines = {0};
    wg_define_int(&defines, "VW", width);
    wg_define_int(&defines, "INNER", (long long)inner);
    wg_define_float(&defines, "EPSILON", y->attr.epsilon);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "norm_weights",
                    .kernel = "norm_kernel",
                    .defines = &defines,
                    .arguments = {WG_NODE(y->in[X]), WG_NODE(y->in[MOMENTS]), WG_NODE(y->in[GAMMA]),
                                  WG_NODE(y), WG_INT(channels), WG_INT(vectors)},
                    .global = {vectors},
                });
}

static bool bind_bias(const struct wg_node *y, struct wg_binder *binder)
{
    size_t channels = wg_shape_last(&y->shape);
    struct wg_defines defines = {0};
    wg_define_int(&defines, "INNER", 1);
    wg_define_float(&defines, "EPSILON", y->attr.epsilon);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "norm_weights",
                    .kernel = "norm_bias",
                    .defines = &defines,
                    .arguments = {WG_NODE(y->in[X]), WG_NODE(y->in[MOMENTS]), WG_NODE(y->in[GAMMA]),
                                  WG_NODE(y->in[BETA]), WG_NODE(y), WG_INT(channels)},
                    .global = {channels},
                });
}

const struct wg_op wg_op_norm_kernel = {
    .name = "norm_kernel",
    .implementations = {WG_BY(.name = "ref", .bind = bind_kernel)},
};

const struct wg_op wg_op_norm_bias = {
    .name = "norm_bias",
    .implementations = {WG_BY(.name = "ref", .bind = bind_bias)},
};
