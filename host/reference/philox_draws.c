/*
 * The random draws of a training in double precision; see philox_draws.h. Each element computes
 * its own block anew: plain rather than fast.
 */
#include "host/reference/philox_draws.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

void ref_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t ret_bits[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k[2] = {key[0], key[1]};

    for (int round = 0; round < 10; round++) {
        const uint64_t product0 = UINT64_C(0xD2511F53) * c[0];
        const uint64_t product1 = UINT64_C(0xCD9E8D57) * c[2];

        c[0] = (uint32_t)(product1 >> 32) ^ c[1] ^ k[0];
        c[1] = (uint32_t)product1;
        c[2] = (uint32_t)(product0 >> 32) ^ c[3] ^ k[1];
        c[3] = (uint32_t)product0;
        k[0] += UINT32_C(0x9E3779B9);
        k[1] += UINT32_C(0xBB67AE85);
    }
    for (int lane = 0; lane < 4; lane++)
        ret_bits[lane] = c[lane];
}

static void draw_block(const struct ref_draw *draw, size_t block, uint32_t ret_bits[4])
{
    const uint32_t counter[4] = {(uint32_t)block, draw->step, draw->iteration,
                                 (uint32_t)draw->stream};
    const uint32_t key[2] = {(uint32_t)draw->seed, (uint32_t)(draw->seed >> 32)};

    ref_philox4x32(counter, key, ret_bits);
}

/* The middle of one of 2^23 equal parts of (0, 1), so never 0 and never 1. */
static double unit(uint32_t bits)
{
    return ((bits >> 9) + 0.5) * 0x1p-23;
}

void ref_draw_bits(const struct ref_draw *draw, size_t count, uint32_t *bits)
{
    uint32_t block[4];

    for (size_t i = 0; i < count; i++) {
        draw_block(draw, i / 4, block);
        bits[i] = block[i % 4];
    }
}

void ref_draw_indices(const struct ref_draw *draw, uint64_t range, size_t count, uint32_t *indices)
{
    ref_draw_bits(draw, count, indices);
    for (size_t i = 0; i < count; i++)
        indices[i] = (uint32_t)(indices[i] * range >> 32);
}

void ref_draw_normals(const struct ref_draw *draw, size_t count, double *normals)
{
    uint32_t block[4];

    for (size_t i = 0; i < count; i++) {
        const size_t pair = i % 4 / 2 * 2;

        draw_block(draw, i / 4, block);
        const double radius = sqrt(-2.0 * log(unit(block[pair])));
        const double angle = 2.0 * pi * unit(block[pair + 1]);
        normals[i] = i % 2 == 0 ? radius * cos(angle) : radius * sin(angle);
    }
}

void ref_draw_weights(uint64_t seed, uint32_t tensor, double limit, size_t count, double *weights)
{
    const struct ref_draw draw = {.seed = seed, .step = tensor, .stream = REF_STREAM_WEIGHTS};
    uint32_t block[4];

    for (size_t i = 0; i < count; i++) {
        draw_block(&draw, i / 4, block);
        weights[i] = limit * (2.0 * unit(block[i % 4]) - 1.0);
    }
}
