/*
 * What a large node must compute, at some of its elements, and in sums of all: the products and
 * convolutions of a training at its own sizes, so that a test needs no kernels but the training's.
 *
 * The inputs are whole numbers, so that every sum is exact, in whatever order: a result is right
 * to the last bit, or a term is wrong. Bounds for rounding would hide a wrong term among 100,000.
 * Sums stay below 2^24, where floats stop being whole, by 16 standard deviations. The numbers have
 * up to 12 bits, so that arithmetic of fewer than float's shows. F(4, 2) of Winograd is not exact,
 * since it divides by 9: it is allowed what independent roundings are likely to do.
 */
#ifndef WG_SELFTEST_SAMPLE_H
#define WG_SELFTEST_SAMPLE_H

#include "host/selftest/expect.h"

/* Whether the node's op is one of these. */
bool wg_sample_suits(const struct wg_node *node);

/* Fills an input of the node with such numbers. */
void wg_sample_fill(const struct wg_node *node, int input, float *values);

/* How many elements of a result are looked at. */
enum { WG_SAMPLES = 4096 };

/* How many numbers are drawn of a longer input, which repeats them, since that costs much less. It
 * is a prime, so that no image is like another, nor is a row among as many. */
enum { WG_SAMPLE_PERIOD = 262147 };

/* The first `period` values again and again, up to `count`. */
void wg_sample_repeat(float *values, size_t period, size_t count);

/* The expectation at elements everywhere in the result: all places of an image, first and last
 * images and channels, by this implementation; and of all elements in sums (sums.h), if there are
 * such. Fails with WG_ERROR_MEMORY. */
bool wg_sample_expect(const struct wg_node *node, const struct wg_implementation *by,
                      const void *const in[], struct wg_expectation *ret_expectation);

#endif
