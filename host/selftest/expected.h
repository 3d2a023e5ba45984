/*
 * What must stand in a tensor, wholly or in some elements, and how far what does is off.
 */
#ifndef WG_SELFTEST_EXPECTED_H
#define WG_SELFTEST_EXPECTED_H

#include "host/graph/op.h"

/* A tensor that a node writes. */
struct wg_expected {
    const struct wg_node *node; // itself or, for an effect, a variable among its inputs
    size_t count;
    size_t *elements;     // [count], which of the tensor's; NULL: the first ones
    size_t repeated;      // elements of the tensor up to which those repeat; 0: there is no more
    double *value;        // [count], of wg_zeros, as
    double *allowed;      // [count], the largest |got - value|; 0 where there is nothing to round
    struct wg_sums *sums; // of all elements (sums.h); NULL: none are known
};

/* To be freed by wg_pages_free; NULL without a message if there is no memory. */
double *wg_zeros(size_t count);

/* Room for `count` elements of a tensor; values and allowances are zeros. Fails with
 * WG_ERROR_MEMORY, and then has none. */
bool wg_expected_create(const struct wg_node *node, size_t count, struct wg_expected *ret_expected);
void wg_expected_finish(struct wg_expected *expected);

/* The largest |got - value| / allowed over what is expected, and where: up to 1 is right. `got` is
 * the whole tensor; a NaN, and any error where none is allowed, is infinite. The expectation's i-th
 * element has value[i % count], since it may repeat. */
double wg_expected_error(const struct wg_expected *expected, const void *got, size_t *ret_i);

/* Whether a result of floats that is looked at in some elements has one that is a NaN, and which:
 * memory is NaNs before it is computed, so what was never written shows, wherever it is. */
bool wg_expected_gap(const struct wg_expected *expected, const float *got, size_t *ret_element);

/* Which element of the tensor the expectation's i-th is. */
static inline size_t wg_expected_element(const struct wg_expected *expected, size_t i)
{
    return expected->elements ? expected->elements[i] : i;
}

/* Element `i` of values in a node's element type. */
double wg_element(const struct wg_node *node, const void *values, size_t i);

#endif
