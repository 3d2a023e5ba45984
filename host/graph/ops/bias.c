/*
 * bias: y = activation(x + b); activation_gradient: dx = dy * activation'(y).
 *
 * Both activations on offer know their derivative from their output, so x need not be kept.
 */
#include "host/graph/bind.h"
#include "host/graph/inputs.h"

static bool bind_bias(const struct wg_node *y, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    size_t c = wg_shape_last(&y->shape);
    unsigned width = wg_vector_width(wg_binder_device(binder), c);
    size_t vectors = wg_shape_count(&y->shape) / width;
    wg_define_int(&defines, "VW", width);
    wg_define_int(&defines, "C", (long long)c);
    wg_define_activation(&defines, y);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "bias",
                                      .kernel = "bias",
                                      .defines = &defines,
                                      .arguments = {WG_NODE(y->in[0]), WG_NODE(y->in[1]),
                                                    WG_NODE(y), WG_INT(vectors)},
                                      .global = {vectors},
                                  });
}

static struct wg_node *gradient_bias(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                     int i)
{
    struct wg_node *dx = wg_activation_gradient(g, y, dy, y->attr.activation, y->attr.slope);
    return i == 0 ? dx : wg_sum_rows(g, dx);
}

const struct wg_op wg_op_bias = {
    .name = "bias",
    .gradient = gradient_bias,
    .implementations = {WG_BY(.name = "ref", .bind = bind_bias)},
};

struct wg_node *wg_bias(struct wg_graph *g, struct wg_node *x, struct wg_node *b,
                        enum wg_activation activation, float slope)
{
    if (!x || !b || b->shape.rank != 1 || b->shape.dim[0] != wg_shape_last(&x->shape))
        return wg_node_refuse(g, "bias", "b must be as long as x's last dimension");
    if (slope < 0.0f)
        return wg_node_refuse(g, "bias", "the slope is negative");
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_bias,
                                            .shape = x->shape,
                                            .in = {x, b},
                                            .in_count = 2,
                                            .attr = {.activation = activation, .slope = slope}});
}

static bool bind_gradient(const struct wg_node *dx, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    size_t count = wg_shape_count(&dx->shape);
    unsigned width = wg_vector_width(wg_binder_device(binder), count);
    wg_define_int(&defines, "VW", width);
    wg_define_activation(&defines, dx);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "bias",
                                      .kernel = "activation_gradient",
                                      .defines = &defines,
                                      .arguments = {WG_NODE(dx->in[0]), WG_NODE(dx->in[1]),
                                                    WG_NODE(dx), WG_INT(count / width)},
                                      .global = {count / width},
                                  });
}

const struct wg_op wg_op_activation_gradient = {
    .name = "activation_gradient",
    .implementations = {WG_BY(.name = "ref", .bind = bind_gradient)},
};

struct wg_node *wg_activation_gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                       enum wg_activation activation, float slope)
{
    if (!y || !dy || !wg_shape_equal(&y->shape, &dy->shape))
        return wg_node_refuse(g, "activation_gradient", "y and dy must have one shape");
    if (activation == WG_ACTIVATION_NONE)
        return dy;
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_activation_gradient,
                                            .shape = y->shape,
                                            .in = {y, dy},
                                            .in_count = 2,
                                            .attr = {.activation = activation, .slope = slope}});
}
