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

#include "host/selftest/expected.h"

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

#endif
