/*
 * What several ops share: the places of their inputs, for all who look into a node, and macros of
 * their attributes.
 */
#ifndef WG_GRAPH_OPS_SHARED_H
#define WG_GRAPH_OPS_SHARED_H

#include "host/graph/op.h"

/* conv2d and conv2d_data, and of matmul the bias, which is there if the fusing pass put it. */
enum { CONV_IN, CONV_W, CONV_BIAS };

static inline bool wg_has_bias(const struct wg_node *conv)
{
    return conv->in_count > CONV_BIAS;
}

/* conv2d_filter */
enum { FILTER_X, FILTER_Y };

/* layer_data */
enum { LAYER_OUT, LAYER_GRADIENT, LAYER_W };

/* batch_norm, up to BETA; batch_norm_sums, up to DY; batch_norm_data. norm_kernel and norm_bias
 * have weights and a bias in the place of X. */
enum { X, MOMENTS, GAMMA, BETA, DY, SUMS };

/* norm_up begins like a batch norm, whose X is u. */
enum { UP_W = BETA + 1, UP_BIAS };

/* So do norm_up_sums, up to UP_GRADIENT_W, and norm_up_gradient. UP_D: the gradient to norm_up's
 * result before the activation. */
enum { UP_D = BETA + 1, UP_GRADIENT_W, UP_SUMS };

/* Macros ACTIVATION and SLOPE. */
static inline void wg_define_activation(struct wg_defines *defines, const struct wg_node *node)
{
    wg_define_int(defines, "ACTIVATION", node->attr.activation);
    wg_define_float(defines, "SLOPE", node->attr.slope);
}

#endif
