/*
 * reshape, slice and assign: the same numbers elsewhere or under another shape.
 */
#include "host/graph/bind.h"

static const struct wg_op op_reshape, op_assign;

/* y[i] = x[offset + i] for the whole of y */
static bool bind_copy(struct wg_binder *binder, const struct wg_node *x, size_t offset,
                      const struct wg_node *y)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "copy",
                              .kernel = "copy",
                              .arguments = {WG_NODE(x), WG_NODE(y), WG_INT(offset), WG_INT(count)},
                              .global = {count},
                          });
}

static struct wg_node *gradient_reshape(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                        int i)
{
    return wg_reshape(g, dy, y->in[i]->shape);
}

static const struct wg_op op_reshape = {
    .name = "reshape",
    .gradient = gradient_reshape,
};

struct wg_node *wg_reshape(struct wg_graph *g, struct wg_node *x, struct wg_shape shape)
{
    if (!x)
        return wg_node_refuse(g, "reshape", "an input is missing");
    if (wg_shape_count(&x->shape) != wg_shape_count(&shape))
        return wg_node_refuse(g, "reshape", "the element counts differ");
    return wg_node_add(g, &(struct wg_node){.op = &op_reshape,
                                            .element = x->element,
                                            .shape = shape,
                                            .in = {x},
                                            .in_count = 1,
                                            .storage = x->storage,
                                            .storage_at = x->storage_at});
}

static bool bind_slice(const struct wg_node *y, struct wg_binder *binder)
{
    return bind_copy(binder, y->in[0], y->attr.row * wg_shape_count(&y->shape), y);
}

const struct wg_op wg_op_slice = {
    .name = "slice",
    .implementations = {WG_BY(.name = "ref", .bind = bind_slice)},
};

struct wg_node *wg_slice(struct wg_graph *g, struct wg_node *x, size_t index)
{
    if (!x || x->shape.rank != 2 || index >= x->shape.dim[0])
        return wg_node_refuse(g, "slice", "x must have rank 2 and hold the row");
    return wg_node_add(g, &(struct wg_node){.op = &wg_op_slice,
                                            .shape = wg_shape(x->shape.dim[1]),
                                            .in = {x},
                                            .in_count = 1,
                                            .attr = {.row = (uint32_t)index}});
}

static bool bind_assign(const struct wg_node *node, struct wg_binder *binder)
{
    return bind_copy(binder, node->in[1], 0, node->in[0]);
}

static const struct wg_op op_assign = {
    .name = "assign",
    .is_effect = true,
    .implementations = {WG_BY(.name = "ref", .bind = bind_assign)},
};

struct wg_node *wg_assign(struct wg_graph *g, struct wg_node *variable, struct wg_node *x)
{
    if (!variable || !x || wg_shape_count(&variable->shape) != wg_shape_count(&x->shape))
        return wg_node_refuse(g, "assign", "both must be there and of one size");
    return wg_node_add(g, &(struct wg_node){.op = &op_assign,
                                            .shape = variable->shape,
                                            .in = {variable, x},
                                            .in_count = 2,
                                            .storage = variable->storage});
}
