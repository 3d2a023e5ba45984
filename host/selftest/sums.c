#include "host/selftest/sums.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/base/size.h"
#include "host/graph/inputs.h"
#include "host/reference/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_relu(const struct wg_node *node)
{
    return node->attr.activation == WG_ACTIVATION_LEAKY_RELU && node->attr.slope == 0;
}

bool wg_sums_suit(const struct wg_node *node)
{
    return !is_relu(node) || wg_bias_of(node);
}

/* Seven has no factor in common with the lanes of vectors. */
float wg_sums_lift(const struct wg_node *node, size_t channel)
{
    return is_relu(node) && channel % 7 != 3 ? WG_SUMS_LIFT : 0;
}

/* ---- sums of one tensor ---- */

enum { LANES = 8 }; // sums at a time, for vectors

static double dot(const double *factors, const float *x, size_t count)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += factors[i + l] * (double)x[i + l];
    for (; i < count; i++)
        sum += factors[i] * (double)x[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

/* x as [outer, middle, inner], of which the middle is summed up. */
struct contraction {
    const float *x;
    size_t outer, middle, inner;
    const double *factors; // [middle]
    double *result;        // [outer, inner]
};

enum { ROWS = 256, COLUMNS = 1024 }; // of a thread's turn

static void contract_rows(void *user, size_t index)
{
    const struct contraction *k = user;
    const struct wg_part part = wg_part(index, ROWS, k->outer);
    for (size_t o = part.first; o < part.last; o++)
        k->result[o] = dot(k->factors, k->x + o * k->middle, k->middle);
}

static void contract_columns(void *user, size_t index)
{
    const struct contraction *k = user;
    size_t parts = wg_divide_up(k->inner, COLUMNS), o = index / parts;
    const struct wg_part part = wg_part(index % parts, COLUMNS, k->inner);
    double *result = k->result + o * k->inner;
    for (size_t i = part.first; i < part.last; i++)
        result[i] = 0;
    for (size_t m = 0; m < k->middle; m++) {
        const float *x = k->x + (o * k->middle + m) * k->inner;
        for (size_t i = part.first; i < part.last; i++)
            result[i] += k->factors[m] * (double)x[i];
    }
}

/* The result, to be freed. NULL with a message if there is no memory. */
static double *contract(const void *x, size_t outer, size_t middle, size_t inner,
                        const double *factors)
{
    struct contraction k = {x, outer, middle, inner, factors, NULL};
    k.result = malloc(outer * inner * sizeof *k.result);
    if (!k.result)
        wg_fail_memory("the sums of a tensor");
    else if (inner == 1)
        wg_parallel(wg_divide_up(outer, ROWS), contract_rows, &k);
    else
        wg_parallel(outer * wg_divide_up(inner, COLUMNS), contract_columns, &k);
    return k.result;
}

/* ---- what is expected ---- */

/* The convolution of what remains of its inputs. */
static struct ref_conv conv_of(const struct wg_conv *v, size_t n, size_t c, size_t oc)
{
    return (struct ref_conv){(int)n,     (int)v->h, (int)v->w, (int)c,         (int)v->oh,
                             (int)v->ow, (int)oc,   (int)v->k, (int)v->stride, (int)v->pad};
}

static bool expect_conv2d(const struct wg_sums *s, const void *const in[])
{
    const struct wg_conv *v = &s->node->attr.conv;
    const struct ref_conv conv = conv_of(v, 1, v->c, 1);
    double *x = contract(in[0], 1, v->n, v->h * v->w * v->c, s->of_outer);
    double *w = x ? contract(in[1], v->k * v->k * v->c, v->oc, 1, s->of_inner) : NULL;
    bool ok = w != NULL;
    if (ok)
        ref_conv2d(&conv, x, w, s->value);
    free(x);
    free(w);
    return ok;
}

static bool expect_conv2d_data(const struct wg_sums *s, const void *const in[])
{
    const struct wg_conv *v = &s->node->attr.conv;
    const struct ref_conv conv = conv_of(v, 1, 1, v->oc);
    double *y = contract(in[0], 1, v->n, v->oh * v->ow * v->oc, s->of_outer);
    double *w = y ? contract(in[1], v->k * v->k, v->c, v->oc, s->of_inner) : NULL;
    bool ok = w != NULL;
    if (ok)
        ref_conv2d_data(&conv, y, w, s->value);
    free(y);
    free(w);
    return ok;
}

/* Factors of a tap's weights [c, oc] are products, of one for each c, which is 1 for the first, and
 * one for each oc. */
static bool expect_conv2d_filter(const struct wg_sums *s, const void *const in[])
{
    const struct wg_conv *v = &s->node->attr.conv;
    const struct ref_conv conv = conv_of(v, v->n, 1, 1);
    double *of_c = malloc(v->c * sizeof *of_c);
    for (size_t c = 0; of_c && c < v->c; c++)
        of_c[c] = s->of_inner[c * v->oc] / s->of_inner[0];
    double *x = of_c ? contract(in[0], v->n * v->h * v->w, v->c, 1, of_c) : NULL;
    double *y = x ? contract(in[1], v->n * v->oh * v->ow, v->oc, 1, s->of_inner) : NULL;
    bool ok = y != NULL;
    if (ok)
        ref_conv2d_filter(&conv, x, y, s->value);
    free(of_c);
    free(x);
    free(y);
    return ok;
}

static bool expect_matmul(const struct wg_sums *s, const void *const in[])
{
    const struct wg_attributes *attr = &s->node->attr;
    size_t m = s->count, n = s->inner, k = wg_shape_count(&s->node->in[0]->shape) / m;
    double *b = attr->transpose_b ? contract(in[1], 1, n, k, s->of_inner)
                                  : contract(in[1], k, n, 1, s->of_inner);
    double *rows = !b                  ? NULL
                   : attr->transpose_a ? contract(in[0], 1, k, m, b)
                                       : contract(in[0], m, k, 1, b);
    bool ok = rows != NULL;
    for (size_t i = 0; ok && i < m; i++)
        s->value[i] = rows[i];
    free(b);
    free(rows);
    return ok;
}

static void add_bias(const struct wg_sums *s, const float *bias)
{
    double of_images = 0, of_bias = dot(s->of_inner, bias, s->inner);
    for (size_t o = 0; o < s->outer; o++)
        of_images += s->of_outer[o];
    for (size_t i = 0; i < s->count; i++)
        s->value[i] += of_images * of_bias;
}

/* ---- the sums of a node ---- */

/* One of 16: odd, up to 15 in size; or 1 to 15/8 in size, that none counts much more than others.
 */
static double factor(bool is_exact, uint32_t index, uint32_t stream)
{
    uint32_t word = wg_philox((const uint32_t[4]){index}, (const uint32_t[2]){0, stream}).v[0] % 16;
    return is_exact ? 2 * (double)word - 15 : (1 + word % 8 / 8.0) * (word < 8 ? 1 : -1);
}

enum { STREAM_OUTER = 4, STREAM_INNER, STREAM_CHANNELS };

static void draw_factors(struct wg_sums *s, bool is_exact)
{
    bool is_filter = s->node->op == &wg_op_conv2d_filter;
    size_t oc = is_filter ? s->node->attr.conv.oc : s->inner;
    for (size_t o = 0; o < s->outer; o++)
        s->of_outer[o] = s->outer == 1 ? 1 : factor(is_exact, (uint32_t)o, STREAM_OUTER);
    for (size_t i = 0; i < oc; i++)
        s->of_inner[i] = is_relu(s->node) && wg_sums_lift(s->node, i) == 0
                             ? 0
                             : factor(is_exact, (uint32_t)i, STREAM_INNER);
    for (size_t i = oc; i < s->inner; i++)
        s->of_inner[i] =
            s->of_inner[i % oc] * factor(is_exact, (uint32_t)(i / oc), STREAM_CHANNELS);
}

/* The root of the sum of their squares. */
static double length_of(const double *factors, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += factors[i] * factors[i];
    return sqrt(squares);
}

static const struct {
    const struct wg_op *op;
    bool (*expect)(const struct wg_sums *sums, const void *const in[]);
} ops[] = {
    {&wg_op_conv2d, expect_conv2d},
    {&wg_op_conv2d_data, expect_conv2d_data},
    {&wg_op_conv2d_filter, expect_conv2d_filter},
    {&wg_op_matmul, expect_matmul},
};

static bool expect(const struct wg_sums *s, const void *const in[])
{
    size_t i = 0;
    while (ops[i].op != s->node->op)
        i++;
    if (!ops[i].expect(s, in))
        return false;
    if (wg_bias_of(s->node))
        add_bias(s, in[CONV_BIAS]);
    return true;
}

/* How the result lies. */
static struct wg_sums layout(const struct wg_node *node)
{
    const struct wg_shape *shape = &node->shape;
    size_t all = wg_shape_count(shape);
    struct wg_sums s = {.node = node, .outer = shape->dim[0], .inner = wg_shape_last(shape)};
    if (node->op == &wg_op_matmul || node->op == &wg_op_conv2d_filter)
        s.outer = 1;
    if (node->op == &wg_op_conv2d_filter)
        s.inner = node->attr.conv.c * node->attr.conv.oc;
    s.count = all / s.outer / s.inner;
    return s;
}

/* How far undoing the activation may be off, where it is not exact: tanh is within 5 ulp, and the
 * steeper its inverse the further it is from zero. */
static double undoing_error(const struct wg_node *node)
{
    const double ulp = 0x1p-23;
    return node->attr.activation == WG_ACTIVATION_TANH ? 5 * ulp * sinh(2 * WG_SUMS_BEFORE_TANH) / 2
                                                       : 0;
}

struct wg_sums *wg_sums_create(const struct wg_node *node, const void *const in[], double unit,
                               double error)
{
    struct wg_sums *s = malloc(sizeof *s);
    if (!s)
        return wg_fail_memory_null("the sums of a node");
    *s = layout(node);
    s->unit = unit;
    error += undoing_error(node);
    s->of_outer = malloc(s->outer * sizeof(double));
    s->of_inner = malloc(s->inner * sizeof(double));
    s->value = malloc(s->count * sizeof(double));
    s->got = malloc(s->count * sizeof(double));
    bool ok =
        (s->of_outer && s->of_inner && s->value && s->got) || wg_fail_memory("the sums of a node");
    if (ok) {
        draw_factors(s, error == 0);
        s->allowed = error * length_of(s->of_outer, s->outer) * length_of(s->of_inner, s->inner);
        if (expect(s, in))
            return s;
    }
    wg_sums_destroy(s);
    return NULL;
}

void wg_sums_destroy(struct wg_sums *sums)
{
    if (!sums)
        return;
    free(sums->of_outer);
    free(sums->of_inner);
    free(sums->value);
    free(sums->got);
    free(sums);
}

/* ---- a result ---- */

enum { BLOCK = 1024, ELEMENTS = 1 << 14 }; // of a row at a time, of a thread's turn

/* What the leaky ReLU made of it, undone: of an exact result the next multiple of the unit. Adding
 * 1.5 * 2^52 of them and taking them away rounds to one. */
static void unbend(const struct wg_sums *s, const float *row, size_t count, float *ret_row)
{
    // By sign, from tables: as a branch it would be guessed wrong half of the time.
    const double scale[2] = {1, 1 / (double)s->node->attr.slope};
    const double shift[2] = {0, s->allowed == 0 ? 0x1.8p52 * s->unit : 0};
    for (size_t i = 0; i < count; i++) {
        bool bent = row[i] < 0;
        ret_row[i] = (float)((double)row[i] * scale[bent] + shift[bent] - shift[bent]);
    }
}

/* What tanh made of it, undone; NaN if that is too far from zero. */
static void undo_tanh(const float *row, size_t count, float *ret_row)
{
    const double most = tanh(WG_SUMS_BEFORE_TANH);
    for (size_t i = 0; i < count; i++)
        ret_row[i] = fabs((double)row[i]) < most ? (float)atanh((double)row[i]) : NAN;
}

/* ReLU has left alone what counts. */
static double sum_row(const struct wg_sums *s, const float *row)
{
    float plain[BLOCK];
    double sum = 0;
    if (s->node->attr.activation == WG_ACTIVATION_NONE || is_relu(s->node))
        return dot(s->of_inner, row, s->inner);
    for (size_t done = 0, count; done < s->inner; done += count) {
        count = wg_smaller(s->inner - done, BLOCK);
        if (s->node->attr.activation == WG_ACTIVATION_TANH)
            undo_tanh(row + done, count, plain);
        else
            unbend(s, row + done, count, plain);
        sum += dot(s->of_inner + done, plain, count);
    }
    return sum;
}

struct summing {
    struct wg_sums *sums;
    const float *result;
    size_t length; // sums of a turn
};

static void sum_part(void *user, size_t index)
{
    const struct summing *summing = user;
    const struct wg_sums *s = summing->sums;
    const struct wg_part part = wg_part(index, summing->length, s->count);
    for (size_t i = part.first; i < part.last; i++)
        s->got[i] = 0;
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = part.first; i < part.last; i++)
            s->got[i] +=
                s->of_outer[o] * sum_row(s, summing->result + (o * s->count + i) * s->inner);
}

double wg_sums_error(struct wg_sums *sums, const float *result, size_t *ret_i)
{
    struct summing summing = {sums, result, wg_larger(ELEMENTS / sums->inner, 1)};
    double worst = 0;
    *ret_i = 0;
    wg_parallel(wg_divide_up(sums->count, summing.length), sum_part, &summing);
    for (size_t i = 0; i < sums->count; i++) {
        double off = fabs(sums->got[i] - sums->value[i]);
        double error = off == 0 ? 0 : off / sums->allowed;
        if (!(error <= worst)) { // a NaN is the worst
            worst = isnan(error) ? INFINITY : error;
            *ret_i = i;
        }
    }
    return worst;
}

void wg_sums_describe(const struct wg_sums *sums, size_t i, char *text, size_t size)
{
    const struct wg_op *op = sums->node->op;
    const struct wg_conv *v = &sums->node->attr.conv;
    size_t width = op == &wg_op_conv2d ? v->ow : op == &wg_op_conv2d_data ? v->w : v->k;
    char where[96];
    if (op == &wg_op_matmul)
        snprintf(where, sizeof where, "row %zu over its columns", i);
    else
        snprintf(where, sizeof where, "%s (%zu, %zu) over all %schannels",
                 op == &wg_op_conv2d_filter ? "tap" : "pixel", i / width, i % width,
                 op == &wg_op_conv2d_filter ? "" : "images and ");
    snprintf(text, size, "the sum of %s, each times a factor, is %.17g, expected %.17g within %.3g",
             where, sums->got[i], sums->value[i], sums->allowed);
}
