/*
 * rmsprop and clip, by hand-computed numbers and against the reference.
 */
#include "tests/ops/oplib.h"

#include <math.h>

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
    struct wg_node *update =
        wg_rmsprop(rig.graph, weight, accumulator, gradient, rate, DECAY, EPSILON);
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

static const size_t counts[] = {1, 31, 33, 1009};
enum { COUNTS = sizeof counts / sizeof counts[0] };

START_TEST(agrees_with_the_reference)
{
    size_t count = counts[_i];
    const float rate = 5e-3f;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(count));
    struct wg_node *v = rig_variable(&rig, "v", wg_shape(count));
    struct wg_node *g = rig_variable(&rig, "g", wg_shape(count));
    float *accumulators = rig_values(&rig, v);
    for (size_t i = 0; i < count; i++)
        accumulators[i] = fabsf(accumulators[i]);
    struct wg_node *update = wg_rmsprop(rig.graph, w, v, g, rate, DECAY, EPSILON);
    rig_run(&rig, NULL, &update, 1);
    rig_check_node(&rig, update);
    rig_finish(&rig);
}
END_TEST

START_TEST(clip_by_hand)
{
    const float bound = 0.01f;
    const float before[] = {-1.0f,  -0.0100001f, -0.01f, -0.005f,  -0.0f,     0.0f,
                            0.005f, 0.01f,       1.0f,   INFINITY, -INFINITY, NAN};
    const float after[] = {-bound, -bound, -bound, -0.005f, 0.0f,   0.0f,
                           0.005f, bound,  bound,  bound,   -bound, NAN};
    enum { COUNT = sizeof before / sizeof before[0] };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(COUNT));
    for (int i = 0; i < COUNT; i++)
        ((float *)rig_values(&rig, w))[i] = before[i];
    struct wg_node *clip = wg_clip(rig.graph, w, bound);
    rig_run(&rig, NULL, &clip, 1);
    const float *got = rig_result(&rig, w);
    for (int i = 0; i < COUNT - 1; i++)
        ck_assert_float_eq(got[i], after[i]);
    ck_assert_float_nan(got[COUNT - 1]); // a NaN must not hide behind the bound
    rig_finish(&rig);
}
END_TEST

START_TEST(clip_agrees_with_the_reference)
{
    size_t count = counts[_i];
    struct rig rig;
    rig_init(&rig);
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(count));
    struct wg_node *clip = wg_clip(rig.graph, w, 0.125f);
    rig_run(&rig, NULL, &clip, 1);
    rig_check_node(&rig, clip);
    rig_finish(&rig);
}
END_TEST

START_TEST(wrong_shapes_are_refused_by_name)
{
    struct rig rig;
    rig_init(&rig);
    for (int wrong = 0; wrong < 3; wrong++) {
        struct wg_node *w = rig_variable(&rig, "w", wg_shape(wrong == 0 ? 3 : 2));
        struct wg_node *v = rig_variable(&rig, "v", wg_shape(wrong == 1 ? 3 : 2));
        struct wg_node *g = rig_variable(&rig, "g", wg_shape(wrong == 2 ? 3 : 2));
        rig_check_refused(&rig, wg_rmsprop(rig.graph, w, v, g, 0.1f, DECAY, EPSILON), "rmsprop");
    }
    rig_check_refused(&rig, wg_clip(rig.graph, NULL, 1.0f), "clip");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("rmsprop");
    tcase_add_test(tests, two_updates_by_hand);
    tcase_add_test(tests, epsilon_stands_inside_the_root);
    tcase_add_test(tests, no_gradient_decays_the_accumulator_only);
    tcase_add_loop_test(tests, agrees_with_the_reference, 0, COUNTS);
    tcase_add_test(tests, clip_by_hand);
    tcase_add_loop_test(tests, clip_agrees_with_the_reference, 0, COUNTS);
    tcase_add_test(tests, wrong_shapes_are_refused_by_name);

    Suite *suite = suite_create("rmsprop");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
