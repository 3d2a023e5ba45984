/*
 * Moments of a tensor's channels, m [2, C], for what leaves them as it computes the tensor,
 * x = m->in[0].
 */
#ifndef WG_GRAPH_OPS_MOMENTS_H
#define WG_GRAPH_OPS_MOMENTS_H

#include "host/graph/ops/rows.h"

/* Adds the kernel calls that make m of what is known of chunks of x's rows: mean and sum of squared
 * deviations, [chunks, 2, C], at the start of scratch. */
bool wg_bind_moments_merge(const struct wg_node *m, struct wg_binder *binder,
                           const struct wg_row_split *chunks);

/* Bytes of scratch for the chunks and what is merged of them; the chunks' part of it. */
size_t wg_moments_scratch(const struct wg_row_split *chunks, const struct wg_device *device);
struct wg_argument wg_moments_partial(const struct wg_row_split *chunks);

#endif
