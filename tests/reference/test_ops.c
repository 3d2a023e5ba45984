/*
 * Tests of ops.c: hand-computed cases, definitions, and central differences.
 */
#include <math.h>

#include "host/reference/ops.h"
#include "tests/reference/test.h"

/* ---- Convolutions ------------------------------------------------------------------------ */

/* An image of one row meets but one row of the kernel, number 1 since one zero is in front; that
 * one holds powers of ten, so each digit of a result is a pixel. The others must not be met. */
static void fill_decades(double w[16], bool vertical)
{
    const double decades[4] = {1.0, 10.0, 100.0, 1000.0};

    for (int i = 0; i < 16; i++)
        w[i] = 1e9;
    for (int i = 0; i < 4; i++)
        w[vertical ? i * 4 + 1 : 4 + i] = decades[i];
}

static struct ref_conv line_conv(int in, int out, int stride, bool vertical)
{
    struct ref_conv conv = {1, 1, in, 1, 1, out, 1, 4, stride, 1};

    if (vertical) {
        conv.h = in;
        conv.w = 1;
        conv.oh = out;
        conv.ow = 1;
    }
    return conv;
}

/* _i: 0 along x, 1 along y */
START_TEST(conv_pads_one_before_and_two_after)
{
    const struct ref_conv conv = line_conv(5, 5, 1, _i);
    const double x[5] = {1, 2, 3, 4, 5};
    const double expected[5] = {3210, 4321, 5432, 543, 54};
    double w[16], y[5];

    fill_decades(w, _i);
    ref_conv2d(&conv, x, w, y);
    test_check_all(5, y, expected, 0.0);
}
END_TEST

START_TEST(conv_transposed_is_mirrored)
{
    const struct ref_conv conv = line_conv(5, 5, 1, _i);
    const double y[5] = {1, 2, 3, 4, 5};
    const double expected[5] = {12, 123, 1234, 2345, 3450};
    double w[16], x[5];

    fill_decades(w, _i);
    ref_conv2d_data(&conv, y, w, x);
    test_check_all(5, x, expected, 0.0);
}
END_TEST

START_TEST(conv_of_stride_two)
{
    const struct ref_conv conv = line_conv(4, 2, 2, _i);
    const double x[4] = {1, 2, 3, 4};
    const double expected[2] = {3210, 432};
    double w[16], y[2];

    fill_decades(w, _i);
    ref_conv2d(&conv, x, w, y);
    test_check_all(2, y, expected, 0.0);
}
END_TEST

START_TEST(conv_transposed_of_stride_two)
{
    const struct ref_conv conv = line_conv(4, 2, 2, _i);
    const double y[2] = {1, 2};
    const double expected[4] = {10, 102, 1020, 200};
    double w[16], x[4];

    fill_decades(w, _i);
    ref_conv2d_data(&conv, y, w, x);
    test_check_all(4, x, expected, 0.0);
}
END_TEST

/* Unequal sizes everywhere, so that no two dimensions can be confused. */
static const struct ref_conv mixed_convs[] = {
    {2, 5, 6, 3, 5, 6, 2, 4, 1, 1},
    {2, 6, 8, 3, 3, 4, 2, 4, 2, 1},
    {1, 7, 5, 2, 4, 3, 3, 3, 2, 1},
};

enum { X_MOST = 2 * 6 * 8 * 3, W_MOST = 16 * 3 * 2, Y_MOST = 2 * 5 * 6 * 2 };

static size_t count_x(const struct ref_conv *s)
{
    return (size_t)(s->n * s->h * s->w * s->c);
}

static size_t count_w(const struct ref_conv *s)
{
    return (size_t)(s->k * s->k * s->c * s->oc);
}

static size_t count_y(const struct ref_conv *s)
{
    return (size_t)(s->n * s->oh * s->ow * s->oc);
}

/* y[n,oy,ox,o], gathered as the formula says. */
static double conv_at(const struct ref_conv *s, const double *x, const double *w, const int at[4])
{
    double sum = 0.0;

    for (int ky = 0; ky < s->k; ky++)
        for (int kx = 0; kx < s->k; kx++)
            for (int c = 0; c < s->c; c++) {
                const int iy = at[1] * s->stride + ky - s->pad;
                const int ix = at[2] * s->stride + kx - s->pad;

                if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
                    sum += x[((at[0] * s->h + iy) * s->w + ix) * s->c + c] *
                           w[((ky * s->k + kx) * s->c + c) * s->oc + at[3]];
            }
    return sum;
}

START_TEST(conv_is_its_formula)
{
    const struct ref_conv *s = &mixed_convs[_i];
    double x[X_MOST], w[W_MOST], y[Y_MOST];

    test_randomise(count_x(s), x);
    test_randomise(count_w(s), w);
    ref_conv2d(s, x, w, y);
    for (int i = 0; i < (int)count_y(s); i++) {
        const int at[4] = {i / s->oc / s->ow / s->oh, i / s->oc / s->ow % s->oh, i / s->oc % s->ow,
                           i % s->oc};

        ck_assert_double_eq_tol(y[i], conv_at(s, x, w, at), 1e-12);
    }
}
END_TEST

static double dot(size_t count, const double *a, const double *b)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Element i of the gradient to x is <y, conv(e_i, w)>, e_i being 1 at i; likewise for w. */
START_TEST(conv_gradients_are_adjoint)
{
    const struct ref_conv *s = &mixed_convs[_i];
    double x[X_MOST], w[W_MOST], y[Y_MOST], z[Y_MOST];
    double dx[X_MOST], dw[W_MOST], one_x[X_MOST] = {0}, one_w[W_MOST] = {0};

    test_randomise(count_x(s), x);
    test_randomise(count_w(s), w);
    test_randomise(count_y(s), y);
    ref_conv2d_data(s, y, w, dx);
    ref_conv2d_filter(s, x, y, dw);
    for (size_t i = 0; i < count_x(s); i++) {
        one_x[i] = 1.0;
        ref_conv2d(s, one_x, w, z);
        ck_assert_double_eq_tol(dx[i], dot(count_y(s), y, z), 1e-12);
        one_x[i] = 0.0;
    }
    for (size_t i = 0; i < count_w(s); i++) {
        one_w[i] = 1.0;
        ref_conv2d(s, x, one_w, z);
        ck_assert_double_eq_tol(dw[i], dot(count_y(s), y, z), 1e-12);
        one_w[i] = 0.0;
    }
}
END_TEST

/* ---- Other operations -------------------------------------------------------------------- */

START_TEST(matmul_in_all_storage_orders)
{
    const double a[2][6] = {{1, 2, 3, 4, 5, 6}, {1, 4, 2, 5, 3, 6}}; // [2, 3] and [3, 2]
    const double b[2][6] = {{1, 2, 3, 4, 5, 7}, {1, 3, 5, 2, 4, 7}}; // [3, 2] and [2, 3]
    const double expected[4] = {22, 31, 49, 70};
    double c[4];

    for (int i = 0; i < 4; i++) {
        const struct ref_product product = {2, 2, 3, i / 2, i % 2};

        ref_matmul(&product, a[i / 2], b[i % 2], c);
        test_check_all(4, c, expected, 0.0);
    }
}
END_TEST

START_TEST(bias_and_activations)
{
    const double x[4] = {1, -3, -2, 0.5};
    const double b[2] = {0.5, 1};
    const double plain[4] = {1.5, -2, -1.5, 1.5};
    const double leaky[4] = {1.5, -0.4, -0.3, 1.5};
    const double dy[4] = {1, 2, 3, 4};
    const double d_leaky[4] = {1, 0.4, 0.6, 4};
    double y[4], dx[4];

    ref_bias_act(2, 2, x, b, REF_ACT_NONE, 0.0, y);
    test_check_all(4, y, plain, 0.0);
    ref_act_gradient(4, y, dy, REF_ACT_NONE, 0.0, dx);
    test_check_all(4, dx, dy, 0.0);
    ref_bias_act(2, 2, x, b, REF_ACT_LEAKY_RELU, 0.2, y);
    test_check_all(4, y, leaky, 1e-15);
    ref_act_gradient(4, y, dy, REF_ACT_LEAKY_RELU, 0.2, dx);
    test_check_all(4, dx, d_leaky, 1e-15);
    ref_bias_act(2, 2, x, b, REF_ACT_TANH, 0.0, y);
    ref_act_gradient(4, y, dy, REF_ACT_TANH, 0.0, dx);
    for (int i = 0; i < 4; i++) {
        ck_assert_double_eq(y[i], tanh(plain[i]));
        ck_assert_double_eq_tol(dx[i], dy[i] / (cosh(plain[i]) * cosh(plain[i])), 1e-15);
    }
}
END_TEST

START_TEST(sums_and_moments)
{
    const double x[6] = {1, 10, 2, 10, 6, 40}; // [3, 2]
    const double sums[2] = {9, 60};
    const double means[2] = {3, 20};
    const double variances[2] = {14.0 / 3.0, 200};
    double sum[2], mean[2], variance[2];

    ref_sum_rows(3, 2, x, sum);
    test_check_all(2, sum, sums, 0.0);
    ref_moments(3, 2, x, mean, variance);
    test_check_all(2, mean, means, 0.0);
    test_check_all(2, variance, variances, 1e-12);
    ck_assert_double_eq(ref_mean(6, x), 11.5);
}
END_TEST

START_TEST(batch_norm_by_hand)
{
    const double mean[2] = {1, -1}, variance[2] = {3, 15}, gamma[2] = {4, 8}, beta[2] = {1, 2};
    const struct ref_norm norm = {2, 2, 1.0, mean, variance, gamma, beta};
    const double x[4] = {2, 1, 0, -3};
    const double expected[4] = {3, 6, -1, -2};
    const double rectified[4] = {3, 6, 0, 0};
    double y[4];

    ref_batch_norm(&norm, x, false, y);
    test_check_all(4, y, expected, 1e-15);
    ref_batch_norm(&norm, x, true, y);
    test_check_all(4, y, rectified, 1e-15);
}
END_TEST

enum { ROWS = 5, CHANNELS = 3 };

/* <dy, batch_norm(x)> with the moments of x itself. */
static double normed(const double *x, const double *gamma, const double *beta, const double *dy)
{
    double mean[CHANNELS], variance[CHANNELS], y[ROWS * CHANNELS];
    const struct ref_norm norm = {ROWS, CHANNELS, 1e-3, mean, variance, gamma, beta};

    ref_moments(ROWS, CHANNELS, x, mean, variance);
    ref_batch_norm(&norm, x, false, y);
    return dot(ROWS * CHANNELS, dy, y);
}

START_TEST(batch_norm_gradient_by_differences)
{
    double x[ROWS * CHANNELS], dy[ROWS * CHANNELS], gamma[CHANNELS], beta[CHANNELS];
    double dx[ROWS * CHANNELS], dgamma[CHANNELS], dbeta[CHANNELS];
    double mean[CHANNELS], variance[CHANNELS];
    const struct ref_norm norm = {ROWS, CHANNELS, 1e-3, mean, variance, gamma, beta};
    double *const variables[3] = {x, gamma, beta};
    double *const gradients[3] = {dx, dgamma, dbeta};
    const int counts[3] = {ROWS * CHANNELS, CHANNELS, CHANNELS};
    const double h = 1e-5;

    test_randomise(ROWS * CHANNELS, x);
    test_randomise(ROWS * CHANNELS, dy);
    test_randomise(CHANNELS, gamma);
    test_randomise(CHANNELS, beta);
    ref_moments(ROWS, CHANNELS, x, mean, variance);
    ref_batch_norm_gradient(&norm, x, dy, dx, dgamma, dbeta);
    for (int v = 0; v < 3; v++)
        for (int i = 0; i < counts[v]; i++) {
            const double before = variables[v][i];

            variables[v][i] = before + h;
            const double above = normed(x, gamma, beta, dy);
            variables[v][i] = before - h;
            const double below = normed(x, gamma, beta, dy);
            variables[v][i] = before;
            ck_assert_double_eq_tol(gradients[v][i], (above - below) / (2 * h), 1e-7);
        }
}
END_TEST

START_TEST(rmsprop_has_its_epsilon_inside_the_root)
{
    const double g[2] = {10, 1e-5};
    const double once[2] = {9.683772235564, 9.996837880442};
    double w[2] = {10, 10}, v[2] = {0, 0};

    ref_rmsprop(2, g, 0.1, 0.9, 1e-7, w, v);
    test_check_all(2, w, once, 1e-11);
    ck_assert_double_eq_tol(v[0], 10.0, 1e-14);

    ref_rmsprop(2, g, 0.1, 0.9, 1e-7, w, v);
    ck_assert_double_eq_tol(v[0], 19.0, 1e-13); // 0.9 * 10 + 0.1 * 100
    ck_assert_double_eq_tol(w[0], once[0] - 1.0 / sqrt(19.0000001), 1e-11);
}
END_TEST

/* softmax(log 1, log 2, log 5) = (1, 2, 5) / 8, wherever the logarithms start. */
START_TEST(softmax_cross_entropy_by_hand)
{
    const double x[6] = {log(1), log(2), log(5), 1e4 + log(1), 1e4 + log(2), 1e4 + log(5)};
    const uint8_t labels[2] = {1, 2};
    const double losses[2] = {log(8.0 / 2), log(8.0 / 5)}, dy[2] = {8, -16};
    const double gradient[6] = {1, 2 - 8, 5, -2, -4, -10 + 16};
    double y[2], dx[6];

    ref_softmax_cross_entropy(2, 3, x, labels, y);
    test_check_all(2, y, losses, 1e-11); // 1e4 + log 2 has lost some digits
    ref_softmax_cross_entropy_gradient(2, 3, x, labels, dy, dx);
    test_check_all(6, dx, gradient, 1e-10);
}
END_TEST

START_TEST(clip_and_moving_average)
{
    const double clipped[4] = {-0.5, 0.5, 0.25, -0.5};
    const double moved[2] = {0.8 * 1 + 0.2 * 1.5 * 4, 0.8 * 2 - 0.2 * 1.5 * 6};
    const double batch[2] = {4, -6};
    double w[4] = {-3, 0.75, 0.25, -0.5}, moving[2] = {1, 2};

    ref_clip(4, 0.5, w);
    test_check_all(4, w, clipped, 0.0);
    ref_moving_average(2, batch, 0.8, 1.5, moving);
    test_check_all(2, moving, moved, 1e-15);
}
END_TEST

void test_add_ops(TCase *tcase)
{
    const int convs = sizeof(mixed_convs) / sizeof(*mixed_convs);

    tcase_add_loop_test(tcase, conv_pads_one_before_and_two_after, 0, 2);
    tcase_add_loop_test(tcase, conv_transposed_is_mirrored, 0, 2);
    tcase_add_loop_test(tcase, conv_of_stride_two, 0, 2);
    tcase_add_loop_test(tcase, conv_transposed_of_stride_two, 0, 2);
    tcase_add_loop_test(tcase, conv_is_its_formula, 0, convs);
    tcase_add_loop_test(tcase, conv_gradients_are_adjoint, 0, convs);
    tcase_add_test(tcase, matmul_in_all_storage_orders);
    tcase_add_test(tcase, bias_and_activations);
    tcase_add_test(tcase, sums_and_moments);
    tcase_add_test(tcase, batch_norm_by_hand);
    tcase_add_test(tcase, batch_norm_gradient_by_differences);
    tcase_add_test(tcase, rmsprop_has_its_epsilon_inside_the_root);
    tcase_add_test(tcase, softmax_cross_entropy_by_hand);
    tcase_add_test(tcase, clip_and_moving_average);
}
