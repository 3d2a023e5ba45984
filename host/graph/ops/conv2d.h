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

/* The three forms. A product of matrices is each of them over images of one pixel: A B is conv2d,
 * with C = y, A B^T conv2d_data, with C = x, A^T B conv2d_filter, with C = w. */
enum wg_form { WG_FORM_CONV2D, WG_FORM_DATA, WG_FORM_FILTER };

/* Images of one pixel: y [n, oc] = x [n, c] w [c, oc] */
struct wg_conv wg_conv_one_pixel(size_t n, size_t c, size_t oc);

/* Which of them a node of the three ops is. */
enum wg_form wg_conv2d_form(const struct wg_node *node);

/* A matmul as one of these, not both factors transposed. */
enum wg_form wg_matmul_form(const struct wg_node *c);
struct wg_conv wg_matmul_conv(const struct wg_node *c);

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

/* For few channels on one side, on CPUs, ops/conv2d_thin.c: the same. */
bool wg_conv2d_thin_suits(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_thin_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_data_thin_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_data_thin_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_data_thin_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_filter_thin_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_filter_thin_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_filter_thin_bind(const struct wg_node *node, struct wg_binder *binder);

/* F(4, 2) of Winograd for CPUs, ops/conv2d_winograd.c: the same. */
extern const struct wg_knob wg_winograd_knobs[];
bool wg_conv2d_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_winograd_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_winograd_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_data_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_data_winograd_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_conv2d_data_winograd_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_conv2d_filter_winograd_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_conv2d_filter_winograd_scratch(const struct wg_node *node,
                                         const struct wg_device *device);
bool wg_conv2d_filter_winograd_bind(const struct wg_node *node, struct wg_binder *binder);

/* A product of matrices by the same kernels, not for two transposed factors. */
bool wg_matmul_direct_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_matmul_direct_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_matmul_direct_bind(const struct wg_node *node, struct wg_binder *binder);

/* Products of matrices that are not made, for GPUs, ops/conv2d_tiled.c: the same for all of these
 * ops, matmul too but by tensor cores; with local memory, and without it. */
extern const struct wg_knob wg_tensor_knobs[], wg_tiled_knobs[], wg_blocked_knobs[];
/* Whether tensor cores make up for that single precision takes three of their products. */
bool wg_has_fast_tf32(const struct wg_device *device);
bool wg_tensor_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_tensor_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_tensor_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_tiled_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_tiled_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_tiled_bind(const struct wg_node *node, struct wg_binder *binder);
bool wg_blocked_suits(const struct wg_node *node, const struct wg_device *device);
size_t wg_blocked_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_blocked_bind(const struct wg_node *node, struct wg_binder *binder);

/* F(4, 2) of Winograd by the kernels of "tiled" or "tensor", ops/conv2d_winograd_tiled.c: the same.
 */
extern const struct wg_knob wg_batch_knobs[];
bool wg_winograd_tiled_suits(const struct wg_node *node, const struct wg_device *device);
bool wg_winograd_tiled_needs_measuring(const struct wg_node *node, const struct wg_device *device);
size_t wg_winograd_tiled_scratch(const struct wg_node *node, const struct wg_device *device);
bool wg_winograd_tiled_bind(const struct wg_node *node, struct wg_binder *binder);

/* Their entries in the ops' lists of implementations. */
#define WG_TENSOR                                                                                  \
    {                                                                                              \
        .name = "tensor", .suits = wg_tensor_suits, .scratch = wg_tensor_scratch,                  \
        .knobs = wg_tensor_knobs, .bind = wg_tensor_bind                                           \
    }
#define WG_TILED                                                                                   \
    {                                                                                              \
        .name = "tiled", .suits = wg_tiled_suits, .scratch = wg_tiled_scratch,                     \
        .knobs = wg_tiled_knobs, .bind = wg_tiled_bind                                             \
    }
#define WG_BLOCKED                                                                                 \
    {                                                                                              \
        .name = "blocked", .suits = wg_blocked_suits, .scratch = wg_blocked_scratch,               \
        .knobs = wg_blocked_knobs, .bind = wg_blocked_bind                                         \
    }
#define WG_WINOGRAD_TILED                                                                          \
    {                                                                                              \
        .name = "winograd_tiled", .is_winograd = true, .suits = wg_winograd_tiled_suits,           \
        .needs_measuring = wg_winograd_tiled_needs_measuring,                                      \
        .scratch = wg_winograd_tiled_scratch, .knobs = wg_batch_knobs,                             \
        .bind = wg_winograd_tiled_bind                                                             \
    }

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

/* ---- for the sizes of these ---- */

/* Floats of all partial sums of a convolution together: 32 MiB. */
#define WG_PARTIAL_SUMS ((size_t)8 << 20)

static inline size_t wg_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t wg_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t wg_divide_up(size_t value, size_t by)
{
    return (value + by - 1) / by;
}

static inline size_t wg_round_up(size_t value, size_t multiple)
{
    return wg_divide_up(value, multiple) * multiple;
}

/* Adds to the arguments: bias if `epilogue` is a node with one, out. Returns how many there are. */
static inline int wg_put_arguments(struct wg_argument *arguments, int count,
                                   const struct wg_node *epilogue, struct wg_argument out)
{
    if (epilogue && epilogue->in_count > 2)
        arguments[count++] = WG_NODE(epilogue->in[2]);
    arguments[count++] = out;
    return count;
}

/* Whether kernels that count floats of scratch in int here and there can do with so many bytes. */
static inline bool wg_scratch_fits(size_t scratch, const struct wg_device *device)
{
    return scratch <= device->info.largest_buffer && scratch / sizeof(float) <= INT32_MAX;
}

#endif
