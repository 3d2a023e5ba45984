/*
 * A product of matrices by the kernels of tiles, ops/conv2d_tiled.c, for those who make its factors
 * in scratch.
 */
#ifndef WG_GRAPH_OPS_CONV2D_TILED_H
#define WG_GRAPH_OPS_CONV2D_TILED_H

#include "host/graph/ops/conv2d.h"

/* The products in the middle of F(4, 2), see cl/conv2d_operands.cl. */
struct wg_batch {
    size_t count;              // BATCH; 0: it is a single product, of a convolution
    size_t images;             // IMAGES
    size_t pixels_y, pixels_x; // of an image that are cut into tiles
    bool adds;                 // ADD
};

/* A convolution, or a batch of products of matrices. */
struct wg_product {
    enum wg_form form;
    struct wg_conv conv; // of a batch that of one of its products, images of one pixel
    struct wg_batch batch;
    struct wg_argument a, b;        // the factors, in the order of the form's inputs
    const struct wg_node *prologue; // that `a` is read for, not yet a factor; NULL: it is one
    struct wg_argument read_with;   // what makes it one
    struct wg_argument out;         // of a batch [parts, results]: nobody adds them up here
    const struct wg_node *epilogue; // whose bias and activation are applied; NULL: none
    size_t at;                      // byte of scratch where the parts of a convolution's sums begin
};

/* Whether tensor cores make up for that single precision takes three of their products. */
bool wg_has_fast_tf32(const struct wg_device *device);

/* Knobs of an implementation that multiplies batches: tile_m, tile_n and parts, which are followed
 * here, and the images of a batch, which are its own. */
extern const struct wg_knob wg_batch_knobs[];
enum { WG_BATCH_KNOB_IMAGES = 3 };

/* Into how many parts the sums of a batch are best split; 0: the device is too small. `node` is the
 * one it is for, whose knobs are followed. */
size_t wg_batch_parts(const struct wg_product *product, const struct wg_node *node,
                      const struct wg_device *device);

/* Adds the call that computes a batch, its sums split into `parts`. */
bool wg_batch_bind(struct wg_binder *binder, const struct wg_product *product,
                   const struct wg_node *node, size_t parts);

#endif
