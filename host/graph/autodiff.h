/*
 * Reverse-mode differentiation as graph building: gradients are nodes like any other, so they are
 * fused and planned with the rest, and may be differentiated again where their ops allow it.
 */
#ifndef WG_GRAPH_AUTODIFF_H
#define WG_GRAPH_AUTODIFF_H

#include "host/graph/graph.h"

/*
 * ret_dx[i] = the gradient of the scalar y [1] with respect to x[i], in x[i]'s shape.
 * Refuses (sticky, like a builder) if y does not depend on some x[i], or if an op on the way can't
 * be differentiated.
 */
void wg_gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *const x[], int count,
                 struct wg_node *ret_dx[]);

#endif
