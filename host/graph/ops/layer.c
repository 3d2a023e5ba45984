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
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "layer_ref",
                                      .kernel = kernel,
                                      .defines = &defines,
                                      .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]),
                                                    WG_NODE(node->in[2]), WG_NODE(node)},
                                      .global = {wg_shape_count(&node->shape)},
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

/* Both kinds of kernels take the inputs, and by this macro they know what these are. */
static struct wg_defines from_gradient(const struct wg_node *node)
{
    struct wg_defines defines = {0};
    wg_define_flag(&defines, "FROM_GRADIENT");
    wg_define_activation(&defines, node);
    return defines;
}

static struct wg_call call_filter(const struct wg_node *node, const char *file, const char *kernel)
{
    return (struct wg_call){
        .file = file,
        .kernel = kernel,
        .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1]), WG_NODE(node->in[2])},
    };
}

static bool bind_filter(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_defines defines = from_gradient(node);
    return wg_bind_thin_sums(binder, node, &defines,
                             call_filter(node, "conv2d_thin", "thin_filter"));
}

static bool bind_lanes_filter(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_defines defines = from_gradient(node);
    return wg_bind_lanes_sums(binder, node, &defines,
                              call_filter(node, "conv2d_lanes", "lanes_filter"));
}

const struct wg_op wg_op_layer_filter = {
    .name = "layer_filter",
    .flops = flops,
    .implementations = {WG_BY(.name = "thin", .suits = wg_thin_suits_sums,
                              .scratch = wg_thin_sums_scratch, .bind = bind_filter),
                        WG_BY(.name = "lanes", .suits = wg_lanes_suit_sums,
                              .scratch = wg_lanes_scratch, .bind = bind_lanes_filter),
                        WG_BY(.name = "ref", .bind = bind_filter_ref)},
};

/* ---- layer_data: out, gradient, w -> x ---- */

static bool bind_data(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_defines defines = from_gradient(node);
    return wg_bind_thin_data(binder, node, &defines);
}

const struct wg_op wg_op_layer_data = {
    .name = "layer_data",
    .flops = flops,
    .implementations = {WG_BY(.name = "thin", .suits = wg_thin_suits_data,
                              .scratch = wg_thin_data_scratch, .bind = bind_data),
                        &wg_conv2d_tiled, WG_BY(.name = "ref", .bind = bind_data_ref)},
};
