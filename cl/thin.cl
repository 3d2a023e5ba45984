/*
 * thin: tiles for convolutions of few channels on one side, "thin" layers, on CPU devices.
 *
 *   x [N, H, W, C], K * K * C = TAPS taps a pixel, at most 64   w [K, K, C, OC] = [TAPS, OC]
 *   y [N, OH, OW, OC], of many channels: OC % (NV * VW) == 0, TAPS % VW == 0
 *
 * With so few channels a layer is held up by memory, not by arithmetic: the tensor on the side of
 * y, and what takes part in it element by element, is to pass through the core once. So a work item
 * takes some rows of some images, PIXELS at a time of a row of y, all their OC channels one after
 * the other. What the taps of these pixels see of x are a few floats on the stack (unfold); then
 *
 *   convolve  y  = taps * w     a pixel of y from what its taps see
 *   collect   w += taps * y     the gradient of the weights
 *   inner     taps = y * w^T    what a pixel of y sends to x, to be added up there (conv2d_thin.cl)
 *
 * each a product of matrices with the tile of sums in registers. Meanwhile what is needed next
 * comes closer, in the order in which it lies and a cache line at a time: lines fetched side by
 * side cost up to half as much time again.
 *
 *   PIXELS    of convolve and collect; PIXELS * NV sums
 *   PIXELS_IN of inner; PIXELS_IN * TAPS / VW sums
 *   GROUP     taps that collect adds to at a time
 *   BANDS     work items that share an image, each ceil(OH / BANDS) rows of y, or ceil(H / BANDS)
 *             of x; then the global size is N * BANDS
 *   IMAGES    images of a work item where sums are collected: the global size is PARTS, that is
 *             ceil(N / IMAGES) * BANDS
 *   IMAGES_IN images of a work item where x is made: the global size is ceil(N / IMAGES_IN) * BANDS
 *
 * Rows may have any length: where a tile has fewer pixels the last one is repeated, with taps of 0.
 */
#include "conv2d_shape.cl"
#ifndef NV // to compile alone
#define NV        1
#define PIXELS    4
#define PIXELS_IN 3
#define GROUP     2
#define BANDS     1
#define IMAGES    1
#define IMAGES_IN 1
#endif

#define RUN     (K * C) // the taps of a row: so many consecutive floats of x
#define TAPS    (K * RUN)
#define COLUMNS (NV * VW)

/* What the taps of `count` pixels from (oy, ox) on see of an image; 0 outside, and for the pixels
 * after these. */
static void unfold(__global const float *restrict image, int oy, int ox, int count,
                   float taps[PIXELS][TAPS])
{
    for (int p = 0; p < PIXELS; p++)
        for (int ky = 0; ky < K; ky++) {
            const int iy = oy * S + ky - PAD, first = ((ox + p) * S - PAD) * C;
            const bool is_row = p < count && iy >= 0 && iy < H;
            __global const float *row = image + (is_row ? iy : 0) * W * C;

            if (is_row && first >= 0 && first + RUN <= W * C) {
#pragma unroll
                for (int i = 0; i < RUN; i++)
                    taps[p][ky * RUN + i] = row[first + i];
            } else {
                for (int i = 0; i < RUN; i++) {
                    const bool inside = is_row && first + i >= 0 && first + i < W * C;

                    taps[p][ky * RUN + i] = inside ? row[first + i] : 0.0f;
                }
            }
        }
}

#define LINE       16                                     // floats
#define TILE_LINES ((PIXELS * COLUMNS + LINE - 1) / LINE) // of COLUMNS channels

/* convolve fetches a line at a time after each of TAPS, collect of one tensor and of another in
 * turn after each of PIXELS for each GROUP. */
#if TILE_LINES > TAPS || 2 * TILE_LINES > TAPS / GROUP * PIXELS
#error "more lines than turns"
#endif

/* Channels o .. o + COLUMNS of a tile of y. So many lines from `next` on come closer,
 * TILE_LINES or none. */
static void convolve(const float taps[PIXELS][TAPS], __global const float *restrict w, int o,
                     floatv y[PIXELS][NV], __global const float *next, int lines)
{
#pragma unroll
    for (int p = 0; p < PIXELS; p++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            y[p][v] = (floatv)(0.0f);
    for (int t = 0; t < TAPS; t++) {
        floatv b[NV];

        if (t < lines)
            PREFETCH(next + t * LINE);
#pragma unroll
        for (int v = 0; v < NV; v++)
            b[v] = LOADV(w + t * OC + o + v * VW);
#pragma unroll
        for (int p = 0; p < PIXELS; p++)
#pragma unroll
            for (int v = 0; v < NV; v++)
                y[p][v] = MAC(taps[p][t], b[v], y[p][v]);
    }
}

/* Adds to channels o .. o + COLUMNS of w [TAPS, OC] what a tile of y says. So many lines from
 * `next` and from `other` on come closer. */
static void collect(const float taps[PIXELS][TAPS], const floatv y[PIXELS][NV], int o,
                    __global float *restrict w, __global const float *next,
                    __global const float *other, int lines)
{
    for (int t = 0; t < TAPS; t += GROUP) {
        floatv sum[GROUP][NV];

#pragma unroll
        for (int g = 0; g < GROUP; g++)
#pragma unroll
            for (int v = 0; v < NV; v++)
                sum[g][v] = LOADV(w + (t + g) * OC + o + v * VW);
#pragma unroll
        for (int p = 0; p < PIXELS; p++) {
            const int turn = t / GROUP * PIXELS + p;

            if (turn / 2 < lines)
                PREFETCH((turn % 2 == 0 ? next : other) + turn / 2 * LINE);
#pragma unroll
            for (int g = 0; g < GROUP; g++)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    sum[g][v] = MAC(taps[p][t + g], y[p][v], sum[g][v]);
        }
#pragma unroll
        for (int g = 0; g < GROUP; g++)
#pragma unroll
            for (int v = 0; v < NV; v++)
                STOREV(sum[g][v], w + (t + g) * OC + o + v * VW);
    }
}
