/*
 * Batch norm, leaky ReLU, and a transposed convolution to few channels as one layer, with
 * r = leaky ReLU(batch norm(u)), and back from d, the gradient to the convolution's result:
 *
 *   norm_up           x = activation(conv2d_data(r, w) + b)
 *   norm_up_sums      what w, beta and gamma learn: [K * K * C + 2, OC]
 *   norm_up_gradient  what u learns
 *
 * The fusing pass makes them of the ops they stand for. Neither r nor the gradient to it, as large
 * as u, is written anywhere: both are cheaper to compute again from u and the small tensors.
 */
#include "host/graph/ops/conv2d_lanes.h"
#include "host/graph/ops/conv2d_thin.h"

#include <stdio.h>

static double flops(const struct wg_node *node)
{
    return wg_op_conv2d.flops(node);
}

/* The gradients to r and to w. That the former is computed twice is not counted. */
static double flops_sums(const struct wg_node *node)
{
    return 2 * flops(node);
}

/* The inputs, then the node, in the kernels' order. Returns how many there are. */
static int put_arguments(const struct wg_node *node, struct wg_argument *arguments)
{
    wg_conv_arguments(node, arguments);
    return node->in_count + 1;
}

/* What follows norm_up. */
static void define_up(struct wg_defines *defines, const struct wg_node *x)
{
    wg_define_norm_in(defines, x);
    wg_define_flag(defines, "BIAS");
    wg_define_activation(defines, x);
}

/* ---- plain: one work item per element ---- */

static bool bind_ref(const struct wg_node *node, struct wg_binder *binder)
{
    char kernel[32];
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "norm_up_ref",
        .kernel = kernel,
        .defines = &defines,
        .global = {wg_shape_count(&node->shape)},
    };
    snprintf(kernel, sizeof kernel, "%s_ref", node->op->name);
    wg_define_conv(&defines, &node->attr.conv);
    if (node->op == &wg_op_norm_up)
        define_up(&defines, node);
    else
        wg_define_norm_in(&defines, node);
    put_arguments(node, call.arguments);
    return wg_bind_kernel(binder, &call);
}

/* ---- norm_up: u, m, gamma, beta, w, b -> x ---- */

static bool bind_up(const struct wg_node *x, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    define_up(&defines, x);
    return wg_bind_thin_data(binder, x, &defines);
}

const struct wg_op wg_op_norm_up = {
    .name = "norm_up",
    .flops = flops,
    .implementations = {WG_BY(.name = "thin", .suits = wg_thin_suits_data,
                              .scratch = wg_thin_data_scratch, .bind = bind_up),
                        &wg_conv2d_tiled, WG_BY(.name = "ref", .bind = bind_ref)},
};

/* ---- norm_up_sums: u, m, gamma, beta, d, w -> [K * K * C + 2, OC] ---- */

/* What describes the norm to each work item. */
static struct wg_argument described_by(const struct wg_node *node, size_t items, size_t floats,
                                       size_t at)
{
    return WG_SCRATCH(at, items * floats * node->attr.conv.oc * sizeof(float));
}

/* Behind the parts' sums. */
static struct wg_argument described_sums(const struct wg_node *sums, const struct wg_device *device)
{
    size_t at = wg_scratch_align(device, wg_thin_sums_scratch(sums, device));
    return described_by(sums, wg_thin_of(&sums->attr.conv, device).parts, 3, at);
}

static size_t scratch_sums(const struct wg_node *sums, const struct wg_device *device)
{
    struct wg_argument described = described_sums(sums, device);
    return described.offset + described.bytes;
}

static bool suits_sums(const struct wg_node *sums, const struct wg_device *device)
{
    return wg_thin_suits(&sums->attr.conv, device) &&
           wg_scratch_fits(scratch_sums(sums, device), device);
}

static struct wg_call call_sums(const struct wg_node *sums, const char *file, const char *kernel)
{
    struct wg_call call = {.file = file, .kernel = kernel};
    for (int i = 0; i < sums->in_count; i++)
        call.arguments[i] = WG_NODE(sums->in[i]);
    return call;
}

static bool bind_sums(const struct wg_node *sums, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    struct wg_call call = call_sums(sums, "norm_up", "norm_up_sums");
    wg_define_norm_in(&defines, sums);
    call.arguments[sums->in_count] = described_sums(sums, wg_binder_device(binder));
    return wg_bind_thin_sums(binder, sums, &defines, call);
}

static bool bind_lanes_sums(const struct wg_node *sums, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    wg_define_norm_in(&defines, sums);
    return wg_bind_lanes_sums(binder, sums, &defines,
                              call_sums(sums, "norm_lanes", "norm_lanes_sums"));
}

const struct wg_op wg_op_norm_up_sums = {
    .name = "norm_up_sums",
    .flops = flops_sums,
    .implementations = {WG_BY(.name = "thin", .suits = suits_sums, .scratch = scratch_sums,
                              .bind = bind_sums),
                        WG_BY(.name = "lanes", .suits = wg_lanes_suit_sums,
                              .scratch = wg_lanes_scratch, .bind = bind_lanes_sums),
                        WG_BY(.name = "ref", .bind = bind_ref)},
};

/* ---- norm_up_gradient: u, m, gamma, beta, d, w, sums -> du ---- */

static size_t scratch_gradient(const struct wg_node *du, const struct wg_device *device)
{
    return described_by(du, wg_thin_of(&du->attr.conv, device).items, 5, 0).bytes;
}

static bool suits_gradient(const struct wg_node *du, const struct wg_device *device)
{
    return wg_thin_suits(&du->attr.conv, device) &&
           wg_scratch_fits(scratch_gradient(du, device), device);
}

static bool bind_gradient(const struct wg_node *du, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    size_t items = wg_thin_of(&du->attr.conv, device).items;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "norm_up",
        .kernel = "norm_up_gradient",
        .defines = &defines,
        .global = {items},
        .local = {1},
    };
    wg_define_thin(&defines, &du->attr.conv, device);
    wg_define_norm_in(&defines, du);
    // In pieces, too, but u is read ahead in the same: 52 MB past a Xeon's cache take it 1.1 times
    // as long.
    wg_define_stream(&defines, device, wg_node_bytes(du));
    int last = put_arguments(du, call.arguments);
    call.arguments[last] = described_by(du, items, 5, 0);
    return wg_bind_kernel(binder, &call);
}

static bool suits_lanes(const struct wg_node *du, const struct wg_device *device)
{
    return wg_lanes_suit(&du->attr.conv, device);
}

static bool bind_lanes_gradient(const struct wg_node *du, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    struct wg_call call = {.file = "norm_lanes", .kernel = "norm_lanes_gradient"};
    wg_define_norm_in(&defines, du);
    put_arguments(du, call.arguments);
    return wg_bind_lanes(binder, &du->attr.conv, &defines, call);
}

const struct wg_op wg_op_norm_up_gradient = {
    .name = "norm_up_gradient",
    .implementations = {WG_BY(.name = "thin", .suits = suits_gradient, .scratch = scratch_gradient,
                              .bind = bind_gradient),
                        WG_BY(.name = "lanes", .suits = suits_lanes, .bind = bind_lanes_gradient),
                        WG_BY(.name = "ref", .bind = bind_ref)},
};
