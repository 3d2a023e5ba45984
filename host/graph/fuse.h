/*
 * Fusing: rewrites of a finished graph that save passes over memory. Results stay the same up to
 * rounding; run it after the gradients are built and before planning.
 */
#ifndef WG_GRAPH_FUSE_H
#define WG_GRAPH_FUSE_H

#include "host/graph/graph.h"

/*
 * A bias, with its activation, whose input is a conv2d or conv2d_data nobody else reads becomes
 * that convolution with a bias as third input: the sum is finished while it is in registers. The
 * gradients read only the bias's output, so nobody misses the sum.
 */
void wg_fuse(struct wg_graph *g);

#endif
