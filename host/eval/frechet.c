#include "host/eval/frechet.h"

#include "host/base/error.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- mean and covariance ---- */

static void add_outer_product(const double *v, size_t size, double *sum)
{
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j <= i; j++)
            sum[i * size + j] += v[i] * v[j];
}

bool wg_gaussian_fit(const float *points, size_t count, int size, struct wg_gaussian *ret_gaussian)
{
    size_t n = (size_t)size;
    double *mean = calloc(n, sizeof *mean), *covariance = calloc(n * n, sizeof *covariance);
    double *centred = malloc(n * sizeof *centred);
    if (!mean || !covariance || !centred) {
        free(mean);
        free(covariance);
        free(centred);
        return wg_fail_memory("a covariance");
    }
    for (size_t p = 0; p < count; p++)
        for (size_t i = 0; i < n; i++)
            mean[i] += (double)points[p * n + i] / (double)count;
    for (size_t p = 0; p < count; p++) {
        for (size_t i = 0; i < n; i++)
            centred[i] = (double)points[p * n + i] - mean[i];
        add_outer_product(centred, n, covariance);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            covariance[j * n + i] = covariance[i * n + j] /= (double)(count - 1);
    free(centred);
    *ret_gaussian = (struct wg_gaussian){.size = size, .mean = mean, .covariance = covariance};
    return true;
}

void wg_gaussian_free(struct wg_gaussian *gaussian)
{
    free(gaussian->mean);
    free(gaussian->covariance);
    *gaussian = (struct wg_gaussian){0};
}

/* ---- the distance ---- */

/* Eigenvalues of a symmetric matrix, ascending; with `vectors`, row j becomes eigenvector j. */
static bool eigen(int size, bool vectors, double *matrix, double *ret_values)
{
    // To LAPACK a row is a column: the same for a symmetric matrix, and for vectors as wanted.
    int code = (int)LAPACKE_dsyev(LAPACK_COL_MAJOR, vectors ? 'V' : 'N', 'U', size, matrix, size,
                                  ret_values);
    return code == 0 ||
           wg_fail(WG_ERROR_DATA,
                   "no eigenvalues of a covariance (LAPACK's dsyev says %d): are all features "
                   "finite?",
                   code);
}

static double root(double eigenvalue)
{
    return eigenvalue > 0 ? sqrt(eigenvalue) : 0; // rounding may leave it below
}

/* c = a b, all [n, n] */
static void multiply(size_t n, const double *a, const double *b, double *c)
{
    memset(c, 0, n * n * sizeof *c);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * n + k] * b[k * n + j];
}

/* The root of a symmetric matrix: the sum of sqrt(value) * vector * vector^T. `vectors` holds the
 * matrix before, and is used up. */
static bool matrix_root(int size, double *vectors, double *values, double *ret_root)
{
    size_t n = (size_t)size;
    if (!eigen(size, true, vectors, values))
        return false;
    memset(ret_root, 0, n * n * sizeof *ret_root);
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                ret_root[i * n + j] += root(values[k]) * vectors[k * n + i] * vectors[k * n + j];
    return true;
}

/* tr((S1^1/2 S2 S1^1/2)^1/2); `work` is [3, n, n], `values` [n]. */
static bool trace_of_root(int size, const double *s1, const double *s2, double *work,
                          double *values, double *ret_trace)
{
    size_t n = (size_t)size;
    double *a = work, *b = work + n * n, *c = work + 2 * n * n;
    memcpy(a, s1, n * n * sizeof *a);
    if (!matrix_root(size, a, values, b))
        return false;
    multiply(n, b, s2, c);
    multiply(n, c, b, a);
    if (!eigen(size, false, a, values))
        return false;
    *ret_trace = 0;
    for (size_t i = 0; i < n; i++)
        *ret_trace += root(values[i]);
    return true;
}

bool wg_frechet(const struct wg_gaussian *a, const struct wg_gaussian *b, double *ret_distance)
{
    size_t n = (size_t)a->size;
    double *work = malloc(3 * n * n * sizeof *work), *values = malloc(n * sizeof *values);
    double trace, distance = 0;
    bool ok = (work && values) || wg_fail_memory("a Fréchet distance");
    ok = ok && trace_of_root(a->size, a->covariance, b->covariance, work, values, &trace);
    if (ok) {
        for (size_t i = 0; i < n; i++)
            distance += (a->mean[i] - b->mean[i]) * (a->mean[i] - b->mean[i]) +
                        a->covariance[i * n + i] + b->covariance[i * n + i];
        *ret_distance = fmax(distance - 2 * trace, 0);
    }
    free(work);
    free(values);
    return ok;
}
