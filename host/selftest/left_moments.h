/*
 * The moments that a node leaves beside its result: they must be those of what it wrote itself.
 */
#ifndef WG_SELFTEST_LEFT_MOMENTS_H
#define WG_SELFTEST_LEFT_MOMENTS_H

#include "host/selftest/case.h"

/* Raises the deviation to that of the worst channel, if that is larger. x: the result of the node,
 * m [2, C]: what it left. Fails with WG_ERROR_MEMORY. */
bool wg_left_moments_compare(const struct wg_node *node, const float *x, const float *m,
                             struct wg_deviation *deviation);

#endif
