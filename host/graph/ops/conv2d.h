/*
 * What the implementations of the three convolution forms share.
 *
 * conv2d, conv2d_data and matmul may carry a bias as third input and an activation: the fusing pass
 * puts them there (fuse.h), and every implementation must honour them.
 */
#ifndef WG_GRAPH_OPS_CONV2D_H
#define WG_GRAPH_OPS_CONV2D_H

#include "host/base/size.h"
#include "host/graph/bind.h"
#include "host/graph/inputs.h"

/* Macros N H W C OH OW OC K S PAD, of the geometry. */
void wg_define_conv(struct wg_defines *defines, const struct wg_conv *conv);

/* Macros BIAS and ACTIVATION if these follow the node's sums, and SLOPE if that is a leaky ReLU. */
void wg_define_epilogue(struct wg_defines *defines, const struct wg_node *node);

/* Macros FROM_NORM, EPSILON and SLOPE_IN of kernels that compute a batch norm and a leaky ReLU of
 * what they read, for a node of norm_up or of its gradients. */
void wg_define_norm_in(struct wg_defines *defines, const struct wg_node *node);

/* All inputs of the node, then the node itself, which is the order of the kernels: for conv2d x, w,
 * the bias if there is one, y. */
void wg_conv_arguments(const struct wg_node *node, struct wg_argument *arguments);

/* The geometry of images of one pixel: y [n, oc] = x [n, c] w [c, oc] */
struct wg_conv wg_conv_one_pixel(size_t n, size_t c, size_t oc);

/*
 * A convolution whose x has few channels may go through a table [n, oh, ow, k, k, c], at the start
 * of scratch, of what each tap sees of x, or adds to it. What is left is the geometry of a product:
 * y [n * oh * ow, oc] = table [n * oh * ow, k * k * c] w [k * k * c, oc]
 */
struct wg_conv wg_conv_by_table(const struct wg_conv *conv);
struct wg_argument wg_conv_table(const struct wg_conv *conv);

/* So many images of a node, from `first` on. */
struct wg_chunk {
    size_t first, images;
};

/* Adds the call of col2im (cl/col2im.cl) that makes a chunk of `node`, with its bias and
 * activation, of a table [chunk.images * oh * ow, columns] whose rows begin with what the taps,
 * [k, k, c], add to it. Of the geometry n and oc do not count. */
bool wg_bind_col2im(struct wg_binder *binder, struct wg_conv conv, struct wg_argument table,
                    size_t columns, const struct wg_node *node, struct wg_chunk chunk);

/* Floats of the widest vectors (wg_vector_width) that rows of either length consist of. */
unsigned wg_common_width(const struct wg_device *device, size_t length1, size_t length2);

/* Whether conv2d_direct is for a matmul: a large one, not of two transposed factors. */
bool wg_matmul_is_for_direct(const struct wg_node *c);

/* The implementations, each of all three forms but lanes, in files of their names; tensor, tiled
 * and blocked in conv2d_tiled.c. direct, tiled and blocked are also matmul's, tiled norm_up's and
 * layer_data's. */
extern const struct wg_implementation wg_conv2d_winograd, wg_conv2d_thin, wg_conv2d_direct,
    wg_conv2d_winograd_tiled, wg_conv2d_lanes, wg_conv2d_tensor, wg_conv2d_tiled, wg_conv2d_blocked,
    wg_conv2d_gemm;

/* Floats that the partial sums of a convolution may have together: 32 MiB. */
#define WG_PARTIAL_SUMS ((size_t)8 << 20)

/* Adds to `count` arguments the bias of `epilogue`, if that is not NULL and has one, and `out`.
 * Returns how many there are now. */
static inline int wg_put_arguments(struct wg_argument *arguments, int count,
                                   const struct wg_node *epilogue, struct wg_argument out)
{
    if (epilogue && wg_bias_of(epilogue))
        arguments[count++] = WG_NODE(wg_bias_of(epilogue));
    arguments[count++] = out;
    return count;
}

/* Whether the device has a buffer of `scratch` bytes, and kernels can count its floats in int. */
static inline bool wg_scratch_fits(size_t scratch, const struct wg_device *device)
{
    return scratch <= device->info.largest_buffer && scratch / sizeof(float) <= INT32_MAX;
}

#endif
