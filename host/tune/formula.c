#include "host/tune/formula.h"

#include <math.h>

/* Cuts the last index off `i`. */
static size_t pop(size_t *i, size_t length)
{
    size_t last = *i % length;
    *i /= length;
    return last;
}

static double matmul(const struct wg_node *node, const float *a, const float *b, size_t i)
{
    size_t n = node->shape.dim[1], column = pop(&i, n), row = i;
    size_t m = node->shape.dim[0], k = wg_shape_count(&node->in[0]->shape) / m;
    double sum = 0;
    for (size_t j = 0; j < k; j++)
        sum += (double)a[node->attr.transpose_a ? j * m + row : row * k + j] *
               (double)b[node->attr.transpose_b ? column * k + j : j * n + column];
    return sum;
}

/* x[n, iy, ix, c], 0 outside; the indices count from -pad. */
static double x_at(const struct wg_conv *v, const float *x, size_t n, size_t iy, size_t ix,
                   size_t c)
{
    if (iy < v->pad || iy - v->pad >= v->h || ix < v->pad || ix - v->pad >= v->w)
        return 0;
    return (double)x[((n * v->h + iy - v->pad) * v->w + ix - v->pad) * v->c + c];
}

static double conv2d(const struct wg_conv *v, const float *x, const float *w, size_t i)
{
    size_t o = pop(&i, v->oc), ox = pop(&i, v->ow), oy = pop(&i, v->oh), n = i;
    double sum = 0;
    for (size_t ky = 0; ky < v->k; ky++)
        for (size_t kx = 0; kx < v->k; kx++)
            for (size_t c = 0; c < v->c; c++)
                sum += x_at(v, x, n, oy * v->stride + ky, ox * v->stride + kx, c) *
                       (double)w[((ky * v->k + kx) * v->c + c) * v->oc + o];
    return sum;
}

static double conv2d_data(const struct wg_conv *v, const float *y, const float *w, size_t i)
{
    size_t c = pop(&i, v->c), ix = pop(&i, v->w) + v->pad, iy = pop(&i, v->h) + v->pad, n = i;
    double sum = 0;
    for (size_t ky = 0; ky < v->k && ky <= iy; ky++)
        for (size_t kx = 0; kx < v->k && kx <= ix; kx++) {
            size_t oy = (iy - ky) / v->stride, ox = (ix - kx) / v->stride;
            if ((iy - ky) % v->stride || (ix - kx) % v->stride || oy >= v->oh || ox >= v->ow)
                continue;
            for (size_t o = 0; o < v->oc; o++)
                sum += (double)y[((n * v->oh + oy) * v->ow + ox) * v->oc + o] *
                       (double)w[((ky * v->k + kx) * v->c + c) * v->oc + o];
        }
    return sum;
}

static double conv2d_filter(const struct wg_conv *v, const float *x, const float *y, size_t i)
{
    size_t o = pop(&i, v->oc), c = pop(&i, v->c), kx = pop(&i, v->k), ky = i;
    double sum = 0;
    for (size_t n = 0; n < v->n; n++)
        for (size_t oy = 0; oy < v->oh; oy++)
            for (size_t ox = 0; ox < v->ow; ox++)
                sum += x_at(v, x, n, oy * v->stride + ky, ox * v->stride + kx, c) *
                       (double)y[((n * v->oh + oy) * v->ow + ox) * v->oc + o];
    return sum;
}

static bool is_gather(const struct wg_node *node)
{
    return node->op == &wg_op_conv2d || node->op == &wg_op_conv2d_data;
}

bool wg_formula_known(const struct wg_node *node)
{
    if (node->op == &wg_op_matmul || node->op == &wg_op_conv2d_filter)
        return node->in_count == 2;
    return is_gather(node) && node->in_count <= 3;
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

double wg_formula_element(const struct wg_node *node, const float *const in[], size_t i)
{
    const struct wg_conv *v = &node->attr.conv;
    if (node->op == &wg_op_matmul)
        return matmul(node, in[0], in[1], i);
    if (node->op == &wg_op_conv2d_filter)
        return conv2d_filter(v, in[0], in[1], i);
    double sum =
        node->op == &wg_op_conv2d ? conv2d(v, in[0], in[1], i) : conv2d_data(v, in[0], in[1], i);
    if (node->in_count > 2)
        sum += (double)in[2][i % wg_shape_last(&node->shape)];
    return activate(&node->attr, sum);
}
