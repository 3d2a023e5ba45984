/*
 * softmax_cross_entropy: against the reference in double precision, its gradient against formula
 * and slope, and where exponentials would overflow.
 */
#include "host/graph/autodiff.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>

static const struct {
    size_t rows, classes;
} shapes[] = {{1, 1}, {1, 10}, {3, 2}, {33, 10}, {129, 7}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Labels that take every class, in no order that a kernel might follow by mistake. */
static void fill_labels(struct rig *rig, const struct wg_node *labels, size_t rows, size_t classes)
{
    uint8_t *values = rig_values(rig, labels);
    for (size_t n = 0; n < rows; n++)
        values[n] = (uint8_t)((n * n + 3 * n + classes - 1) % classes);
}

/*
 * |x - max| <= 2 with x in [-1, 1). Of each exponential: 2 units by its argument's rounding, exp
 * 6; the sum classes - 1. The logarithm turns all that into an absolute error, and adds 6 relative
 * to log(classes); the two differences add one unit each.
 */
START_TEST(losses_agree_with_the_reference)
{
    size_t rows = shapes[_i].rows, classes = shapes[_i].classes;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(rows, classes));
    struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(rows));
    struct wg_node *y = wg_softmax_cross_entropy(rig.graph, x, labels);
    fill_labels(&rig, labels, rows, classes);
    rig_run(&rig, NULL, &y, 1);

    double *expected = rig_zeros(&rig, rows), *magnitude = rig_zeros(&rig, rows);
    ref_softmax_cross_entropy(rows, (int)classes, rig_doubles(&rig, x), rig_values(&rig, labels),
                              expected);
    for (size_t n = 0; n < rows; n++)
        magnitude[n] = 1 + log((double)classes) + 2;
    rig_check(&rig, y, expected, magnitude, (double)classes + 7 + 6 + 2);
    rig_finish(&rig);
}
END_TEST

/* A probability is off by 2 + 6 units of its own exponential, as much of those in the sum, their
 * classes - 1 additions, and 5 of the division; then one difference and one product. */
START_TEST(gradients_agree_with_the_reference)
{
    size_t rows = shapes[_i].rows, classes = shapes[_i].classes;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(rows, classes)), *dx;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(rows));
    struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(rows));
    struct wg_node *y = wg_softmax_cross_entropy(rig.graph, x, labels);
    wg_gradient(rig.graph, rig_inner(&rig, y, r), &x, 1, &dx);
    fill_labels(&rig, labels, rows, classes);
    rig_run(&rig, NULL, &dx, 1);

    size_t count = rows * classes;
    const uint8_t *label = rig_values(&rig, labels);
    const double *dy = rig_doubles(&rig, r);
    double *expected = rig_zeros(&rig, count), *magnitude = rig_zeros(&rig, count);
    ref_softmax_cross_entropy_gradient(rows, (int)classes, rig_doubles(&rig, x), label, dy,
                                       expected);
    for (size_t i = 0; i < count; i++) {
        bool hit = i % classes == label[i / classes];
        double p = fabs(expected[i]) / fabs(dy[i / classes]);
        magnitude[i] = fabs(dy[i / classes]) * (hit ? 1 + (1 - p) : p);
    }
    rig_check(&rig, dx, expected, magnitude, 2 * (2 + 6) + ((double)classes - 1) + 5 + 2);
    rig_finish(&rig);
}
END_TEST

struct loss {
    size_t rows, classes;
    const uint8_t *labels;
    const double *r;
    double *y;
};

static double loss(void *context, double *const x[])
{
    const struct loss *l = context;
    ref_softmax_cross_entropy(l->rows, (int)l->classes, x[0], l->labels, l->y);
    return rig_dot(l->rows, l->y, l->r);
}

START_TEST(gradients_are_the_slope_of_the_loss)
{
    enum { ROWS = 9, CLASSES = 10 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(ROWS, CLASSES)), *dx;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(ROWS));
    struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(ROWS));
    struct wg_node *y = wg_softmax_cross_entropy(rig.graph, x, labels);
    wg_gradient(rig.graph, rig_inner(&rig, y, r), &x, 1, &dx);
    fill_labels(&rig, labels, ROWS, CLASSES);
    rig_run(&rig, NULL, &dx, 1);
    struct loss context = {ROWS, CLASSES, rig_values(&rig, labels), rig_doubles(&rig, r),
                           rig_zeros(&rig, ROWS)};
    rig_check_slope(&rig, (struct wg_node *[]){x, NULL}, (struct wg_node *[]){dx, NULL}, loss,
                    &context, 2 * (2 + 6) + CLASSES + 6 + 2);
    rig_finish(&rig);
}
END_TEST

START_TEST(large_logits_do_not_overflow)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(3, 2)), *dx;
    struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(3));
    struct wg_node *y = wg_softmax_cross_entropy(rig.graph, x, labels);
    wg_gradient(rig.graph, wg_mean(rig.graph, y, 3.0f), &x, 1, &dx);
    const float logits[] = {1000, 0, -1000, -1000, 3e38f, -3e38f};
    for (int i = 0; i < 6; i++)
        ((float *)rig_values(&rig, x))[i] = logits[i];
    ((uint8_t *)rig_values(&rig, labels))[0] = 1;
    rig_run(&rig, NULL, (struct wg_node *[]){y, dx}, 2);
    const float *losses = rig_result(&rig, y), *slopes = rig_result(&rig, dx);
    ck_assert_float_eq(losses[0], 1000.0f);
    ck_assert_float_eq_tol(losses[1], logf(2.0f), 5e-7f);
    ck_assert_float_eq(losses[2], 0.0f);
    const float expected[] = {1, -1, -0.5f, 0.5f, 0, 0};
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq_tol(slopes[i], expected[i], 5e-7f);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(4, 3));
    struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(3));
    rig_check_refused(&rig, wg_softmax_cross_entropy(rig.graph, x, labels),
                      "softmax_cross_entropy");
    x = rig_variable(&rig, "x", wg_shape(4, 3));
    struct wg_node *floats = rig_variable(&rig, "floats", wg_shape(4));
    rig_check_refused(&rig, wg_softmax_cross_entropy(rig.graph, x, floats),
                      "softmax_cross_entropy");
    labels = rig_integers(&rig, "labels", WG_U8, wg_shape(4));
    rig_check_refused(&rig, wg_softmax_cross_entropy(rig.graph, NULL, labels),
                      "softmax_cross_entropy");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("softmax_cross_entropy");
    tcase_add_loop_test(tests, losses_agree_with_the_reference, 0, SHAPES);
    tcase_add_loop_test(tests, gradients_agree_with_the_reference, 0, SHAPES);
    tcase_add_test(tests, gradients_are_the_slope_of_the_loss);
    tcase_add_test(tests, large_logits_do_not_overflow);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("softmax_cross_entropy");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
