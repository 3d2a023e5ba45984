#include "host/selftest/expect.h"

#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/graph/op.h"
#include "host/graph/ops/rows.h"
#include "host/reference/philox_draws.h"
#include "host/selftest/expect_work.h"
#include "host/selftest/winograd.h"

#include <math.h>
#include <string.h>

/* ---- shared ---- */

void wg_allow(const struct wg_expected *expected, double units)
{
    for (size_t i = 0; i < expected->count; i++)
        expected->allowed[i] *= units * U;
}

double wg_sum_units(size_t terms)
{
    return fmin((double)terms, 8 * sqrt((double)terms)) + 1;
}

struct ref_conv wg_ref_conv_of(const struct wg_node *node)
{
    const struct wg_conv *v = &node->attr.conv;
    return (struct ref_conv){(int)v->n,  (int)v->h,  (int)v->w, (int)v->c,      (int)v->oh,
                             (int)v->ow, (int)v->oc, (int)v->k, (int)v->stride, (int)v->pad};
}

/* ---- linear maps ---- */

/* A bias, if there is one, and the activation, on what is expected of the sums; the units they may
 * add. The bias is one more term; no activation is steeper than 1, tanh adds 5 ulp = 10 units of a
 * result that is no larger than its argument, a slope one rounding. */
static double expect_epilogue(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    if (!wg_bias_of(w->node))
        return 0;
    ref_bias_act(w->count / w->c, (int)w->c, w->value, w->in[CONV_BIAS],
                 (enum ref_act)attr->activation, (double)attr->slope, w->value);
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] += w->size[CONV_BIAS][i % w->c];
    return 1 + 10;
}

static void expect_matmul(const struct wg_work *w)
{
    const struct wg_node *c = w->node;
    bool ta = c->attr.transpose_a;
    const struct ref_product product = {.m = (int)c->shape.dim[0],
                                        .n = (int)c->shape.dim[1],
                                        .k = (int)c->in[0]->shape.dim[ta ? 0 : 1],
                                        .a_transposed = ta,
                                        .b_transposed = c->attr.transpose_b};
    ref_matmul(&product, w->in[0], w->in[1], w->value);
    ref_matmul(&product, w->size[0], w->size[1], w->allowed);
    double units = wg_sum_units((size_t)product.k) + expect_epilogue(w);
    wg_allow(&w->out->outputs[0], units);
}

typedef void ref_form(const struct ref_conv *conv, const double *first, const double *second,
                      double *result);

/* One of the three forms, whose sums have `terms` terms at most. */
static void expect_form(const struct wg_work *w, enum wg_form form, size_t terms)
{
    static ref_form *const forms[] = {[WG_FORM_CONV2D] = ref_conv2d,
                                      [WG_FORM_DATA] = ref_conv2d_data,
                                      [WG_FORM_FILTER] = ref_conv2d_filter};
    const struct wg_conv *v = &w->node->attr.conv;
    const struct ref_conv conv = wg_ref_conv_of(w->node);
    forms[form](&conv, w->in[0], w->in[1], w->value);
    if (!w->by_winograd)
        forms[form](&conv, w->size[0], w->size[1], w->allowed);
    else if (!wg_winograd_magnitude(v, form, w->size[0], w->size[1], w->allowed))
        *w->ok = false;
    double units = expect_epilogue(w);
    if (w->by_winograd)
        terms = (size_t)wg_winograd_units(v, form);
    wg_allow(&w->out->outputs[0], wg_sum_units(terms) + units);
}

static void expect_conv2d(const struct wg_work *w)
{
    const struct wg_conv *v = &w->node->attr.conv;
    expect_form(w, WG_FORM_CONV2D, v->k * v->k * v->c);
}

static void expect_conv2d_data(const struct wg_work *w)
{
    const struct wg_conv *v = &w->node->attr.conv;
    expect_form(w, WG_FORM_DATA, v->k * v->k * v->oc);
}

static void expect_conv2d_filter(const struct wg_work *w)
{
    const struct wg_conv *v = &w->node->attr.conv;
    expect_form(w, WG_FORM_FILTER, v->n * v->oh * v->ow);
}

/* ---- element by element, and sums ---- */

static void expect_bias(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    ref_bias_act(w->count / w->c, (int)w->c, w->in[0], w->in[1], (enum ref_act)attr->activation,
                 (double)attr->slope, w->value);
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] = w->size[0][i] + w->size[1][i % w->c];
    // One addition, one multiplication by the slope or 5 ulp of tanh.
    wg_allow(&w->out->outputs[0], 12);
}

static void expect_activation_gradient(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    ref_act_gradient(w->count, w->in[0], w->in[1], (enum ref_act)attr->activation,
                     (double)attr->slope, w->value);
    bool is_tanh = attr->activation == WG_ACTIVATION_TANH;
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] = w->size[1][i] * (is_tanh ? 1 + w->in[0][i] * w->in[0][i] : 1);
    wg_allow(&w->out->outputs[0], is_tanh ? 3 : 1); // dy (1 - y y), or dy times the slope
}

/* Rows of a chunk one by one; the compensated sums of the chunks, and of groups of them, add 2
 * units each, or those of 64 items 2 and then 6. */
static double row_sum_units(const struct wg_shape *x)
{
    struct wg_row_split split = wg_row_split(x, NULL);
    size_t rows = split.rows < split.rows_per_chunk ? split.rows : split.rows_per_chunk;
    return wg_sum_units(rows) + 7;
}

static void expect_sum_rows(const struct wg_work *w)
{
    ref_sum_rows(w->rows, (int)w->c, w->in[0], w->value);
    ref_sum_rows(w->rows, (int)w->c, w->size[0], w->allowed);
    wg_allow(&w->out->outputs[0], row_sum_units(&w->whole->in[0]->shape));
}

/* scale * mean of input `from`, as one element of the result. */
static void expect_mean_at(const struct wg_work *w, int from, size_t at)
{
    size_t count = wg_shape_count(&w->node->in[from]->shape);
    double scale = (double)w->node->attr.scale;
    w->value[at] = scale * ref_mean(count, w->in[from]);
    w->allowed[at] = fabs(scale) * ref_mean(count, w->size[from]);
    // The sum is compensated: 2 units however many; a division (5 units) and a multiplication.
    wg_allow(&w->out->outputs[0], 2 + 5 + 1);
}

static void expect_mean(const struct wg_work *w)
{
    expect_mean_at(w, 0, 0);
}

static void expect_broadcast(const struct wg_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        w->value[i] = (double)w->node->attr.scale * w->in[0][0];
        w->allowed[i] = U * fabs(w->value[i]);
    }
}

static void expect_add(const struct wg_work *w)
{
    for (size_t i = 0; i < w->count; i++) {
        w->value[i] = w->in[0][i] + w->in[1][i];
        w->allowed[i] = U * fabs(w->value[i]);
    }
}

/* ---- batch normalisation ---- */

/*
 * Rows of a chunk are added one by one, chunks with compensation, so a mean is off by k units of
 * the mean |x|, those of such a sum and 4 more. The deviations are taken from means as computed:
 * within a chunk that matters to second order only, between chunks a mean's error counts with twice
 * the distance of the means, which is below the deviation. So the variance is off by k units of
 * variance + 4 * deviation * mean |x|, and of k units of the squared mean |x|. Tiles of 16, merged
 * one after another to chunks of as many rows as those (cl/conv2d_winograd.cl), stay within that.
 */
void wg_allow_moments(const struct wg_shape *x, double magnitude, double variance,
                      double *ret_mean_allowed, double *ret_variance_allowed)
{
    double unit = (row_sum_units(x) + 4) * U;
    *ret_mean_allowed = unit * magnitude;
    *ret_variance_allowed =
        unit * (2 * variance + 4 * sqrt(variance) * magnitude + unit * magnitude * magnitude);
}

static void expect_moments(const struct wg_work *w)
{
    size_t c = w->c;
    double *magnitude = w->allowed;
    ref_moments(w->rows, (int)c, w->size[0], magnitude, magnitude + c);
    ref_moments(w->rows, (int)c, w->in[0], w->value, w->value + c);
    for (size_t i = 0; i < c; i++)
        wg_allow_moments(&w->whole->in[0]->shape, magnitude[i], w->value[c + i], &w->allowed[i],
                         &w->allowed[c + i]);
}

double wg_norm_root(const struct wg_work *w, size_t column)
{
    return sqrt(w->in[MOMENTS][w->c + column] + (double)w->node->attr.epsilon);
}

double wg_xhat_size(const struct wg_work *w, size_t i)
{
    return (w->size[X][i] + w->size[MOMENTS][i % w->c]) / wg_norm_root(w, i % w->c);
}

double wg_norm_size(const struct wg_work *w, size_t i)
{
    return wg_xhat_size(w, i) * w->size[GAMMA][i % w->c] + w->size[BETA][i % w->c];
}

size_t wg_norm_rows(const struct wg_work *w)
{
    return wg_shape_rows(&w->whole->in[X]->shape);
}

void wg_normalise(const struct wg_work *w, double *y)
{
    const struct ref_norm norm = {w->rows,
                                  (int)w->c,
                                  (double)w->node->attr.epsilon,
                                  w->in[MOMENTS],
                                  w->in[MOMENTS] + w->c,
                                  w->in[GAMMA],
                                  w->in[BETA]};
    ref_batch_norm(&norm, w->in[X], false, y);
}

static void expect_batch_norm(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    wg_normalise(w, w->value);
    for (size_t i = 0; i < w->count; i++) {
        if (attr->activation == WG_ACTIVATION_LEAKY_RELU && w->value[i] <= 0)
            w->value[i] *= (double)attr->slope;
        w->allowed[i] = wg_norm_size(w, i);
    }
    wg_allow(&w->out->outputs[0], NORM_UNITS);
}

static struct wg_kinked gradient_at(const struct wg_work *w, const double *y, size_t i)
{
    const struct wg_attributes *attr = &w->node->attr;
    struct wg_kinked result = {.g = w->in[DY][i]};
    if (attr->activation != WG_ACTIVATION_LEAKY_RELU)
        return result;
    if (y[i] <= 0)
        result.g *= (double)attr->slope;
    if (fabs(y[i]) <= NORM_UNITS * U * wg_norm_size(w, i))
        result.doubt = fabs(w->in[DY][i]) * (1 - (double)attr->slope);
    return result;
}

/* dbeta = sum g, dgamma = sum g xhat; the latter's terms are off by three roundings, the sum is
 * divided by the root. */
static void expect_batch_norm_sums(const struct wg_work *w)
{
    size_t c = w->c;
    double units = row_sum_units(&w->whole->in[X]->shape) + 1;
    wg_normalise(w, w->spare[0]);
    for (size_t i = 0; i < w->rows * c; i++) {
        size_t at = i % c;
        struct wg_kinked gradient = gradient_at(w, w->spare[0], i);
        double root = wg_norm_root(w, at), size = wg_xhat_size(w, i);
        w->value[at] += gradient.g;
        w->value[c + at] += gradient.g * (w->in[X][i] - w->in[MOMENTS][at]) / root;
        w->allowed[at] += units * U * fabs(gradient.g) + gradient.doubt;
        w->allowed[c + at] +=
            (units + 3 + FACTOR_UNITS) * U * fabs(gradient.g) * size + gradient.doubt * size;
    }
}

/* dx = gamma / root * (g - dbeta / n - xhat dgamma / n): the factor, once more a root and a
 * division before xhat's part, and some six roundings. */
static void expect_batch_norm_data(const struct wg_work *w)
{
    double n = (double)wg_norm_rows(w);
    wg_normalise(w, w->spare[0]);
    for (size_t i = 0; i < w->count; i++) {
        size_t at = i % w->c;
        struct wg_kinked gradient = gradient_at(w, w->spare[0], i);
        double root = wg_norm_root(w, at), factor = w->in[GAMMA][at] / root;
        double dbeta = w->in[SUMS][at], dgamma = w->in[SUMS][w->c + at];
        double xhat = (w->in[X][i] - w->in[MOMENTS][at]) / root;
        double size = fabs(gradient.g) + (fabs(dbeta) + wg_xhat_size(w, i) * fabs(dgamma)) / n;
        w->value[i] = factor * (gradient.g - dbeta / n - xhat * dgamma / n);
        w->allowed[i] = fabs(factor) * ((2 * FACTOR_UNITS + 6) * U * size + gradient.doubt);
    }
}

static void expect_moving_average(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    double momentum = (double)attr->momentum;
    memcpy(w->value, w->in[0], w->count * sizeof(double));
    ref_moving_average(w->c, w->in[1], momentum, 1.0, w->value);
    ref_moving_average(w->c, w->in[1] + w->c, momentum, (double)attr->variance_scale,
                       w->value + w->c);
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] = w->size[0][i] + w->size[1][i];
    wg_allow(&w->out->outputs[0], 4);
}

/* ---- draws ---- */

static struct ref_draw draw_of(const struct wg_node *node, const double *clock)
{
    return (struct ref_draw){
        .seed = node->attr.seed,
        .step = (uint32_t)clock[WG_CLOCK_STEP],
        .iteration = (uint32_t)clock[WG_CLOCK_ITERATION],
        .stream = (enum ref_stream)node->attr.stream,
    };
}

static void expect_normal(const struct wg_work *w)
{
    const struct ref_draw draw = draw_of(w->node, w->in[0]);
    ref_draw_normals(&draw, w->count, w->value);
    for (size_t i = 0; i < w->count; i++)
        w->allowed[i] = fabs(w->value[i]);
    // log 3 ulp, half of it after the root; sqrt 3 ulp; cospi 4 ulp; a product: 6 / 2 + 6 + 8 + 1.
    wg_allow(&w->out->outputs[0], 18);
}

static void expect_batch(const struct wg_work *w)
{
    const struct wg_shape *dataset = &w->node->in[0]->shape;
    size_t pixels = dataset->dim[1] * dataset->dim[2], n = w->count / pixels;
    const struct ref_draw draw = draw_of(w->node, w->in[1]);
    uint32_t *indices = (uint32_t *)(void *)w->spare[0];
    ref_draw_indices(&draw, dataset->dim[0], n, indices);
    for (size_t i = 0; i < w->count; i++) {
        w->value[i] = w->in[0][indices[i / pixels] * pixels + i % pixels] / 127.5 - 1;
        w->allowed[i] = 2; // the division is good to 2.5 ulp of a quotient of at most 2
    }
    wg_allow(&w->out->outputs[0], 6);
}

/* ---- effects, and copies ---- */

static void expect_update(const struct wg_work *work, int tensor)
{
    const struct wg_update *update = &work->node->attr.update;
    struct wg_expected *w = &work->out->outputs[2 * tensor], *v = w + 1;
    double *const *in = work->in + 3 * tensor, bound = (double)update->bound;
    memcpy(w->value, in[0], w->count * sizeof(double));
    memcpy(v->value, in[1], w->count * sizeof(double));
    ref_rmsprop(w->count, in[2], (double)update->rate, (double)update->decay,
                (double)update->epsilon, w->value, v->value);
    // v: at most four roundings of positive terms. Its root halves them, and the sum under it adds
    // one; sqrt 3 ulp, division 2.5 ulp, a multiplication: 15 of the step, and one for what is
    // small of second order; w is rounded once. Where it is clipped, there is nothing to round.
    for (size_t i = 0; i < w->count; i++) {
        double allowed = U * (fabs(w->value[i]) + 16 * fabs(w->value[i] - in[0][i]));
        w->allowed[i] = bound > 0 && fabs(w->value[i]) - allowed > bound ? 0 : allowed;
        v->allowed[i] = 4 * U * v->value[i];
    }
    if (bound > 0)
        ref_clip(w->count, bound, w->value);
}

static void expect_rmsprop(const struct wg_work *w)
{
    for (int t = 0; t < w->node->in_count / 3; t++)
        expect_update(w, t);
}

static void expect_slice(const struct wg_work *w)
{
    memcpy(w->value, w->in[0] + w->node->attr.row * w->count, w->count * sizeof(double));
}

static void expect_assign(const struct wg_work *w)
{
    memcpy(w->value, w->in[1], w->count * sizeof(double));
}

static void expect_record(const struct wg_work *w)
{
    const struct wg_shape *ring = &w->node->shape;
    size_t row = (size_t)w->in[1][WG_CLOCK_STEP] % ring->dim[0];
    memcpy(w->value, w->in[0], w->count * sizeof(double));
    expect_mean_at(w, 2, row * ring->dim[1] + w->node->attr.column);
}

static void expect_advance(const struct wg_work *w)
{
    const struct wg_attributes *attr = &w->node->attr;
    memcpy(w->value, w->in[0], w->count * sizeof(double));
    double next = w->in[0][attr->counter] + 1;
    if (attr->counter == WG_CLOCK_ITERATION)
        next = next >= attr->modulus ? 0 : next;
    else
        next = fmod(next, 0x1p32);
    w->value[attr->counter] = next;
}

/* What a formula works with beside its inputs. */
enum { SIZES = 1, SPARES = 2 };

static const struct formula {
    const char *op;
    void (*expect)(const struct wg_work *work);
    unsigned needs;
} ops[] = {
    {"matmul", expect_matmul, SIZES},
    {"conv2d", expect_conv2d, SIZES},
    {"conv2d_data", expect_conv2d_data, SIZES},
    {"conv2d_filter", expect_conv2d_filter, SIZES},
    {"bias", expect_bias, SIZES},
    {"activation_gradient", expect_activation_gradient, SIZES},
    {"sum_rows", expect_sum_rows, SIZES},
    {"mean", expect_mean, SIZES},
    {"broadcast", expect_broadcast, 0},
    {"add", expect_add, 0},
    {"moments", expect_moments, SIZES},
    {"batch_norm", expect_batch_norm, SIZES},
    {"batch_norm_sums", expect_batch_norm_sums, SIZES | SPARES},
    {"batch_norm_data", expect_batch_norm_data, SIZES | SPARES},
    {"norm_kernel", wg_expect_norm_kernel, 0},
    {"norm_bias", wg_expect_norm_bias, SIZES},
    {"layer_filter", wg_expect_layer_filter, SIZES | SPARES},
    {"layer_data", wg_expect_layer_data, SIZES | SPARES},
    {"norm_up", wg_expect_norm_up, SIZES | SPARES},
    {"norm_up_sums", wg_expect_norm_up_sums, SIZES | SPARES},
    {"norm_up_gradient", wg_expect_norm_up_gradient, SIZES | SPARES},
    {"moving_average", expect_moving_average, SIZES},
    {"normal", expect_normal, 0},
    {"batch", expect_batch, SPARES},
    {"rmsprop", expect_rmsprop, 0},
    {"slice", expect_slice, 0},
    {"assign", expect_assign, 0},
    {"record", expect_record, SIZES},
    {"advance", expect_advance, 0},
};

/* ---- the whole ---- */

/* Zeros, for values and allowances. */
static bool add_output(struct wg_expectation *out, const struct wg_node *node)
{
    struct wg_expected *expected = &out->outputs[out->count++];
    *expected = (struct wg_expected){.node = node, .count = wg_shape_count(&node->shape)};
    expected->value = wg_zeros(expected->count);
    expected->allowed = wg_zeros(expected->count);
    return expected->value && expected->allowed;
}

static bool widen(struct wg_work *w, int i, bool has_size, size_t *longest)
{
    const struct wg_node *input = w->node->in[i];
    size_t count = wg_shape_count(&input->shape), bytes = count * sizeof(double);
    w->in[i] = wg_pages_allocate(bytes);
    w->size[i] = has_size ? wg_pages_allocate(bytes) : NULL;
    bool ok = w->in[i] && (w->size[i] || !has_size);
    for (size_t k = 0; ok && k < count; k++)
        w->in[i][k] = wg_element(input, w->raw[i], k);
    for (size_t k = 0; ok && has_size && k < count; k++)
        w->size[i][k] = fabs(w->in[i][k]);
    *longest = count > *longest ? count : *longest;
    return ok;
}

static bool prepare(struct wg_work *w, unsigned needs)
{
    const struct wg_node *node = w->node;
    bool is_update = node->op == &wg_op_rmsprop;
    size_t longest = wg_shape_count(&node->shape);
    bool ok = is_update || add_output(w->out, node->op->is_effect ? node->in[0] : node);
    for (int i = 0; ok && is_update && i < node->in_count; i++)
        ok = i % 3 == 2 || add_output(w->out, node->in[i]);
    for (int i = 0; ok && i < node->in_count; i++)
        ok = widen(w, i, needs & SIZES, &longest);
    for (int i = 0; i < 3 && ok && needs & SPARES; i++)
        ok = (w->spare[i] = wg_pages_allocate(longest * sizeof(double))) != NULL;
    w->value = w->out->outputs[0].value;
    w->allowed = w->out->outputs[0].allowed;
    w->count = w->out->outputs[0].count;
    w->c = wg_shape_last(&node->shape);
    w->rows = node->in_count ? wg_shape_count(&node->in[0]->shape) / w->c : 0;
    return ok || wg_fail_memory("what a node should compute");
}

bool wg_expect(const struct wg_node *node, const struct wg_implementation *by,
               const void *const in[], struct wg_expectation *ret_expectation)
{
    return wg_expect_part(node, node, by, in, ret_expectation);
}

bool wg_expect_part(const struct wg_node *node, const struct wg_node *whole,
                    const struct wg_implementation *by, const void *const in[],
                    struct wg_expectation *ret_expectation)
{
    struct wg_expectation expectation = {.count = 0};
    bool ok = true;
    struct wg_work work = {.node = node,
                           .whole = whole,
                           .by_winograd = by && by->is_winograd,
                           .raw = in,
                           .out = &expectation,
                           .ok = &ok};
    size_t i = 0, count = sizeof ops / sizeof ops[0];
    while (i < count && strcmp(ops[i].op, node->op->name) != 0)
        i++;
    if (i == count)
        return wg_fail(WG_ERROR_ARGUMENT, "self-test: nothing is known about op '%s'",
                       node->op->name);
    ok = prepare(&work, ops[i].needs);
    if (ok)
        ops[i].expect(&work);
    for (int k = 0; k < node->in_count; k++) {
        wg_pages_free(work.in[k]);
        wg_pages_free(work.size[k]);
    }
    for (int k = 0; k < 3; k++)
        wg_pages_free(work.spare[k]);
    if (!ok) {
        wg_expectation_finish(&expectation);
        return false;
    }
    *ret_expectation = expectation;
    return true;
}

void wg_expectation_finish(struct wg_expectation *expectation)
{
    for (int i = 0; i < expectation->count; i++)
        wg_expected_finish(&expectation->outputs[i]);
    expectation->count = 0;
}
