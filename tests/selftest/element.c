/*
 * Every element by the formula against the whole tensor by the reference's.
 */
#include "host/selftest/element.h"

#include "host/selftest/case.h"
#include "tests/testlib.h"

#include <math.h>

/* Odd sizes, so that no index can stand for another. */
static const struct wg_conv conv = {
    .n = 2, .h = 7, .w = 5, .c = 3, .oh = 4, .ow = 3, .oc = 2, .k = 4, .stride = 2, .pad = 1};

static void check(struct wg_node *node)
{
    struct wg_case c;
    const float *in[WG_INPUTS_MAX] = {0};
    ck_assert(wg_element_form(node));
    ck_assert_msg(wg_case_create(node, &c) && wg_case_prepare(&c, NULL), "%s", wg_error_message());
    for (int i = 0; i < c.node->in_count; i++)
        in[i] = c.values[i];
    const struct wg_expected *expected = &c.expectation.outputs[0];
    for (size_t i = 0; i < expected->count; i++) {
        double got = wg_element_result(c.node, in, i);
        ck_assert_msg(fabs(got - expected->value[i]) <= 1e-12 * (1 + fabs(got)),
                      "%s: element %zu is %.17g, expected %.17g", node->name, i, got,
                      expected->value[i]);
    }
    wg_case_finish(&c);
}

START_TEST(elements_are_those_of_the_reference)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(2, 7, 5, 3));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(4, 4, 3, 2));
    struct wg_node *y = wg_variable(g, "y", WG_F32, wg_shape(2, 4, 3, 2));
    check(wg_conv2d(g, x, w, &conv));
    check(wg_conv2d_data(g, y, w, &conv));
    check(wg_conv2d_filter(g, x, y, &conv));
    for (int t = 0; t < 4; t++) {
        char names[2][8] = {{'a', (char)('0' + t), 0}, {'b', (char)('0' + t), 0}};
        struct wg_node *a =
            wg_variable(g, names[0], WG_F32, t & 1 ? wg_shape(7, 4) : wg_shape(4, 7));
        struct wg_node *b =
            wg_variable(g, names[1], WG_F32, t & 2 ? wg_shape(5, 7) : wg_shape(7, 5));
        check(wg_matmul(g, a, t & 1, b, t & 2));
    }
    ck_assert(wg_graph_ok(g));
    wg_graph_destroy(g);
}
END_TEST

/* As the fusing pass leaves them. */
START_TEST(bias_and_activation_are_known)
{
    static const enum wg_activation activations[] = {WG_ACTIVATION_NONE, WG_ACTIVATION_LEAKY_RELU,
                                                     WG_ACTIVATION_TANH};
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(2, 7, 5, 3));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(4, 4, 3, 2));
    struct wg_node *b = wg_variable(g, "b", WG_F32, wg_shape(2));
    struct wg_node fused = *wg_conv2d(g, x, w, &conv);
    fused.in[2] = b;
    fused.in_count = 3;
    fused.attr.slope = 0.2f;
    for (int i = 0; i < 3; i++) {
        fused.attr.activation = activations[i];
        check(&fused);
    }
    wg_graph_destroy(g);
}
END_TEST

START_TEST(others_have_none)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(3, 4));
    ck_assert(!wg_element_form(wg_sum_rows(g, x)));
    ck_assert(!wg_element_form(wg_assign(g, x, x)));
    wg_graph_destroy(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("element");
    tcase_add_test(tests, elements_are_those_of_the_reference);
    tcase_add_test(tests, bias_and_activation_are_known);
    tcase_add_test(tests, others_have_none);
    Suite *suite = suite_create("element");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
