/*
 * mean, broadcast, fill and add: a scalar from a tensor, a tensor from a scalar, and the sum where
 * two gradients meet.
 */
#include "host/graph/ops/rows.h"

static bool bind_mean(const struct wg_node *y, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    wg_define_ahead(&defines, wg_binder_device(binder));
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "mean",
                              .kernel = "mean",
                              .defines = &defines,
                              .arguments = {WG_NODE(y->in[0]), WG_NODE(y), WG_FLOAT(y->attr.scale),
                                            WG_INT(wg_shape_count(&y->in[0]->shape))},
                              .global = {1},
                          });
}

static struct wg_node *gradient_mean(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                     int i)
{
    struct wg_node *x = y->in[i];
    return wg_broadcast(g, dy, y->attr.scale / (float)wg_shape_count(&x->shape), x->shape);
}

static const struct wg_op op_mean = {
    .name = "mean",
    .gradient = gradient_mean,
    .implementations = {WG_BY(.name = "ref", .bind = bind_mean)},
};

struct wg_node *wg_mean(struct wg_graph *g, struct wg_node *x, float scale)
{
    if (!x)
        return wg_node_refuse(g, "mean", "an input is missing");
    return wg_node_add(g, &(struct wg_node){.op = &op_mean,
                                            .shape = wg_shape(1),
                                            .in = {x},
                                            .in_count = 1,
                                            .attr = {.scale = scale}});
}

static bool bind_broadcast(const struct wg_node *y, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "mean",
                                      .kernel = "broadcast",
                                      .arguments = {WG_NODE(y->in[0]), WG_NODE(y),
                                                    WG_FLOAT(y->attr.scale), WG_INT(count)},
                                      .global = {count},
                                  });
}

static const struct wg_op op_broadcast = {
    .name = "broadcast",
    .implementations = {WG_BY(.name = "ref", .bind = bind_broadcast)},
};

struct wg_node *wg_broadcast(struct wg_graph *g, struct wg_node *x, float scale,
                             struct wg_shape shape)
{
    if (!x || wg_shape_count(&x->shape) != 1)
        return wg_node_refuse(g, "broadcast", "x must be one number");
    if (x->storage->op == &wg_op_fill)
        return wg_fill(g, scale * x->storage->attr.scale, shape);
    return wg_node_add(g, &(struct wg_node){.op = &op_broadcast,
                                            .shape = shape,
                                            .in = {x},
                                            .in_count = 1,
                                            .attr = {.scale = scale}});
}

const struct wg_op wg_op_fill = {.name = "fill", .is_constant = true};

struct wg_node *wg_fill(struct wg_graph *g, float scale, struct wg_shape shape)
{
    return wg_node_add(
        g, &(struct wg_node){.op = &wg_op_fill, .shape = shape, .attr = {.scale = scale}});
}

static bool bind_add(const struct wg_node *y, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "mean",
                    .kernel = "add",
                    .arguments = {WG_NODE(y->in[0]), WG_NODE(y->in[1]), WG_NODE(y), WG_INT(count)},
                    .global = {count},
                });
}

static struct wg_node *gradient_add(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                    int i)
{
    (void)g, (void)y, (void)i;
    return dy;
}

static const struct wg_op op_add = {
    .name = "add",
    .gradient = gradient_add,
    .implementations = {WG_BY(.name = "ref", .bind = bind_add)},
};

struct wg_node *wg_add(struct wg_graph *g, struct wg_node *x1, struct wg_node *x2)
{
    if (!x1 || !x2 || !wg_shape_equal(&x1->shape, &x2->shape))
        return wg_node_refuse(g, "add", "both must be there and of one shape");
    return wg_node_add(
        g, &(struct wg_node){.op = &op_add, .shape = x1->shape, .in = {x1, x2}, .in_count = 2});
}
