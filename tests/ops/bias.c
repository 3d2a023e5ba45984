/*
 * bias with each activation, and activation_gradient: forward, gradients, central differences, and
 * what activations do with zeros, infinities and NaNs.
 */
#include "host/graph/autodiff.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>

struct bias_case {
    size_t rows, c;
    enum wg_activation activation;
    float slope;
};

static const struct bias_case cases[] = {
    {1, 1, WG_ACTIVATION_TANH, 0.0f},         {33, 31, WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {5, 32, WG_ACTIVATION_NONE, 0.0f},        {13, 12, WG_ACTIVATION_TANH, 0.0f},
    {31, 33, WG_ACTIVATION_LEAKY_RELU, 0.0f},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* sum of r * activation(x + b) */
struct layer {
    const struct bias_case *c;
    double *r, *y;
};

static double layer_loss(void *context, double *const x[])
{
    const struct layer *l = context;
    const struct bias_case *c = l->c;
    ref_bias_act(c->rows, (int)c->c, x[0], x[1], (enum ref_act)c->activation, (double)c->slope,
                 l->y);
    return rig_dot(c->rows * c->c, l->y, l->r);
}

static void check_gradients(struct rig *rig, const struct bias_case *c, const struct layer *l,
                            struct wg_node *const dx[2])
{
    size_t count = c->rows * c->c;
    double *expected = rig_zeros(rig, count), *magnitude = rig_zeros(rig, count);
    double *sum = rig_zeros(rig, c->c), *sum_magnitude = rig_zeros(rig, c->c);
    ref_act_gradient(count, l->y, l->r, (enum ref_act)c->activation, (double)c->slope, expected);
    for (size_t i = 0; i < count; i++)
        magnitude[i] = fabs(l->r[i]);
    ref_sum_rows(c->rows, (int)c->c, expected, sum);
    ref_sum_rows(c->rows, (int)c->c, magnitude, sum_magnitude);
    // The output is off by 12 units of itself, so 1 - y^2 by 24, and three more roundings.
    rig_check(rig, dx[0], expected, magnitude, 27);
    rig_check(rig, dx[1], sum, sum_magnitude, 27 + (double)c->rows);
}

START_TEST(agrees_with_the_reference)
{
    const struct bias_case *c = &cases[_i];
    size_t count = c->rows * c->c;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[] = {rig_variable(&rig, "x", wg_shape(c->rows, c->c)),
                            rig_variable(&rig, "b", wg_shape(c->c)), NULL};
    struct wg_node *r = rig_variable(&rig, "r", in[0]->shape), *dx[2];
    struct wg_node *y = wg_bias(rig.graph, in[0], in[1], c->activation, c->slope);
    wg_gradient(rig.graph, rig_inner(&rig, y, r), in, 2, dx);
    rig_run(&rig, NULL, (struct wg_node *[]){y, dx[0], dx[1]}, 3);

    struct layer layer = {c, rig_doubles(&rig, r), rig_zeros(&rig, count)};
    double *const x[] = {rig_doubles(&rig, in[0]), rig_doubles(&rig, in[1])};
    layer_loss(&layer, x);
    rig_check_node(&rig, y);
    check_gradients(&rig, c, &layer, dx);
    rig_check_slope(&rig, in, dx, layer_loss, &layer, 27 + (double)c->rows);
    rig_finish(&rig);
}
END_TEST

/* Without an activation the gradient passes as it is: no node, no kernel. */
START_TEST(no_activation_has_no_gradient_of_its_own)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *y = rig_variable(&rig, "y", wg_shape(3, 2));
    struct wg_node *dy = rig_variable(&rig, "dy", wg_shape(3, 2));
    ck_assert_ptr_eq(wg_activation_gradient(rig.graph, y, dy, WG_ACTIVATION_NONE, 0.0f), dy);
    rig_finish(&rig);
}
END_TEST

/* Zero counts as left of the kink; a NaN stays one and infinities pass, so that they are seen. */
START_TEST(activations_at_special_values)
{
    const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f};
    enum { COUNT = sizeof special / sizeof special[0] };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(COUNT, 1));
    struct wg_node *dy = rig_variable(&rig, "dy", wg_shape(COUNT, 1));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(1));
    struct wg_node *targets[] = {
        wg_bias(rig.graph, x, b, WG_ACTIVATION_LEAKY_RELU, 0.25f),
        wg_bias(rig.graph, x, b, WG_ACTIVATION_TANH, 0.0f),
        wg_activation_gradient(rig.graph, x, dy, WG_ACTIVATION_LEAKY_RELU, 0.25f),
    };
    float *values = rig_values(&rig, x), *grads = rig_values(&rig, dy);
    for (int i = 0; i < COUNT; i++) {
        values[i] = special[i];
        grads[i] = 8.0f;
    }
    *(float *)rig_values(&rig, b) = 0.0f;
    rig_run(&rig, NULL, targets, 3);

    const float leaky_expected[] = {0, 0, INFINITY, -INFINITY, NAN, 1.0f, -0.25f};
    const float gradient_expected[] = {2, 2, 8, 2, 2, 8, 2};
    const float *leaky = rig_result(&rig, targets[0]), *tanhs = rig_result(&rig, targets[1]);
    const float *gradient = rig_result(&rig, targets[2]);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_msg(leaky[i] == leaky_expected[i] || (isnan(leaky[i]) && isnan(special[i])),
                      "leaky(%g) = %g", (double)special[i], (double)leaky[i]);
        ck_assert_msg(gradient[i] == gradient_expected[i], "leaky'(%g) = %g", (double)special[i],
                      (double)gradient[i] / 8);
    }
    // 5 ulp even at the ends
    ck_assert_float_eq_tol(tanhs[2], 1.0f, 6e-7f);
    ck_assert_float_eq_tol(tanhs[3], -1.0f, 6e-7f);
    ck_assert(isnan(tanhs[4]) && tanhs[0] == 0.0f);
    rig_finish(&rig);
}
END_TEST

START_TEST(wrong_shapes_are_refused_by_name)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(3, 4));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(3));
    rig_check_refused(&rig, wg_bias(rig.graph, x, b, WG_ACTIVATION_NONE, 0.0f), "bias");

    x = rig_variable(&rig, "x", wg_shape(3, 4));
    b = rig_variable(&rig, "b", wg_shape(4));
    rig_check_refused(&rig, wg_bias(rig.graph, x, b, WG_ACTIVATION_LEAKY_RELU, -0.1f), "bias");

    x = rig_variable(&rig, "x", wg_shape(3, 4));
    b = rig_variable(&rig, "b", wg_shape(4, 3));
    rig_check_refused(&rig, wg_activation_gradient(rig.graph, x, b, WG_ACTIVATION_TANH, 0.0f),
                      "activation_gradient");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("bias");
    tcase_add_loop_test(tests, agrees_with_the_reference, 0, CASES);
    tcase_add_test(tests, no_activation_has_no_gradient_of_its_own);
    tcase_add_test(tests, activations_at_special_values);
    tcase_add_test(tests, wrong_shapes_are_refused_by_name);

    Suite *suite = suite_create("bias");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
