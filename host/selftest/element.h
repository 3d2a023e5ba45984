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

/* NULL: the node's op is none of these. */
const struct wg_element_form *wg_element_form(const struct wg_node *node);

#endif
