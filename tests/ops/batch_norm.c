/*
 * Batch normalisation: moments, both modes, the gradient through the batch's own moments, and the
 * moving statistics; by hand, against the reference, and by central differences.
 */
#include "host/graph/autodiff.h"
#include "host/graph/ops/rows.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <string.h>

#define EPSILON 1e-3f

/* ---- by hand ---- */

/* The column 1, 2, 3, 4: mean 2.5, biased variance 1.25. The column 5, 5, 5, 5: 5 and 0. */
static const float hand_x[] = {1, 5, 2, 5, 3, 5, 4, 5};

static struct wg_node *hand_variable(struct rig *rig, const char *name, struct wg_shape shape,
                                     const float *values)
{
    struct wg_node *node = rig_variable(rig, name, shape);
    memcpy(rig_values(rig, node), values, wg_node_bytes(node));
    return node;
}

/* y = 2 * (x - 2.5) / sqrt(1.25 + 0.001) + 1: -1.6822, 0.1059, 1.8941, 3.6822; the ReLU takes the
 * first. A column without variance gives beta, -1, and after the ReLU 0. */
START_TEST(training_by_hand)
{
    const float y_expected[] = {0, 0, 0.105930f, 0, 1.894070f, 0, 3.682210f, 0};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = hand_variable(&rig, "x", wg_shape(4, 2), hand_x);
    struct wg_node *gamma = hand_variable(&rig, "gamma", wg_shape(2), (const float[]){2, 3});
    struct wg_node *beta = hand_variable(&rig, "beta", wg_shape(2), (const float[]){1, -1});
    struct wg_node *m = wg_moments(rig.graph, x);
    struct wg_node *y =
        wg_batch_norm(rig.graph, x, m, gamma, beta, EPSILON, true, WG_ACTIVATION_LEAKY_RELU, 0.0f);
    rig_run(&rig, NULL, (struct wg_node *[]){m, y}, 2);
    const float *moments = rig_result(&rig, m), *got = rig_result(&rig, y);
    ck_assert(moments[0] == 2.5f && moments[1] == 5.0f);
    ck_assert(moments[2] == 1.25f && moments[3] == 0.0f);
    for (int i = 0; i < 8; i++)
        ck_assert_float_eq_tol(got[i], y_expected[i], 2e-6f);
    rig_finish(&rig);
}
END_TEST

/* y = 0.5 * (x - 4) / sqrt(8.999 + 0.001) + 0.25 = (x - 4) / 6 + 0.25, whatever the batch's own
 * moments. */
START_TEST(inference_by_hand)
{
    const float y_expected[] = {-0.25f,     0.4166667f, -0.0833333f, 0.4166667f,
                                0.0833333f, 0.4166667f, 0.25f,       0.4166667f};
    const float moving[] = {4, 4, 8.999f, 8.999f};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = hand_variable(&rig, "x", wg_shape(4, 2), hand_x);
    struct wg_node *m = hand_variable(&rig, "m", wg_shape(2, 2), moving);
    struct wg_node *gamma = hand_variable(&rig, "gamma", wg_shape(2), (const float[]){0.5f, 0.5f});
    struct wg_node *beta = hand_variable(&rig, "beta", wg_shape(2), (const float[]){0.25f, 0.25f});
    struct wg_node *y =
        wg_batch_norm(rig.graph, x, m, gamma, beta, EPSILON, false, WG_ACTIVATION_NONE, 0.0f);
    rig_run(&rig, NULL, &y, 1);
    const float *got = rig_result(&rig, y);
    for (int i = 0; i < 8; i++)
        ck_assert_float_eq_tol(got[i], y_expected[i], 1e-6f);
    rig_finish(&rig);
}
END_TEST

/* A single row is its own mean, so y is beta to the last bit, and a ReLU at a beta of 0 lets
 * nothing through: were y a rounding error, half of its units would learn where there is nothing to
 * learn. */
START_TEST(a_single_row_is_beta)
{
    enum { C = 37 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(1, C));
    struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(C));
    struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(C));
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(1, C)), *dbeta;
    float *shift = rig_values(&rig, beta);
    const float *upstream = rig_values(&rig, r);
    for (int c = 0; c < C; c++)
        shift[c] = c % 2 ? fabsf(shift[c]) : 0.0f;
    struct wg_node *y = wg_batch_norm(rig.graph, x, wg_moments(rig.graph, x), gamma, beta, EPSILON,
                                      true, WG_ACTIVATION_LEAKY_RELU, 0.0f);
    wg_gradient(rig.graph, rig_inner(&rig, y, r), &beta, 1, &dbeta);
    rig_run(&rig, NULL, (struct wg_node *[]){y, dbeta}, 2);
    const float *got = rig_result(&rig, y), *slope = rig_result(&rig, dbeta);
    for (int c = 0; c < C; c++) {
        ck_assert(got[c] == shift[c]);
        ck_assert(slope[c] == (shift[c] > 0 ? upstream[c] : 0.0f));
    }
    rig_finish(&rig);
}
END_TEST

/*
 * With momentum 0.8, from mean 1 and variance 2 to those of the batch above:
 *   mean      0.8 * 1 + 0.2 * 2.5 = 1.3
 *   variance  0.8 * 2 + 0.2 * 1.25 = 1.85 as it is, 0.8 * 2 + 0.2 * 1.25 * 4 / 3 = 1.9333 unbiased
 * _i: whether the variance enters unbiased
 */
START_TEST(moving_statistics_by_hand)
{
    const float before[] = {1, 1, 2, 2};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = hand_variable(&rig, "x", wg_shape(4, 2), hand_x);
    struct wg_node *moving = hand_variable(&rig, "moving", wg_shape(2, 2), before);
    struct wg_node *update =
        wg_moving_average(rig.graph, moving, wg_moments(rig.graph, x), 0.8f, _i ? 4.0f / 3 : 1.0f);
    rig_run(&rig, NULL, &update, 1);
    const float *after = rig_result(&rig, moving);
    ck_assert_float_eq_tol(after[0], 1.3f, 3e-7f);
    ck_assert_float_eq_tol(after[1], 1.8f, 3e-7f); // 0.8 + 0.2 * 5
    ck_assert_float_eq_tol(after[2], _i ? 1.9333333f : 1.85f, 3e-7f);
    ck_assert_float_eq_tol(after[3], 1.6f, 3e-7f);
    rig_finish(&rig);
}
END_TEST

/* ---- moments against the reference ---- */

/*
 * What moments may be off by. Rows of a chunk are added one by one, chunks with compensation, so a
 * mean by k = rows per chunk + 8 units of the mean |x|. The deviations are taken from means as
 * computed: within a chunk that matters to second order only, between chunks a mean's error counts
 * with twice the distance of the means, which is below the deviation. So the variance is off by k
 * units of variance + 4 * deviation * mean |x|, and of k units of the squared mean |x|.
 */
struct moments {
    double *mean, *variance; // [c]
    double *mean_magnitude, *variance_magnitude;
    double units;
};

static struct moments ref_moments_of(struct rig *rig, const struct wg_node *x)
{
    struct wg_row_split split = wg_row_split(&x->shape, NULL);
    size_t c = split.columns, rows = split.rows;
    size_t summed = rows < split.rows_per_chunk ? rows : split.rows_per_chunk;
    struct moments m = {rig_zeros(rig, c), rig_zeros(rig, c), rig_zeros(rig, c), rig_zeros(rig, c),
                        (double)summed + 8};
    double *ignored = rig_zeros(rig, c);
    ref_moments(rows, (int)c, rig_magnitudes(rig, x), m.mean_magnitude, ignored);
    ref_moments(rows, (int)c, rig_doubles(rig, x), m.mean, m.variance);
    for (size_t i = 0; i < c; i++) {
        double between = 4 * sqrt(m.variance[i]) * m.mean_magnitude[i];
        m.variance_magnitude[i] = 2 * m.variance[i] + between +
                                  m.units * 0x1p-24 * m.mean_magnitude[i] * m.mean_magnitude[i];
    }
    return m;
}

/* Values far from zero: a mean of squares less a square of the mean would leave an error of about
 * 2^-24 * 4000^2 = 1 in a variance of 1/3. */
START_TEST(variance_does_not_cancel)
{
    static const size_t rows[] = {37, 1100};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(rows[_i], 3));
    float *values = rig_values(&rig, x);
    for (size_t i = 0; i < rows[_i] * 3; i++)
        values[i] += 4000.0f;
    struct wg_node *m = wg_moments(rig.graph, x);
    rig_run(&rig, NULL, &m, 1);
    struct moments expected = ref_moments_of(&rig, x);
    const float *got = rig_result(&rig, m);
    if (_i == 0)
        rig_check_node(&rig, m);
    for (int c = 0; c < 3; c++)
        ck_assert_double_eq_tol((double)got[3 + c], expected.variance[c], 3e-3);
    rig_finish(&rig);
}
END_TEST

/* ---- a whole layer against the reference ---- */

struct norm_case {
    size_t rows, c;
    enum wg_activation activation;
    float slope;
};

static const struct norm_case cases[] = {
    {1, 3, WG_ACTIVATION_NONE, 0.0f},           {2, 1, WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {31, 33, WG_ACTIVATION_LEAKY_RELU, 0.0f},   {67, 16, WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {1025, 5, WG_ACTIVATION_LEAKY_RELU, 0.0f},  {33793, 1, WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {100, 320, WG_ACTIVATION_LEAKY_RELU, 0.0f},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* sum of r * activation(batch_norm(x)), with the moments of x */
struct layer {
    const struct norm_case *c;
    size_t count;
    double *r, *y, *mean, *variance;
};

static void layer_forward(const struct layer *l, double *const x[3])
{
    const struct norm_case *c = l->c;
    const struct ref_norm norm = {c->rows, (int)c->c, (double)EPSILON, l->mean, l->variance,
                                  x[1],    x[2]};
    ref_batch_norm(&norm, x[0], false, l->y);
    for (size_t i = 0; i < l->count; i++)
        if (c->activation == WG_ACTIVATION_LEAKY_RELU && l->y[i] <= 0)
            l->y[i] *= (double)c->slope;
}

static double layer_loss(void *context, double *const x[])
{
    const struct layer *l = context;
    ref_moments(l->c->rows, (int)l->c->c, x[0], l->mean, l->variance);
    layer_forward(l, x);
    return rig_dot(l->count, l->y, l->r);
}

/* The nodes of a layer: inputs x, gamma, beta, NULL. */
struct nodes {
    struct wg_node *in[4], *r, *m, *y, *dx[3];
};

static void build(struct rig *rig, const struct norm_case *c, struct nodes *n)
{
    n->in[0] = rig_variable(rig, "x", wg_shape(c->rows, c->c));
    n->in[1] = rig_variable(rig, "gamma", wg_shape(c->c));
    n->in[2] = rig_variable(rig, "beta", wg_shape(c->c));
    n->in[3] = NULL;
    n->r = rig_variable(rig, "r", wg_shape(c->rows, c->c));
    float *gamma = rig_values(rig, n->in[1]);
    for (size_t i = 0; i < c->c; i++)
        gamma[i] += gamma[i] < 0 ? -0.5f : 0.5f;
    n->m = wg_moments(rig->graph, n->in[0]);
    n->y = wg_batch_norm(rig->graph, n->in[0], n->m, n->in[1], n->in[2], EPSILON, true,
                         c->activation, c->slope);
    wg_gradient(rig->graph, rig_inner(rig, n->y, n->r), n->in, 3, n->dx);
}

/*
 * How far x-hat may be off, per element and as a magnitude for `units`: the distance to the mean
 * from that of x and of the mean, and the root relatively by half of what the variance is. Beyond
 * the moments' own error stand a division (5 units), a root (6), and some five roundings.
 */
static double *xhat_magnitudes(struct rig *rig, const struct wg_node *x, const struct moments *m)
{
    size_t count = wg_shape_count(&x->shape), c = wg_shape_last(&x->shape);
    const double *value = rig_doubles(rig, x);
    double *magnitude = rig_zeros(rig, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = i % c;
        double power = m->variance[at] + (double)EPSILON;
        double relative = 1 + 0.5 * m->variance_magnitude[at] / power;
        magnitude[i] = (fabs(value[i]) + m->mean_magnitude[at]) / sqrt(power) * relative;
    }
    return magnitude;
}

enum { NORM_UNITS = 16 }; // a division, a root, five roundings

static void check_forward(struct rig *rig, const struct nodes *n, const struct moments *m,
                          const double *expected)
{
    size_t count = wg_shape_count(&n->y->shape), c = wg_shape_last(&n->y->shape);
    double *magnitude = xhat_magnitudes(rig, n->in[0], m);
    const double *gamma = rig_magnitudes(rig, n->in[1]), *beta = rig_magnitudes(rig, n->in[2]);
    for (size_t i = 0; i < count; i++)
        magnitude[i] = gamma[i % c] * magnitude[i] + beta[i % c];
    rig_check(rig, n->y, expected, magnitude, m->units + NORM_UNITS);
}

/* dbeta = sum g, dgamma = sum g xhat, dx = gamma / root * (g - dbeta / n - xhat dgamma / n): the
 * same formula on magnitudes, its units those of x-hat, twice in dx, and of the sum over rows. */
static void check_gradients(struct rig *rig, const struct nodes *n, const struct moments *m,
                            const struct layer *l, const double *g)
{
    const struct norm_case *c = l->c;
    size_t count = l->count;
    double *dx = rig_zeros(rig, count), *dgamma = rig_zeros(rig, c->c);
    double *dbeta = rig_zeros(rig, c->c), *xhat = xhat_magnitudes(rig, n->in[0], m);
    double *gamma = rig_doubles(rig, n->in[1]);
    const struct ref_norm norm = {c->rows,     (int)c->c, (double)EPSILON,           m->mean,
                                  m->variance, gamma,     rig_doubles(rig, n->in[2])};
    ref_batch_norm_gradient(&norm, rig_doubles(rig, n->in[0]), g, dx, dgamma, dbeta);

    double *dx_size = rig_zeros(rig, count), *dgamma_size = rig_zeros(rig, c->c);
    double *dbeta_size = rig_zeros(rig, c->c);
    for (size_t i = 0; i < count; i++) {
        dbeta_size[i % c->c] += fabs(g[i]);
        dgamma_size[i % c->c] += fabs(g[i]) * xhat[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i % c->c;
        double power = m->variance[at] + (double)EPSILON;
        double relative = 1 + 0.5 * m->variance_magnitude[at] / power;
        double sum = fabs(g[i]) + (dbeta_size[at] + xhat[i] * dgamma_size[at]) / (double)c->rows;
        dx_size[i] = fabs(gamma[at]) / sqrt(power) * relative * sum;
    }
    double sum_units = m->units + NORM_UNITS + m->units;
    rig_check(rig, n->dx[2], dbeta, dbeta_size, m->units);
    rig_check(rig, n->dx[1], dgamma, dgamma_size, sum_units);
    rig_check(rig, n->dx[0], dx, dx_size, sum_units + m->units + NORM_UNITS);
}

START_TEST(training_agrees_with_the_reference)
{
    const struct norm_case *c = &cases[_i];
    size_t count = c->rows * c->c;
    struct rig rig;
    struct nodes n;
    rig_init(&rig);
    build(&rig, c, &n);
    rig_run(&rig, NULL, (struct wg_node *[]){n.m, n.y, n.dx[0], n.dx[1], n.dx[2]}, 5);

    struct moments m = ref_moments_of(&rig, n.in[0]);
    struct layer layer = {c,      count,     rig_doubles(&rig, n.r), rig_zeros(&rig, count),
                          m.mean, m.variance};
    double *const x[] = {rig_doubles(&rig, n.in[0]), rig_doubles(&rig, n.in[1]),
                         rig_doubles(&rig, n.in[2])};
    layer_forward(&layer, x);
    rig_check_node(&rig, n.m);
    check_forward(&rig, &n, &m, layer.y);
    double *g = rig_zeros(&rig, count);
    ref_act_gradient(count, layer.y, layer.r, (enum ref_act)c->activation, (double)c->slope, g);
    check_gradients(&rig, &n, &m, &layer, g);
    rig_finish(&rig);
}
END_TEST

/* The gradients, those of the moments included, are the slope of the loss. */
START_TEST(gradient_meets_central_differences)
{
    const struct norm_case *c = &cases[_i];
    size_t count = c->rows * c->c;
    struct rig rig;
    struct nodes n;
    rig_init(&rig);
    build(&rig, c, &n);
    rig_run(&rig, NULL, n.dx, 3);
    struct layer layer = {c,
                          count,
                          rig_doubles(&rig, n.r),
                          rig_zeros(&rig, count),
                          rig_zeros(&rig, c->c),
                          rig_zeros(&rig, c->c)};
    rig_check_slope(&rig, n.in, n.dx, layer_loss, &layer, 3 * (double)c->rows + 50);
    rig_finish(&rig);
}
END_TEST

START_TEST(inference_and_moving_averages_agree_with_the_reference)
{
    enum { ROWS = 33, C = 31 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(ROWS, C));
    struct wg_node *m = rig_variable(&rig, "m", wg_shape(2, C));
    struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(C));
    struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(C));
    struct wg_node *moving = rig_variable(&rig, "moving", wg_shape(2, C));
    float *values = rig_values(&rig, m);
    for (int i = 0; i < C; i++)
        values[C + i] = fabsf(values[C + i]); // variances
    struct wg_node *y =
        wg_batch_norm(rig.graph, x, m, gamma, beta, EPSILON, false, WG_ACTIVATION_LEAKY_RELU, 0.0f);
    const float unbiased = (float)(33.0 / 32.0);
    struct wg_node *update = wg_moving_average(rig.graph, moving, m, 0.8f, unbiased);
    rig_run(&rig, NULL, (struct wg_node *[]){y, update}, 2);
    rig_check_node(&rig, y);
    rig_check_node(&rig, update);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    struct wg_node *dx;
    rig_init(&rig);
    rig_check_refused(&rig, wg_moments(rig.graph, NULL), "moments");
    for (int wrong = 0; wrong < 5; wrong++) {
        struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, wrong == 0 ? 4 : 3));
        struct wg_node *m = rig_variable(&rig, "m", wg_shape(2, wrong == 1 ? 4 : 3));
        struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(wrong == 2 ? 4 : 3));
        struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(wrong == 3 ? 4 : 3));
        enum wg_activation after = wrong == 4 ? WG_ACTIVATION_TANH : WG_ACTIVATION_NONE;
        rig_check_refused(&rig,
                          wg_batch_norm(rig.graph, x, m, gamma, beta, EPSILON, true, after, 0.0f),
                          "batch_norm");
    }
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, 1));
    struct wg_node *m = rig_variable(&rig, "m", wg_shape(2, 1));
    struct wg_node *one = rig_variable(&rig, "one", wg_shape(1));
    struct wg_node *y =
        wg_batch_norm(rig.graph, x, m, one, one, EPSILON, false, WG_ACTIVATION_NONE, 0.0f);
    wg_gradient(rig.graph, wg_mean(rig.graph, y, 1.0f), &x, 1, &dx);
    rig_check_refused(&rig, dx, "batch_norm"); // inference has no gradient

    m = rig_variable(&rig, "m", wg_shape(2, 3));
    x = rig_variable(&rig, "moving", wg_shape(3, 2));
    rig_check_refused(&rig, wg_moving_average(rig.graph, x, m, 0.8f, 1.0f), "moving_average");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("batch_norm");
    tcase_add_test(tests, training_by_hand);
    tcase_add_test(tests, inference_by_hand);
    tcase_add_test(tests, a_single_row_is_beta);
    tcase_add_loop_test(tests, moving_statistics_by_hand, 0, 2);
    tcase_add_loop_test(tests, variance_does_not_cancel, 0, 2);
    tcase_add_loop_test(tests, training_agrees_with_the_reference, 0, CASES);
    tcase_add_loop_test(tests, gradient_meets_central_differences, 0, CASES);
    tcase_add_test(tests, inference_and_moving_averages_agree_with_the_reference);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("batch_norm");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
