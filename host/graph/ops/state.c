/*
 * record and advance: the books a run keeps on the device, so that the host need not wait.
 */
#include "host/graph/ops/rows.h"

static bool bind_record(const struct wg_node *node, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    wg_define_ahead(&defines, wg_binder_device(binder));
    return wg_bind_kernel(
        binder,
        &(struct wg_call){
            .file = "mean",
            .kernel = "record",
            .defines = &defines,
            .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2]),
                          WG_FLOAT(node->attr.scale), WG_INT(wg_shape_count(&node->in[2]->shape)),
                          WG_INT(node->shape.dim[0]), WG_INT(node->shape.dim[1]),
                          WG_INT(node->attr.column)},
            .global = {1},
        });
}

static const struct wg_op op_record = {
    .name = "record",
    .is_effect = true,
    .implementations = {WG_BY(.name = "ref", .bind = bind_record)},
};

struct wg_node *wg_record(struct wg_graph *g, struct wg_node *ring, struct wg_node *clock,
                          struct wg_node *x, float scale, size_t column)
{
    if (!ring || ring->shape.rank != 2 || column >= ring->shape.dim[1])
        return wg_node_refuse(g, "record", "the ring must have rank 2 and hold the column");
    return wg_node_add(g, &(struct wg_node){.op = &op_record,
                                            .shape = ring->shape,
                                            .in = {ring, clock, x},
                                            .in_count = 3,
                                            .attr = {.scale = scale, .column = (uint32_t)column},
                                            .storage = ring->storage});
}

static bool bind_advance(const struct wg_node *node, struct wg_binder *binder)
{
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "advance",
                              .kernel = "advance",
                              .arguments = {WG_NODE(node->in[0]), WG_INT(node->attr.counter),
                                            WG_INT(node->attr.modulus)},
                              .global = {1},
                          });
}

static const struct wg_op op_advance = {
    .name = "advance",
    .is_effect = true,
    .implementations = {WG_BY(.name = "ref", .bind = bind_advance)},
};

struct wg_node *wg_advance(struct wg_graph *g, struct wg_node *clock, uint32_t counter,
                           uint32_t iterations)
{
    if (!clock || counter >= WG_CLOCK_COUNT || (counter == WG_CLOCK_ITERATION && !iterations))
        return wg_node_refuse(g, "advance", "there is no such counter");
    return wg_node_add(g, &(struct wg_node){.op = &op_advance,
                                            .element = clock->element,
                                            .shape = clock->shape,
                                            .in = {clock},
                                            .in_count = 1,
                                            .attr = {.counter = counter, .modulus = iterations},
                                            .storage = clock->storage});
}
