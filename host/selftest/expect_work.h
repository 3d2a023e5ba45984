/*
 * What the formulas of host/selftest/expect.h share.
 */
#ifndef WG_SELFTEST_EXPECT_WORK_H
#define WG_SELFTEST_EXPECT_WORK_H

#include "host/graph/inputs.h"
#include "host/reference/ops.h"
#include "host/selftest/expect.h"

#define U 0x1p-24

/* A node with all it is computed from. */
struct wg_work {
    const struct wg_node *node;
    const struct wg_node *whole; // the node, or that of more images whose sums are to be bounded
    bool by_winograd;
    const void *const *raw;      // inputs in their element types
    double *in[WG_INPUTS_MAX];   // inputs
    double *size[WG_INPUTS_MAX]; // their absolute values, if the formula needs them
    double *spare[3];            // likewise, each as long as the longest tensor
    struct wg_expectation *out;
    bool *ok;              // set to false, with a message, by what fails
    size_t count, c, rows; // of the first output; of in[0] where that is a tensor to be reduced
    double *value, *allowed;
};

/* allowed = units * U * magnitude, in place: formulas put the magnitudes there first. */
void wg_allow(const struct wg_expected *expected, double units);

/* Units of a sum of so many products. */
double wg_sum_units(size_t terms);

struct ref_conv wg_ref_conv_of(const struct wg_node *node);

/* How far moments of x may be off where the mean of |x| is `magnitude`. */
void wg_allow_moments(const struct wg_shape *x, double magnitude, double variance,
                      double *ret_mean_allowed, double *ret_variance_allowed);

/* ---- batch norm, of nodes whose inputs begin with X, MOMENTS, GAMMA, BETA ---- */

/* gamma / sqrt(variance + epsilon) is off by a division (5 units), a root (6), half of the sum's
 * rounding; then follow one of x - mean, two of the product and sum, one of the slope. */
enum { FACTOR_UNITS = 12, NORM_UNITS = 16 };

/* sqrt(variance + epsilon) */
double wg_norm_root(const struct wg_work *w, size_t column);

/* |x - mean| / root without the cancellation, and |y| likewise */
double wg_xhat_size(const struct wg_work *w, size_t i);
double wg_norm_size(const struct wg_work *w, size_t i);

/* Rows of the whole. */
size_t wg_norm_rows(const struct wg_work *w);

/* y before the activation */
void wg_normalise(const struct wg_work *w, double *y);

/*
 * g = dy * activation'(y) where y is recomputed from x. So close to zero that rounding decides on
 * its sign, either branch is right: what the other one differs by.
 */
struct wg_kinked {
    double g;
    double doubt;
};

/* ---- what the fusing pass makes: expect_fused.c ---- */

void wg_expect_norm_kernel(const struct wg_work *w);
void wg_expect_norm_bias(const struct wg_work *w);
void wg_expect_layer_filter(const struct wg_work *w);
void wg_expect_layer_data(const struct wg_work *w);
void wg_expect_norm_up(const struct wg_work *w);
void wg_expect_norm_up_sums(const struct wg_work *w);
void wg_expect_norm_up_gradient(const struct wg_work *w);

#endif
