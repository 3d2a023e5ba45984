/*
 * The random draws of a training in double precision: batch indices, noise, initial weights.
 *
 * The bits are those of Philox4x32-10, so they agree with the device's bit for bit; what is made
 * of them is computed in double. Independent of the product's generator.
 *
 * Key: the seed's low and high 32 bits. Counter: (block, step, iteration, stream). Element i of a
 * draw takes lane i % 4 of block i / 4.
 */
#ifndef WG_REFERENCE_PHILOX_DRAWS_H
#define WG_REFERENCE_PHILOX_DRAWS_H

#include <stddef.h>
#include <stdint.h>

/* The last word of the counter: what a draw is for. */
enum ref_stream {
    REF_STREAM_INDICES = 0,         // which real images make the batch
    REF_STREAM_CRITIC_NOISE = 1,    // the noise of the critic's fakes
    REF_STREAM_GENERATOR_NOISE = 2, // the noise of the generator's update
    REF_STREAM_WEIGHTS = 3,         // initial weights
    REF_STREAM_SAMPLES = 4,         // the noise of sample images
};

/* Where a draw stands: everything but the element. */
struct ref_draw {
    uint64_t seed;
    uint32_t step;      // of the training; for initial weights the number of the tensor
    uint32_t iteration; // of the critic within the step, otherwise 0
    enum ref_stream stream;
};

/*
 * Philox4x32-10 of Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3"
 * (2011): ten rounds of two multiplications, the key advancing by Weyl constants in between.
 */
void ref_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret_bits[4]);

/* bits[i] = lane i % 4 of block i / 4; bits [count] */
void ref_draw_bits(const struct ref_draw *draw, size_t count, uint32_t *bits);

/* indices[i] = (bits[i] * range) >> 32: uniform in [0, range), for range in [1, 2^32]. */
void ref_draw_indices(const struct ref_draw *draw, uint64_t range, size_t count, uint32_t *indices);

/*
 * Standard normal numbers by Box and Muller (1958): lanes a, b = 0, 1 and 2, 3 of a block make
 *
 *   ua = ((bits_a >> 9) + 0.5) * 2^-23, ub likewise, r = sqrt(-2 ln ua),
 *   normals_a = r cos(2 pi ub), normals_b = r sin(2 pi ub);      normals [count]
 */
void ref_draw_normals(const struct ref_draw *draw, size_t count, double *normals);

/*
 * weights[i] = limit * (2 u - 1), u = ((bits[i] >> 9) + 0.5) * 2^-23, of the stream
 * REF_STREAM_WEIGHTS; weights [count]. `tensor` is the running number of the tensor.
 */
void ref_draw_weights(uint64_t seed, uint32_t tensor, double limit, size_t count, double *weights);

#endif
