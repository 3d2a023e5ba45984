/*
 * One element of a convolution or matrix product, by its formula (graph.h) in double precision: for
 * results too large to compute whole.
 */
#ifndef WG_SELFTEST_ELEMENT_H
#define WG_SELFTEST_ELEMENT_H

#include "host/graph/graph.h"

struct wg_element_form {
    /* The element from the node's first two inputs, without bias and activation. */
    double (*sum)(const struct wg_node *node, const float *first, const float *second,
                  size_t element);
    /* Products that it adds up, at most. */
    size_t (*terms)(const struct wg_node *node);
};

/* Of a conv2d_filter, the weights of a tap that share a channel on one side, in one pass over x and
 * y: ret_sums [oc] of input channel `channel` if it is a row, else [c] of that output channel. */
void wg_element_filter_line(const struct wg_node *node, const float *x, const float *y, size_t tap,
                            size_t channel, bool is_row, double *ret_sums);

/* Of many elements of a conv2d: its weights, those of an output channel together, to be freed, NULL
 * with a message if there is no memory; and an element's sum from them. */
float *wg_element_pack(const struct wg_node *node, const float *w);
double wg_element_packed(const struct wg_node *node, const float *x, const float *packed,
                         size_t element);

/* NULL: the node's op is none of these. */
const struct wg_element_form *wg_element_form(const struct wg_node *node);

/* The element with bias and activation, from all inputs of a node that has a form. */
double wg_element_result(const struct wg_node *node, const float *const in[], size_t element);

#endif
