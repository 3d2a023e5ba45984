/*
 * The three convolution forms by every implementation, at the smallest shapes that take each path
 * of the kernels: for a simulated device, on which the shapes of tests/ops/conv2d.c take minutes.
 */
#include "tests/ops/oplib.h"

#include <math.h>

static const struct wg_conv cases[] = {
    // {n, h, w, c, oh, ow, oc, k, stride, pad}
    {1, 4, 6, 8, 2, 3, 16, 4, 2, 1}, // winograd
    {1, 4, 4, 3, 2, 2, 5, 4, 2, 1},  // stride 2, no whole vector
    {2, 3, 4, 9, 3, 4, 18, 4, 1, 1}, // asymmetric padding; whole vectors and a rest
    {3, 4, 4, 1, 2, 2, 4, 4, 2, 1},  // from one channel: through a table
    {2, 3, 4, 1, 3, 4, 8, 4, 1, 1},  // and to whole vectors: thin
    {1, 4, 4, 4, 4, 4, 16, 2, 1, 0}, // fits the tiles of a matrix product
    {1, 4, 5, 2, 2, 2, 3, 1, 2, 0},  // pixels that no tap sees
};
enum { CASES = sizeof cases / sizeof cases[0] };

static int implementations_seen;

static void check_same(struct rig *rig, const struct wg_node *node, const float *by_ref)
{
    const float *got = rig_result(rig, node);
    for (size_t i = 0; i < wg_shape_count(&node->shape); i++)
        // Inputs are at most 1, sums have 288 terms at most: see tests/ops/conv2d.c for the bound.
        ck_assert_msg(fabsf(got[i] - by_ref[i]) <= 25 * 2 * 300 * 300 * 0x1p-24f,
                      "%s by %s: [%zu] is %g, by ref %g", node->name, rig_implementation(rig, node),
                      i, (double)got[i], (double)by_ref[i]);
}

START_TEST(every_implementation_does_as_ref)
{
    const struct wg_conv *v = &cases[_i];
    const struct wg_implementation *list = wg_op_conv2d.implementations;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(v->n, v->h, v->w, v->c));
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    struct wg_node *y = rig_variable(&rig, "y", wg_shape(v->n, v->oh, v->ow, v->oc));
    struct wg_node *forms[3] = {wg_conv2d(rig.graph, x, w, v), wg_conv2d_data(rig.graph, y, w, v),
                                wg_conv2d_filter(rig.graph, x, y, v)};
    float *by_ref[3];
    rig_run(&rig, "ref", forms, 3);
    for (int f = 0; f < 3; f++)
        by_ref[f] = rig_result(&rig, forms[f]);
    for (int i = 0; i < WG_IMPLEMENTATIONS_MAX && list[i].name; i++)
        for (int f = 0; f < 3; f++) {
            if (!rig_suits(forms[f], list[i].name))
                continue;
            rig_run(&rig, list[i].name, &forms[f], 1);
            check_same(&rig, forms[f], by_ref[f]);
            implementations_seen |= 1 << i;
        }
    rig_finish(&rig);
}
END_TEST

START_TEST(no_implementation_was_left_out)
{
    const struct wg_implementation *list = wg_op_conv2d.implementations;
    for (int i = 0; i < WG_IMPLEMENTATIONS_MAX && list[i].name; i++)
        ck_assert_msg(implementations_seen & 1 << i, "no shape suits %s", list[i].name);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("convolutions");
    tcase_add_loop_test(tests, every_implementation_does_as_ref, 0, CASES);
    tcase_add_test(tests, no_implementation_was_left_out);

    Suite *suite = suite_create("convolutions");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
