/*
 * What the implementations of the three convolution forms share.
 *
 * conv2d and conv2d_data may carry a bias as third input and an activation: the fusing pass puts
 * them there (fuse.h), and every implementation must honour them.
 */
#ifndef WG_GRAPH_OPS_CONV2D_H
#define WG_GRAPH_OPS_CONV2D_H

#include "host/graph/exec.h"

/* Macros N H W C OH OW OC K S PAD of the geometry. */
void wg_define_conv(struct wg_defines *defines, const struct wg_conv *conv);

/* Macros BIAS if the node has one, ACTIVATION and SLOPE. */
void wg_define_epilogue(struct wg_defines *defines, const struct wg_node *node);

/* The node's inputs and the node itself, in the kernels' order: x w (b) y and the like. */
void wg_conv_arguments(const struct wg_node *node, struct wg_argument *arguments);

/* Direct kernels for CPUs, ops/conv2d_direct.c */
extern const struct wg_implementation wg_conv2d_direct, wg_conv2d_data_direct,
    wg_conv2d_filter_direct;

/* im2col and CLBlast, ops/conv2d_gemm.c */
extern const struct wg_implementation wg_conv2d_gemm, wg_conv2d_data_gemm, wg_conv2d_filter_gemm;

#endif
