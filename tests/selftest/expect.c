/*
 * What is expected of a node, by hand, and how errors are judged. That the formulas themselves are
 * right is seen where the ops are tested against them.
 */
#include "host/gan/trainer.h"
#include "host/selftest/case.h"
#include "tests/testlib.h"

#include <math.h>

/* y = -1.5 + 0.25, 2 + 0.5 through a leaky ReLU of slope 0.5: -0.625 and 2.5 */
START_TEST(a_bias_by_hand)
{
    const float x[] = {-1.5f, 2.0f}, b[] = {0.25f, 0.5f}, right[] = {-0.625f, 2.5f};
    const float next = nextafterf(2.5f, 3.0f); // 2^-22 more, of 12 * 2^-24 * (2 + 0.5) allowed
    struct wg_graph *g = wg_graph_create();
    struct wg_expectation expected;
    size_t element = 7;
    struct wg_node *y =
        wg_bias(g, wg_variable(g, "x", WG_F32, wg_shape(1, 2)),
                wg_variable(g, "b", WG_F32, wg_shape(2)), WG_ACTIVATION_LEAKY_RELU, 0.5f);
    ck_assert(wg_graph_ok(g));
    ck_assert(wg_expect(y, NULL, (const void *const[]){x, b}, &expected));
    ck_assert_int_eq(expected.count, 1);
    const struct wg_expected *only = &expected.outputs[0];
    ck_assert_ptr_eq(only->node, y);
    ck_assert_uint_eq(only->count, 2);
    ck_assert(only->value[0] == -0.625 && only->value[1] == 2.5);
    ck_assert(wg_expected_error(only, right, &element) == 0 && element == 0);
    double error = wg_expected_error(only, (const float[]){-0.625f, next}, &element);
    ck_assert_double_eq_tol(error, 0x1p-22 / (12 * 0x1p-24 * 2.5), 1e-9);
    ck_assert_uint_eq(element, 1);
    ck_assert(error < 1);
    wg_expectation_finish(&expected);
    wg_graph_destroy(g);
}
END_TEST

/* What a driver may leave instead of a result. */
START_TEST(nans_infinities_and_zeros_are_errors)
{
    const float x[] = {1.0f, 2.0f};
    struct wg_graph *g = wg_graph_create();
    struct wg_expectation expected;
    size_t element;
    struct wg_node *v = wg_variable(g, "x", WG_F32, wg_shape(2));
    ck_assert(wg_expect(wg_add(g, v, v), NULL, (const void *const[]){x, x}, &expected));
    const struct wg_expected *sum = &expected.outputs[0];
    ck_assert(wg_expected_error(sum, (const float[]){2, 4}, &element) == 0);
    ck_assert(isinf(wg_expected_error(sum, (const float[]){2, NAN}, &element)) && element == 1);
    ck_assert(isinf(wg_expected_error(sum, (const float[]){NAN, 4}, &element)) && element == 0);
    ck_assert(isinf(wg_expected_error(sum, (const float[]){INFINITY, 4}, &element)));
    ck_assert_double_gt(wg_expected_error(sum, (const float[]){0, 0}, &element), 1e6);
    wg_expectation_finish(&expected);
    wg_graph_destroy(g);
}
END_TEST

/* Where nothing is rounded, nothing may differ. */
START_TEST(copies_are_exact)
{
    const float x[] = {1, 2, 3, 4};
    struct wg_graph *g = wg_graph_create();
    struct wg_expectation expected;
    size_t element;
    struct wg_node *v = wg_variable(g, "x", WG_F32, wg_shape(2, 2));
    ck_assert(wg_expect(wg_slice(g, v, 1), NULL, (const void *const[]){x}, &expected));
    ck_assert(wg_expected_error(&expected.outputs[0], (const float[]){3, 4}, &element) == 0);
    ck_assert(isinf(
        wg_expected_error(&expected.outputs[0], (const float[]){3, nextafterf(4, 5)}, &element)));
    wg_expectation_finish(&expected);
    wg_graph_destroy(g);
}
END_TEST

/* An update writes two tensors, and both are looked at. */
START_TEST(an_update_is_expected_in_weight_and_accumulator)
{
    const float w[] = {10}, v[] = {0}, gradient[] = {10};
    struct wg_graph *g = wg_graph_create();
    struct wg_expectation expected;
    struct wg_node *in[] = {wg_variable(g, "w", WG_F32, wg_shape(1)),
                            wg_variable(g, "v", WG_F32, wg_shape(1)),
                            wg_variable(g, "g", WG_F32, wg_shape(1))};
    struct wg_node *update =
        wg_rmsprop(g, 1, &in[0], &in[1], &in[2], &(struct wg_update){0.1f, 0.9f, 1e-7f, 0});
    ck_assert(wg_expect(update, NULL, (const void *const[]){w, v, gradient}, &expected));
    ck_assert_int_eq(expected.count, 2);
    ck_assert_ptr_eq(expected.outputs[0].node, in[0]);
    ck_assert_ptr_eq(expected.outputs[1].node, in[1]);
    ck_assert_double_eq_tol(expected.outputs[0].value[0], 9.683772, 1e-5);
    ck_assert_double_eq_tol(expected.outputs[1].value[0], 10.0, 1e-5);
    wg_expectation_finish(&expected);
    wg_graph_destroy(g);
}
END_TEST

/* So close to zero that rounding decides on the sign, both branches of the ReLU are right. */
START_TEST(a_gradient_at_the_kink_may_go_either_way)
{
    const float x[] = {1, 3, 2, 7}, moments[] = {2, 5, 1, 4}, gamma[] = {1, 1}, beta[] = {0, 0};
    const float dy[] = {8, 8, 8, 8}, sums[] = {0, 0, 0, 0};
    const void *const in[] = {x, moments, gamma, beta, dy, sums};
    struct wg_graph *g = wg_graph_create();
    struct wg_expectation expected;
    struct wg_node *v = wg_variable(g, "x", WG_F32, wg_shape(2, 2)), *dx;
    struct wg_node *rest[] = {wg_variable(g, "m", WG_F32, wg_shape(2, 2)),
                              wg_variable(g, "gamma", WG_F32, wg_shape(2)),
                              wg_variable(g, "beta", WG_F32, wg_shape(2))};
    struct wg_node *y =
        wg_batch_norm(g, v, rest[0], rest[1], rest[2], 1e-3f, true, WG_ACTIVATION_LEAKY_RELU, 0.0f);
    dx = y->op->gradient(g, y, wg_variable(g, "dy", WG_F32, wg_shape(2, 2)), 0);
    ck_assert(wg_graph_ok(g));
    ck_assert(wg_expect(dx, NULL, in, &expected));
    // x = 2 is the mean of its column, so y is 0 there: 0 or 8 / sqrt(1.001)
    ck_assert_double_eq_tol(expected.outputs[0].allowed[2], 8 / sqrt(1.001), 1e-3);
    ck_assert_double_lt(expected.outputs[0].allowed[3], 1e-3);
    wg_expectation_finish(&expected);
    wg_graph_destroy(g);
}
END_TEST

/* A case holds a node alone: its inputs are variables, one that comes twice is one. */
START_TEST(a_case_is_a_node_alone)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(3, 5));
    struct wg_node *sum = wg_sum_rows(g, wg_add(g, x, x));
    struct wg_case twice, rows, again;
    ck_assert(wg_case_create(sum->in[0], &twice));
    ck_assert_ptr_eq(twice.node->in[0], twice.node->in[1]);
    ck_assert(wg_case_create(sum, &rows) && wg_case_create(sum, &again));
    ck_assert_ptr_null(rows.node->in[0]->op);
    ck_assert_int_eq(wg_graph_count(rows.graph), 2);
    ck_assert(wg_case_equal(&rows, &again) && !wg_case_equal(&rows, &twice));

    struct wg_deviation deviation;
    ck_assert(wg_case_prepare(&rows, NULL));
    ck_assert(wg_case_run(&rows, test_device(), "ref", &deviation));
    ck_assert_double_le(deviation.error, 1);
    *(float *)rows.values[0] += 1.0f; // the device now computes something else
    ck_assert(wg_case_run(&rows, test_device(), "ref", &deviation));
    ck_assert_double_gt(deviation.error, 1e4);
    wg_case_finish(&twice);
    wg_case_finish(&rows);
    wg_case_finish(&again);
    wg_graph_destroy(g);
}
END_TEST

/*
 * Bounds are no use if they are wide: of every tensor that a training's nodes write, half of the
 * elements or more would be noticed to be off by a thousandth, wherever in its bounds the device
 * is.
 */
static bool check_bounds(void *user, const struct wg_task *task, int runs)
{
    struct wg_case c;
    (void)runs;
    ck_assert(wg_case_create(task->node, &c));
    ck_assert_msg(wg_case_prepare(&c, task->implementation), "%s", wg_error_message());
    for (int i = 0; i < c.expectation.count; i++) {
        const struct wg_expected *expected = &c.expectation.outputs[i];
        size_t noticed = 0, looked_at = 0;
        for (size_t k = 0; k < expected->count; k++) {
            looked_at += expected->value[k] != 0;
            noticed += 1e-3 * fabs(expected->value[k]) > 2 * expected->allowed[k];
        }
        ck_assert_msg(2 * noticed >= looked_at, "%s by %s: %zu of %zu", task->node->name,
                      task->implementation->name, noticed, looked_at);
        *(size_t *)user += looked_at > 0;
    }
    wg_case_finish(&c);
    return true;
}

START_TEST(an_error_of_a_thousandth_shows)
{
    static const struct wg_widths widths = {
        .noise = 20, .base = 12, .up1 = 16, .up2 = 32, .down1 = 32, .down2 = 32, .down3 = 16};
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_dataset dataset = {.count = 64, .height = 28, .width = 28};
    const struct wg_trainer_params params = {
        .settings = &settings, .dataset = &dataset, .widths = &widths};
    size_t tensors = 0;
    settings.batch = 3;
    ck_assert(wg_trainer_visit_tasks(test_device(), &params, check_bounds, &tensors));
    ck_assert_uint_gt(tensors, 50);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("expect");
    tcase_add_test(tests, a_bias_by_hand);
    tcase_add_test(tests, nans_infinities_and_zeros_are_errors);
    tcase_add_test(tests, copies_are_exact);
    tcase_add_test(tests, an_update_is_expected_in_weight_and_accumulator);
    tcase_add_test(tests, a_gradient_at_the_kink_may_go_either_way);
    tcase_add_test(tests, a_case_is_a_node_alone);
    tcase_add_test(tests, an_error_of_a_thousandth_shows);

    Suite *suite = suite_create("expect");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
