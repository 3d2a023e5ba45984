/*
 * How far rounding may take the convolutions by F(4, 2) of Winograd (cl/winograd.cl).
 *
 * They add and subtract neighbours before they multiply, and what cancels in the end was rounded
 * before. Each product passes through at most a known number of roundings, so the bound is what a
 * sum of so many terms is allowed (expect.h), for the same algorithm over absolute values, matrices
 * included:
 *
 *   |A^T| [ (|B^T| |d| |B|) . (|G| |g| |G^T|) ] |A|
 *
 * (Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 24.1). It is computed
 * tile by tile, since products are magnified 1 to 9.8 times along an axis, by where they lie in
 * their tile.
 */
#ifndef WG_SELFTEST_WINOGRAD_H
#define WG_SELFTEST_WINOGRAD_H

#include "host/graph/graph.h"

#include <stdbool.h>

/* Roundings that a product passes through, at most. */
double wg_winograd_units(const struct wg_conv *conv, enum wg_form form);

/*
 * Adds to `ret_magnitude`, zeros of the form's result, what its absolute values add up to.
 * first, second: the absolute values of its inputs, in their order (graph.h). Needs k a multiple
 * of 2 stride.
 * Fails with WG_ERROR_MEMORY.
 */
bool wg_winograd_magnitude(const struct wg_conv *conv, enum wg_form form, const double *first,
                           const double *second, double *ret_magnitude);

#endif
