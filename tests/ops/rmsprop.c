/*
 * rmsprop and its clip, by hand-computed numbers and against the reference.
 */
#include "tests/ops/oplib.h"

#include <math.h>
#include <stdio.h>

#define DECAY   0.9f
#define EPSILON 1e-7f

/* One weight, one update. */
static void update_one(float g, float rate, float *w, float *v)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *weight = rig_variable(&rig, "w", wg_shape(1));
    struct wg_node *accumulator = rig_variable(&rig, "v", wg_shape(1));
    struct wg_node *gradient = rig_variable(&rig, "g", wg_shape(1));
    *(float *)rig_values(&rig, weight) = *w;
    *(float *)rig_values(&rig, accumulator) = *v;
    *(float *)rig_values(&rig, gradient) = g;
    struct wg_node *update = wg_rmsprop(rig.graph, 1, &weight, &accumulator, &gradient,
                                        &(struct wg_update){rate, DECAY, EPSILON, 0});
    rig_run(&rig, NULL, &update, 1);
    *w = *rig_result(&rig, weight);
    *v = *rig_result(&rig, accumulator);
    rig_finish(&rig);
}

/*
 * w 10, rate 0.1, g 10:  v = 0.1 * 100 = 10,  w = 10 - 0.1 * 10 / sqrt(10) = 9.683772
 * then g -20:            v = 9 + 0.1 * 400 = 49,  w = 9.683772 + 2 / 7 = 9.969487
 */
START_TEST(two_updates_by_hand)
{
    float w = 10.0f, v = 0.0f;
    update_one(10.0f, 0.1f, &w, &v);
    ck_assert_float_eq_tol(v, 10.0f, 4e-6f);
    ck_assert_float_eq_tol(w, 9.683772f, 4e-6f);
    update_one(-20.0f, 0.1f, &w, &v);
    ck_assert_float_eq_tol(v, 49.0f, 2e-5f);
    ck_assert_float_eq_tol(w, 9.969487f, 4e-6f);
}
END_TEST

/* A gradient of 1e-5 tells where epsilon stands: inside the root the weight moves by
 * 1e-6 / sqrt(1e-11 + 1e-7) = 0.003162, outside it would by 1e-6 / (sqrt(1e-11) + 1e-7) = 0.307. */
START_TEST(epsilon_stands_inside_the_root)
{
    float w = 1.0f, v = 0.0f;
    update_one(1e-5f, 0.1f, &w, &v);
    ck_assert_float_eq_tol(v, 1e-11f, 1e-17f);
    ck_assert_float_eq_tol(w, 1.0f - 0.003162119f, 2e-7f);
}
END_TEST

START_TEST(no_gradient_decays_the_accumulator_only)
{
    float w = 0.3f, v = 2.0f;
    update_one(0.0f, 0.1f, &w, &v);
    ck_assert_float_eq(w, 0.3f);
    ck_assert_float_eq_tol(v, 1.8f, 3e-7f);
}
END_TEST

/* ---- several tensors at once ---- */

/* No element, and as many as fill vectors and blocks but for one: what a group must not miss. */
static const size_t counts[] = {1,  4096, 31,   4097, 3,   12345, 15, 16,
                                17, 8191, 2048, 1,    255, 2,     33, 1009};

enum { COUNTS = sizeof counts / sizeof counts[0] };
_Static_assert((int)COUNTS == (int)WG_UPDATE_MAX, "a node is tried with all it takes");

struct tensors {
    struct wg_node *w[COUNTS], *v[COUNTS], *g[COUNTS];
};

static struct wg_node *numbers(struct rig *rig, char kind, int tensor)
{
    char name[16];
    snprintf(name, sizeof name, "%c%d", kind, tensor);
    return rig_variable(rig, name, wg_shape(counts[tensor]));
}

/* The first `count` of them. */
static struct wg_node *update_all(struct rig *rig, int count, float bound, struct tensors *t)
{
    for (int i = 0; i < count; i++) {
        t->w[i] = numbers(rig, 'w', i);
        t->v[i] = numbers(rig, 'v', i);
        t->g[i] = numbers(rig, 'g', i);
        float *accumulators = rig_values(rig, t->v[i]);
        for (size_t k = 0; k < counts[i]; k++)
            accumulators[k] = fabsf(accumulators[k]);
    }
    return wg_rmsprop(rig->graph, count, t->w, t->v, t->g,
                      &(struct wg_update){5e-3f, DECAY, EPSILON, bound});
}

static const float bounds[] = {0, 0.125f};
static const char *const implementations[] = {"joined", "ref"};

/* _i: with and without a clip, for each number of tensors */
START_TEST(agrees_with_the_reference)
{
    for (int by = 0; by < 2; by++) {
        struct tensors t;
        struct rig rig;
        rig_init(&rig);
        struct wg_node *update = update_all(&rig, 1 + _i / 2, bounds[_i % 2], &t);
        rig_run(&rig, implementations[by], &update, 1);
        ck_assert_str_eq(rig_implementation(&rig, update), implementations[by]);
        rig_check_node(&rig, update);
        rig_finish(&rig);
    }
}
END_TEST

/* _i: with and without a clip. Nothing of a training depends on how its updates are launched. */
START_TEST(joined_gives_the_bits_of_the_plain_kernel)
{
    struct tensors t;
    struct rig rig;
    float *w[2][COUNTS], *v[2][COUNTS];
    rig_init(&rig);
    struct wg_node *update = update_all(&rig, COUNTS, bounds[_i], &t);
    for (int by = 0; by < 2; by++) {
        rig_run(&rig, implementations[by], &update, 1);
        ck_assert_int_eq(wg_exec_launch_count(rig.exec, 0), by ? COUNTS : 1);
        for (int i = 0; i < COUNTS; i++) {
            w[by][i] = rig_result(&rig, t.w[i]);
            v[by][i] = rig_result(&rig, t.v[i]);
        }
    }
    for (int i = 0; i < COUNTS; i++) {
        ck_assert_mem_eq(w[0][i], w[1][i], counts[i] * sizeof(float));
        ck_assert_mem_eq(v[0][i], v[1][i], counts[i] * sizeof(float));
    }
    rig_finish(&rig);
}
END_TEST

/* OpenCL's embedded profile asks for no more than 256 bytes of arguments. */
START_TEST(few_arguments_leave_the_plain_kernel)
{
    struct tensors t;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *update = update_all(&rig, 1, 0, &t);
    struct wg_device device = *test_device();
    ck_assert_str_eq(wg_op_choose(update, &device, NULL)->name, "joined");
    device.parameter_bytes = 256;
    ck_assert_str_eq(wg_op_choose(update, &device, NULL)->name, "ref");
    rig_finish(&rig);
}
END_TEST

/* _i: the implementation. With no gradient the weights are only clipped. */
START_TEST(clip_by_hand)
{
    const float bound = 0.01f;
    const float before[] = {-1.0f,  -0.0100001f, -0.01f, -0.005f,  -0.0f,     0.0f,
                            0.005f, 0.01f,       1.0f,   INFINITY, -INFINITY, NAN};
    const float after[] = {-bound, -bound, -bound, -0.005f, 0.0f,   0.0f,
                           0.005f, bound,  bound,  bound,   -bound, NAN};
    enum { REPEATS = 9, COUNT = sizeof before / sizeof before[0], ALL = REPEATS * COUNT };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(ALL));
    struct wg_node *v = rig_variable(&rig, "v", wg_shape(ALL));
    struct wg_node *g = rig_variable(&rig, "g", wg_shape(ALL));
    for (int i = 0; i < ALL; i++) { // vectors, and a rest
        ((float *)rig_values(&rig, w))[i] = before[i % COUNT];
        ((float *)rig_values(&rig, v))[i] = 1.0f;
        ((float *)rig_values(&rig, g))[i] = 0.0f;
    }
    struct wg_node *update =
        wg_rmsprop(rig.graph, 1, &w, &v, &g, &(struct wg_update){0.1f, DECAY, EPSILON, bound});
    rig_run(&rig, implementations[_i], &update, 1);
    const float *got = rig_result(&rig, w);
    for (int i = 0; i < ALL; i++)
        if (isnan(after[i % COUNT]))
            ck_assert_float_nan(got[i]); // a NaN must not hide behind the bound
        else
            ck_assert_float_eq(got[i], after[i % COUNT]);
    rig_finish(&rig);
}
END_TEST

START_TEST(wrong_shapes_and_numbers_are_refused_by_name)
{
    const struct wg_update update = {0.1f, DECAY, EPSILON, 0};
    struct rig rig;
    rig_init(&rig);
    for (int wrong = 0; wrong < 3; wrong++) {
        struct wg_node *w = rig_variable(&rig, "w", wg_shape(wrong == 0 ? 3 : 2));
        struct wg_node *v = rig_variable(&rig, "v", wg_shape(wrong == 1 ? 3 : 2));
        struct wg_node *g = rig_variable(&rig, "g", wg_shape(wrong == 2 ? 3 : 2));
        rig_check_refused(&rig, wg_rmsprop(rig.graph, 1, &w, &v, &g, &update), "rmsprop");
    }
    for (int i = 0; i < 2; i++) {
        struct wg_node *many[WG_UPDATE_MAX + 1];
        for (int t = 0; t <= WG_UPDATE_MAX; t++)
            many[t] = wg_variable(rig.graph, (char[]){(char)('a' + t), 0}, WG_F32, wg_shape(1));
        int count = i ? WG_UPDATE_MAX + 1 : 0;
        rig_check_refused(&rig, wg_rmsprop(rig.graph, count, many, many, many, &update), "rmsprop");
    }
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rmsprop");
    tcase_add_test(tests, two_updates_by_hand);
    tcase_add_test(tests, epsilon_stands_inside_the_root);
    tcase_add_test(tests, no_gradient_decays_the_accumulator_only);
    tcase_add_loop_test(tests, agrees_with_the_reference, 0, 2 * COUNTS);
    tcase_add_loop_test(tests, joined_gives_the_bits_of_the_plain_kernel, 0, 2);
    tcase_add_test(tests, few_arguments_leave_the_plain_kernel);
    tcase_add_loop_test(tests, clip_by_hand, 0, 2);
    tcase_add_test(tests, wrong_shapes_and_numbers_are_refused_by_name);

    TCase *groups = tcase_create("small groups");
    tcase_add_checked_fixture(groups, rig_promise_large_groups, rig_promise_no_more);
    tcase_add_loop_test(groups, agrees_with_the_reference, 0, 2 * COUNTS);

    Suite *suite = suite_create("rmsprop");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, groups);
    return test_run(suite);
}
