/*
 * conv2d_thin: the three forms of a convolution of few channels on one side, for CPU devices; see
 * thin.cl for the shapes, the tiles, and the work sizes.
 *
 *   thin_conv2d  y[n, oy, ox, o] = sum_{ky,kx,c} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] w[ky,kx,c,o]
 *   thin_data    x[n, iy, ix, c] = sum_{ky,kx,o} y[n, (iy-ky+PAD)/S, (ix-kx+PAD)/S, o] w[ky,kx,c,o]
 *                                  over the taps whose quotients are whole
 *   thin_filter  w[ky, kx, c, o] = sum_{n,oy,ox} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] y[n,oy,ox,o]
 *
 * then, where a tensor is written, + bias along its last dimension if #ifdef BIAS and ACTIVATE.
 *
 * thin_data and thin_filter read y as it is or, so that it need not be written anywhere, as what it
 * is computed from:
 *
 *   FROM_GRADIENT  y = gradient * activation'(out): the way back through a layer's activation; no
 *                  activation follows then, and thin_filter also sums y, the gradient of the bias
 *   FROM_NORM      y = batch norm of u by the moments m [2, OC] (see batch_norm.cl), then a leaky
 *                  ReLU of slope SLOPE_IN; thin_data only
 *
 * scratch: thin_data [items][DATA_ITEM]; thin_filter [PARTS][SUMS], which are to be added up.
 */
#include "thin.cl"

#define ROWS_OUT ((OH + BANDS - 1) / BANDS) // of a band of y
#define ROWS_IN  ((H + BANDS - 1) / BANDS)  // of a band of x

#if defined FROM_GRADIENT
#define Y_PARAMETERS   __global const float *restrict out, __global const float *restrict gradient,
#define Y_ARGUMENTS    out, gradient,
#define PREFETCH_Y(at) (PREFETCH(out + (at)), PREFETCH(gradient + (at)))
#define LOAD_Y(at, c)  ACTIVATE_GRADIENT(LOADV(out + at), LOADV(gradient + at))
#define FINISH(sum)    (sum)
#define SUMS           ((TAPS + 1) * OC)
#elif defined FROM_NORM
#include "thin_norm.cl"
#define Y_PARAMETERS   NORM_PARAMETERS
#define Y_ARGUMENTS    u, m, gamma, beta,
#define PREFETCH_Y(at) PREFETCH(u + (at))
#define LOAD_Y(at, c)  normalise(LOADV(u + at), norm, c)
#define FINISH(sum)    ACTIVATE(sum)
#define SUMS           (TAPS * OC)
#else
#define Y_PARAMETERS   __global const float *restrict y,
#define Y_ARGUMENTS    y,
#define PREFETCH_Y(at) PREFETCH(y + (at))
#define LOAD_Y(at, c)  LOADV(y + at)
#define FINISH(sum)    ACTIVATE(sum)
#define SUMS           (TAPS * OC)
#endif

__kernel void thin_conv2d(__global const float *restrict x, __global const float *restrict w,
                          BIAS_PARAMETER __global float *restrict y)
{
    const int n = get_global_id(0) / BANDS, first = get_global_id(0) % BANDS * ROWS_OUT;
    __global const float *image = x + (size_t)n * H * W * C;

    for (int oy = first; oy < min(first + ROWS_OUT, OH); oy++)
        for (int ox = 0; ox < OW; ox += PIXELS) {
            __global float *to = y + Y_AT(n, oy, ox, 0);
            const int count = min(PIXELS, OW - ox);
            float taps[PIXELS][TAPS];

            unfold(image, oy, ox, count, taps);
            for (int o = 0; o < OC; o += COLUMNS) {
                floatv tile[PIXELS][NV];

                convolve(taps, w, o, tile);
#pragma unroll
                for (int p = 0; p < PIXELS; p++)
                    if (p < count)
#pragma unroll
                        for (int v = 0; v < NV; v++) {
                            ADD_BIAS(tile[p][v], LOADV(bias + o + v * VW));
                            STREAMV(ACTIVATE(tile[p][v]), to + p * OC + o + v * VW);
                        }
            }
        }
}

#define SENT (TAPS / VW) // vectors of what a pixel sends

/* table [PIXELS_IN, TAPS] = what the pixels of a tile of y send; the last one is repeated where
 * they are fewer. w_t [OC, TAPS] */
static void inner(__global const float *restrict from, int count,
                  __global const float *restrict w_t, __global float *restrict table,
                  Y_PARAMETERS size_t next)
{
    floatv sum[PIXELS_IN][SENT];
    __global const float *pixel[PIXELS_IN];

#pragma unroll
    for (int p = 0; p < PIXELS_IN; p++) {
        pixel[p] = from + min(p, count - 1) * OC;
#pragma unroll
        for (int v = 0; v < SENT; v++)
            sum[p][v] = (floatv)(0.0f);
    }
    for (int o = 0; o < OC; o += 4) {
#pragma unroll
        for (int i = 0; i < PIXELS_IN; i += 4) // 4 * PIXELS_IN floats, 16 to a cache line
            PREFETCH_Y(next + o * PIXELS_IN + i * 4);
#pragma unroll
        for (int k = 0; k < 4; k++) {
            floatv b[SENT];

#pragma unroll
            for (int v = 0; v < SENT; v++)
                b[v] = LOADV(w_t + (o + k) * TAPS + v * VW);
#pragma unroll
            for (int p = 0; p < PIXELS_IN; p++)
#pragma unroll
                for (int v = 0; v < SENT; v++)
                    sum[p][v] = MAC(pixel[p][o + k], b[v], sum[p][v]);
        }
    }
#pragma unroll
    for (int p = 0; p < PIXELS_IN; p++)
        if (p < count)
#pragma unroll
            for (int v = 0; v < SENT; v++)
                STOREV(sum[p][v], table + p * TAPS + v * VW);
}

#define REACH ((K + S - 1) / S) // pixels of y along an axis that send to one of x, at most

/* The sum of what the pixels of y, rows `top` and on in the table, send to x's (iy, ix, c). */
static float fold(__global const float *restrict table, int top, int iy, int ix, int c)
{
    const int ky = (iy + PAD) % S, oy = (iy + PAD) / S, kx = (ix + PAD) % S, ox = (ix + PAD) / S;
    float sum = 0.0f;

    if (K % S == 0 && oy - REACH >= -1 && oy < OH && ox - REACH >= -1 && ox < OW) {
        __global const float *from = table + ((oy - top) * OW + ox) * TAPS + ky * RUN + kx * C + c;

#pragma unroll
        for (int a = 0; a < REACH; a++)
#pragma unroll
            for (int b = 0; b < REACH; b++)
                sum += from[(a * S * RUN - a * OW * TAPS) + (b * S * C - b * TAPS)];
        return sum;
    }
    for (int a = 0; a < REACH; a++)
        for (int b = 0; b < REACH; b++) {
            const int y = oy - a, x = ox - b, u = ky + a * S, v = kx + b * S;

            if (u < K && v < K && y >= 0 && y < OH && x >= 0 && x < OW)
                sum += table[((y - top) * OW + x) * TAPS + u * RUN + v * C + c];
        }
    return sum;
}

/* Floats of scratch of a work item of thin_data: transposed weights, what a tile of y is, what it
 * sends, and what describes the batch norm. */
#define TABLE_ROWS ((ROWS_IN + K - 2) / S + 2)
#define DATA_ITEM  (OC * TAPS + PIXELS_IN * OC + TABLE_ROWS * OW * TAPS + 3 * OC)

#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, DATA_ITEM);
#endif

__kernel void thin_data(Y_PARAMETERS __global const float *restrict w,
                        BIAS_PARAMETER __global float *restrict x, __global float *restrict scratch)
{
    const int images = get_global_id(0) / BANDS * IMAGES_IN;
    const int first = get_global_id(0) % BANDS * ROWS_IN, last = min(first + ROWS_IN, H);
    const int top = max(0, (first + PAD - K + S) / S), end = min(OH, (last - 1 + PAD) / S + 1);
    __global float *w_t = scratch + get_global_id(0) * DATA_ITEM, *tile = w_t + OC * TAPS;
    __global float *table = tile + PIXELS_IN * OC;

    for (int o = 0; o < OC; o++)
        for (int t = 0; t < TAPS; t++)
            w_t[o * TAPS + t] = w[t * OC + o];
#ifdef FROM_NORM
    __global float *norm = table + TABLE_ROWS * OW * TAPS;
    describe_norm(m, gamma, beta, norm);
#endif
    for (int n = images; n < min(images + IMAGES_IN, N); n++) {
        for (int oy = top; oy < end; oy++)
            for (int ox = 0; ox < OW; ox += PIXELS_IN) {
                const size_t at = Y_AT(n, oy, ox, 0);
                const int count = min(PIXELS_IN, OW - ox);
#if defined FROM_GRADIENT || defined FROM_NORM
                for (int p = 0; p < count; p++)
                    for (int o = 0; o < OC; o += VW)
                        STOREV(LOAD_Y(at + p * OC + o, o), tile + p * OC + o);
                inner(tile, count, w_t, table + ((oy - top) * OW + ox) * TAPS,
                      Y_ARGUMENTS at + PIXELS_IN * OC);
#else
                inner(y + at, count, w_t, table + ((oy - top) * OW + ox) * TAPS,
                      Y_ARGUMENTS at + PIXELS_IN * OC);
#endif
            }
        for (int iy = first; iy < last; iy++)
            for (int ix = 0; ix < W; ix++)
                for (int c = 0; c < C; c++) {
                    float sum = fold(table, top, iy, ix, c);
                    ADD_BIAS(sum, bias[c]);
                    x[X_AT(n, iy, ix, c)] = FINISH(sum);
                }
    }
}

#ifndef FROM_NORM
__kernel void thin_filter(__global const float *restrict x,
                          Y_PARAMETERS __global float *restrict scratch)
{
    const int part = get_global_id(0), first = part % BANDS * ROWS_OUT;
    __global float *sums = scratch + (size_t)part * SUMS;

    for (int i = 0; i < SUMS; i += VW)
        STOREV((floatv)(0.0f), sums + i);
    for (int n = part / BANDS * IMAGES; n < min(part / BANDS * IMAGES + IMAGES, N); n++)
        for (int oy = first; oy < min(first + ROWS_OUT, OH); oy++)
            for (int ox = 0; ox < OW; ox += PIXELS) {
                const size_t from = Y_AT(n, oy, ox, 0);
                const int count = min(PIXELS, OW - ox);
                float taps[PIXELS][TAPS];

                unfold(x + (size_t)n * H * W * C, oy, ox, count, taps);
                for (int o = 0; o < OC; o += COLUMNS) {
                    floatv tile[PIXELS][NV];

#pragma unroll
                    for (int p = 0; p < PIXELS; p++)
#pragma unroll
                        for (int v = 0; v < NV; v++) {
                            const size_t at = from + min(p, count - 1) * OC + o + v * VW;

                            PREFETCH_Y(from + (PIXELS + p) * OC + o + v * VW);
                            tile[p][v] = LOAD_Y(at, o);
                        }
                    collect(taps, tile, o, sums);
#ifdef FROM_GRADIENT
#pragma unroll
                    for (int v = 0; v < NV; v++) {
                        floatv sum = (floatv)(0.0f);

#pragma unroll
                        for (int p = 0; p < PIXELS; p++)
                            if (p < count)
                                sum += tile[p][v];
                        sum += LOADV(sums + TAPS * OC + o + v * VW);
                        STOREV(sum, sums + TAPS * OC + o + v * VW);
                    }
#endif
                }
            }
}
#endif
