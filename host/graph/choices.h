/*
 * Choices: the pass between fusing and planning that puts on every node what was measured for its
 * kind on this device. A choice that does not fit, since the op has no such implementation or knob
 * any more, or the device can't do it, is left out, and heuristics decide.
 */
#ifndef WG_GRAPH_CHOICES_H
#define WG_GRAPH_CHOICES_H

#include "host/graph/op.h"

enum { WG_NODE_KEY_MAX = 192 };

/*
 * All of a node that decides how fast it is computed: op, shapes, geometry, activation, as in
 * "conv2d 128x14x14x128 of 128x28x28x64, 4x4x64x128, 128; stride 2 pad 1 activation 1". Not its
 * rates, streams and the like.
 */
void wg_node_key(const struct wg_node *node, char ret_key[WG_NODE_KEY_MAX]);

/* The implementation of this name; NULL if the op has none. */
const struct wg_implementation *wg_op_find(const struct wg_op *op, const char *name);

/* How many knobs an implementation has. */
int wg_knob_count(const struct wg_implementation *implementation);

/* Makes a choice for a node if it is one of its op's and suits the device; false, and the node as
 * it was, if not. `knob` has WG_KNOBS_MAX values. */
bool wg_choose(struct wg_node *node, const struct wg_device *device, const char *implementation,
               const int *knob);

/* Makes the choices of the device's tuning for all nodes that have none. wg_plan_create does. */
void wg_choices_apply(const struct wg_graph *graph, const struct wg_device *device);

#endif
