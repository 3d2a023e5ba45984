/*
 * The Fréchet distance against closed forms. Double precision leaves some 1e-15 of the numbers
 * involved, and its root where an eigenvalue should be zero.
 */
#include "host/eval/frechet.h"
#include "tests/run/runlib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 6 };

static const double tolerance = 1e-12;
static const double singular_tolerance = 1e-6;

/* A distribution on the arrays given. */
static struct wg_gaussian gaussian(int size, double *mean, double *covariance)
{
    return (struct wg_gaussian){.size = size, .mean = mean, .covariance = covariance};
}

static double distance(const struct wg_gaussian *a, const struct wg_gaussian *b)
{
    double there, back;
    ck_assert_msg(wg_frechet(a, b, &there), "%s", wg_error_message());
    ck_assert_msg(wg_frechet(b, a, &back), "%s", wg_error_message());
    ck_assert_double_eq_tol(there, back, singular_tolerance);
    return there;
}

/* Along one axis: (m1 - m2)^2 + (s1 - s2)^2. */
START_TEST(one_dimension)
{
    double mean[2] = {3, -1}, variance[2] = {4, 0.25};
    struct wg_gaussian a = gaussian(1, &mean[0], &variance[0]);
    struct wg_gaussian b = gaussian(1, &mean[1], &variance[1]);
    ck_assert_double_eq_tol(distance(&a, &b), 16 + 1.5 * 1.5, tolerance);
}
END_TEST

/* Deviations of two distributions along the axes of SIZE dimensions. */
static const double deviations[2][SIZE] = {{1, 2, 0.5, 3, 0.1, 0.7}, {2, 2, 1.5, 0.25, 0.4, 0.01}};

static double axes_distance(void)
{
    double sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum += pow(deviations[0][i] - deviations[1][i], 2);
    return sum;
}

START_TEST(axes)
{
    double mean[SIZE] = {0}, moved[SIZE] = {1, 0, 0, -2, 0, 0};
    double covariance[2][SIZE * SIZE] = {{0}};
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < SIZE; i++)
            covariance[d][i * SIZE + i] = pow(deviations[d][i], 2);
    struct wg_gaussian a = gaussian(SIZE, mean, covariance[0]);
    struct wg_gaussian b = gaussian(SIZE, moved, covariance[1]);
    ck_assert_double_eq_tol(distance(&a, &b), axes_distance() + 5, tolerance);
}
END_TEST

/* H D H with the reflection H = 1 - 2 v v^T / |v|^2: its own inverse, and full. */
static void reflect(const double *deviation, double *ret_covariance)
{
    static const double v[SIZE] = {1, -2, 3, 0.5, -1, 2};
    double norm = 0, h[SIZE][SIZE];
    for (int i = 0; i < SIZE; i++)
        norm += v[i] * v[i];
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            h[i][j] = (i == j) - 2 * v[i] * v[j] / norm;
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++) {
            double sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum += h[i][k] * deviation[k] * deviation[k] * h[j][k];
            ret_covariance[i * SIZE + j] = sum;
        }
}

START_TEST(a_rotation_of_both_changes_nothing)
{
    double mean[SIZE] = {0}, covariance[2][SIZE * SIZE];
    for (int d = 0; d < 2; d++)
        reflect(deviations[d], covariance[d]);
    struct wg_gaussian a = gaussian(SIZE, mean, covariance[0]);
    struct wg_gaussian b = gaussian(SIZE, mean, covariance[1]);
    ck_assert_double_eq_tol(distance(&a, &b), axes_distance(), 10 * tolerance);
}
END_TEST

/* Of two by two matrices, tr (S1 S2)^1/2 = sqrt(tr S1 S2 + 2 sqrt(det S1 det S2)). These do not
 * commute. */
START_TEST(two_dimensions_of_different_axes)
{
    double mean[2] = {0}, s1[4] = {2, 1, 1, 3}, s2[4] = {5, -2, -2, 1};
    double product = 2 * 5 + 1 * -2 + 1 * -2 + 3 * 1, determinants = 5 * 1;
    double expected = 5 + 6 - 2 * sqrt(product + 2 * sqrt(determinants));
    struct wg_gaussian a = gaussian(2, mean, s1), b = gaussian(2, mean, s2);
    ck_assert_double_eq_tol(distance(&a, &b), expected, tolerance);
}
END_TEST

START_TEST(a_fit_by_hand)
{
    const float points[] = {1, 10, 2, 10, 3, 16};
    struct wg_gaussian fit;
    ck_assert(wg_gaussian_fit(points, 3, 2, &fit));
    const double mean[] = {2, 12}, covariance[] = {1, 3, 3, 12};
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq_tol(fit.mean[i], mean[i], tolerance);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(fit.covariance[i], covariance[i], tolerance);
    wg_gaussian_free(&fit);
}
END_TEST

/* Fewer points than dimensions: the covariance is singular. */
START_TEST(the_same_points_are_at_no_distance)
{
    enum { COUNT = 40, LARGE = 64 };
    static float points[COUNT * LARGE];
    struct wg_gaussian fit;
    test_fill(points, COUNT * LARGE, 5);
    ck_assert(wg_gaussian_fit(points, COUNT, LARGE, &fit));
    double same = distance(&fit, &fit);
    ck_assert_double_ge(same, 0);
    ck_assert_double_le(same, LARGE * singular_tolerance);
    wg_gaussian_free(&fit);
}
END_TEST

START_TEST(moved_points_are_at_the_square_of_the_way)
{
    enum { COUNT = 500 };
    static float points[COUNT * SIZE], moved[COUNT * SIZE];
    struct wg_gaussian a, b;
    test_fill(points, COUNT * SIZE, 6);
    for (int i = 0; i < COUNT * SIZE; i++) {
        points[i] = roundf(points[i] * 1024) / 1024; // moving is exact
        moved[i] = points[i] + (i % SIZE == 2 ? 3 : 0);
    }
    ck_assert(wg_gaussian_fit(points, COUNT, SIZE, &a));
    ck_assert(wg_gaussian_fit(moved, COUNT, SIZE, &b));
    ck_assert_double_eq_tol(distance(&a, &b), 9, 1e-9);
    wg_gaussian_free(&a);
    wg_gaussian_free(&b);
}
END_TEST

START_TEST(what_is_not_finite_is_refused)
{
    double mean[2] = {0}, good[4] = {1, 0, 0, 1}, bad[4] = {NAN, 0, 0, 1}, untouched = 7;
    struct wg_gaussian a = gaussian(2, mean, good), b = gaussian(2, mean, bad);
    ck_assert(!wg_frechet(&a, &b, &untouched));
    check_error(WG_ERROR_DATA, "finite");
    ck_assert(!wg_frechet(&b, &a, &untouched));
    ck_assert_double_eq(untouched, 7);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        one_dimension,
        axes,
        a_rotation_of_both_changes_nothing,
        two_dimensions_of_different_axes,
        a_fit_by_hand,
        the_same_points_are_at_no_distance,
        moved_points_are_at_the_square_of_the_way,
        what_is_not_finite_is_refused,
    };
    return run_tests("frechet", tests, countof(tests));
}
