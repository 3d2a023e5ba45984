/*
 * Kernels for CPU devices of convolutions with few channels on one side (cl/thin.cl): how they are
 * cut into work items, and what their bindings share.
 */
#ifndef WG_GRAPH_OPS_CONV2D_THIN_H
#define WG_GRAPH_OPS_CONV2D_THIN_H

#include "host/graph/ops/conv2d_cpu.h"
#include "host/graph/ops/rows.h"

/* The sizes by which a convolution is cut, macros of cl/thin.cl. */
struct wg_thin {
    size_t taps;      // K * K * C
    size_t vectors;   // NV
    size_t pixels;    // PIXELS
    size_t pixels_in; // PIXELS_IN
    size_t group;     // GROUP
    size_t bands;     // BANDS
    size_t images;    // IMAGES
    size_t images_in; // IMAGES_IN
    size_t items;     // N * BANDS: work items that make y
    size_t items_in;  // ceil(N / IMAGES_IN) * BANDS: work items that make x
    size_t parts;     // PARTS: work items, and partial sums, that make w
};

/* Whether the convolution is one for these kernels, on this device. */
bool wg_thin_suits(const struct wg_conv *v, const struct wg_device *device);

struct wg_thin wg_thin_of(const struct wg_conv *v, const struct wg_device *device);

/* Macros of cl/thin.cl and of the geometry. */
void wg_define_thin(struct wg_defines *defines, const struct wg_conv *v,
                    const struct wg_device *device);

/* Of the kernel thin_data, which makes x: whether its scratch, of so many bytes, fits, too; and the
 * call, whose arguments are the inputs, x and the scratch, with the macros that are its own. */
size_t wg_thin_data_scratch(const struct wg_node *x, const struct wg_device *device);
bool wg_thin_suits_data(const struct wg_node *x, const struct wg_device *device);
bool wg_bind_thin_data(struct wg_binder *binder, const struct wg_node *x,
                       const struct wg_defines *own);

/* Likewise of kernels that make sums over all images: file, kernel and arguments are the caller's.
 * The last argument, added here, are the sums of the parts, followed by the calls that add these
 * up. */
size_t wg_thin_sums_scratch(const struct wg_node *sums, const struct wg_device *device);
bool wg_thin_suits_sums(const struct wg_node *sums, const struct wg_device *device);
bool wg_bind_thin_sums(struct wg_binder *binder, const struct wg_node *sums,
                       const struct wg_defines *own, struct wg_call call);

#endif
