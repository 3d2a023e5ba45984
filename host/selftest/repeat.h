/*
 * What a node must compute of many images, by the formula for a few: the images repeat, so that the
 * results do as well, or are sums of as many equal terms. A training's own nodes, at its batch, are
 * tested so without a reference that takes minutes.
 */
#ifndef WG_SELFTEST_REPEAT_H
#define WG_SELFTEST_REPEAT_H

#include "host/selftest/expect.h"

/* Whether the node's op is known here, and its images are more than a few. */
bool wg_repeat_suits(const struct wg_node *node);

/* How many elements of an input come before they repeat: all, if it is not of images. */
size_t wg_repeat_period(const struct wg_node *node, int input);

/* The expectation of a node whose inputs repeat, otherwise as wg_expect: of each element. */
bool wg_repeat_expect(const struct wg_node *node, const struct wg_implementation *by,
                      const void *const in[], struct wg_expectation *ret_expectation);

#endif
