/*
 * The moments that a transposed convolution leaves beside its result: where it does, and that they
 * are those of what it wrote.
 */
#include "host/graph/fuse.h"
#include "host/graph/inputs.h"
#include "host/graph/op.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <string.h>

/* Phases of 7 = 4 + 3, of 14, of 8 x 4 and of 11 x 6 pixels; whole vectors of channels; a last
 * block of fewer images than the others; and more chunks than are merged at a time. */
static const struct wg_conv filled[] = {
    {9, 14, 14, 32, 7, 7, 16, 4, 2, 1}, {5, 28, 28, 16, 14, 14, 32, 4, 2, 1},
    {29, 16, 8, 16, 8, 4, 16, 4, 2, 1}, {17, 22, 12, 48, 11, 6, 16, 4, 2, 1},
    {131, 6, 6, 32, 3, 3, 32, 4, 2, 1},
};
enum { FILLED = sizeof filled / sizeof filled[0] };

/* Phases of two sizes, phases that tiles exceed, channels that no vector divides. */
static const struct wg_conv others[] = {
    {9, 13, 14, 16, 6, 7, 16, 4, 2, 1},
    {29, 10, 10, 16, 5, 5, 16, 4, 2, 1},
    {9, 14, 14, 15, 7, 7, 16, 4, 2, 1},
};
enum { OTHERS = sizeof others / sizeof others[0] };

struct layer {
    struct wg_node *w, *b, *u, *m;
};

/* u = conv2d_data(y, w) + b and its moments, fused for the device. */
static void build(struct rig *rig, const struct wg_conv *v, struct layer *ret_layer)
{
    struct layer l;
    struct wg_node *y = rig_variable(rig, "y", wg_shape(v->n, v->oh, v->ow, v->oc));
    l.w = rig_variable(rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    l.b = rig_variable(rig, "b", wg_shape(v->c));
    l.u = wg_bias(rig->graph, wg_conv2d_data(rig->graph, y, l.w, v), l.b, WG_ACTIVATION_NONE, 0.0f);
    l.m = wg_moments(rig->graph, l.u);
    ck_assert(wg_fuse(rig->graph, test_device()));
    *ret_layer = l;
}

/* Each is off by some roundings of the mean |u| and of the variance at most: of sums of up to 1024
 * rows (8 sqrt 1024), and some. */
static void check_moments(struct rig *rig, const struct layer *l)
{
    const double allowed = (8 * 32 + 16) * 0x1p-24;
    size_t c = wg_shape_last(&l->u->shape), rows = wg_shape_count(&l->u->shape) / c;
    double *u = rig_wide(rig, l->u), *expected = rig_zeros(rig, 2 * c);
    double *magnitude = rig_zeros(rig, c);
    const float *m = rig_result(rig, l->m);
    ref_moments(rows, (int)c, u, expected, expected + c);
    for (size_t i = 0; i < rows * c; i++)
        magnitude[i % c] += fabs(u[i]) / (double)rows;
    for (size_t i = 0; i < c; i++) {
        double variance = expected[c + i], between = 4 * sqrt(variance) * magnitude[i];
        ck_assert_double_eq_tol(m[i], expected[i], allowed * magnitude[i]);
        ck_assert_double_eq_tol(m[c + i], variance, allowed * (2 * variance + between));
    }
}

/* _i: of `filled` */
START_TEST(moments_are_left_by_what_computes_them)
{
    static const char *const implementations[] = {"winograd", "direct", "ref"};
    bool is_cpu = wg_device_is_cpu(test_device());
    for (int i = 0; i < 3; i++) {
        struct rig rig;
        struct layer l;
        rig_init(&rig);
        build(&rig, &filled[_i], &l);
        ck_assert_ptr_eq(l.u->moments, is_cpu ? l.m : NULL);
        ck_assert_ptr_eq(l.m->op, is_cpu ? &wg_op_moments_left : &wg_op_moments);
        rig_run(&rig, implementations[i], (struct wg_node *[]){l.u, l.m}, 2);
        ck_assert_int_eq(rig.plan->schedules[0].count, is_cpu ? 1 : 2);
        if (is_cpu)
            ck_assert_str_eq(rig_implementation(&rig, l.u), implementations[i]);
        rig_check_node(&rig, l.u);
        check_moments(&rig, &l);
        rig_finish(&rig);
    }
}
END_TEST

/* _i: of `others` */
START_TEST(where_chunks_would_not_be_alike_they_are_computed_apart)
{
    struct rig rig;
    struct layer l;
    rig_init(&rig);
    build(&rig, &others[_i], &l);
    ck_assert_ptr_null(l.u->moments);
    ck_assert_ptr_eq(l.m->op, &wg_op_moments);
    rig_run(&rig, NULL, (struct wg_node *[]){l.u, l.m}, 2);
    check_moments(&rig, &l);
    rig_finish(&rig);
}
END_TEST

/* A mean of a thousand deviations: squares of floats would leave nothing of the variance. */
START_TEST(a_large_mean_hides_no_variance)
{
    struct rig rig;
    struct layer l;
    rig_init(&rig);
    build(&rig, &filled[0], &l);
    float *w = rig_values(&rig, l.w), *b = rig_values(&rig, l.b);
    for (size_t i = 0; i < wg_shape_count(&l.w->shape); i++)
        w[i] *= 0.05f;
    for (size_t i = 0; i < wg_shape_count(&l.b->shape); i++)
        b[i] = 200.0f + (float)i;
    rig_run(&rig, NULL, (struct wg_node *[]){l.u, l.m}, 2);
    size_t c = filled[0].c, rows = wg_shape_count(&l.u->shape) / c;
    double *expected = rig_zeros(&rig, 2 * c);
    ref_moments(rows, (int)c, rig_wide(&rig, l.u), expected, expected + c);
    const float *m = rig_result(&rig, l.m);
    for (size_t i = c; i < 2 * c; i++) {
        ck_assert_double_lt(expected[i], 1.0);
        ck_assert_float_eq_tol(m[i], expected[i], 1e-3 * expected[i]);
    }
    rig_finish(&rig);
}
END_TEST

/* Without weights every row is the bias, without a variance. */
START_TEST(what_is_constant_has_no_variance)
{
    struct rig rig;
    struct layer l;
    rig_init(&rig);
    build(&rig, &filled[0], &l);
    memset(rig_values(&rig, l.w), 0, wg_node_bytes(l.w));
    float *b = rig_values(&rig, l.b);
    size_t c = filled[0].c;
    for (size_t i = 0; i < c; i++)
        b[i] = 0.25f * (float)i - 3;
    rig_run(&rig, NULL, (struct wg_node *[]){l.u, l.m}, 2);
    const float *m = rig_result(&rig, l.m);
    for (size_t i = 0; i < c; i++)
        ck_assert(m[i] == b[i] && m[c + i] == 0);
    rig_finish(&rig);
}
END_TEST

/* They outlive the result, whose memory somebody else may have by then. */
START_TEST(moments_are_kept_for_their_last_reader)
{
    struct rig rig;
    struct layer l;
    rig_init(&rig);
    build(&rig, &filled[0], &l);
    struct wg_node *moving = rig_variable(&rig, "moving", l.m->shape);
    struct wg_node *sum = wg_add(rig.graph, l.u, l.u), *more = wg_add(rig.graph, sum, sum);
    struct wg_node *kept = wg_assign(rig.graph, moving, l.m);
    rig_run(&rig, NULL, (struct wg_node *[]){more, l.u, l.m}, 3);
    float left[2 * 32];
    ck_assert_uint_eq(wg_node_bytes(l.m), sizeof left);
    memcpy(left, rig_result(&rig, l.m), sizeof left);
    rig_run(&rig, NULL, (struct wg_node *[]){more, kept}, 2);
    ck_assert_mem_eq(rig_result(&rig, moving), left, sizeof left);
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("left moments");
    tcase_add_loop_test(tests, moments_are_left_by_what_computes_them, 0, FILLED);
    tcase_add_loop_test(tests, where_chunks_would_not_be_alike_they_are_computed_apart, 0, OTHERS);
    tcase_add_test(tests, a_large_mean_hides_no_variance);
    tcase_add_test(tests, what_is_constant_has_no_variance);
    tcase_add_test(tests, moments_are_kept_for_their_last_reader);

    Suite *suite = suite_create("left moments");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
