/*
 * normal and batch: draws from a counter-based generator, so that any of them can be repeated,
 * and none depends on how many were drawn before.
 */
#include "host/graph/exec.h"

static bool bind_normal(const struct wg_node *y, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "random",
                    .kernel = "normal",
                    .arguments = {WG_NODE(y->in[0]), WG_INT(y->attr.key[0]), WG_INT(y->attr.key[1]),
                                  WG_INT(y->attr.stream), WG_NODE(y), WG_INT(count)},
                    .global = {(count + 3) / 4},
                });
}

static const struct wg_op op_normal = {
    .name = "normal",
    .implementations = {{.name = "ref", .bind = bind_normal}},
};

struct wg_node *wg_normal(struct wg_graph *g, struct wg_node *clock, uint64_t seed, uint32_t stream,
                          struct wg_shape shape)
{
    return wg_node_add(g,
                       &(struct wg_node){.op = &op_normal,
                                         .shape = shape,
                                         .in = {clock},
                                         .in_count = 1,
                                         .attr = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                                                  .stream = stream}});
}

static bool bind_batch(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_node *dataset = y->in[0];
    size_t images = dataset->shape.dim[0], pixels = wg_shape_count(&dataset->shape) / images;
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "random",
                    .kernel = "batch",
                    .arguments = {WG_NODE(dataset), WG_INT(images), WG_INT(pixels),
                                  WG_NODE(y->in[1]), WG_INT(y->attr.key[0]), WG_INT(y->attr.key[1]),
                                  WG_INT(y->attr.stream), WG_NODE(y), WG_INT(count)},
                    .global = {count},
                });
}

static const struct wg_op op_batch = {
    .name = "batch",
    .implementations = {{.name = "ref", .bind = bind_batch}},
};

struct wg_node *wg_batch(struct wg_graph *g, struct wg_node *dataset, struct wg_node *clock,
                         uint64_t seed, uint32_t stream, size_t n)
{
    if (!dataset || dataset->element != WG_U8 || dataset->shape.rank != 3)
        return wg_node_refuse(g, "batch", "the data set must be u8 [count, h, w]");
    return wg_node_add(
        g, &(struct wg_node){
               .op = &op_batch,
               .shape = wg_shape(n, dataset->shape.dim[1], dataset->shape.dim[2], 1),
               .in = {dataset, clock},
               .in_count = 2,
               .attr = {.key = {(uint32_t)seed, (uint32_t)(seed >> 32)}, .stream = stream}});
}
