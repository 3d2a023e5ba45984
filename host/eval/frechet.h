/*
 * The Fréchet distance between two sets of points, each seen as a normal distribution:
 *
 *   d^2 = |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)
 *
 * with means m and covariances S (Dowson and Landau 1982; Heusel et al. 2017, who call d^2 the
 * "Fréchet Inception distance"). The symmetric product has the eigenvalues of S1 S2, which all are
 * real and not negative, so symmetric eigenproblems are enough; they are LAPACK's, which is
 * included nowhere else. Double precision.
 */
#ifndef WG_EVAL_FRECHET_H
#define WG_EVAL_FRECHET_H

#include <stdbool.h>
#include <stddef.h>

struct wg_gaussian {
    int size;
    double *mean;       // [size]
    double *covariance; // [size, size], unbiased: the sum divided by count - 1
};

/* Mean and covariance of points [count, size], count >= 2. */
bool wg_gaussian_fit(const float *points, size_t count, int size, struct wg_gaussian *ret_gaussian);
void wg_gaussian_free(struct wg_gaussian *gaussian);

/*
 * d^2 of two distributions of one size, never below 0. Rounding leaves an error of some
 * size * sqrt(epsilon) times the largest variance where a covariance is singular, as roots of
 * eigenvalues that should be 0. Fails with WG_ERROR_DATA if a number is not finite.
 */
bool wg_frechet(const struct wg_gaussian *a, const struct wg_gaussian *b, double *ret_distance);

#endif
