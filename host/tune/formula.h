/*
 * Single elements of large products, in double precision on the host: enough of them to tell a
 * tensor that is right from one that is not, where the whole would take the host minutes and "ref"
 * a CPU device seconds.
 */
#ifndef WG_TUNE_FORMULA_H
#define WG_TUNE_FORMULA_H

#include "host/graph/op.h"

/* Whether there is one: for matmul and the three convolution forms, with bias and activation. */
bool wg_formula_known(const struct wg_node *node);

/* Element `i` of the node, from its inputs. */
double wg_formula_element(const struct wg_node *node, const float *const in[], size_t i);

#endif
