/*
 * Precision and recall against plain loops in double precision, and by hand on points of whole
 * numbers, whose distances are exact.
 */
#include "host/eval/neighbours.h"
#include "tests/run/runlib.h"

#include <math.h>
#include <stdlib.h>

enum { SIZE = 4, K = 3 };

struct answer {
    double precision, recall;
};

static struct answer ask(size_t size, const float *real, size_t real_count, const float *generated,
                         size_t generated_count, int k)
{
    struct wg_distances *distances;
    struct wg_manifold a, b;
    struct answer answer;
    ck_assert_msg(wg_distances_create(test_device(), size, &distances), "%s", wg_error_message());
    ck_assert(wg_manifold_create(distances, real, real_count, k, &a));
    ck_assert(wg_manifold_create(distances, generated, generated_count, k, &b));
    ck_assert(wg_precision_recall(distances, &a, &b, &answer.precision, &answer.recall));
    wg_manifold_free(&a);
    wg_manifold_free(&b);
    wg_distances_destroy(distances);
    return answer;
}

/* `count` points on a line, one apart, from `start` on. */
static void line(float *points, size_t count, float start)
{
    for (size_t i = 0; i < count * SIZE; i++)
        points[i] = i % SIZE == 0 ? start + (float)(i / SIZE) : (float)(i % SIZE);
}

/* ---- against plain loops ---- */

static double squared(size_t size, const float *a, const float *b)
{
    double sum = 0;
    for (size_t k = 0; k < size; k++)
        sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
    return sum;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Squared distances to the k-th neighbours, to be freed. */
static double *plain_radii(size_t size, const float *points, size_t count, int k)
{
    double *radii = malloc(count * sizeof *radii), *all = malloc(count * sizeof *all);
    ck_assert(radii && all);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++)
            all[j] = i == j ? INFINITY : squared(size, points + i * size, points + j * size);
        qsort(all, count, sizeof *all, compare);
        radii[i] = all[k - 1];
    }
    free(all);
    return radii;
}

/* The share of points within the balls, these larger by `more`. */
static double plain_share(size_t size, const float *balls, const double *radii, size_t ball_count,
                          const float *points, size_t count, double more)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        bool inside = false;
        for (size_t j = 0; j < ball_count && !inside; j++)
            inside = squared(size, points + i * size, balls + j * size) <= radii[j] + more;
        found += inside;
    }
    return (double)found / (double)count;
}

enum { LARGE = 128, REAL = 1100, GENERATED = 1300 };

/* Two clouds in part over one another; more points than a tile has. */
static void clouds(float *real, float *generated)
{
    test_fill(real, (size_t)REAL * LARGE, 1);
    test_fill(generated, (size_t)GENERATED * LARGE, 2);
    for (size_t i = 0; i < (size_t)GENERATED * LARGE; i++)
        generated[i] = generated[i] * (i / LARGE % 2 ? 0.9f : 1.1f) + 0.05f;
}

/* |a|^2 and |b|^2 are below 128 * 1.15^2; the product of 128 terms and the differences. */
static const double distance_error = (LARGE + 4) * 0x1p-24 * 2 * LARGE * 1.15 * 1.15;

START_TEST(radii_are_those_of_plain_loops)
{
    static float real[REAL * LARGE], generated[GENERATED * LARGE];
    struct wg_distances *distances;
    struct wg_manifold manifold;
    clouds(real, generated);
    double *expected = plain_radii(LARGE, real, REAL, K);
    ck_assert(wg_distances_create(test_device(), LARGE, &distances));
    ck_assert(wg_manifold_create(distances, real, REAL, K, &manifold));
    for (int i = 0; i < REAL; i++)
        ck_assert_double_eq_tol(manifold.radii[i], expected[i], distance_error);
    wg_manifold_free(&manifold);
    wg_distances_destroy(distances);
    free(expected);
}
END_TEST

START_TEST(shares_are_those_of_plain_loops)
{
    static float real[REAL * LARGE], generated[GENERATED * LARGE];
    clouds(real, generated);
    double *a = plain_radii(LARGE, real, REAL, K);
    double *b = plain_radii(LARGE, generated, GENERATED, K);
    struct answer got = ask(LARGE, real, REAL, generated, GENERATED, K);
    double precision[2], recall[2];
    for (int i = 0; i < 2; i++) {
        double more = (i ? 2 : -2) * distance_error; // that of the distance and of the radius
        precision[i] = plain_share(LARGE, real, a, REAL, generated, GENERATED, more);
        recall[i] = plain_share(LARGE, generated, b, GENERATED, real, REAL, more);
    }
    ck_assert_double_ge(got.precision, precision[0]);
    ck_assert_double_le(got.precision, precision[1]);
    ck_assert_double_ge(got.recall, recall[0]);
    ck_assert_double_le(got.recall, recall[1]);
    // The clouds are such that all of this means something.
    ck_assert_double_gt(precision[0], 0.1);
    ck_assert_double_lt(precision[1], 0.9);
    ck_assert_double_lt(precision[1] - precision[0], 0.01);
    free(a);
    free(b);
}
END_TEST

/* ---- by hand ---- */

START_TEST(identical_sets_cover_each_other)
{
    enum { COUNT = 100 };
    float points[COUNT * SIZE];
    line(points, COUNT, 0);
    struct answer same = ask(SIZE, points, COUNT, points, COUNT, K);
    ck_assert_double_eq(same.precision, 1);
    ck_assert_double_eq(same.recall, 1);
}
END_TEST

START_TEST(distant_sets_cover_nothing)
{
    enum { COUNT = 100 };
    float here[COUNT * SIZE], there[COUNT * SIZE];
    line(here, COUNT, 0);
    line(there, COUNT, 500);
    struct answer none = ask(SIZE, here, COUNT, there, COUNT, K);
    ck_assert_double_eq(none.precision, 0);
    ck_assert_double_eq(none.recall, 0);
}
END_TEST

/* Half of the generated points are the first half of the real ones, the others far off. The ball
 * of the last of them reaches k real points further. */
START_TEST(half_an_overlap)
{
    enum { COUNT = 100 };
    float real[COUNT * SIZE], generated[COUNT * SIZE];
    line(real, COUNT, 0);
    line(generated, COUNT / 2, 0);
    line(generated + COUNT / 2 * SIZE, COUNT / 2, 1000);
    struct answer half = ask(SIZE, real, COUNT, generated, COUNT, K);
    ck_assert_double_eq(half.precision, 0.5);
    ck_assert_double_eq(half.recall, (double)(COUNT / 2 + K) / COUNT);
}
END_TEST

/* Realistic images of one kind only: all within the real ones, which they leave uncovered. */
START_TEST(few_modes_have_precision_without_recall)
{
    enum { COUNT = 100 };
    float real[COUNT * SIZE], generated[COUNT * SIZE];
    line(real, COUNT, 0);
    for (size_t i = 0; i < COUNT; i++)
        line(generated + i * SIZE, 1, 50);
    struct answer few = ask(SIZE, real, COUNT, generated, COUNT, K);
    ck_assert_double_eq(few.precision, 1);
    ck_assert_double_eq(few.recall, 1.0 / COUNT);
}
END_TEST

/* A point amid four at distance 1: all of its first four neighbours tie. A ball includes its
 * boundary. */
START_TEST(ties_are_inside)
{
    const float real[] = {0, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, -1, 0, 0};
    const float generated[] = {0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 9, 0};
    for (int k = 1; k <= 3; k++) {
        struct wg_distances *distances;
        struct wg_manifold manifold;
        ck_assert(wg_distances_create(test_device(), SIZE, &distances));
        ck_assert(wg_manifold_create(distances, real, 5, k, &manifold));
        ck_assert_float_eq(manifold.radii[0], 1);
        ck_assert_float_eq(manifold.radii[1], k == 1 ? 1 : 2);
        wg_manifold_free(&manifold);
        wg_distances_destroy(distances);
    }
    // (0, 0, 1) is 1 from the middle and sqrt 2 from the others, (0, 0, 2) sqrt 5 from those.
    ck_assert_double_eq(ask(SIZE, real, 5, generated, 4, 1).precision, 0.25);
    ck_assert_double_eq(ask(SIZE, real, 5, generated, 4, 3).precision, 0.25);
}
END_TEST

START_TEST(k_must_be_below_the_number_of_points)
{
    float points[4 * SIZE];
    struct wg_distances *distances;
    struct wg_manifold manifold = {0};
    line(points, 4, 0);
    ck_assert(wg_distances_create(test_device(), SIZE, &distances));
    static const int wrong[] = {0, -1, 4, WG_NEIGHBOURS_MAX + 1};
    for (size_t i = 0; i < countof(wrong); i++) {
        ck_assert(!wg_manifold_create(distances, points, 4, wrong[i], &manifold));
        check_error(WG_ERROR_ARGUMENT, "k is");
        ck_assert_ptr_null(manifold.radii);
    }
    wg_distances_destroy(distances);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        radii_are_those_of_plain_loops,
        shares_are_those_of_plain_loops,
        identical_sets_cover_each_other,
        distant_sets_cover_nothing,
        half_an_overlap,
        few_modes_have_precision_without_recall,
        ties_are_inside,
        k_must_be_below_the_number_of_points,
    };
    return run_tests("neighbours", tests, countof(tests));
}
