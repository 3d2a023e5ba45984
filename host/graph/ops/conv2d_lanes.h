/*
 * Kernels for GPU devices of convolutions with few channels on one side (cl/lanes.cl): how they are
 * cut into groups, and what their bindings share.
 */
#ifndef WG_GRAPH_OPS_CONV2D_LANES_H
#define WG_GRAPH_OPS_CONV2D_LANES_H

#include "host/graph/ops/conv2d.h"

/* Whether the convolution is one for these kernels, on this device. */
bool wg_lanes_suit(const struct wg_conv *v, const struct wg_device *device);

/* Adds the call of a kernel that writes y's side of a convolution, or something of its shape: file,
 * kernel, arguments, and the macros that are its own. */
bool wg_bind_lanes(struct wg_binder *binder, const struct wg_conv *v,
                   const struct wg_defines *defines, struct wg_call call);

/* The same of a kernel whose last argument, which is added here, are the parts of `sums`, and the
 * calls that add them up. */
bool wg_bind_lanes_sums(struct wg_binder *binder, const struct wg_node *sums,
                        const struct wg_defines *defines, struct wg_call call);

/* Bytes of scratch of these. */
size_t wg_lanes_scratch(const struct wg_node *sums, const struct wg_device *device);

/* wg_lanes_suit, of a node whose parts fit, too. */
bool wg_lanes_suit_sums(const struct wg_node *sums, const struct wg_device *device);

#endif
