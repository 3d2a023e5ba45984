/*
 * The three convolution forms by every implementation, at the smallest shapes that take each path
 * of the kernels: for a simulated device, on which the shapes of tests/ops/conv2d.c take minutes.
 */
#include "host/graph/choices.h"
#include "host/graph/ops/conv2d_tiled.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <string.h>

static const struct wg_conv cases[] = {
    // {n, h, w, c, oh, ow, oc, k, stride, pad}
    {1, 6, 6, 8, 3, 3, 16, 4, 2, 1}, // winograd
    {3, 3, 4, 8, 3, 4, 8, 2, 1, 0},  // and in more blocks, whose weights lie in memory
    {1, 4, 4, 3, 2, 2, 5, 4, 2, 1},  // stride 2, no whole vector
    {2, 3, 4, 9, 3, 4, 18, 4, 1, 1}, // asymmetric padding; whole vectors and a rest
    {3, 4, 4, 1, 2, 2, 4, 4, 2, 1},  // from one channel: through a table
    {2, 3, 4, 1, 3, 4, 8, 4, 1, 1},  // and to whole vectors: thin
    {1, 4, 4, 4, 4, 4, 16, 2, 1, 0}, // fits the tiles of a matrix product
    {1, 4, 5, 2, 2, 2, 3, 1, 2, 0},  // pixels that no tap sees
    {5, 7, 4, 4, 7, 4, 4, 2, 1, 0},  // winograd of GPUs: two chunks, elements that tiles have not
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* The least that tensor cores are for. */
static const struct wg_conv tensor_case = {2, 4, 8, 32, 4, 8, 32, 2, 1, 0};

static int implementations_seen;

/* CLBlast's kernels for GPUs fail on Oclgrind 21.10 (status -2046); they are not ours to check. */
static bool is_checked(const struct wg_node *node, const char *name)
{
    bool is_cpu = wg_device_is_cpu(test_device());
    return rig_suits(node, name) && (is_cpu || strcmp(name, "gemm") != 0);
}

static void check_same(struct rig *rig, const struct wg_node *node, const float *by_ref)
{
    const float *got = rig_result(rig, node);
    for (size_t i = 0; i < wg_shape_count(&node->shape); i++)
        // Inputs are at most 1, sums have 288 terms at most: see tests/ops/conv2d.c for the bound.
        ck_assert_msg(fabsf(got[i] - by_ref[i]) <= 25 * 2 * 300 * 300 * 0x1p-24f,
                      "%s by %s: [%zu] is %g, by ref %g", node->name, rig_implementation(rig, node),
                      i, (double)got[i], (double)by_ref[i]);
}

/* The three forms of a geometry, and what they are by "ref". */
static void run_ref(struct rig *rig, const struct wg_conv *v, struct wg_node *forms[3],
                    float *by_ref[3])
{
    struct wg_node *x = rig_variable(rig, "x", wg_shape(v->n, v->h, v->w, v->c));
    struct wg_node *w = rig_variable(rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    struct wg_node *y = rig_variable(rig, "y", wg_shape(v->n, v->oh, v->ow, v->oc));
    forms[0] = wg_conv2d(rig->graph, x, w, v);
    forms[1] = wg_conv2d_data(rig->graph, y, w, v);
    forms[2] = wg_conv2d_filter(rig->graph, x, y, v);
    rig_run(rig, "ref", forms, 3);
    for (int f = 0; f < 3; f++)
        by_ref[f] = rig_result(rig, forms[f]);
}

START_TEST(every_implementation_does_as_ref)
{
    const struct wg_conv *v = &cases[_i];
    const struct wg_implementation *const *list = wg_op_conv2d.implementations;
    const int tile = _i == 0 ? 32 : 16;
    struct wg_node *forms[3];
    float *by_ref[3];
    struct rig rig;
    rig_init(&rig);
    run_ref(&rig, v, forms, by_ref);
    for (int i = 0; list[i]; i++)
        for (int f = 0; f < 3; f++) {
            // Of those for GPUs two tiles, the larger one once since it is slow, and two parts.
            // Winograd's for CPUs goes image by image.
            const int images = wg_knob_count(list[i]) > 3 && v->n > 4 ? 4 : 0;
            const int first = list[i] == &wg_conv2d_winograd ? 1 : tile;
            wg_choose(forms[f], test_device(), list[i]->name,
                      (const int[WG_KNOBS_MAX]){first, tile, _i % 2 + 1, images});
            if (!is_checked(forms[f], list[i]->name))
                continue;
            rig_run(&rig, list[i]->name, &forms[f], 1);
            check_same(&rig, forms[f], by_ref[f]);
            implementations_seen |= 1 << i;
        }
    rig_finish(&rig);
}
END_TEST

START_TEST(no_implementation_was_left_out)
{
    static const char *const of_cpus[] = {"winograd", "thin", "direct", "gemm", "ref", NULL};
    static const char *const of_gpus[] = {"tiled", "blocked", "winograd_tiled", "ref", NULL};
    const struct wg_implementation *const *list = wg_op_conv2d.implementations;
    const char *const *wanted = wg_device_is_cpu(test_device()) ? of_cpus : of_gpus;
    for (; *wanted; wanted++) {
        int i = 0;
        while (list[i] && strcmp(list[i]->name, *wanted) != 0)
            i++;
        ck_assert_msg(implementations_seen & 1 << i, "no shape suits %s", *wanted);
    }
}
END_TEST

/* Of two tiles of 3 x 3 a phase. */
START_TEST(moments_are_left_as_ref_makes_them)
{
    const struct wg_conv v = {1, 12, 6, 8, 6, 3, 8, 4, 2, 1};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *y = rig_variable(&rig, "y", wg_shape(v.n, v.oh, v.ow, v.oc));
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(v.k, v.k, v.c, v.oc));
    struct wg_node *u = wg_conv2d_data(rig.graph, y, w, &v), *m = wg_moments(rig.graph, u);
    u->moments = m; // as the fusing pass has it where a measurement does not say otherwise
    m->op = &wg_op_moments_left;
    rig_run(&rig, "ref", &m, 1);
    const float *by_ref = rig_result(&rig, m);
    if (wg_choose(u, test_device(), "winograd", (const int[WG_KNOBS_MAX]){1})) {
        rig_run(&rig, NULL, &m, 1);
        const float *got = rig_result(&rig, m);
        for (size_t i = 0; i < 2 * v.c; i++) // sums of 32 terms of at most 1, squared
            ck_assert_float_eq_tol(got[i], by_ref[i], 25 * 2 * 32 * 32 * 0x1p-24f);
    }
    ck_assert_int_eq(rig_suits(u, "winograd"), wg_device_is_cpu(test_device()));
    rig_finish(&rig);
}
END_TEST

/* Copies of some steps ahead of the one that is multiplied, and reads by all lanes of a warp. */
START_TEST(tensor_cores_do_as_ref)
{
    struct wg_node *forms[3];
    float *by_ref[3];
    struct rig rig;
    if (!wg_has_fast_tf32(test_device()))
        return; // the run with an emulated one is a test of its own
    rig_init(&rig);
    run_ref(&rig, &tensor_case, forms, by_ref);
    for (int f = 0; f < 3; f++) {
        ck_assert(
            wg_choose(forms[f], test_device(), "tensor", (const int[WG_KNOBS_MAX]){32, 32, 2}));
        rig_run(&rig, "tensor", &forms[f], 1);
        check_same(&rig, forms[f], by_ref[f]);
    }
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("convolutions");
    tcase_add_loop_test(tests, every_implementation_does_as_ref, 0, CASES);
    tcase_add_test(tests, no_implementation_was_left_out);

    TCase *moments = tcase_create("moments");
    tcase_add_test(moments, moments_are_left_as_ref_makes_them);

    TCase *tensor = tcase_create("tensor");
    tcase_add_test(tensor, tensor_cores_do_as_ref);

    Suite *suite = suite_create("convolutions");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, moments);
    suite_add_tcase(suite, tensor);
    return test_run(suite);
}
