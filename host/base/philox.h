/*
 * Philox4x32-10, the counter-based random generator: block number `counter` of the stream `key`,
 * without a state, so that any draw can be computed at any time, in any order, on any device.
 *
 * Not a stream with a position: whoever draws decides what the counter's four words mean.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
 * section 3.3 and table 2; bit-compatible with their Random123 library.
 */
#ifndef WG_BASE_PHILOX_H
#define WG_BASE_PHILOX_H

#include <stdint.h>

struct wg_philox_block {
    uint32_t v[4];
};

/*
 * Ten rounds of x' = (hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0 x0)), the key
 * advancing by the Weyl constants between rounds. The four words are uniform and independent.
 */
struct wg_philox_block wg_philox(const uint32_t counter[4], const uint32_t key[2]);

/*
 * ((u >> 9) + 1/2) / 2^23: uniform in the open interval (0, 1), exact in a float, neither 0 nor 1
 * ever, so that its logarithm is always finite.
 */
float wg_uniform_float(uint32_t u);

#endif
