/*
 * sum_rows against the reference, where rows fill chunks and where one is left over, and as the
 * adjoint of adding a vector to every row.
 */
#include "host/graph/autodiff.h"
#include "host/graph/ops/rows.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>

static const struct {
    size_t rows, c, chunks, groups;
} cases[] = {
    {1, 1, 1, 1},       {31, 33, 1, 1},     {1024, 8, 1, 1},      {1025, 13, 2, 1},
    {65, 512, 3, 1},    {33, 1031, 2, 1},   {4099, 1, 5, 1},      {33793, 1, 34, 1},
    {1024, 256, 32, 1}, {1025, 256, 33, 1}, {524289, 1, 513, 23},
};
enum { CASES = sizeof cases / sizeof cases[0] };

START_TEST(agrees_with_the_reference)
{
    size_t rows = cases[_i].rows, c = cases[_i].c;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(rows, c));
    struct wg_node *y = wg_sum_rows(rig.graph, x);
    struct wg_row_split split = wg_row_split(&x->shape, NULL);
    ck_assert_uint_eq(split.chunks, cases[_i].chunks);
    ck_assert_uint_eq(split.groups, cases[_i].groups);
    rig_run(&rig, NULL, &y, 1);
    rig_check_node(&rig, y);
    rig_finish(&rig);
}
END_TEST

/* <sum_rows(x), b> = <x, 0 + b> */
START_TEST(is_the_adjoint_of_bias)
{
    enum { ROWS = 67, C = 31 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(ROWS, C));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(C));
    struct wg_node *zero = rig_variable(&rig, "zero", wg_shape(ROWS, C));
    struct wg_node *sum = wg_sum_rows(rig.graph, x);
    struct wg_node *rows = wg_bias(rig.graph, zero, b, WG_ACTIVATION_NONE, 0.0f);
    for (int i = 0; i < ROWS * C; i++)
        ((float *)rig_values(&rig, zero))[i] = 0.0f;
    rig_run(&rig, NULL, (struct wg_node *[]){sum, rows}, 2);

    double *magnitude = rig_zeros(&rig, C);
    ref_sum_rows(ROWS, C, rig_magnitudes(&rig, x), magnitude);
    ck_assert_double_eq_tol(rig_dot(C, rig_wide(&rig, sum), rig_doubles(&rig, b)),
                            rig_dot(ROWS * C, rig_doubles(&rig, x), rig_wide(&rig, rows)),
                            (ROWS + 2) * 0x1p-24 * rig_dot(C, magnitude, rig_magnitudes(&rig, b)));
    rig_finish(&rig);
}
END_TEST

/* Rank 4 counts as rows of its last dimension. */
START_TEST(sums_images_over_all_pixels)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, 3, 5, 2));
    struct wg_node *y = wg_sum_rows(rig.graph, x);
    for (int i = 0; i < 60; i++)
        ((float *)rig_values(&rig, x))[i] = (float)i;
    rig_run(&rig, NULL, &y, 1);
    const float *sum = rig_result(&rig, y);
    ck_assert_float_eq(sum[0], 870.0f); // 0 + 2 + ... + 58
    ck_assert_float_eq(sum[1], 900.0f); // 1 + 3 + ... + 59
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    struct wg_node *dx;
    rig_init(&rig);
    rig_check_refused(&rig, wg_sum_rows(rig.graph, NULL), "sum_rows");

    struct wg_node *x = rig_variable(&rig, "x", wg_shape(7, 1));
    wg_gradient(rig.graph, wg_sum_rows(rig.graph, x), &x, 1, &dx);
    rig_check_refused(&rig, dx, "sum_rows"); // has no gradient
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sum_rows");
    tcase_add_loop_test(tests, agrees_with_the_reference, 0, CASES);
    tcase_add_test(tests, is_the_adjoint_of_bias);
    tcase_add_test(tests, sums_images_over_all_pixels);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("sum_rows");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
