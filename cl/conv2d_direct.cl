/*
 * conv2d_direct: conv2d and conv2d_data for CPU devices, straight from the tensors.
 *
 *   conv2d       y[n, oy, ox, o] = sum_{ky,kx,c} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] w[ky,kx,c,o]
 *   conv2d_data  x[n, iy, ix, c] = sum_{ky,kx,o} y[n, (iy-ky+PAD)/S, (ix-kx+PAD)/S, o] w[ky,kx,c,o]
 *                                  over the taps whose quotients are whole
 *
 *   x [N, H, W, C]   w [K, K, C, OC]   y [N, OH, OW, OC]   all tight; outside a tensor is 0
 *   bias [OC] or [C], one for each channel of the output, only #ifdef BIAS; then ACTIVATE
 *
 * Both are one gather. Split the output into a grid of STEP_OUT x STEP_OUT phases: conv2d has one,
 * conv2d_data S * S of them, one for each remainder of the output's row and column. Within a phase
 * each output reads a rectangle of taps that moves with it, STEP_IN pixels a step. On one axis:
 *
 *   out[n, p * STEP_OUT + phase, o] = sum_{t,r} in[n, p * STEP_IN + first(phase) + t, r] w'[t,r,o]
 *
 * where r runs over the DEPTH channels of the input, o over the WIDTH channels of the output, and
 * w' holds the taps of the phase in rising order of the input.
 *
 * How it is fast: a work item is a thread, there are no barriers. It keeps a tile of MR pixels x
 * COLUMNS output channels in vector registers and adds, for each tap and r, the outer product of MR
 * input values and COLUMNS weights: MR * NV multiply-adds for MR + NV loads.
 *
 *                      o .. o + COLUMNS
 *             w'[k]  [  NV vectors     ]    MR * NV + NV + 1 registers of VW floats:
 *   in[pixel 0][k]     * * * * * * * *      6 x 2 where there are 16 (AVX2: VW 8)
 *   in[pixel 1][k]     * * * * * * * *      14 x 2 where there are 32 (AVX-512: VW 16)
 *   ...                * * * acc * * *
 *   in[pixel MR-1][k]  * * * * * * * *
 *
 * MR * NV should be 10 or more: a multiply-add takes 4 or 5 cycles, and 2 begin in each.
 *
 * All pixels of a tile see the same taps inside the input, so those outside cost nothing and need
 * no test, and the taps of one input row are one run of consecutive floats, in the input as in w'.
 *
 * Its input `packed` is w', made by conv2d_pack, as
 * [phase y][phase x][panel][TAPS][TAPS][DEPTH][COLUMNS].
 *
 * The global size is BLOCKS * OUT_H * SHARES, the local size 1. VW need not divide anything.
 *
 *   DATA      defined for conv2d_data
 *   MR, NV    the tile, see above
 *   IMAGES    images in a work item's block, BLOCKS = ceil(N / IMAGES)
 *   SHARES    work items that share the panels of a block and row; 1 unless there are many threads
 */
#include "conv2d_shape.cl"
#ifndef MR
#define MR 6
#endif
#ifndef NV
#define NV 2
#endif
#ifndef IMAGES
#define IMAGES 12
#endif
#ifndef SHARES
#define SHARES 1
#endif

#ifdef DATA
#define IN_H     OH
#define IN_W     OW
#define DEPTH    OC
#define OUT_H    H
#define OUT_W    W
#define WIDTH    C
#define STEP_IN  1
#define STEP_OUT S
#else
#define IN_H     H
#define IN_W     W
#define DEPTH    C
#define OUT_H    OH
#define OUT_W    OW
#define WIDTH    OC
#define STEP_IN  S
#define STEP_OUT 1
#endif

#define PHASES  STEP_OUT
#define TAPS    ((K + STEP_OUT - 1) / STEP_OUT) // along one axis of a phase, at most
#define COLUMNS (NV * VW)
#define PANELS  ((WIDTH + COLUMNS - 1) / COLUMNS)
#define PANEL   ((size_t)TAPS * TAPS * DEPTH * COLUMNS) // floats of a packed panel

#if DEPTH % 4 == 0
#define UNROLL 4
#else
#define UNROLL 1
#endif

/* How many taps a phase has along an axis. */
static int phase_taps(int phase)
{
    const int lowest = (phase + PAD) % STEP_OUT;
    return lowest < K ? (K - lowest + STEP_OUT - 1) / STEP_OUT : 0;
}

/* Input position of tap 0 of the output p * STEP_OUT + phase. */
static int origin(int phase, int p)
{
#ifdef DATA
    return p + (phase + PAD) / S - phase_taps(phase) + 1;
#else
    (void)phase;
    return p * S - PAD;
#endif
}

/* The tile's sum over `rows` runs of `run` floats; `at` is where each pixel's first run begins. */
static void accumulate(__global const float *restrict in, const size_t *at, int rows, int run,
                       __global const float *restrict packed, floatv acc[MR][NV])
{
    __global const float *pixel[MR];

#pragma unroll
    for (int m = 0; m < MR; m++)
        pixel[m] = in + at[m];
    for (int row = 0; row < rows; row++) {
        __global const float *weights = packed + (size_t)row * TAPS * DEPTH * COLUMNS;

        for (int k = 0; k < run; k += UNROLL)
#pragma unroll
            for (int u = 0; u < UNROLL; u++) {
                floatv b[NV];

#pragma unroll
                for (int v = 0; v < NV; v++)
                    b[v] = LOADV(weights + (k + u) * COLUMNS + v * VW);
#pragma unroll
                for (int m = 0; m < MR; m++)
#pragma unroll
                    for (int v = 0; v < NV; v++)
                        acc[m][v] = MAC(pixel[m][k + u], b[v], acc[m][v]);
            }
#pragma unroll
        for (int m = 0; m < MR; m++)
            pixel[m] += (size_t)IN_W * DEPTH;
    }
}

/* Stores VW channels from channel o on, the last vector of a pixel perhaps in part. */
static void finish(floatv sum, int o,
#ifdef BIAS
                   __global const float *restrict bias,
#endif
                   __global float *restrict pixel)
{
    if (WIDTH % COLUMNS == 0 || o + VW <= WIDTH) {
#ifdef BIAS
        sum += LOADV(bias + o);
#endif
        sum = ACTIVATE(sum);
        STOREV(sum, pixel + o);
        return;
    }
    float part[VW];
    STOREV(sum, part);
    for (int j = 0; o + j < WIDTH; j++) {
        float one = part[j];
#ifdef BIAS
        one += bias[o + j];
#endif
        pixel[o + j] = ACTIVATE(one);
    }
}

/* Where a strip lies: `same` outputs beside one another, in `images` images, that see the same
 * taps. */
struct strip {
    size_t from, to; // offset of the first image's first tap in the input, of its output
    int same, images;
    int rows, run; // the taps: rows of so many consecutive floats
    int panel;
};

/* Computes a strip, MR pixels at a time; the last tile repeats a pixel where it is not full. */
OUTLINED void compute_strip(__global const float *restrict in,
                            __global const float *restrict weights,
#ifdef BIAS
                            __global const float *restrict bias,
#endif
                            struct strip strip, __global float *restrict out)
{
    const int pixels = strip.images * strip.same;

    for (int first = 0; first < pixels; first += MR) {
        size_t from[MR], to[MR];
        floatv acc[MR][NV];

#pragma unroll
        for (int m = 0; m < MR; m++) {
            const int j = min(first + m, pixels - 1), n = j / strip.same, q = j % strip.same;

            from[m] = strip.from + (size_t)n * IN_H * IN_W * DEPTH + q * STEP_IN * DEPTH;
            to[m] = strip.to + (size_t)n * OUT_H * OUT_W * WIDTH + q * STEP_OUT * WIDTH;
#pragma unroll
            for (int v = 0; v < NV; v++)
                acc[m][v] = (floatv)(0.0f);
        }
        if (strip.run > 0)
            accumulate(in, from, strip.rows, strip.run, weights, acc);
#pragma unroll
        for (int m = 0; m < MR; m++)
            if (first + m < pixels)
#pragma unroll
                for (int v = 0; v < NV; v++)
                    finish(acc[m][v], strip.panel * COLUMNS + v * VW,
#ifdef BIAS
                           bias,
#endif
                           out + to[m]);
    }
}

__kernel void conv2d_direct(__global const float *restrict in,
                            __global const float *restrict packed,
#ifdef BIAS
                            __global const float *restrict bias,
#endif
                            __global float *restrict out)
{
    const size_t id = get_global_id(0);
    const int share = id % SHARES, y = id / SHARES % OUT_H, phase_y = y % STEP_OUT;
    const int iy = origin(phase_y, y / STEP_OUT), ty = max(0, -iy);
    const size_t n = id / SHARES / OUT_H * IMAGES;
    struct strip strip = {.images = min(IMAGES, N - (int)n),
                          .rows = max(0, min(phase_taps(phase_y), IN_H - iy) - ty)};

    for (strip.panel = share; strip.panel < PANELS; strip.panel += SHARES)
        for (int phase_x = 0; phase_x < min(PHASES, OUT_W); phase_x++) {
            const int outputs = (OUT_W - phase_x + STEP_OUT - 1) / STEP_OUT;
            const int taps = phase_taps(phase_x), phase = phase_y * PHASES + phase_x;

            /* A strip is one column where taps are outside, or the whole interior. */
            for (int q = 0; q < outputs; q += strip.same) {
                const int ix = origin(phase_x, q), tx = max(0, -ix);
                const bool inside = ix >= 0 && ix + taps <= IN_W;

                strip.same = inside ? min(outputs - q, (IN_W - taps - ix) / STEP_IN + 1) : 1;
                strip.run = max(0, min(taps, IN_W - ix) - tx) * DEPTH;
                strip.from = ((n * IN_H + iy + ty) * IN_W + ix + tx) * DEPTH;
                strip.to = ((n * OUT_H + y) * OUT_W + q * STEP_OUT + phase_x) * WIDTH;
                compute_strip(in,
                              packed + ((size_t)phase * PANELS + strip.panel) * PANEL +
                                  (size_t)(ty * TAPS + tx) * DEPTH * COLUMNS,
#ifdef BIAS
                              bias,
#endif
                              strip, out);
            }
        }
}
