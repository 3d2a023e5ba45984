/*
 * conv2d_winograd_tiles: to tiles and back, for the three forms of a convolution by F(4, 2) on
 * devices with local memory. conv2d_winograd.cl and conv2d_filter_winograd.cl say what is computed,
 * winograd.cl the matrices, the tiles and the order of the rows; K is 2 S.
 *
 *   conv2d         V[e][row][plane, c] = B^T d B    of x     y = A^T M A + bias, then ACTIVATE
 *   conv2d_data    V[phase, e][row][o] = B^T d B    of y     x = A^T M A + bias, then ACTIVATE
 *   conv2d_filter  V[e][row][plane, c] = B^T d B    of x     Y[e][row][o] = A y A^T
 *
 * The products are conv2d_tiled's or conv2d_tensor's, one for each first index, and so are their
 * results M, PARTS sums [PARTS][phase, e][row][o or c], added up here in their order. What
 * conv2d_winograd_taps.cl makes of w is the right factor, and that of a filter's M is w.
 *
 * A work item has a tile and VW channels; neighbours have neighbouring channels. It reads and
 * writes nothing of elements that its tile has not. All tensors are whole; the images of a launch
 * are IMAGES from `first` on, and V, Y and M are theirs.
 *
 * Global size: IMAGES * TILES * channels / VW, by planes or phases. C and OC are multiples of VW.
 *
 *   FORM    0 conv2d, 1 conv2d_data, 2 conv2d_filter
 *   IMAGES  whose tiles V, Y and M hold
 *   PARTS   of each sum
 */
#include "aligned.cl"
#include "winograd_planes.cl"
#ifndef IMAGES // to compile alone
#define IMAGES 1
#define PARTS  1
#endif

#define ROWS (IMAGES * TILES)

/* Whether the tile has row or column i, of its elements or of its pixels. */
#define HAS_ELEMENT(tile, e) ((e) / POINTS <= (tile).height && (e) % POINTS <= (tile).width)
#define HAS_PIXEL(tile, e)   ((e) / POINTS < (tile).height && (e) % POINTS < (tile).width)

/* The elements of a tile, `apart` floats from one to the next. */
static void store_elements(const floatv d[ELEMENTS], struct tile tile, int apart,
                           __global float *to)
{
#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        if (HAS_ELEMENT(tile, e))
            store(d[e], to + e * apart);
}

/* V of IMAGES images. */
__kernel void conv2d_winograd_interpolate(__global const float *restrict in, const int first,
                                          __global float *restrict v)
{
    const int id = (int)get_global_id(0), r = (int)get_global_id(1);
    const int row = id / (DEPTH / VW), c = id % (DEPTH / VW) * VW;
    const int pitch = PLANES * PLANES * DEPTH;

    if (row >= ROWS)
        return;
    const struct tile tile = tile_behind(row, IMAGES);
    const int y = tile.y * STEP + origin(r / S % PLANES, r / S % PHASES);
    const int x = tile.x * STEP + origin(r % S % PLANES, r % S % PHASES);
    __global const float *image = in + (size_t)(first + tile.n) * IN_H * IN_W * DEPTH + c;
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++) {
        const int iy = y + e / POINTS * STEP, ix = x + e % POINTS * STEP;

        d[e] = HAS_ELEMENT(tile, e) && (uint)iy < IN_H && (uint)ix < IN_W
                   ? load(image + (iy * IN_W + ix) * DEPTH)
                   : (floatv)(0.0f);
    }
#pragma unroll
    for (int i = 0; i < POINTS; i++)
        interpolate(d + POINTS * i, 1, tile.width);
#pragma unroll
    for (int i = 0; i < POINTS; i++)
        interpolate(d + i, POINTS, tile.height);
    store_elements(d, tile, ROWS * pitch,
                   v + (FORM == DATA ? r * ELEMENTS * ROWS * DEPTH : r * DEPTH) + row * pitch + c);
}

#if FORM == FILTER

/* Y of IMAGES images. */
__kernel void conv2d_winograd_spread(__global const float *restrict y, const int first,
                                     __global float *restrict to)
{
    const int id = (int)get_global_id(0);
    const int row = id / (OC / VW), o = id % (OC / VW) * VW;

    if (row >= ROWS)
        return;
    const struct tile tile = tile_behind(row, IMAGES);
    __global const float *image = y + (size_t)(first + tile.n) * OH * OW * OC + o;
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++) {
        const int oy = tile.y + e / POINTS, ox = tile.x + e % POINTS;

        d[e] = HAS_PIXEL(tile, e) && oy < OH && ox < OW ? load(image + (oy * OW + ox) * OC)
                                                        : (floatv)(0.0f);
    }
#pragma unroll
    for (int i = 0; i < POINTS - 1; i++)
        spread(d + POINTS * i, 1, tile.width);
#pragma unroll
    for (int i = 0; i < POINTS; i++)
        spread(d + i, POINTS, tile.height);
    store_elements(d, tile, ROWS * OC, to + row * OC + o);
}

#else

/* IMAGES images of the output. */
__kernel void conv2d_winograd_evaluate(__global const float *restrict m,
                                       BIAS_PARAMETER __global float *restrict out, const int first)
{
    const int id = (int)get_global_id(0), r = (int)get_global_id(1);
    const int row = id / (WIDTH / VW), o = id % (WIDTH / VW) * VW;

    if (row >= ROWS)
        return;
    const struct tile tile = tile_behind(row, IMAGES);
    const int y = target(r / PHASES, tile.y), x = target(r % PHASES, tile.x);
    __global const float *from = m + r * ELEMENTS * ROWS * WIDTH + row * WIDTH + o;
    __global float *image = out + (size_t)(first + tile.n) * OUT_H * OUT_W * WIDTH + o;
    const floatv added = BIAS_OR_ZERO(load(bias + o));
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        d[e] = HAS_ELEMENT(tile, e) ? load(from + e * ROWS * WIDTH) : (floatv)(0.0f);
#pragma unroll 1
    for (int part = 1; part < PARTS; part++) {
        from += PHASES * PHASES * ELEMENTS * ROWS * WIDTH;
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            if (HAS_ELEMENT(tile, e))
                d[e] += load(from + e * ROWS * WIDTH);
    }
#pragma unroll
    for (int i = 0; i < POINTS; i++)
        evaluate(d + POINTS * i, 1, tile.width);
#pragma unroll
    for (int i = 0; i < POINTS - 1; i++)
        evaluate(d + i, POINTS, tile.height);
#pragma unroll
    for (int e = 0; e < ELEMENTS; e++) {
        const int oy = y + e / POINTS * PHASES, ox = x + e % POINTS * PHASES;
        const floatv sum = d[e] + added;

        if (HAS_PIXEL(tile, e) && oy < OUT_H && ox < OUT_W)
            store(ACTIVATE(sum), image + (oy * OUT_W + ox) * WIDTH);
    }
}

#endif
