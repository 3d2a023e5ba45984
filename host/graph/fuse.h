/*
 * Fusing: rewrites of a finished graph that save passes over memory. Results stay the same up to
 * rounding; run it after the gradients are built and before planning.
 */
#ifndef WG_GRAPH_FUSE_H
#define WG_GRAPH_FUSE_H

#include "host/graph/graph.h"

struct wg_device;

/*
 * In this order:
 *
 * 1. A bias, with its activation, whose input is a conv2d, a conv2d_data or a matmul of
 *    untransposed A that nobody else reads becomes that node with a bias as third input: the sum
 *    is finished while it is in registers. The gradients read only the bias's output, so nobody
 *    misses the sum.
 * 2. A batch norm by constants (inference) behind such a convolution, without activation, goes into
 *    its weights and bias where these are fewer than what they make.
 * 3. A batch norm before a transposed convolution to few channels is computed by those who read
 *    it, there and back: norm_up, norm_up_sums, norm_up_gradient.
 * 4. The gradient before the activation of a convolution from few channels likewise: layer_filter,
 *    which also sums what the bias learns, and layer_data.
 * 5. The moments of a transposed convolution are left by it (wg_node.moments), if the kernel can
 *    that it takes where nothing was measured.
 * 6. The gradient of a bias before a batch norm is zero.
 * 7. A slice of what is computed is a view of it where the device can make a buffer of it.
 *
 * 3 and 4 only where the device has more than a plain kernel for what results.
 *
 * False, as wg_graph_ok, if a builder failed, before or here; the graph can only be destroyed then.
 */
bool wg_fuse(struct wg_graph *g, const struct wg_device *device);

#endif
