#include "host/selftest/sample.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/base/size.h"
#include "host/graph/inputs.h"
#include "host/selftest/element.h"
#include "host/selftest/sums.h"
#include "host/selftest/winograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define U 0x1p-24

bool wg_sample_suits(const struct wg_node *node)
{
    return wg_element_form(node) != NULL;
}

/* ---- the inputs ---- */

/* Whole numbers in +-LARGE times others in +-SMALL. */
enum { LARGE = 4095, SMALL = 2 };

/* The largest of the first input. */
static double largest_of(const struct wg_node *node)
{
    double terms = (double)wg_element_form(node)->terms(node);
    return fmin(LARGE, trunc(0x1p24 / (32 * sqrt(terms))));
}

/* What to repeat, and how far. */
struct repeating {
    float *values;
    size_t period, count;
};

enum { REPEAT_PART = 1 << 18, FILL_PART = 1 << 14 };

static void repeat_part(void *user, size_t index)
{
    const struct repeating *r = user;
    const struct wg_part part = wg_part(index, REPEAT_PART, r->count - r->period);
    for (size_t i = part.first, piece; i < part.last; i += piece) {
        size_t from = i % r->period;
        piece = wg_smaller(part.last - i, r->period - from);
        memcpy(r->values + r->period + i, r->values + from, piece * sizeof *r->values);
    }
}

void wg_sample_repeat(float *values, size_t period, size_t count)
{
    struct repeating repeating = {values, period, count};
    if (count > period)
        wg_parallel(wg_divide_up(count - period, REPEAT_PART), repeat_part, &repeating);
}

/* Whole numbers up to a range, times a unit. */
struct filling {
    float *values;
    size_t count;
    float range, unit;
    uint32_t key[2];
};

static void fill_part(void *user, size_t index)
{
    const struct filling *f = user;
    const struct wg_part part = wg_part(index, FILL_PART, f->count);
    struct wg_philox_block block = {{0}};
    for (size_t i = part.first; i < part.last; i++) {
        if (i % 4 == 0)
            block = wg_philox((const uint32_t[4]){(uint32_t)(i / 4)}, f->key);
        float even = 2 * wg_uniform_float(block.v[i % 4]) - 1;
        f->values[i] = truncf((f->range + 1) * even) * f->unit;
    }
}

/* Of which all results are multiples, but for rounding: a power of two that makes them about 1;
 * before tanh half of that, where it is neither flat nor straight. */
static double result_unit(const struct wg_node *node)
{
    double terms = (double)wg_element_form(node)->terms(node);
    double unit = exp2(-round(log2(sqrt(terms) * largest_of(node))));
    return node->attr.activation == WG_ACTIVATION_TANH ? unit / 2 : unit;
}

void wg_sample_fill(const struct wg_node *node, int input, float *values)
{
    size_t count = wg_shape_count(&node->in[input]->shape);
    float unit = (float)result_unit(node), range = input == 0 ? (float)largest_of(node) : SMALL;
    if (input == CONV_BIAS)
        range = node->attr.activation == WG_ACTIVATION_TANH ? 0.5f / unit : 1 / unit;
    struct filling filling = {.values = values,
                              .count = wg_smaller(count, WG_SAMPLE_PERIOD),
                              .range = range,
                              .unit = input == 0 ? 1 : unit,
                              .key = {(uint32_t)input, 1}};
    wg_parallel(wg_divide_up(filling.count, FILL_PART), fill_part, &filling);
    wg_sample_repeat(values, WG_SAMPLE_PERIOD, count);
    for (size_t i = 0; input == CONV_BIAS && i < count; i++)
        values[i] += wg_sums_lift(node, i);
}

/* ---- the elements ---- */

/* One of `count`, the first and the last more often than others. */
static size_t choose(uint32_t word, size_t count)
{
    return word % 16 == 0 ? 0 : word % 16 == 1 ? count - 1 : (size_t)(word >> 4) % count;
}

/* Sample `i` of so many, an element of a result [images, ..., channels]: the eight corners, then
 * along the first and last dimension at random, through those between in order, one of each stretch
 * of them if there are more than samples. */
static size_t element_of(const struct wg_shape *shape, size_t i, size_t samples)
{
    size_t first = shape->dim[0], last = wg_shape_last(shape);
    size_t between = wg_shape_count(shape) / first / last, middle = i % between;
    if (i < 8)
        return ((i & 1 ? first - 1 : 0) * between + (i & 2 ? between - 1 : 0)) * last +
               (i & 4 ? last - 1 : 0);
    const struct wg_philox_block draw =
        wg_philox((const uint32_t[4]){(uint32_t)i}, (const uint32_t[2]){0, 2});
    if (between > samples)
        middle = i * between / samples + draw.v[2] % (between / samples);
    return (choose(draw.v[0], first) * between + middle) * last + choose(draw.v[1], last);
}

/* An activation rounds: the slope once, tanh by 5 ulp. */
static void activate(const struct wg_attributes *attr, double *value, double *ret_allowed)
{
    *ret_allowed = 0;
    if (attr->activation == WG_ACTIVATION_TANH) {
        *value = tanh(*value);
        *ret_allowed = 10 * U * fabs(*value);
    } else if (attr->activation == WG_ACTIVATION_LEAKY_RELU && *value < 0) {
        *value *= (double)attr->slope;
        *ret_allowed = U * fabs(*value);
    }
}

/*
 * F(4, 2) divides by 9, so that its sums are not exact. The bound of what rounding can do, which
 * the full self-test takes, would hide a mistake among so many terms. Independent roundings do far
 * less (Higham, Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019): their sum
 * grows with the root of their number, and is sixteen times its standard deviation never.
 */
static double likely_error(const struct wg_node *node)
{
    double terms = (double)wg_element_form(node)->terms(node);
    double units = wg_winograd_units(&node->attr.conv, wg_form_of(node));
    double product =
        largest_of(node) * SMALL * result_unit(node) / 3;   // RMS of uniform numbers times others
    double adding_bias = U * (double)wg_sums_lift(node, 0); // to what is so large then
    return 16 * U * sqrt(units) * sqrt(terms) * product + adding_bias;
}

/*
 * Weights' gradients are few sums, and long: of every other tap all output channels of one input
 * channel, of the others all input channels of one output channel, so that each channel is seen.
 */
static size_t count_lines(const struct wg_conv *v, size_t taps)
{
    return (taps + 1) / 2 * v->oc + taps / 2 * v->c;
}

/* What is to be computed, part by part. */
struct sampling {
    const struct wg_node *node;
    const void *const *in;
    struct wg_expected *expected;
    float *packed; // weights of a conv2d
};

static void expect_line(void *user, size_t tap)
{
    const struct sampling *s = user;
    const struct wg_conv *v = &s->node->attr.conv;
    bool is_row = tap % 2 == 0;
    size_t count = is_row ? v->oc : v->c, before = count_lines(v, tap);
    const struct wg_philox_block draw =
        wg_philox((const uint32_t[4]){(uint32_t)tap}, (const uint32_t[2]){0, 3});
    size_t channel = choose(draw.v[0], is_row ? v->c : v->oc);
    wg_element_filter_line(s->node, s->in[0], s->in[1], tap, channel, is_row,
                           s->expected->value + before);
    for (size_t i = 0; i < count; i++)
        s->expected->elements[before + i] =
            (tap * v->c + (is_row ? channel : i)) * v->oc + (is_row ? i : channel);
}

enum { SAMPLES_PART = 64 };

static void expect_samples(void *user, size_t index)
{
    const struct sampling *s = user;
    struct wg_expected *expected = s->expected;
    const struct wg_part part = wg_part(index, SAMPLES_PART, expected->count);
    for (size_t i = part.first; i < part.last; i++) {
        size_t element = element_of(&s->node->shape, i, expected->count);
        expected->elements[i] = element;
        expected->value[i] =
            s->packed ? wg_element_packed(s->node, s->in[0], s->packed, element)
                      : wg_element_form(s->node)->sum(s->node, s->in[0], s->in[1], element);
        if (wg_bias_of(s->node))
            expected->value[i] +=
                (double)((const float *)s->in[CONV_BIAS])[element % wg_shape_last(&s->node->shape)];
    }
}

/* Values without the activation. */
static bool expect_sums(const struct wg_node *node, const void *const in[],
                        struct wg_expected *expected)
{
    struct sampling sampling = {.node = node, .in = in, .expected = expected};
    size_t taps = node->attr.conv.k * node->attr.conv.k;
    if (node->op == &wg_op_conv2d && !(sampling.packed = wg_element_pack(node, in[1])))
        return false;
    if (node->op == &wg_op_conv2d_filter)
        wg_parallel(taps, expect_line, &sampling);
    else
        wg_parallel(wg_divide_up(expected->count, SAMPLES_PART), expect_samples, &sampling);
    free(sampling.packed);
    return true;
}

bool wg_sample_expect(const struct wg_node *node, const struct wg_implementation *by,
                      const void *const in[], struct wg_expectation *ret_expectation)
{
    const struct wg_conv *v = &node->attr.conv;
    bool is_filter = node->op == &wg_op_conv2d_filter;
    struct wg_expectation expectation = {.count = 1};
    struct wg_expected *expected = &expectation.outputs[0];
    double error = by && by->is_winograd ? likely_error(node) : 0;
    if (!wg_expected_create(node, is_filter ? count_lines(v, v->k * v->k) : WG_SAMPLES, expected))
        return false;
    bool ok = expect_sums(node, in, expected);
    for (size_t i = 0; ok && i < expected->count; i++) {
        activate(&node->attr, &expected->value[i], &expected->allowed[i]);
        expected->allowed[i] += error;
    }
    if (ok && wg_sums_suit(node)) {
        expected->sums = wg_sums_create(node, in, result_unit(node), error);
        ok = expected->sums;
    }
    if (ok)
        *ret_expectation = expectation;
    else
        wg_expectation_finish(&expectation);
    return ok;
}
