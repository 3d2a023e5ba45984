/*
 * The way back through a layer conv2d, bias, activation, from its output and the gradient to it:
 *
 *   layer_filter  what the layer's weights and its bias learn, in one pass over both
 *   layer_data    what its input learns
 *
 * The fusing pass makes them of activation_gradient, conv2d_filter, sum_rows and conv2d_data, so
 * that the gradient before the activation is written nowhere.
 */
#include "host/graph/ops/conv2d_lanes.h"
#include "host/graph/ops/conv2d_thin.h"

static double flops(const struct wg_node *node)
{
    return wg_op_conv2d.flops(node);
}

/* ---- plain: one work item per element ---- */

static bool bind_ref(const struct wg_node *node, struct wg_binder *binder, const char *kernel)
{
    struct wg_defines defines = {0};
    wg_define_conv(&defines, &node->attr.conv);
    wg_define_activation(&defines, node);
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "layer_ref",
                              .kernel = kernel,
                              .defines = &defines,
                              .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]),
                                            WG_NODE(node->in[2]), WG_NODE(node)},
                              .global = {wg_shape_last(&node->shape), wg_shape_rows(&node->shape)},
                          });
}

static bool bind_filter_ref(const struct wg_node *node, struct wg_binder *binder)
{
    return bind_ref(node, binder, "layer_filter_ref");
}

static bool bind_data_ref(const struct wg_node *node, struct wg_binder *binder)
{
    return bind_ref(node, binder, "layer_data_ref");
}

/* ---- layer_filter: x, out, gradient -> [K * K * C + 1, OC] ---- */

static struct wg_row_split split_of(const struct wg_node *node, const struct wg_device *device)
{
    return wg_row_split_chunks(wg_thin_of(&node->attr.conv, device).parts, device);
}

static size_t scratch_filter(const struct wg_node *node, const struct wg_device *device)
{
    struct wg_row_split split = split_of(node, device);
    return wg_row_scratch(&split, wg_shape_count(&node->shape), device);
}

static bool suits_filter(const struct wg_node *node, const struct wg_device *device)
{
    return wg_thin_suits(&node->attr.conv, device) &&
           wg_scratch_fits(scratch_filter(node, device), device);
}

static void define_thin(struct wg_defines *defines, const struct wg_node *node,
                        const struct wg_device *device)
{
    wg_define_thin(defines, &node->attr.conv, device);
    wg_define_flag(defines, "FROM_GRADIENT");
    wg_define_activation(defines, node);
}

static bool bind_filter(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = split_of(node, device);
    size_t sums = wg_shape_count(&node->shape);
    struct wg_defines defines = {0};
    define_thin(&defines, node, device);
    return wg_bind_kernel(
               binder,
               &(struct wg_call){
                   .file = "conv2d_thin",
                   .kernel = "thin_filter",
                   .defines = &defines,
                   .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2]),
                                 wg_row_sums(&split, sums, WG_NODE(node))},
                   .global = {split.chunks},
                   .local = {1},
               }) &&
           wg_bind_row_sums(binder, &split, sums, WG_NODE(node));
}

static bool bind_lanes_filter(const struct wg_node *node, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_lanes",
        .kernel = "lanes_filter",
        .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2])},
    };
    wg_define_flag(&defines, "FROM_GRADIENT");
    wg_define_activation(&defines, node);
    return wg_bind_lanes_sums(binder, node, &defines, call);
}

const struct wg_op wg_op_layer_filter = {
    .name = "layer_filter",
    .flops = flops,
    .implementations = {WG_BY(.name = "thin", .suits = suits_filter, .scratch = scratch_filter,
                              .bind = bind_filter),
                        WG_BY(.name = "lanes", .suits = wg_lanes_suit_sums,
                              .scratch = wg_lanes_scratch, .bind = bind_lanes_filter),
                        WG_BY(.name = "ref", .bind = bind_filter_ref)},
};

/* ---- layer_data: out, gradient, w -> x ---- */

static size_t scratch_data(const struct wg_node *node, const struct wg_device *device)
{
    return wg_thin_data_scratch(&node->attr.conv, device);
}

static bool suits_data(const struct wg_node *node, const struct wg_device *device)
{
    return wg_thin_suits(&node->attr.conv, device) &&
           wg_scratch_fits(scratch_data(node, device), device);
}

static bool bind_data(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_defines defines = {0};
    define_thin(&defines, node, device);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "conv2d_thin",
                    .kernel = "thin_data",
                    .defines = &defines,
                    .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2]),
                                  WG_NODE(node), WG_SCRATCH(0, scratch_data(node, device))},
                    .global = {wg_thin_of(&node->attr.conv, device).items_in},
                    .local = {1},
                });
}

const struct wg_op wg_op_layer_data = {
    .name = "layer_data",
    .flops = flops,
    .implementations = {WG_BY(.name = "thin", .suits = suits_data, .scratch = scratch_data,
                              .bind = bind_data),
                        &wg_conv2d_tiled, WG_BY(.name = "ref", .bind = bind_data_ref)},
};
