/*
 * softmax_cross_entropy: what a classifier minimises, one number per row.
 */
#include "host/graph/bind.h"

enum { LOGITS, LABELS, GRADIENT };

static bool bind(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_shape *x = &y->in[LOGITS]->shape;
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "softmax_cross_entropy",
                              .kernel = "softmax_cross_entropy",
                              .arguments = {WG_NODE(y->in[LOGITS]), WG_NODE(y->in[LABELS]),
                                            WG_NODE(y), WG_INT(x->dim[0]), WG_INT(x->dim[1])},
                              .global = {x->dim[0]},
                          });
}

static bool bind_gradient(const struct wg_node *dx, struct wg_binder *binder)
{
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "softmax_cross_entropy",
                              .kernel = "softmax_cross_entropy_gradient",
                              .arguments = {WG_NODE(dx->in[LOGITS]), WG_NODE(dx->in[LABELS]),
                                            WG_NODE(dx->in[GRADIENT]), WG_NODE(dx),
                                            WG_INT(dx->shape.dim[0]), WG_INT(dx->shape.dim[1])},
                              .global = {dx->shape.dim[0]},
                          });
}

static const struct wg_op op_gradient = {
    .name = "softmax_cross_entropy_gradient",
    .implementations = {WG_BY(.name = "ref", .bind = bind_gradient)},
};

static struct wg_node *gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *dy, int i)
{
    if (i == LABELS)
        return NULL;
    return wg_node_add(g, &(struct wg_node){.op = &op_gradient,
                                            .shape = y->in[LOGITS]->shape,
                                            .in = {y->in[LOGITS], y->in[LABELS], dy},
                                            .in_count = 3});
}

static const struct wg_op op_softmax_cross_entropy = {
    .name = "softmax_cross_entropy",
    .gradient = gradient,
    .implementations = {WG_BY(.name = "ref", .bind = bind)},
};

struct wg_node *wg_softmax_cross_entropy(struct wg_graph *g, struct wg_node *x,
                                         struct wg_node *labels)
{
    if (!x || !labels || x->shape.rank != 2 || labels->element != WG_U8 ||
        labels->shape.rank != 1 || labels->shape.dim[0] != x->shape.dim[0])
        return wg_node_refuse(g, "softmax_cross_entropy",
                              "x must be [rows, classes] and the labels u8 [rows]");
    return wg_node_add(g, &(struct wg_node){.op = &op_softmax_cross_entropy,
                                            .shape = labels->shape,
                                            .in = {x, labels},
                                            .in_count = 2});
}
