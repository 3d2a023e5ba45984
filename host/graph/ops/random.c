/*
 * normal, batch, batch_labels and shift: draws from a counter-based generator, so that any of them
 * can be repeated, and none depends on how many were drawn before.
 */
#include "host/base/size.h"
#include "host/graph/bind.h"

enum { RUN = 16 }; // pixels of an image that a work item of batch fetches

/* Four arguments, by which kernels draw: the clock, the two halves of the key, the stream. */
#define DRAW(clock, y)                                                                             \
    WG_NODE(clock), WG_INT((uint32_t)(y)->attr.seed), WG_INT((y)->attr.seed >> 32),                \
        WG_INT((y)->attr.stream)

static bool bind_normal(const struct wg_node *y, struct wg_binder *binder)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "random",
                                      .kernel = "normal",
                                      .arguments = {DRAW(y->in[0], y), WG_NODE(y), WG_INT(count)},
                                      .global = {wg_divide_up(count, 4)},
                                  });
}

static const struct wg_op op_normal = {
    .name = "normal",
    .implementations = {WG_BY(.name = "ref", .bind = bind_normal)},
};

struct wg_node *wg_normal(struct wg_graph *g, struct wg_node *clock, uint64_t seed, uint32_t stream,
                          struct wg_shape shape)
{
    return wg_node_add(g, &(struct wg_node){.op = &op_normal,
                                            .shape = shape,
                                            .in = {clock},
                                            .in_count = 1,
                                            .attr = {.seed = seed, .stream = stream}});
}

static bool bind_batch(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_node *dataset = y->in[0];
    size_t images = dataset->shape.dim[0], pixels = wg_shape_count(&dataset->shape) / images;
    size_t n = y->shape.dim[0];
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "random",
                              .kernel = "batch",
                              .arguments = {WG_NODE(dataset), WG_INT(images), WG_INT(pixels),
                                            DRAW(y->in[1], y), WG_NODE(y), WG_INT(n)},
                              .global = {wg_divide_up(pixels, RUN), n},
                          });
}

static const struct wg_op op_batch = {
    .name = "batch",
    .implementations = {WG_BY(.name = "ref", .bind = bind_batch)},
};

struct wg_node *wg_batch(struct wg_graph *g, struct wg_node *dataset, struct wg_node *clock,
                         uint64_t seed, uint32_t stream, size_t n)
{
    if (!dataset || dataset->element != WG_U8 || dataset->shape.rank != 3)
        return wg_node_refuse(g, "batch", "the data set must be u8 [count, h, w]");
    return wg_node_add(
        g, &(struct wg_node){.op = &op_batch,
                             .shape = wg_shape(n, dataset->shape.dim[1], dataset->shape.dim[2], 1),
                             .in = {dataset, clock},
                             .in_count = 2,
                             .attr = {.seed = seed, .stream = stream}});
}

static bool bind_batch_labels(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_node *labels = y->in[0];
    size_t count = y->shape.dim[0];
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "random",
                                      .kernel = "batch_labels",
                                      .arguments = {WG_NODE(labels), WG_INT(labels->shape.dim[0]),
                                                    DRAW(y->in[1], y), WG_NODE(y), WG_INT(count)},
                                      .global = {count},
                                  });
}

static const struct wg_op op_batch_labels = {
    .name = "batch_labels",
    .implementations = {WG_BY(.name = "ref", .bind = bind_batch_labels)},
};

struct wg_node *wg_batch_labels(struct wg_graph *g, struct wg_node *labels, struct wg_node *clock,
                                uint64_t seed, uint32_t stream, size_t n)
{
    if (!labels || labels->element != WG_U8 || labels->shape.rank != 1)
        return wg_node_refuse(g, "batch_labels", "the labels must be u8 [count]");
    return wg_node_add(g, &(struct wg_node){.op = &op_batch_labels,
                                            .element = WG_U8,
                                            .shape = wg_shape(n),
                                            .in = {labels, clock},
                                            .in_count = 2,
                                            .attr = {.seed = seed, .stream = stream}});
}

static bool bind_shift(const struct wg_node *y, struct wg_binder *binder)
{
    const size_t *dim = y->shape.dim;
    size_t count = wg_shape_count(&y->shape);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "random",
                    .kernel = "shift",
                    .arguments = {WG_NODE(y->in[0]), WG_INT(dim[1]), WG_INT(dim[2]), WG_INT(dim[3]),
                                  DRAW(y->in[1], y), WG_INT(y->attr.reach), WG_FLOAT(y->attr.fill),
                                  WG_NODE(y), WG_INT(count)},
                    .global = {count},
                });
}

static const struct wg_op op_shift = {
    .name = "shift",
    .implementations = {WG_BY(.name = "ref", .bind = bind_shift)},
};

struct wg_node *wg_shift(struct wg_graph *g, struct wg_node *x, struct wg_node *clock,
                         uint64_t seed, uint32_t stream, uint32_t reach, float fill)
{
    if (!x || x->element != WG_F32 || x->shape.rank != 4)
        return wg_node_refuse(g, "shift", "x must be f32 [n, h, w, c]");
    return wg_node_add(
        g,
        &(struct wg_node){.op = &op_shift,
                          .shape = x->shape,
                          .in = {x, clock},
                          .in_count = 2,
                          .attr = {.seed = seed, .stream = stream, .reach = reach, .fill = fill}});
}
