/*
 * What a node must compute, by the double-precision reference, and how far rounding may take a
 * float from it.
 *
 * Bounds are stated in units of u = 2^-24, the largest relative rounding error of a float, times a
 * magnitude per element. A sum of n products, in whatever order, with or without fused
 * multiply-adds, is off by at most n + 1 units times the sum of the products' absolute values
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1; to first order in u), and,
 * if its roundings are independent, by no more than 8 sqrt(n), but for one sum in 10^13 / n
 * (Higham, Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019, section 3): the
 * lesser of the two counts. So the magnitude is the reference's own formula applied to absolute
 * values, and the units are those of the sum plus what follows it. OpenCL 1.2 (section 7.4) gives
 * sqrt 3 ulp, a division 2.5 ulp, tanh 5 ulp, log 3 ulp, cospi 4 ulp; an ulp is at most 2 units.
 */
#ifndef WG_SELFTEST_EXPECT_H
#define WG_SELFTEST_EXPECT_H

#include "host/graph/op.h"

/* A tensor that a node writes. */
struct wg_expected {
    const struct wg_node *node; // itself or, for an effect, a variable among its inputs
    size_t count;
    size_t *elements;     // [count], which of the tensor's; NULL: the first ones
    size_t repeated;      // elements of the tensor up to which those repeat; 0: there is no more
    double *value;        // [count]
    double *allowed;      // [count], the largest |got - value|; 0 where there is nothing to round
    struct wg_sums *sums; // of all elements (sums.h); NULL: none are known
};

enum { WG_EXPECTED_MAX = 2 * WG_UPDATE_MAX };

/* What a node leaves behind: one tensor or, of rmsprop, weight and accumulator in turn. */
struct wg_expectation {
    struct wg_expected outputs[WG_EXPECTED_MAX];
    int count;
};

/*
 * The expectation of a node whose inputs hold in[i], in their own element types, when this
 * implementation computes it (NULL: a plain one; values are the same for all). Fails with
 * WG_ERROR_ARGUMENT if its op is unknown here, and with WG_ERROR_MEMORY.
 */
bool wg_expect(const struct wg_node *node, const struct wg_implementation *by,
               const void *const in[], struct wg_expectation *ret_expectation);
/* The same for a node that is, of fewer images, what `whole` is: it has that one's rounding errors,
 * which grow with the length of a sum. */
bool wg_expect_part(const struct wg_node *node, const struct wg_node *whole,
                    const struct wg_implementation *by, const void *const in[],
                    struct wg_expectation *ret_expectation);
void wg_expectation_finish(struct wg_expectation *expectation);

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
