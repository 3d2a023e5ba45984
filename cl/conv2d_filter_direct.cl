/*
 * conv2d_filter_direct: conv2d_filter for CPU devices, straight from the tensors.
 *
 *   w[ky, kx, c, o] = sum_{n,oy,ox} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] y[n, oy, ox, o]
 *
 *   x [N, H, W, C]   y [N, OH, OW, OC]   w [K, K, C, OC]   all tight; outside x a value is 0
 *
 * Each tap is a matrix product over the pixels whose tap lies inside x. As in conv2d_direct a work
 * item is a thread and keeps a tile in registers, here MR channels c x COLUMNS channels o of one
 * tap, to which each pixel adds an outer product. A work item takes the images of one part and, if
 * threads are many, only some of the channels c. It goes on in blocks:
 *
 *   for each block of IMAGES images
 *     copy their y, cut into panels of COLUMNS channels
 *     for each CHANNELS channels c
 *       copy these of x                            (the copies stay in L2)
 *       for each tap
 *         pick its pixels, LISTED at a time, from x, cut into tiles of MR channels
 *         for each panel (which stays in L1), for each tile: add the sum over the pixels
 *
 * So the inner loop runs through memory without a gap. The copy of x gives each pixel an odd number
 * of cache lines: channels are often a power of two, and with such a stride all pixels would meet
 * in the same few sets of the cache. Every sum begins at zero and is then added to the part: two
 * short chains of additions instead of a long one, hence a small rounding error. All sums have a
 * fixed order: the same bits each time.
 *
 * The result is scratch, of PARTS * PART + PARTS * SHARES * BLOCK floats: the parts
 * [PARTS][K][K][C][PITCH], which conv2d_unpack adds up, then the copies, of no further use.
 *
 * The global size is PARTS * SHARES, the local size 1. VW need not divide anything.
 *
 *   MR, NV    the tile, see register_tile.cl
 *   PARTS     parts the images are split into, 1 .. N
 *   SHARES    work items that share a part
 *   IMAGES    images in a block
 *   CHANNELS  channels of x copied at a time, best a multiple of MR
 */
#include "conv2d_shape.cl"
#include "register_tile.cl"
#ifndef PARTS
#define PARTS 1
#endif
#ifndef SHARES
#define SHARES 1
#endif
#ifndef IMAGES
#define IMAGES 1
#endif
#ifndef CHANNELS
#define CHANNELS 60
#endif

#define UNROLL 4 // of the inner loop
#define PANELS ((OC + COLUMNS - 1) / COLUMNS)
#define PITCH  (PANELS * COLUMNS)                   // floats of a row of a part
#define PART   ((size_t)K * K * C * PITCH)          // floats of a part
#define PANEL  ((size_t)IMAGES * OH * OW * COLUMNS) // floats of a copied panel of y
#define LISTED 256                                  // pixels picked at a time, at most
#define ROWS   ((MR + VW - 1) / VW * VW)            // MR in whole vectors
#define TILE   ((size_t)LISTED * ROWS + 16) // floats of a picked tile of x, and a cache line
#define TILES  ((CHANNELS + MR - 1) / MR)

/* Floats of a copied pixel of x, an odd number of cache lines, with room to read a whole tile. */
#define PITCH_X ((CHANNELS + ROWS + 15) / 32 * 32 + 16)
#define COPY_X  ((size_t)IMAGES * H * W * PITCH_X)
#define BLOCK   (PANELS * PANEL + COPY_X + TILES * TILE) // floats of all copies of a work item

#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, BLOCK);
#endif

/* Outputs along an axis whose tap k lies in 0 .. in: from the first one up to the last one + 1. */
static int first_output(int k)
{
    return k < PAD ? (PAD - k + S - 1) / S : 0;
}

static int last_output(int k, int in, int outputs)
{
    return in + PAD - k > 0 ? min(outputs, (in + PAD - k - 1) / S + 1) : 0;
}

/* Copies `count` channels of a pixel, with zeros up to a multiple of VW. */
static void copy_pixel(__global const float *restrict from, int count, __global float *restrict to)
{
    int c = 0;

    for (; c + VW <= count; c += VW)
        STOREV(LOADV(from + c), to + c);
    if (c < count)
        STOREV((floatv)(0.0f), to + c);
    for (; c < count; c++)
        to[c] = from[c];
}

/* Copies y, cut into panels. What is beyond the channels of the last panel ends in no result. */
OUTLINED void copy_y(__global const float *restrict y, int pixels, __global float *restrict panels)
{
    for (int i = 0; i < pixels; i++)
        for (int p = 0; p < PANELS; p++)
            copy_pixel(y + (size_t)i * OC + p * COLUMNS, min(COLUMNS, OC - p * COLUMNS),
                       panels + p * PANEL + i * COLUMNS);
}

/* Cuts a copied pixel of x into tiles of MR channels; a last tile that is not full ends in rubbish.
 */
static void pick(__global const float *restrict pixel, int channels, __global float *restrict tiles)
{
    for (int c = 0; c < channels; c += MR, tiles += TILE)
#pragma unroll
        for (int m = 0; m < ROWS; m += VW)
            STOREV(LOADV(pixel + c + m), tiles + m);
}

/* Adds the sum over the pixels of a tile of x times a panel of y to `rows` rows of w. */
static void accumulate(__global const float *restrict tile, __global const float *restrict panel,
                       const int *at, uint listed, int rows, __global float *restrict w)
{
    floatv acc[MR][NV];

    clear_tile(acc);
    for (size_t i = 0; i < listed; i += UNROLL)
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            add_product(acc, tile + (i + u) * ROWS, 1, panel + at[i + u]);
    store_tile(acc, w, PITCH, rows, true);
}

/*
 * Adds the sum over the picked pixels to a tap of w. Their number is first made a multiple of
 * UNROLL with pixels of zeros, each beside a y that takes part anyway: should it be no number, 0 *
 * y tells nothing new.
 */
static void add_picked(__global float *restrict tiles, __global const float *restrict panels,
                       int *at, uint listed, int channels, __global float *restrict w)
{
    for (; listed % UNROLL != 0; listed++) {
        at[listed] = at[0];
        for (int t = 0; t * MR < channels; t++)
            for (int m = 0; m < ROWS; m++)
                tiles[t * TILE + listed * ROWS + m] = 0.0f;
    }
    for (int p = 0; p < PANELS; p++)
        for (int t = 0; t * MR < channels; t++)
            accumulate(tiles + t * TILE, panels + p * PANEL, at, listed, channels - t * MR,
                       w + (size_t)t * MR * PITCH + p * COLUMNS);
}

/* Adds the sum over the pixels of a block to a tap of w. */
OUTLINED void add_tap(__global const float *restrict x, __global const float *restrict panels,
                      int images, int tap, int channels, __global float *restrict tiles,
                      __global float *restrict w)
{
    const int ky = tap / K, y1 = last_output(ky, H, OH);
    const int kx = tap % K, x1 = last_output(kx, W, OW);
    int at[LISTED];
    uint listed = 0;

    for (int n = 0; n < images; n++)
        for (int oy = first_output(ky); oy < y1; oy++)
            for (int ox = first_output(kx); ox < x1; ox++) {
                const int iy = oy * S + ky - PAD, ix = ox * S + kx - PAD;

                at[listed] = ((n * OH + oy) * OW + ox) * COLUMNS;
                pick(x + (size_t)((n * H + iy) * W + ix) * PITCH_X, channels,
                     tiles + listed * ROWS);
                if (++listed == LISTED) {
                    add_picked(tiles, panels, at, listed, channels, w);
                    listed = 0;
                }
            }
    if (listed > 0)
        add_picked(tiles, panels, at, listed, channels, w);
}

__kernel void conv2d_filter_direct(__global const float *restrict x,
                                   __global const float *restrict y,
                                   __global float *restrict scratch)
{
    const int id = get_global_id(0), part = id / SHARES, share = id % SHARES;
    const int n0 = (int)((long)N * part / PARTS), n1 = (int)((long)N * (part + 1) / PARTS);
    __global float *w = scratch + part * PART;
    __global float *panels = scratch + PARTS * PART + id * BLOCK;
    __global float *copy_x = panels + PANELS * PANEL, *tiles = copy_x + COPY_X;

    for (int c = share * CHANNELS; c < C; c += SHARES * CHANNELS)
        for (int tap = 0; tap < K * K; tap++)
            for (size_t i = 0; i < (size_t)min(CHANNELS, C - c) * PITCH; i++)
                w[((size_t)tap * C + c) * PITCH + i] = 0.0f;
    for (int n = n0; n < n1; n += IMAGES) {
        const int images = min(IMAGES, n1 - n);

        copy_y(y + (size_t)n * OH * OW * OC, images * OH * OW, panels);
        for (int c = share * CHANNELS; c < C; c += SHARES * CHANNELS) {
            const int channels = min(CHANNELS, C - c);

            for (int i = 0; i < images * H * W; i++)
                copy_pixel(x + ((size_t)n * H * W + i) * C + c, channels,
                           copy_x + (size_t)i * PITCH_X);
            for (int tap = 0; tap < K * K; tap++)
                add_tap(copy_x, panels, images, tap, channels, tiles,
                        w + ((size_t)tap * C + c) * PITCH);
        }
    }
}
