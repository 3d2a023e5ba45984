/*
 * The operations of the model in double precision, each as its formula; see ops.h. Not made for
 * speed, and independent of the product.
 */
#include "host/reference/ops.h"

#include <math.h>
#include <string.h>

/* Where one tap of the kernel meets one pixel of y: offsets of the vectors of channels there. */
struct tap {
    size_t x; // x[n, iy, ix, :]
    size_t w; // w[ky, kx, :, :]
    size_t y; // y[n, oy, ox, :]
};

static size_t conv_count_x(const struct ref_conv *s)
{
    return (size_t)s->n * s->h * s->w * s->c;
}

static size_t conv_count_w(const struct ref_conv *s)
{
    return (size_t)s->k * s->k * s->c * s->oc;
}

static size_t conv_count_pixels(const struct ref_conv *s)
{
    return (size_t)s->n * s->oh * s->ow;
}

/* The meeting of pixel (n, oy, ox) and tap (ky, kx), both flat; false where x is padding. */
static bool tap_find(const struct ref_conv *s, size_t pixel, int kernel, struct tap *ret_tap)
{
    const int ox = (int)(pixel % s->ow);
    const int oy = (int)(pixel / s->ow % s->oh);
    const size_t n = pixel / s->ow / s->oh;
    const int iy = oy * s->stride + kernel / s->k - s->pad;
    const int ix = ox * s->stride + kernel % s->k - s->pad;

    if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
        return false;
    ret_tap->x = ((n * s->h + iy) * s->w + ix) * s->c;
    ret_tap->w = (size_t)kernel * s->c * s->oc;
    ret_tap->y = pixel * s->oc;
    return true;
}

/*
 * The three convolutions are the three views of the sum of x * w * y over all pixels, taps and
 * pairs of channels: the same loops, with another factor left out.
 */
void ref_conv2d(const struct ref_conv *conv, const double *x, const double *w, double *y)
{
    const size_t pixels = conv_count_pixels(conv);
    struct tap at;

    memset(y, 0, pixels * conv->oc * sizeof(*y));
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (int kernel = 0; kernel < conv->k * conv->k; kernel++) {
            if (!tap_find(conv, pixel, kernel, &at))
                continue;
            for (int c = 0; c < conv->c; c++)
                for (int o = 0; o < conv->oc; o++)
                    y[at.y + o] += x[at.x + c] * w[at.w + (size_t)c * conv->oc + o];
        }
}

void ref_conv2d_data(const struct ref_conv *conv, const double *y, const double *w, double *x)
{
    const size_t pixels = conv_count_pixels(conv);
    struct tap at;

    memset(x, 0, conv_count_x(conv) * sizeof(*x));
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (int kernel = 0; kernel < conv->k * conv->k; kernel++) {
            if (!tap_find(conv, pixel, kernel, &at))
                continue;
            for (int c = 0; c < conv->c; c++)
                for (int o = 0; o < conv->oc; o++)
                    x[at.x + c] += y[at.y + o] * w[at.w + (size_t)c * conv->oc + o];
        }
}

void ref_conv2d_filter(const struct ref_conv *conv, const double *x, const double *y, double *w)
{
    const size_t pixels = conv_count_pixels(conv);
    struct tap at;

    memset(w, 0, conv_count_w(conv) * sizeof(*w));
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (int kernel = 0; kernel < conv->k * conv->k; kernel++) {
            if (!tap_find(conv, pixel, kernel, &at))
                continue;
            for (int c = 0; c < conv->c; c++)
                for (int o = 0; o < conv->oc; o++)
                    w[at.w + (size_t)c * conv->oc + o] += x[at.x + c] * y[at.y + o];
        }
}

void ref_matmul(const struct ref_product *product, const double *a, const double *b, double *c)
{
    const size_t m = (size_t)product->m;
    const size_t n = (size_t)product->n;
    const size_t k = (size_t)product->k;

    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0.0;

            for (size_t l = 0; l < k; l++) {
                const double ail = product->a_transposed ? a[l * m + i] : a[i * k + l];
                const double blj = product->b_transposed ? b[j * k + l] : b[l * n + j];

                sum += ail * blj;
            }
            c[i * n + j] = sum;
        }
}

void ref_bias_act(size_t rows, int channels, const double *x, const double *b, enum ref_act act,
                  double slope, double *y)
{
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++) {
            const double t = x[r * channels + c] + b[c];
            double value = t;

            if (act == REF_ACT_LEAKY_RELU)
                value = t > 0.0 ? t : slope * t;
            else if (act == REF_ACT_TANH)
                value = tanh(t);
            y[r * channels + c] = value;
        }
}

void ref_act_gradient(size_t count, const double *y, const double *dy, enum ref_act act,
                      double slope, double *dx)
{
    for (size_t i = 0; i < count; i++) {
        double derivative = 1.0;

        if (act == REF_ACT_LEAKY_RELU)
            derivative = y[i] > 0.0 ? 1.0 : slope;
        else if (act == REF_ACT_TANH)
            derivative = 1.0 - y[i] * y[i];
        dx[i] = dy[i] * derivative;
    }
}

void ref_sum_rows(size_t rows, int channels, const double *x, double *sum)
{
    for (int c = 0; c < channels; c++)
        sum[c] = 0.0;
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++)
            sum[c] += x[r * channels + c];
}

void ref_moments(size_t rows, int channels, const double *x, double *mean, double *variance)
{
    ref_sum_rows(rows, channels, x, mean);
    for (int c = 0; c < channels; c++) {
        mean[c] /= (double)rows;
        variance[c] = 0.0;
    }
    for (size_t r = 0; r < rows; r++)
        for (int c = 0; c < channels; c++) {
            const double distance = x[r * channels + c] - mean[c];

            variance[c] += distance * distance;
        }
    for (int c = 0; c < channels; c++)
        variance[c] /= (double)rows;
}

void ref_batch_norm(const struct ref_norm *norm, const double *x, bool relu, double *y)
{
    for (size_t r = 0; r < norm->rows; r++)
        for (int c = 0; c < norm->channels; c++) {
            const size_t i = r * norm->channels + c;
            const double h = (x[i] - norm->mean[c]) / sqrt(norm->variance[c] + norm->epsilon);
            const double value = norm->gamma[c] * h + norm->beta[c];

            y[i] = relu && value < 0.0 ? 0.0 : value;
        }
}

void ref_batch_norm_gradient(const struct ref_norm *norm, const double *x, const double *dy,
                             double *dx, double *dgamma, double *dbeta)
{
    const double rows = (double)norm->rows;

    for (int c = 0; c < norm->channels; c++) {
        const double deviation = sqrt(norm->variance[c] + norm->epsilon);

        dgamma[c] = 0.0;
        dbeta[c] = 0.0;
        for (size_t r = 0; r < norm->rows; r++) {
            const size_t i = r * norm->channels + c;

            dgamma[c] += dy[i] * (x[i] - norm->mean[c]) / deviation;
            dbeta[c] += dy[i];
        }
        for (size_t r = 0; r < norm->rows; r++) {
            const size_t i = r * norm->channels + c;
            const double h = (x[i] - norm->mean[c]) / deviation;

            dx[i] = norm->gamma[c] / deviation * (dy[i] - dbeta[c] / rows - h * dgamma[c] / rows);
        }
    }
}

double ref_mean(size_t count, const double *x)
{
    double sum = 0.0;

    for (size_t i = 0; i < count; i++)
        sum += x[i];
    return sum / (double)count;
}

/* log of the sum of exp(x) */
static double log_sum(int classes, const double *x)
{
    double largest = x[0], sum = 0;
    for (int c = 1; c < classes; c++)
        largest = fmax(largest, x[c]);
    for (int c = 0; c < classes; c++)
        sum += exp(x[c] - largest);
    return largest + log(sum);
}

void ref_softmax_cross_entropy(size_t rows, int classes, const double *x, const uint8_t *label,
                               double *y)
{
    for (size_t r = 0; r < rows; r++) {
        const double *row = x + r * (size_t)classes;
        y[r] = log_sum(classes, row) - row[label[r]];
    }
}

void ref_softmax_cross_entropy_gradient(size_t rows, int classes, const double *x,
                                        const uint8_t *label, const double *dy, double *dx)
{
    for (size_t r = 0; r < rows; r++) {
        const double *row = x + r * (size_t)classes;
        double all = log_sum(classes, row);
        for (int c = 0; c < classes; c++)
            dx[r * (size_t)classes + (size_t)c] =
                dy[r] * (exp(row[c] - all) - (c == label[r] ? 1 : 0));
    }
}

void ref_rmsprop(size_t count, const double *g, double rate, double rho, double epsilon, double *w,
                 double *v)
{
    for (size_t i = 0; i < count; i++) {
        v[i] = rho * v[i] + (1.0 - rho) * g[i] * g[i];
        w[i] = w[i] - rate * g[i] / sqrt(v[i] + epsilon);
    }
}

void ref_clip(size_t count, double limit, double *w)
{
    for (size_t i = 0; i < count; i++) {
        if (w[i] > limit)
            w[i] = limit;
        else if (w[i] < -limit)
            w[i] = -limit;
    }
}

void ref_moving_average(size_t count, const double *batch, double momentum, double factor,
                        double *moving)
{
    for (size_t i = 0; i < count; i++)
        moving[i] = momentum * moving[i] + (1.0 - momentum) * factor * batch[i];
}
