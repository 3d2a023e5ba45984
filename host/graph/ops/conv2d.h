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

/* Direct kernels for CPUs, ops/conv2d_direct.c: the members of struct wg_implementation. */
bool wg_conv2d_direct_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_direct_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_direct_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_data_direct_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_data_direct_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_data_direct_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_filter_direct_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_filter_direct_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_filter_direct_bind(const struct wg_node *node, struct wg_binder *binder);

/* F(TILE, 2) of Winograd for CPUs, ops/conv2d_winograd.c: the same. */
bool wg_conv2d_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_winograd_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_winograd_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_data_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_data_winograd_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_data_winograd_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_filter_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_filter_winograd_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_filter_winograd_bind(const struct wg_node *node, struct wg_binder *binder);

/* A product of matrices by the same kernels, not for two transposed factors. */
bool wg_matmul_direct_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_matmul_direct_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_matmul_direct_bind(const struct wg_node *node, struct wg_binder *binder);

/* im2col and CLBlast, ops/conv2d_gemm.c: the same. */
extern const struct wg_knob wg_conv2d_gemm_knobs[];
bool wg_conv2d_gemm_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_gemm_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_gemm_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_data_gemm_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_data_gemm_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_data_gemm_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_filter_gemm_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_filter_gemm_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_filter_gemm_bind(const struct wg_node *node, struct wg_binder *binder);

#endif
