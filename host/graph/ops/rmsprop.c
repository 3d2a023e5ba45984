/*
 * rmsprop and clip: what a step does to a weight.
 */
#include "host/graph/exec.h"

static bool bind_rmsprop(const struct wg_node *node, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    size_t count = wg_shape_count(&node->shape);
    wg_define_float(&defines, "DECAY", node->attr.decay);
    wg_define_float(&defines, "EPSILON", node->attr.epsilon);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "rmsprop",
                    .kernel = "rmsprop",
                    .defines = &defines,
                    .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2]),
                                  WG_FLOAT(node->attr.rate), WG_INT(count)},
                    .global = {count},
                });
}

static const struct wg_op op_rmsprop = {
    .name = "rmsprop",
    .is_effect = true,
    .implementations = {{.name = "ref", .bind = bind_rmsprop}},
};

struct wg_node *wg_rmsprop(struct wg_graph *g, struct wg_node *w, struct wg_node *v,
                           struct wg_node *gradient, float rate, float decay, float epsilon)
{
    if (!w || !v || !gradient || !wg_shape_equal(&w->shape, &v->shape) ||
        wg_shape_count(&w->shape) != wg_shape_count(&gradient->shape))
        return wg_node_refuse(g, "rmsprop", "weight, accumulator and gradient do not match");
    return wg_node_add(g,
                       &(struct wg_node){.op = &op_rmsprop,
                                         .shape = w->shape,
                                         .in = {w, v, gradient},
                                         .in_count = 3,
                                         .attr = {.rate = rate, .decay = decay, .epsilon = epsilon},
                                         .storage = w->storage});
}

static bool bind_clip(const struct wg_node *node, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&node->shape);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "clip",
                    .kernel = "clip",
                    .arguments = {WG_NODE(node->in[0]), WG_FLOAT(node->attr.rate), WG_INT(count)},
                    .global = {count},
                });
}

static const struct wg_op op_clip = {
    .name = "clip",
    .is_effect = true,
    .implementations = {{.name = "ref", .bind = bind_clip}},
};

struct wg_node *wg_clip(struct wg_graph *g, struct wg_node *w, float bound)
{
    if (!w)
        return wg_node_refuse(g, "clip", "an input is missing");
    return wg_node_add(g, &(struct wg_node){.op = &op_clip,
                                            .shape = w->shape,
                                            .in = {w},
                                            .in_count = 1,
                                            .attr = {.rate = bound},
                                            .storage = w->storage});
}
