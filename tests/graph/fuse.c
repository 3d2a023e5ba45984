/*
 * Fusing: which biases disappear into a convolution, which must not, and that the numbers stay.
 */
#include "host/graph/fuse.h"

#include "host/graph/autodiff.h"
#include "host/graph/op.h"
#include "tests/ops/oplib.h"

#include <math.h>

static const struct wg_conv conv = {2, 6, 5, 3, 6, 5, 4, 4, 1, 1};

/* x, w, b of `conv`, and a second vector as long as b */
static void add_variables(struct rig *rig, struct wg_node *ret_in[4])
{
    ret_in[0] = rig_variable(rig, "x", wg_shape(conv.n, conv.h, conv.w, conv.c));
    ret_in[1] = rig_variable(rig, "w", wg_shape(conv.k, conv.k, conv.c, conv.oc));
    ret_in[2] = rig_variable(rig, "b", wg_shape(conv.oc));
    ret_in[3] = rig_variable(rig, "b2", wg_shape(conv.oc));
}

START_TEST(a_bias_after_a_convolution_becomes_its_third_input)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *y = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_LEAKY_RELU, 0.2f);
    wg_fuse(rig.graph, test_device());
    ck_assert_ptr_eq(y->op, &wg_op_conv2d);
    ck_assert_str_eq(y->name, "conv2d");
    ck_assert_int_eq(y->in_count, 3);
    ck_assert(y->in[0] == in[0] && y->in[1] == in[1] && y->in[2] == in[2]);
    ck_assert_uint_eq(y->attr.conv.oc, conv.oc);
    ck_assert_int_eq(y->attr.activation, WG_ACTIVATION_LEAKY_RELU);
    wg_fuse(rig.graph, test_device()); // nothing is left to do
    ck_assert_int_eq(y->in_count, 3);

    rig_run(&rig, NULL, &y, 1); // and the sum is not computed any more
    ck_assert_int_eq(rig.plan->schedules[0].count, 1);
    rig_finish(&rig);
}
END_TEST

START_TEST(a_transposed_convolution_takes_a_bias_too)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(conv.n, conv.oh, conv.ow, conv.oc));
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(conv.k, conv.k, conv.c, conv.oc));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(conv.c));
    struct wg_node *y =
        wg_bias(rig.graph, wg_conv2d_data(rig.graph, x, w, &conv), b, WG_ACTIVATION_TANH, 0.0f);
    wg_fuse(rig.graph, test_device());
    ck_assert_ptr_eq(y->op, &wg_op_conv2d_data);
    rig_finish(&rig);
}
END_TEST

START_TEST(what_somebody_else_reads_is_left_alone)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *y = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_NONE, 0.0f);
    wg_mean(rig.graph, sum, 1.0f); // the other reader
    wg_fuse(rig.graph, test_device());
    ck_assert_ptr_eq(y->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

/* The first of two biases is fused; the second would be a fourth input. */
START_TEST(a_convolution_carries_one_bias)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *first = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_TANH, 0.0f);
    struct wg_node *second = wg_bias(rig.graph, first, in[3], WG_ACTIVATION_NONE, 0.0f);
    wg_fuse(rig.graph, test_device());
    ck_assert_ptr_eq(first->op, &wg_op_conv2d);
    ck_assert_ptr_eq(second->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

START_TEST(other_biases_stay)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", wg_shape(3, 3));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(3));
    struct wg_node *product = wg_matmul(rig.graph, a, false, a, false);
    struct wg_node *y = wg_bias(rig.graph, product, b, WG_ACTIVATION_NONE, 0.0f);
    wg_fuse(rig.graph, test_device());
    ck_assert_ptr_eq(y->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

/* The values and all gradients of a layer, as [0] and fused [1]. */
static void run_layer(struct rig *rig, bool fuse, struct wg_node *ret_results[4])
{
    struct wg_node *in[4], *dx[3];
    rig_init(rig);
    add_variables(rig, in);
    struct wg_node *y = wg_bias(rig->graph, wg_conv2d(rig->graph, in[0], in[1], &conv), in[2],
                                WG_ACTIVATION_LEAKY_RELU, 0.2f);
    wg_gradient(rig->graph, wg_mean(rig->graph, y, 1.0f), in, 3, dx);
    if (fuse)
        wg_fuse(rig->graph, test_device());
    ret_results[0] = y;
    for (int i = 0; i < 3; i++)
        ret_results[1 + i] = dx[i];
    rig_run(rig, NULL, ret_results, 4);
}

/* Both forms add the same 48 products and a bias, of at most 1 each: 2 * 50 units of 49. */
START_TEST(results_stay_the_same_up_to_rounding)
{
    struct rig plain, fused;
    struct wg_node *results[4], *fused_results[4];
    run_layer(&plain, false, results);
    run_layer(&fused, true, fused_results);
    for (int i = 0; i < 4; i++) {
        const float *before = rig_result(&plain, results[i]);
        const float *after = rig_result(&fused, fused_results[i]);
        for (size_t k = 0; k < wg_shape_count(&results[i]->shape); k++)
            ck_assert_float_eq_tol(after[k], before[k], 100 * 49 * 0x1p-24f);
    }
    rig_finish(&plain);
    rig_finish(&fused);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fuse");
    tcase_add_test(tests, a_bias_after_a_convolution_becomes_its_third_input);
    tcase_add_test(tests, a_transposed_convolution_takes_a_bias_too);
    tcase_add_test(tests, what_somebody_else_reads_is_left_alone);
    tcase_add_test(tests, a_convolution_carries_one_bias);
    tcase_add_test(tests, other_biases_stay);
    tcase_add_test(tests, results_stay_the_same_up_to_rounding);

    Suite *suite = suite_create("fuse");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
