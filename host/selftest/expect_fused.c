/*
 * What the ops that the fusing pass makes must compute, and how far rounding may take it.
 */
#include "host/selftest/expect_work.h"

#include <math.h>

/* gamma / sqrt(variance + epsilon) */
static double factor_of(const struct wg_work *w, size_t channel)
{
    size_t channels = wg_shape_last(&w->node->in[MOMENTS]->shape);
    return w->in[GAMMA][channel] /
           sqrt(w->in[MOMENTS][channels + channel] + (double)w->node->attr.epsilon);
}

void wg_expect_norm_kernel(const struct wg_work *w)
{
    size_t channels = wg_shape_last(&w->node->in[MOMENTS]->shape);
    for (size_t i = 0; i < w->count; i++) {
        w->value[i] = factor_of(w, i / w->node->attr.inner % channels) * w->in[X][i];
        w->allowed[i] = fabs(w->value[i]);
    }
    wg_allow(&w->out->outputs[0], FACTOR_UNITS + 1);
}

void wg_expect_norm_bias(const struct wg_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        double factor = factor_of(w, i);
        w->value[i] = factor * (w->in[X][i] - w->in[MOMENTS][i]) + w->in[BETA][i];
        w->allowed[i] = fabs(factor) * (w->size[X][i] + w->size[MOMENTS][i]) + w->size[BETA][i];
    }
    wg_allow(&w->out->outputs[0], NORM_UNITS);
}

/* spare[0] = gradient * activation'(out) of inputs `out` and the next one, spare[1] what bounds its
 * size. */
static void expect_before(const struct wg_work *w, int out)
{
    const struct wg_attributes *attr = &w->node->attr;
    size_t count = wg_shape_count(&w->node->in[out]->shape);
    ref_act_gradient(count, w->in[out], w->in[out + 1], (enum ref_act)attr->activation,
                     (double)attr->slope, w->spare[0]);
    for (size_t i = 0; i < count; i++) {
        double square = w->in[out][i] * w->in[out][i];
        w->spare[1][i] =
            w->size[out + 1][i] * (attr->activation == WG_ACTIVATION_TANH ? 1 + square : 1);
    }
}

void wg_expect_layer_filter(const struct wg_work *w)
{
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    size_t pixels = (size_t)conv.n * (size_t)conv.oh * (size_t)conv.ow, last = w->count - w->c;
    size_t terms = pixels / (size_t)conv.n * w->whole->attr.conv.n;
    expect_before(w, 1);
    ref_conv2d_filter(&conv, w->in[0], w->spare[0], w->value);
    ref_conv2d_filter(&conv, w->size[0], w->spare[1], w->allowed);
    ref_sum_rows(pixels, (int)w->c, w->spare[0], w->value + last);
    ref_sum_rows(pixels, (int)w->c, w->spare[1], w->allowed + last);
    wg_allow(&w->out->outputs[0], wg_sum_units(terms) + 1 + 3);
}

void wg_expect_layer_data(const struct wg_work *w)
{
    const struct wg_conv *v = &w->node->attr.conv;
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    expect_before(w, 0);
    ref_conv2d_data(&conv, w->spare[0], w->in[2], w->value);
    ref_conv2d_data(&conv, w->spare[1], w->size[2], w->allowed);
    wg_allow(&w->out->outputs[0], wg_sum_units(v->k * v->k * v->oc) + 1 + 3);
}

/* The node's work as that of the batch norm of u. */
static struct wg_work norm_of(const struct wg_work *w)
{
    struct wg_work norm = *w;
    norm.c = wg_shape_last(&w->node->in[X]->shape);
    norm.rows = wg_shape_rows(&w->node->in[X]->shape);
    return norm;
}

static double bend(const struct wg_work *w, double value, double x)
{
    return value > 0 ? x : (double)w->node->attr.slope_in * x;
}

/* spare[0] = batch norm of u before the leaky ReLU, r behind it in spare[1]. */
static void expect_r(const struct wg_work *w)
{
    struct wg_work norm = norm_of(w);
    wg_normalise(&norm, w->spare[0]);
    for (size_t i = 0; i < norm.rows * norm.c; i++)
        w->spare[1][i] = bend(w, w->spare[0][i], w->spare[0][i]);
}

/* spare[2] = how large r and its own rounding are in a sum of `units`, in units of that sum. */
static void expect_r_size(const struct wg_work *w, double units)
{
    struct wg_work norm = norm_of(w);
    for (size_t i = 0; i < norm.rows * norm.c; i++)
        w->spare[2][i] = fabs(w->spare[1][i]) + NORM_UNITS / units * wg_norm_size(&norm, i);
}

void wg_expect_norm_up(const struct wg_work *w)
{
    const struct wg_conv *v = &w->node->attr.conv;
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    const struct wg_attributes *attr = &w->node->attr;
    double units = wg_sum_units(v->k * v->k * v->oc) + 1 + 10;
    expect_r(w);
    expect_r_size(w, units);
    ref_conv2d_data(&conv, w->spare[1], w->in[UP_W], w->value);
    ref_conv2d_data(&conv, w->spare[2], w->size[UP_W], w->allowed);
    ref_bias_act(w->count / w->c, (int)w->c, w->value, w->in[UP_BIAS],
                 (enum ref_act)attr->activation, (double)attr->slope, w->value);
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] += w->size[UP_BIAS][i % w->c];
    wg_allow(&w->out->outputs[0], units);
}

/* What g, the gradient before the leaky ReLU, is at an element, and how far it may be off. `dr` is
 * the gradient behind it, `size` the sum of its terms' absolute values. */
static struct wg_kinked bent_gradient(const struct wg_work *norm, double value, double dr,
                                      double size, size_t i)
{
    const struct wg_attributes *attr = &norm->node->attr;
    struct wg_kinked result = {.g = bend(norm, value, dr)};
    result.doubt = (double)(attr->conv.k * attr->conv.k * attr->conv.c + 2) * U * size;
    if (fabs(value) <= NORM_UNITS * U * wg_norm_size(norm, i))
        result.doubt += size * (1 - (double)attr->slope_in);
    return result;
}

/* dbeta and dgamma, from spare: the value before the leaky ReLU, dr, and its size. */
static void expect_norm_sums(const struct wg_work *w, double units, double *value, double *allowed)
{
    struct wg_work norm = norm_of(w);
    size_t c = norm.c;
    for (size_t i = 0; i < norm.rows * c; i++) {
        size_t at = i % c;
        double root = wg_norm_root(&norm, at), size = wg_xhat_size(&norm, i);
        struct wg_kinked gradient =
            bent_gradient(&norm, w->spare[0][i], w->spare[1][i], w->spare[2][i], i);
        value[at] += gradient.g;
        value[c + at] += gradient.g * (w->in[X][i] - w->in[MOMENTS][at]) / root;
        allowed[at] += units * U * fabs(gradient.g) + gradient.doubt;
        allowed[c + at] +=
            ((units + 3 + FACTOR_UNITS) * U * fabs(gradient.g) + gradient.doubt) * size;
    }
}

void wg_expect_norm_up_sums(const struct wg_work *w)
{
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    size_t weights = w->count - 2 * w->c;
    double units = wg_sum_units(wg_norm_rows(w)) + 3;
    expect_r(w);
    expect_r_size(w, units);
    ref_conv2d_filter(&conv, w->in[UP_D], w->spare[1], w->value);
    ref_conv2d_filter(&conv, w->size[UP_D], w->spare[2], w->allowed);
    for (size_t i = 0; i < weights; i++)
        w->allowed[i] *= units * U;
    ref_conv2d(&conv, w->in[UP_D], w->in[UP_GRADIENT_W], w->spare[1]);
    ref_conv2d(&conv, w->size[UP_D], w->size[UP_GRADIENT_W], w->spare[2]);
    expect_norm_sums(w, units, w->value + weights, w->allowed + weights);
}

void wg_expect_norm_up_gradient(const struct wg_work *w)
{
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    struct wg_work norm = norm_of(w);
    size_t c = norm.c;
    const double *sums = w->in[UP_SUMS] + wg_shape_count(&w->node->in[UP_SUMS]->shape) - 2 * c;
    double n = (double)wg_norm_rows(w);
    wg_normalise(&norm, w->spare[0]);
    ref_conv2d(&conv, w->in[UP_D], w->in[UP_GRADIENT_W], w->spare[1]);
    ref_conv2d(&conv, w->size[UP_D], w->size[UP_GRADIENT_W], w->spare[2]);
    for (size_t i = 0; i < w->count; i++) {
        size_t at = i % c;
        struct wg_kinked gradient =
            bent_gradient(&norm, w->spare[0][i], w->spare[1][i], w->spare[2][i], i);
        double factor = factor_of(w, at), dbeta = sums[at], dgamma = sums[c + at];
        double xhat = (w->in[X][i] - w->in[MOMENTS][at]) / wg_norm_root(&norm, at);
        double size = fabs(gradient.g) + (fabs(dbeta) + wg_xhat_size(&norm, i) * fabs(dgamma)) / n;
        w->value[i] = factor * (gradient.g - dbeta / n - xhat * dgamma / n);
        w->allowed[i] = fabs(factor) * ((2 * FACTOR_UNITS + 6) * U * size + gradient.doubt);
    }
}
