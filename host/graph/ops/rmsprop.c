/*
 * rmsprop: what a step does to the weights of a network. Its inputs are weight, accumulator and
 * gradient of one tensor after the other.
 */
#include "host/base/size.h"
#include "host/graph/bind.h"

#include <math.h>
#include <string.h>

static void define(const struct wg_node *node, struct wg_defines *defines)
{
    wg_define_float(defines, "DECAY", node->attr.update.decay);
    wg_define_float(defines, "EPSILON", node->attr.update.epsilon);
}

/* What the kernels clip to. */
static float bound_of(const struct wg_node *node)
{
    return node->attr.update.bound > 0 ? node->attr.update.bound : INFINITY;
}

/* ---- joined: all tensors in one launch ---- */

/* What a group does: on CPUs enough to be worth its start, on others some vectors a lane. */
enum { CPU_BLOCK = 4096, LANES = 128, LANE_BLOCK = 16 };

/* An embedded device need not take so many arguments. */
static bool suits_joined(const struct wg_node *node, const struct wg_device *device)
{
    (void)node;
    return device->parameter_bytes >=
           WG_UPDATE_MAX * (3 * sizeof(cl_ulong) + sizeof(cl_int)) + 2 * sizeof(cl_float);
}

static size_t count_lanes(const struct wg_device *device, size_t largest)
{
    size_t lanes = wg_device_is_cpu(device) ? 1 : LANES;
    while (lanes > largest || lanes > device->work_item_sizes[0])
        lanes /= 2;
    return lanes;
}

/* The kernel takes as many tensors as a node has at most: to build one for each count would take
 * longer. What is not there comes as one without elements. */
static void add_tensors(const struct wg_node *node, struct wg_call *call, size_t block)
{
    struct wg_argument *argument = call->arguments;
    size_t groups = 0;
    for (int t = 0; t < WG_UPDATE_MAX; t++) {
        bool is_there = 3 * t < node->in_count;
        struct wg_node *const *in = node->in + (is_there ? 3 * t : 0);
        size_t count = is_there ? wg_shape_count(&in[0]->shape) : 0;
        for (int i = 0; i < 3; i++)
            *argument++ = WG_NODE(in[i]);
        *argument++ = WG_INT(count);
        groups += wg_divide_up(count, block);
    }
    *argument++ = WG_FLOAT(node->attr.update.rate);
    *argument = WG_FLOAT(bound_of(node));
    call->global[0] = groups * call->local[0];
}

static bool bind_joined(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_defines defines = {0};
    size_t block = wg_device_is_cpu(device) ? CPU_BLOCK : LANES * LANE_BLOCK, largest;
    struct wg_call call = {.file = "rmsprop_joined",
                           .kernel = "rmsprop_joined",
                           .defines = &defines,
                           .local = {count_lanes(device, device->info.work_group_size)}};
    wg_define_int(&defines, "VW", wg_vector_width(device, block));
    wg_define_int(&defines, "BLOCK", (long long)block);
    define(node, &defines);
    if (!wg_binder_largest_group(binder, &call, &largest))
        return false;
    call.local[0] = count_lanes(device, largest);
    add_tensors(node, &call, block);
    return wg_bind_kernel(binder, &call);
}

/* ---- ref: one after the other ---- */

static bool bind_ref(const struct wg_node *node, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    define(node, &defines);
    for (int i = 0; i < node->in_count; i += 3) {
        struct wg_node *const *in = node->in + i;
        size_t count = wg_shape_count(&in[0]->shape);
        if (!wg_bind_kernel(binder,
                            &(struct wg_call){
                                .file = "rmsprop",
                                .kernel = "rmsprop",
                                .defines = &defines,
                                .arguments = {WG_NODE(in[0]), WG_NODE(in[1]), WG_NODE(in[2]),
                                              WG_FLOAT(node->attr.update.rate),
                                              WG_FLOAT(bound_of(node)), WG_INT(count)},
                                .global = {count},
                            }))
            return false;
    }
    return true;
}

const struct wg_op wg_op_rmsprop = {
    .name = "rmsprop",
    .is_effect = true,
    .implementations = {WG_BY(.name = "joined", .suits = suits_joined, .bind = bind_joined),
                        WG_BY(.name = "ref", .bind = bind_ref)},
};

struct wg_node *wg_rmsprop(struct wg_graph *g, int count, struct wg_node *const w[],
                           struct wg_node *const v[], struct wg_node *const gradient[],
                           const struct wg_update *update)
{
    struct wg_node draft = {
        .op = &wg_op_rmsprop, .in_count = 3 * count, .attr = {.update = *update}};
    size_t elements = 0;
    if (count < 1 || count > WG_UPDATE_MAX)
        return wg_node_refuse(g, "rmsprop", "so many tensors can't be updated at once");
    for (int t = 0; t < count; t++) {
        if (!w[t] || !v[t] || !gradient[t] || !wg_shape_equal(&w[t]->shape, &v[t]->shape) ||
            wg_shape_count(&w[t]->shape) != wg_shape_count(&gradient[t]->shape))
            return wg_node_refuse(g, "rmsprop", "weight, accumulator and gradient do not match");
        if (w[t]->storage->op || v[t]->storage->op)
            return wg_node_refuse(g, "rmsprop", "only a variable can be changed");
        memcpy(draft.in + 3 * t, (struct wg_node *[]){w[t], v[t], gradient[t]}, 3 * sizeof w[t]);
        elements += wg_shape_count(&w[t]->shape);
    }
    draft.shape = wg_shape(elements);
    draft.storage = w[0]->storage;
    return wg_node_add(g, &draft);
}
