/*
 * norm_kernel and norm_bias: weights that do what a convolution and the batch norm by constants
 * behind it do together. With factor = gamma / sqrt(variance + epsilon), per channel,
 *
 *   factor * (conv(x, w) + b - mean) + beta = conv(x, factor * w) + (factor * (b - mean) + beta)
 *
 * The fusing pass makes them.
 */
#include "host/graph/exec.h"

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&node->shape);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "norm_weights",
        .kernel = node->op->name,
        .defines = &defines,
        .global = {count},
    };
    wg_define_float(&defines, "EPSILON", node->attr.epsilon);
    for (int i = 0; i < node->in_count; i++)
        call.arguments[i] = WG_NODE(node->in[i]);
    call.arguments[node->in_count] = WG_NODE(node);
    call.arguments[node->in_count + 1] = WG_INT(wg_shape_last(&node->in[1]->shape));
    if (node->op == &wg_op_norm_kernel) {
        call.arguments[node->in_count + 2] = WG_INT(node->attr.index);
        call.arguments[node->in_count + 3] = WG_INT(count);
    }
    return wg_bind_kernel(binder, &call);
}

const struct wg_op wg_op_norm_kernel = {
    .name = "norm_kernel",
    .implementations = {{.name = "ref", .bind = bind}},
};

const struct wg_op wg_op_norm_bias = {
    .name = "norm_bias",
    .implementations = {{.name = "ref", .bind = bind}},
};
