/*
 * norm_up: the way back through batch norm, leaky ReLU and a transposed convolution to few
 * channels, for CPU devices (thin.cl):
 *
 *   r = leaky ReLU(batch norm(u)), u [N, OH, OW, OC]     x = conv2d_data(r, w), x [N, H, W, C]
 *
 * From u and d, the gradient to x, everything in between is computed again as it is needed, in each
 * of two passes over u, and written nowhere: r, and dr = conv2d(d, w).
 *
 *   norm_up_sums      parts [PARTS][TAPS + 2, OC], to be added up: the gradient of w, sum over
 *                     pixels of d's taps * r; then dbeta = sum of g and dgamma = sum of g * xhat,
 *                     where g = dr * leaky ReLU'
 *   norm_up_gradient  du = factor * (g - dbeta / rows - xhat * dgamma / rows), where factor is
 *                     gamma / root (batch_norm.cl), and sums [TAPS + 2, OC] are those above
 *
 * Global size PARTS and N * BANDS; a work item describes the norm to itself, [3, OC] and [5, OC].
 */
#include "thin.cl"
#include "thin_norm.cl"

#define ROWS_OUT ((OH + BANDS - 1) / BANDS)

__kernel void norm_up_sums(NORM_PARAMETERS __global const float *restrict d,
                           __global const float *restrict w, __global float *restrict described,
                           __global float *restrict parts)
{
    const int part = get_global_id(0), first = part % BANDS * ROWS_OUT;
    __global float *sums = parts + (size_t)part * (TAPS + 2) * OC, *dbeta = sums + TAPS * OC;
    __global float *dgamma = dbeta + OC, *norm = described + part * 3 * OC;

    describe_norm(m, gamma, beta, norm);
    for (int i = 0; i < (TAPS + 2) * OC; i += VW)
        STOREV((floatv)(0.0f), sums + i);
    for (int n = part / BANDS * IMAGES; n < min(part / BANDS * IMAGES + IMAGES, N); n++)
        for (int oy = first; oy < min(first + ROWS_OUT, OH); oy++)
            for (int ox = 0; ox < OW; ox += PIXELS) {
                const size_t from = Y_AT(n, oy, ox, 0);
                const int count = min(PIXELS, OW - ox);
                float taps[PIXELS][TAPS];

                unfold(d + (size_t)n * H * W * C, oy, ox, count, taps);
                for (int o = 0; o < OC; o += COLUMNS) {
                    floatv tile[PIXELS][NV], sum[NV], product[NV];

                    // dr; 0 for the pixels after `count`
                    convolve(taps, w, o, tile, u + from + count * OC + o * PIXELS, TILE_LINES);
#pragma unroll
                    for (int v = 0; v < NV; v++) {
                        const int c = o + v * VW;

                        sum[v] = product[v] = (floatv)(0.0f);
#pragma unroll
                        for (int p = 0; p < PIXELS; p++) {
                            const floatv deviation =
                                LOADV(u + from + min(p, count - 1) * OC + c) - LOADV(norm + c);
                            const floatv value = NORMAL(deviation, norm, c), dr = tile[p][v];
                            const floatv g = BEND(value, dr);

                            sum[v] += g;
                            product[v] = MAC(g, deviation, product[v]);
                            tile[p][v] = BENT(value); // r
                        }
                        STOREV(LOADV(dbeta + c) + sum[v], dbeta + c);
                        STOREV(LOADV(dgamma + c) + product[v], dgamma + c);
                    }
                    collect(taps, tile, o, sums, 0, 0, 0);
                }
            }
    for (int o = 0; o < OC; o += VW)
        STOREV(LOADV(dgamma + o) / sqrt(LOADV(m + OC + o) + EPSILON), dgamma + o);
}

__kernel void norm_up_gradient(NORM_PARAMETERS __global const float *restrict d,
                               __global const float *restrict w,
                               __global const float *restrict sums, __global float *restrict du,
                               __global float *restrict described)
{
    const int n = get_global_id(0) / BANDS, first = get_global_id(0) % BANDS * ROWS_OUT;
    const float rows = (float)N * OH * OW;
    __global float *norm = described + get_global_id(0) * 5 * OC, *a = norm + 3 * OC, *b = a + OC;

    describe_norm(m, gamma, beta, norm);
    for (int o = 0; o < OC; o += VW) {
        const floatv root = sqrt(LOADV(m + OC + o) + EPSILON), factor = LOADV(norm + OC + o);

        STOREV(-factor * LOADV(sums + (TAPS + 1) * OC + o) / (root * rows), a + o);
        STOREV(-factor * LOADV(sums + TAPS * OC + o) / rows, b + o);
    }
    for (int oy = first; oy < min(first + ROWS_OUT, OH); oy++)
        for (int ox = 0; ox < OW; ox += PIXELS) {
            const size_t from = Y_AT(n, oy, ox, 0);
            const int count = min(PIXELS, OW - ox);
            float taps[PIXELS][TAPS];

            unfold(d + (size_t)n * H * W * C, oy, ox, count, taps);
            for (int o = 0; o < OC; o += COLUMNS) {
                floatv tile[PIXELS][NV];

                convolve(taps, w, o, tile, 0, 0);
#pragma unroll
                for (int p = 0; p < PIXELS; p++)
                    if (p < count)
#pragma unroll
                        for (int v = 0; v < NV; v++) {
                            const int c = o + v * VW;
                            const size_t at = from + p * OC + c;

                            PREFETCH(u + from + count * OC + o * PIXELS + (p * NV + v) * VW);
                            const floatv deviation = LOADV(u + at) - LOADV(norm + c);
                            const floatv value = NORMAL(deviation, norm, c), dr = tile[p][v];
                            const floatv g = BEND(value, dr);
                            const floatv mean_part = MAC(LOADV(a + c), deviation, LOADV(b + c));

                            STREAMV(MAC(LOADV(norm + OC + c), g, mean_part), du + at);
                        }
            }
        }
}
