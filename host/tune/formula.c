#include "host/tune/formula.h"

#include "host/graph/ops/shared.h"
#include "host/selftest/element.h"

#include <math.h>

static bool is_gather(const struct wg_node *node)
{
    return node->op == &wg_op_conv2d || node->op == &wg_op_conv2d_data;
}

bool wg_formula_known(const struct wg_node *node)
{
    return wg_element_form(node) && node->in_count <= (is_gather(node) ? 3 : 2);
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
    double sum = wg_element_form(node)->sum(node, in[0], in[1], i);
    if (wg_has_bias(node))
        sum += (double)in[CONV_BIAS][i % wg_shape_last(&node->shape)];
    return activate(&node->attr, sum);
}
