/*
 * Gradients as graph: paths that meet, paths that end, gradients of gradients, and refusals. That
 * each op's own gradient is right is tested with the op.
 */
#include "host/graph/autodiff.h"

#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

/* y = x + (x + b) reaches x along two paths and b along one: dx = 2 r, db = sum of r. */
START_TEST(paths_that_meet_add_up)
{
    enum { ROWS = 5, C = 3 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[] = {rig_variable(&rig, "x", wg_shape(ROWS, C)),
                            rig_variable(&rig, "b", wg_shape(C))};
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(ROWS, C)), *dx[2];
    struct wg_node *y =
        wg_add(rig.graph, in[0], wg_bias(rig.graph, in[0], in[1], WG_ACTIVATION_NONE, 0.0f));
    wg_gradient(rig.graph, rig_inner(&rig, y, r), in, 2, dx);
    rig_run(&rig, NULL, dx, 2);
    const float *twice = rig_result(&rig, dx[0]), *upstream = rig_values(&rig, r);
    for (int i = 0; i < ROWS * C; i++)
        ck_assert_float_eq(twice[i], 2 * upstream[i]);
    double *expected = rig_zeros(&rig, C), *magnitude = rig_zeros(&rig, C);
    ref_sum_rows(ROWS, C, rig_doubles(&rig, r), expected);
    ref_sum_rows(ROWS, C, rig_magnitudes(&rig, r), magnitude);
    rig_check(&rig, dx[1], expected, magnitude, ROWS);
    rig_finish(&rig);
}
END_TEST

/* A node that is both inputs of another: of the sum of r * (x + x), 2 r. */
START_TEST(a_node_used_twice_gets_both_parts)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(7)), *dx;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(7));
    wg_gradient(rig.graph, rig_inner(&rig, wg_add(rig.graph, x, x), r), &x, 1, &dx);
    rig_run(&rig, NULL, &dx, 1);
    const float *twice = rig_result(&rig, dx), *upstream = rig_values(&rig, r);
    for (int i = 0; i < 7; i++)
        ck_assert_float_eq(twice[i], 2 * upstream[i]);
    rig_finish(&rig);
}
END_TEST

/* loss = sum of r * (A A): dA = r A^T + A^T r */
static double square_loss(void *context, double *const x[])
{
    enum { N = 5 };
    double c[N * N];
    const struct ref_product product = {.m = N, .n = N, .k = N};
    ref_matmul(&product, x[0], x[0], c);
    return rig_dot(N * N, c, context);
}

START_TEST(a_square_of_a_matrix_meets_central_differences)
{
    enum { N = 5 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[] = {rig_variable(&rig, "a", wg_shape(N, N)), NULL}, *dx;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(N, N));
    struct wg_node *square = wg_matmul(rig.graph, in[0], false, in[0], false);
    wg_gradient(rig.graph, rig_inner(&rig, square, r), in, 1, &dx);
    rig_run(&rig, NULL, &dx, 1);
    rig_check_slope(&rig, in, &dx, square_loss, rig_doubles(&rig, r), 2 * N + 2);
    rig_finish(&rig);
}
END_TEST

/* Only what leads from y to x is visited: an effect on x or a branch that needs no gradient, even
 * one that could give none, does not matter. */
START_TEST(branches_without_x_need_no_gradient)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_graph *g = rig.graph;
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(4, 3)), *dx;
    struct wg_node *other = rig_variable(&rig, "other", wg_shape(4, 3));
    struct wg_node *b = wg_sum_rows(g, other); // not differentiable
    wg_assign(g, x, other);
    struct wg_node *y = wg_mean(g, wg_bias(g, x, b, WG_ACTIVATION_NONE, 0.0f), 12.0f);
    wg_gradient(g, y, &x, 1, &dx);
    rig_run(&rig, NULL, &dx, 1);
    const float *gradient = rig_result(&rig, dx);
    for (int i = 0; i < 12; i++)
        ck_assert_float_eq_tol(gradient[i], 1.0f, 2e-7f);
    rig_finish(&rig);
}
END_TEST

/* The gradient of y to itself is one, also where y is a variable. */
START_TEST(gradient_of_a_scalar_to_itself_is_one)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *y = rig_variable(&rig, "y", wg_shape(1)), *dy;
    wg_gradient(rig.graph, y, &y, 1, &dy);
    rig_run(&rig, NULL, &dy, 1);
    ck_assert_float_eq(*rig_result(&rig, dy), 1.0f);
    rig_finish(&rig);
}
END_TEST

/*
 * A gradient inside a loss: with l = sum of r * conv2d(x, w) and dl/dx = conv2d_data(r, w), the
 * loss sum of s * dl/dx has the gradient conv2d_filter(s, r) to w.
 */
START_TEST(gradients_can_be_differentiated_again)
{
    const struct wg_conv v = {2, 5, 6, 3, 5, 6, 2, 4, 1, 1};
    const struct ref_conv conv = {2, 5, 6, 3, 5, 6, 2, 4, 1, 1};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(v.n, v.h, v.w, v.c)), *dx;
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(v.k, v.k, v.c, v.oc)), *dw;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(v.n, v.oh, v.ow, v.oc));
    struct wg_node *s = rig_variable(&rig, "s", x->shape);
    wg_gradient(rig.graph, rig_inner(&rig, wg_conv2d(rig.graph, x, w, &v), r), &x, 1, &dx);
    wg_gradient(rig.graph, rig_inner(&rig, dx, s), &w, 1, &dw);
    rig_run(&rig, NULL, &dw, 1);
    size_t count = wg_shape_count(&w->shape);
    double *expected = rig_zeros(&rig, count), *magnitude = rig_zeros(&rig, count);
    ref_conv2d_filter(&conv, rig_doubles(&rig, s), rig_doubles(&rig, r), expected);
    ref_conv2d_filter(&conv, rig_magnitudes(&rig, s), rig_magnitudes(&rig, r), magnitude);
    rig_check(&rig, dw, expected, magnitude, 2 * 5 * 6 + 1);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_reason)
{
    struct rig rig;
    struct wg_node *dx;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(4));
    wg_gradient(rig.graph, x, &x, 1, &dx); // not a scalar
    rig_check_refused(&rig, dx, "gradient");

    x = rig_variable(&rig, "x", wg_shape(4));
    struct wg_node *unused = rig_variable(&rig, "unused", wg_shape(4));
    wg_gradient(rig.graph, wg_mean(rig.graph, x, 1.0f), &unused, 1, &dx);
    rig_check_refused(&rig, dx, "unused"); // the loss does not depend on it

    x = rig_variable(&rig, "x", wg_shape(4));
    struct wg_node *y = wg_mean(rig.graph, x, 1.0f);
    struct wg_node *younger = rig_variable(&rig, "younger", wg_shape(4));
    wg_gradient(rig.graph, y, &younger, 1, &dx);
    rig_check_refused(&rig, dx, "gradient");

    x = rig_variable(&rig, "x", wg_shape(4));
    wg_gradient(rig.graph, NULL, &x, 1, &dx);
    rig_check_refused(&rig, dx, "gradient");

    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(2));
    y = wg_mean(rig.graph, wg_normal(rig.graph, clock, 1, 0, wg_shape(4)), 1.0f);
    wg_gradient(rig.graph, y, &clock, 1, &dx);
    rig_check_refused(&rig, dx, "normal"); // can't be differentiated
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("autodiff");
    tcase_add_test(tests, paths_that_meet_add_up);
    tcase_add_test(tests, a_node_used_twice_gets_both_parts);
    tcase_add_test(tests, a_square_of_a_matrix_meets_central_differences);
    tcase_add_test(tests, branches_without_x_need_no_gradient);
    tcase_add_test(tests, gradient_of_a_scalar_to_itself_is_one);
    tcase_add_test(tests, gradients_can_be_differentiated_again);
    tcase_add_test(tests, refusals_name_the_reason);

    Suite *suite = suite_create("autodiff");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
