/*
 * mean, broadcast, fill and add: forward, gradients, and by hand.
 */
#include "host/graph/autodiff.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>

static const size_t counts[] = {1, 31, 33, 1009};
enum { COUNTS = sizeof counts / sizeof counts[0] };

START_TEST(mean_agrees_with_the_reference)
{
    size_t count = counts[_i];
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(count)), *dx;
    struct wg_node *y = wg_mean(rig.graph, x, -3.0f);
    wg_gradient(rig.graph, y, &x, 1, &dx);
    rig_run(&rig, NULL, (struct wg_node *[]){y, dx}, 2);
    rig_check_node(&rig, y);

    ck_assert(dx->op->is_constant);
    const float *gradient = rig_result(&rig, dx);
    for (size_t i = 0; i < count; i++)
        ck_assert_float_eq(gradient[i], -3.0f / (float)count);
    rig_finish(&rig);
}
END_TEST

/* <mean(x), s> = <x, broadcast(s) / count>: one is the other's adjoint. */
START_TEST(broadcast_is_the_adjoint_of_mean)
{
    enum { COUNT = 131 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(COUNT));
    struct wg_node *s = rig_variable(&rig, "s", wg_shape(1));
    struct wg_node *mean = wg_mean(rig.graph, x, 2.0f);
    struct wg_node *all = wg_broadcast(rig.graph, s, 2.0f / COUNT, wg_shape(COUNT));
    rig_run(&rig, NULL, (struct wg_node *[]){mean, all}, 2);
    double magnitude = 2.0 * ref_mean(COUNT, rig_magnitudes(&rig, x)) * rig_magnitudes(&rig, s)[0];
    ck_assert_double_eq_tol(rig_wide(&rig, mean)[0] * rig_doubles(&rig, s)[0],
                            rig_dot(COUNT, rig_doubles(&rig, x), rig_wide(&rig, all)),
                            10 * 0x1p-24 * magnitude);
    rig_finish(&rig);
}
END_TEST

/* A plain float sum of these is 1: each ten-millionth is below half an ulp of what is there. */
START_TEST(mean_loses_no_small_terms)
{
    enum { COUNT = 1001 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(COUNT));
    struct wg_node *y = wg_mean(rig.graph, x, (float)COUNT);
    float *values = rig_values(&rig, x);
    for (int i = 0; i < COUNT; i++)
        values[i] = i == 0 ? 1.0f : 2e-8f;
    rig_run(&rig, NULL, &y, 1);
    ck_assert_float_eq_tol(*rig_result(&rig, y), 1.00002f, 6e-7f);
    rig_finish(&rig);
}
END_TEST

START_TEST(fill_broadcast_and_add_by_hand)
{
    size_t count = counts[_i];
    struct rig rig;
    rig_init(&rig);
    struct wg_node *one = rig_variable(&rig, "one", wg_shape(1));
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(count));
    struct wg_node *fill = wg_fill(rig.graph, 0.375f, wg_shape(count));
    struct wg_node *all = wg_broadcast(rig.graph, one, -0.5f, wg_shape(count, 1));
    struct wg_node *sum = wg_add(rig.graph, x, fill);
    *(float *)rig_values(&rig, one) = 5.0f;
    rig_run(&rig, NULL, (struct wg_node *[]){fill, all, sum}, 3);
    const float *values = rig_values(&rig, x);
    const float *filled = rig_result(&rig, fill), *cast = rig_result(&rig, all);
    const float *sums = rig_result(&rig, sum);
    for (size_t i = 0; i < count; i++) {
        ck_assert_float_eq(filled[i], 0.375f);
        ck_assert_float_eq(cast[i], -2.5f);
        ck_assert_float_eq(sums[i], values[i] + 0.375f);
    }
    rig_finish(&rig);
}
END_TEST

START_TEST(add_passes_its_gradient_to_both)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[] = {rig_variable(&rig, "x1", wg_shape(4, 3)),
                            rig_variable(&rig, "x2", wg_shape(4, 3))};
    struct wg_node *dx[2];
    wg_gradient(rig.graph, wg_mean(rig.graph, wg_add(rig.graph, in[0], in[1]), 1.0f), in, 2, dx);
    ck_assert_ptr_nonnull(dx[0]);
    ck_assert_ptr_eq(dx[0], dx[1]);
    rig_run(&rig, NULL, dx, 1);
    ck_assert_float_eq_tol(rig_result(&rig, dx[0])[11], 1.0f / 12, 1e-8f);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    rig_init(&rig);
    rig_check_refused(&rig, wg_mean(rig.graph, NULL, 1.0f), "mean");
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2));
    rig_check_refused(&rig, wg_broadcast(rig.graph, x, 1.0f, wg_shape(4)), "broadcast");
    rig_check_refused(&rig, wg_fill(rig.graph, 1.0f, wg_shape(3, 0)), "fill");
    x = rig_variable(&rig, "x", wg_shape(2, 3));
    struct wg_node *turned = rig_variable(&rig, "turned", wg_shape(3, 2));
    rig_check_refused(&rig, wg_add(rig.graph, x, turned), "add");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("mean");
    tcase_add_loop_test(tests, mean_agrees_with_the_reference, 0, COUNTS);
    tcase_add_test(tests, broadcast_is_the_adjoint_of_mean);
    tcase_add_test(tests, mean_loses_no_small_terms);
    tcase_add_loop_test(tests, fill_broadcast_and_add_by_hand, 0, COUNTS);
    tcase_add_test(tests, add_passes_its_gradient_to_both);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("mean");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
