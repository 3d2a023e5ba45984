/*
 * The places of a node's inputs, for all who look into one: ops, the fusing pass, the tests.
 */
#ifndef WG_GRAPH_INPUTS_H
#define WG_GRAPH_INPUTS_H

#include "host/graph/op.h"

/* conv2d and conv2d_data, and of matmul the bias, which is there if the fusing pass put it. */
enum { CONV_IN, CONV_W, CONV_BIAS };

/* What is added along the last dimension of conv2d, conv2d_data, matmul or norm_up; NULL: nothing,
 * as of any other op. */
const struct wg_node *wg_bias_of(const struct wg_node *node);

/*
 * The form of a node of conv2d, conv2d_data, conv2d_filter or matmul, and its geometry. A product
 * of matrices is each of the forms over images of one pixel: A B is conv2d, with C = y, A B^T
 * conv2d_data, with C = x, A^T B conv2d_filter, with C = w; A^T B^T is none.
 */
enum wg_form wg_form_of(const struct wg_node *node);
struct wg_conv wg_conv_of(const struct wg_node *node);

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

#endif
