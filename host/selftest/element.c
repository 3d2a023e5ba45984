#include "host/selftest/element.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/graph/inputs.h"

#include <math.h>
#include <stdlib.h>

/* w[ky, kx, c, oc] */
static size_t at_weight(const struct wg_conv *v, size_t ky, size_t kx, size_t c, size_t oc)
{
    return ((ky * v->k + kx) * v->c + c) * v->oc + oc;
}

static size_t at_x(const struct wg_conv *v, size_t n, size_t iy, size_t ix, size_t c)
{
    return ((n * v->h + iy) * v->w + ix) * v->c + c;
}

static size_t at_y(const struct wg_conv *v, size_t n, size_t oy, size_t ox, size_t oc)
{
    return ((n * v->oh + oy) * v->ow + ox) * v->oc + oc;
}

/* Where tap (ky, kx) of output (oy, ox) falls in x; false: on the padding. */
static bool meets(const struct wg_conv *v, size_t oy, size_t ox, size_t ky, size_t kx,
                  size_t *ret_iy, size_t *ret_ix)
{
    *ret_iy = oy * v->stride + ky - v->pad; // wraps below zero, beyond any size
    *ret_ix = ox * v->stride + kx - v->pad;
    return *ret_iy < v->h && *ret_ix < v->w;
}

enum { LANES = 4 }; // sums at a time, for vectors

static double dot(const float *a, const float *b, size_t count)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lanes[l] += (double)a[i + l] * (double)b[i + l];
    for (; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

static double sum_conv2d(const struct wg_node *node, const float *x, const float *w, size_t element)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t oc = element % v->oc, pixel = element / v->oc, iy, ix;
    size_t ox = pixel % v->ow, oy = pixel / v->ow % v->oh, n = pixel / v->ow / v->oh;
    double sum = 0;
    for (size_t ky = 0; ky < v->k; ky++)
        for (size_t kx = 0; kx < v->k; kx++)
            for (size_t c = 0; c < v->c && meets(v, oy, ox, ky, kx, &iy, &ix); c++)
                sum += (double)x[at_x(v, n, iy, ix, c)] * (double)w[at_weight(v, ky, kx, c, oc)];
    return sum;
}

struct packing {
    const struct wg_conv *conv;
    const float *w;
    float *packed;
};

/* packed[oc, ky, kx, c] */
static void pack_tap(void *user, size_t tap)
{
    const struct packing *p = user;
    const struct wg_conv *v = p->conv;
    for (size_t oc = 0; oc < v->oc; oc++)
        for (size_t c = 0; c < v->c; c++)
            p->packed[(oc * v->k * v->k + tap) * v->c + c] = p->w[(tap * v->c + c) * v->oc + oc];
}

float *wg_element_pack(const struct wg_node *node, const float *w)
{
    const struct wg_conv *v = &node->attr.conv;
    struct packing packing = {v, w, malloc(v->k * v->k * v->c * v->oc * sizeof(float))};
    if (packing.packed)
        wg_parallel(v->k * v->k, pack_tap, &packing);
    else
        wg_fail_memory("the weights of a test");
    return packing.packed;
}

double wg_element_packed(const struct wg_node *node, const float *x, const float *packed,
                         size_t element)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t oc = element % v->oc, pixel = element / v->oc, taps = v->k * v->k, iy, ix;
    size_t ox = pixel % v->ow, oy = pixel / v->ow % v->oh, n = pixel / v->ow / v->oh;
    double sum = 0;
    for (size_t tap = 0; tap < taps; tap++)
        if (meets(v, oy, ox, tap / v->k, tap % v->k, &iy, &ix))
            sum += dot(x + at_x(v, n, iy, ix, 0), packed + (oc * taps + tap) * v->c, v->c);
    return sum;
}

/* Through tap (ky, kx) a pixel of x meets at most one of y. */
static double sum_conv2d_data(const struct wg_node *node, const float *y, const float *w,
                              size_t element)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t c = element % v->c, pixel = element / v->c;
    size_t ix = pixel % v->w, iy = pixel / v->w % v->h, n = pixel / v->w / v->h;
    double sum = 0;
    for (size_t ky = 0; ky < v->k; ky++)
        for (size_t kx = 0; kx < v->k; kx++) {
            size_t oy = (iy + v->pad - ky) / v->stride, ox = (ix + v->pad - kx) / v->stride;
            size_t back_y, back_x;
            if (oy >= v->oh || ox >= v->ow || !meets(v, oy, ox, ky, kx, &back_y, &back_x) ||
                back_y != iy || back_x != ix)
                continue;
            sum += dot(y + at_y(v, n, oy, ox, 0), w + at_weight(v, ky, kx, c, 0), v->oc);
        }
    return sum;
}

static double sum_conv2d_filter(const struct wg_node *node, const float *x, const float *y,
                                size_t element)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t oc = element % v->oc, c = element / v->oc % v->c, tap = element / v->oc / v->c, iy, ix;
    double sum = 0;
    for (size_t n = 0; n < v->n; n++)
        for (size_t oy = 0; oy < v->oh; oy++)
            for (size_t ox = 0; ox < v->ow; ox++)
                if (meets(v, oy, ox, tap / v->k, tap % v->k, &iy, &ix))
                    sum += (double)x[at_x(v, n, iy, ix, c)] * (double)y[at_y(v, n, oy, ox, oc)];
    return sum;
}

void wg_element_filter_line(const struct wg_node *node, const float *x, const float *y, size_t tap,
                            size_t channel, bool is_row, double *ret_sums)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t count = is_row ? v->oc : v->c, iy, ix;
    for (size_t i = 0; i < count; i++)
        ret_sums[i] = 0;
    for (size_t n = 0; n < v->n; n++)
        for (size_t oy = 0; oy < v->oh; oy++)
            for (size_t ox = 0; ox < v->ow; ox++) {
                if (!meets(v, oy, ox, tap / v->k, tap % v->k, &iy, &ix))
                    continue;
                const float *of_x = x + at_x(v, n, iy, ix, 0), *of_y = y + at_y(v, n, oy, ox, 0);
                const float *line = is_row ? of_y : of_x;
                double one = (double)(is_row ? of_x : of_y)[channel];
                for (size_t i = 0; i < count; i++)
                    ret_sums[i] += one * (double)line[i];
            }
}

static size_t depth_of(const struct wg_node *product)
{
    return product->in[0]->shape.dim[product->attr.transpose_a ? 0 : 1];
}

static double sum_matmul(const struct wg_node *node, const float *a, const float *b, size_t element)
{
    size_t rows = node->shape.dim[0], columns = node->shape.dim[1], depth = depth_of(node);
    size_t m = element / columns, n = element % columns;
    double sum = 0;
    for (size_t k = 0; k < depth; k++)
        sum += (double)a[node->attr.transpose_a ? k * rows + m : m * depth + k] *
               (double)b[node->attr.transpose_b ? n * depth + k : k * columns + n];
    return sum;
}

static size_t terms_conv2d(const struct wg_node *node)
{
    return node->attr.conv.k * node->attr.conv.k * node->attr.conv.c;
}

static size_t terms_conv2d_data(const struct wg_node *node)
{
    return node->attr.conv.k * node->attr.conv.k * node->attr.conv.oc;
}

static size_t terms_conv2d_filter(const struct wg_node *node)
{
    return node->attr.conv.n * node->attr.conv.oh * node->attr.conv.ow;
}

static const struct {
    const struct wg_op *op;
    struct wg_element_form form;
} forms[] = {
    {&wg_op_conv2d, {sum_conv2d, terms_conv2d}},
    {&wg_op_conv2d_data, {sum_conv2d_data, terms_conv2d_data}},
    {&wg_op_conv2d_filter, {sum_conv2d_filter, terms_conv2d_filter}},
    {&wg_op_matmul, {sum_matmul, depth_of}},
};

const struct wg_element_form *wg_element_form(const struct wg_node *node)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (forms[i].op == node->op)
            return &forms[i].form;
    return NULL;
}

static double activate(const struct wg_attributes *attr, double x)
{
    switch (attr->activation) {
    case WG_ACTIVATION_LEAKY_RELU:
        return x > 0 ? x : (double)attr->slope * x;
    case WG_ACTIVATION_TANH:
        return tanh(x);
    default:
        return x;
    }
}

double wg_element_result(const struct wg_node *node, const float *const in[], size_t element)
{
    double sum = wg_element_form(node)->sum(node, in[0], in[1], element);
    if (wg_bias_of(node))
        sum += (double)in[CONV_BIAS][element % wg_shape_last(&node->shape)];
    return activate(&node->attr, sum);
}
