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

/* Of a conv2d_filter, weights that share a tap and, on one side, the channel: ret_sums [oc] of
 * input channel `channel`, or [c] of that output channel. One pass over x and y, as for one of
 * them. */
void wg_element_filter_row(const struct wg_node *node, const float *x, const float *y, size_t tap,
                           size_t channel, double *ret_sums);
void wg_element_filter_column(const struct wg_node *node, const float *x, const float *y,
                              size_t tap, size_t channel, double *ret_sums);

/* NULL: the node's op is none of these. */
const struct wg_element_form *wg_element_form(const struct wg_node *node);

#endif
