/*
 * conv2d_winograd: conv2d and conv2d_data for CPU devices with fewer multiplications, where the
 * kernel is a multiple of twice the stride (K = 2 S B).
 *
 *   conv2d       y[n, oy, ox, o] = sum_{ky,kx,c} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] w[ky,kx,c,o]
 *   conv2d_data  its transposed map, see conv2d_direct; shapes, BIAS and ACTIVATE as there
 *
 * Both are sums of convolutions of 2 x 2 taps and stride 1. On one axis, k = b 2 S + t S + r:
 *
 *   conv2d       y[o] = sum over b < B, r < S, t < 2 of z[o + t] w[b 2 S + t S + r],
 *                z[j] = x[j S + b 2 S + r - PAD]
 *                planes z(b, r) of the input, (S B)^2 on both axes; one phase of the output
 *   conv2d_data  x[q S + r - PAD] = sum over b < B, t < 2 of z[q + t] w[b 2 S + (1 - t) S + r],
 *                z[q] = y[q - 1 - 2 b]
 *                B^2 planes z(b), S^2 phases r
 *
 * The minimal algorithm F(m, 2) (Winograd 1980; Lavin, Gray 2016) makes m such outputs of m + 1
 * multiplications instead of 2 m; on both axes 25 instead of 64 for m = 4:
 *
 *   out = A^T [ (B^T d B) . (G g G^T) ] A      d 5 x 5 pixels of a plane, g 2 x 2 taps, out 4 x 4
 *
 * (matrices, smaller tiles, and the order of the tiles in winograd.cl)
 * which over many tiles and channels is one product of matrices for each of the 25 elements e:
 *
 *   M[e][tile][o] = sum over i of V[e][tile][i] U[e][i][o]     V = B^T d B, U = G g G^T
 *
 * Its rounding error is at most that of a direct sum of as many terms as i has, plus those of the
 * transforms, over |A^T| [(|B^T| |d| |B|) . (|G| |g| |G^T|)] |A| (host/selftest/winograd.c).
 *
 * A work item is a thread. It takes blocks of IMAGES images of one phase: for each plane, and SLICE
 * of its channels at a time, V of the block and all products in tiles of MR x COLUMNS as in
 * conv2d_direct, added up in M; then the output, a tile after each of the next products, so that
 * memory takes it meanwhile. V and M stay in its cache.
 *
 * Its input `weights` is U, made by conv2d_winograd_pack, as [pair][slice][panel][ELEMENTS], each
 * element [SLICE][COLUMNS] in U_ELEMENT floats. #ifdef AT_ONCE it is [K, K, DEPTH, WIDTH], the
 * weights themselves, of conv2d_data turned by conv2d_winograd_turn: a work item makes a panel of U
 * when it comes to it, so that U never leaves its cache; where blocks are few, that is less work.
 *
 * #ifdef MOMENTS conv2d_data leaves mean and sum of squared deviations of each channel, of each
 * phase of each image: `moments` [N * PHASES^2, 2, WIDTH], chunks as of batch_norm.cl's
 * moments_chunk. The tiles fill the phases, which are of one size.
 *
 * C and OC are multiples of VW. The global size is ITEMS, the local size 1; scratch holds ITEMS *
 * ITEM floats.
 *
 *   FORM      0 conv2d, 1 conv2d_data
 *   MR, NV    the tile of the products, see register_tile.cl
 *   SLICE     channels that are summed up at a time, a divisor of their number, a multiple of VW
 *   IMAGES    images in a block
 *   ITEMS     work items
 */
#include "register_tile.cl"
#include "winograd_planes.cl"
#ifndef IMAGES
#define IMAGES 1
#endif
#ifndef ITEMS
#define ITEMS 1
#endif

#ifndef SLICE
#define SLICE DEPTH
#endif

#ifdef MOMENTS
#define MOMENTS_PARAMETER __global float *restrict moments,
#else
#define MOMENTS_PARAMETER
#endif

#define ROWS   (IMAGES * TILES + MR) // of V, and some that a last group may touch
#define PANELS ((WIDTH + COLUMNS - 1) / COLUMNS)
#define BLOCKS ((N + IMAGES - 1) / IMAGES)

/* Floats from one row of V to the next: whole cache lines, and not a power of two, which would put
 * all rows into the same few sets of the cache. */
#define PITCH (SLICE + 16)

/* Floats of a panel of U for an element, of V, of a panel of M. */
#define U_PANEL   ((size_t)SLICE * COLUMNS)
#define U_ELEMENT ((size_t)APART(SLICE * COLUMNS))
#define V_ELEMENT ((size_t)APART(ROWS * PITCH))
#define V_SIZE    (ELEMENTS * V_ELEMENT)
#define M_ELEMENT ((size_t)APART(ROWS * COLUMNS))
#define M_PANEL   (ELEMENTS * M_ELEMENT)

/* If V is all there is, M holds two panels, the one that is made and the one before, whose outputs
 * are; else all must wait for the last pass. */
#define SLICES (DEPTH / SLICE)
#define PASSES (PLANES * PLANES * SLICES)
#define M_SIZE (M_PANEL * (PASSES > 1 ? PANELS : 2))

#ifdef AT_ONCE
#define U_SIZE (ELEMENTS * U_ELEMENT)
#else
#define U_SIZE 0
#endif

/* Of a work item: V, M, zeros, a panel of U. */
#define ITEM (V_SIZE + M_SIZE + SLICE + U_SIZE)
#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, ITEM);
#endif

#if SLICE % 4 == 0
#define UNROLL 4
#else
#define UNROLL 1
#endif

/* The pair of taps on both axes that a plane meets in a phase. */
static int pair_of(int plane, int phase)
{
    const int y = plane / PLANES * PHASES + phase / PHASES;
    const int x = plane % PLANES * PHASES + phase % PHASES;

    return y * PAIRS + x;
}

/* Channels of the width from `first` on of a slice of the 2 x 2 taps of a pair, brought to points.
 */
OUTLINED void make_panel(__global const float *restrict weights, int pair, int slice, int first,
                         __global float *restrict u)
{
    const size_t tap = (size_t)DEPTH * WIDTH;
    const size_t low = FORM == DATA ? S : 0, high = S - low; // see conv2d_winograd_pack
    const size_t taps[4] = {low * K + low, low * K + high, high * K + low, high * K + high};
    __global const float *from =
        weights + first_tap(pair, K, S) * tap + (size_t)slice * SLICE * WIDTH + first;

    for (int k = 0; k < SLICE; k++)
#pragma unroll
        for (int j = 0; j < COLUMNS; j += VW) {
            floatv g[4], points[ELEMENTS];

#pragma unroll
            for (int t = 0; t < 4; t++)
                g[t] = first + j < WIDTH ? LOADV(from + taps[t] * tap + (size_t)k * WIDTH + j)
                                         : (floatv)(0.0f);
            points_of(g, points);
#pragma unroll
            for (int e = 0; e < ELEMENTS; e++)
                STOREV(points[e], u + e * U_ELEMENT + k * COLUMNS + j);
        }
}

/* A panel of U: where it lies, or in `made`. */
static __global const float *panel_of(__global const float *restrict weights, int pair, int slice,
                                      int panel, __global float *restrict made)
{
#ifdef AT_ONCE
    make_panel(weights, pair, slice, panel * COLUMNS, made);
    return made;
#else
    return weights + (((size_t)pair * SLICES + slice) * PANELS + panel) * ELEMENTS * U_ELEMENT;
#endif
}

/* V of a slice of a block of images, from `in` on, and zeros in the rows behind them, which a last
 * group of MR reads; for a whole block these are there already. */
static void transform_slice(__global const float *restrict in, __global const float *zeros,
                            int images, int plane, int phase, __global float *restrict v)
{
    const struct plane pixels = {
        .images = in,
        .zeros = zeros,
        .y = origin(plane / PLANES, phase / PHASES),
        .x = origin(plane % PLANES, phase % PHASES),
        .step = STEP,
        .rows = IN_H,
        .columns = IN_W,
        .depth = DEPTH,
    };

    transform_block(&pixels, images, SLICE, v, PITCH, V_ELEMENT);
    for (int e = 0; e < ELEMENTS && images < IMAGES; e++)
        clear(v + e * V_ELEMENT + images * TILES * PITCH, MR * PITCH);
}

/* MR rows of M for an element and panel: V U, or added to them. Half of the panel of U for the next
 * element, from `next` on, comes closer meanwhile, and the next rows of M, if they are to be added
 * to. */
static void multiply(__global const float *restrict v, __global const float *restrict u, bool add,
                     __global const float *next, __global const float *next_m,
                     __global float *restrict to)
{
    floatv acc[MR][NV];

    if (add)
#pragma unroll
        for (int i = 0; i < MR * NV; i++)
            PREFETCH(next_m + i * VW);
    if (add)
        load_tile(acc, to, COLUMNS);
    else
        clear_tile(acc);
    for (int k = 0; k < SLICE; k += UNROLL)
#pragma unroll
        for (int i = 0; i < UNROLL; i++) {
            PREFETCH(next + (k + i) * (COLUMNS / 2));
            add_product(acc, v + k + i, PITCH, u + (k + i) * COLUMNS);
        }
    store_tile(acc, to, COLUMNS, MR, false);
}

/* A tile's outputs, of VW channels, are added to `before` others' mean and squared deviations. In
 * one sweep, over the deviations from its first output: of n outputs, squares - sum^2 / n cancels
 * to no less than an n-th. Row by row, as many sums at a time: an addition takes some cycles. */
SPECIALISED void add_moments(const floatv *d, int height, int width, int before,
                             __global float *restrict moments)
{
    const float count = height * width;
    floatv sum[4], squares[4];

#pragma unroll
    for (int i = 0; i < height; i++)
        sum[i] = squares[i] = 0.0f;
#pragma unroll
    for (int j = 0; j < width; j++)
#pragma unroll
        for (int i = 0; i < height; i++) {
            const floatv deviation = d[POINTS * i + j] - d[0];

            sum[i] += deviation;
            squares[i] = MAC(deviation, deviation, squares[i]);
        }
#pragma unroll
    for (int i = 1; i < height; i++) {
        sum[0] += sum[i];
        squares[0] += squares[i];
    }
    floatv mean = MAC(sum[0], 1.0f / count, d[0]);
    floatv within = squares[0] - sum[0] * sum[0] * (1.0f / count);

    if (before > 0) { // Chan, Golub, LeVeque 1979
        const floatv apart = mean - LOADV(moments);
        const float share = count / (before + count);

        within += LOADV(moments + WIDTH) + apart * apart * (before * share);
        mean = MAC(apart, share, LOADV(moments));
    }
    STOREV(mean, moments);
    STOREV(within, moments + WIDTH);
}

/* What is made of a tile of M, VW channels of one image. */
struct destination {
    floatv bias;
    __global float *out; // the image
#ifdef MOMENTS
    __global float *moments; // of its phase
    int before;              // pixels that are in there
#endif
};

/* The outputs of one tile; `m` is its first element of M, (y, x) where the tile goes. */
SPECIALISED void finish_tile(__global const float *restrict m, struct destination to, int height,
                             int width, int y, int x)
{
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        if (e / POINTS <= height && e % POINTS <= width)
            d[e] = LOADV(m + e * M_ELEMENT);
#pragma unroll
    for (int i = 0; i <= height; i++)
        evaluate(d + POINTS * i, 1, width);
#pragma unroll
    for (int i = 0; i < width; i++)
        evaluate(d + i, POINTS, height);
#pragma unroll
    for (int i = 0; i < height; i++)
#pragma unroll
        for (int j = 0; j < width; j++) {
            const int oy = y + i * PHASES, ox = x + j * PHASES;
            const floatv sum = d[POINTS * i + j] + to.bias;

            d[POINTS * i + j] = ACTIVATE(sum);
            if (oy < OUT_H && ox < OUT_W)
                STREAMV(d[POINTS * i + j], to.out + ((size_t)oy * OUT_W + ox) * WIDTH);
        }
#ifdef MOMENTS
    add_moments(d, height, width, to.before, to.moments);
#endif
}

static void finish_row(__global const float *restrict m, struct destination to, struct tile tile,
                       int phase)
{
    const int y = target(phase / PHASES, tile.y), x = target(phase % PHASES, tile.x);

#define FINISH(height, width) finish_tile(m, to, height, width, y, x)
    BY_SIZE(tile, FINISH);
}

/* The outputs of a panel of M, of a phase of some images, as they are made: those of rows before
 * `row` are. */
struct outputs {
    __global const float *m;
#ifdef BIAS
    __global const float *bias;
#endif
    __global float *out; // the images
#ifdef MOMENTS
    __global float *moments;
    int pixels[IMAGES]; // of each image, that are in there
#endif
    int panel, images, phase, row, rows;
};

/* The outputs of the next tile. */
OUTLINED void finish_next(struct outputs *todo)
{
    const int row = todo->row++, first = todo->panel * COLUMNS;
    const struct tile tile = tile_behind(row, todo->images);

    for (int o = first; o < min(WIDTH, first + COLUMNS); o += VW) {
        const struct destination to = {
            .bias = BIAS_OR_ZERO(LOADV(todo->bias + o)),
            .out = todo->out + (size_t)tile.n * OUT_H * OUT_W * WIDTH + o,
#ifdef MOMENTS
            .moments = todo->moments + (size_t)tile.n * PHASES * PHASES * 2 * WIDTH + o,
            .before = todo->pixels[tile.n],
#endif
        };

        finish_row(todo->m + row * COLUMNS + o - first, to, tile, todo->phase);
    }
#ifdef MOMENTS
    todo->pixels[tile.n] += tile.height * tile.width;
#endif
}

static void finish_all(struct outputs *todo)
{
    while (todo->row < todo->rows)
        finish_next(todo);
}

/* A panel's products, for the tiles that need them; a last group of MR may run into others, which
 * nobody reads. Meanwhile the outputs of another panel. */
OUTLINED void multiply_panel(__global const float *restrict v, __global const float *restrict u,
                             int images, bool add, __global float *restrict m, struct outputs *todo)
{
    for (int e = 0; e < ELEMENTS; e++) {
        const int first = first_row(e, images), end = last_row(e, images);

        for (int row = first; row < end; row += MR) {
            __global float *rows = m + e * M_ELEMENT + row * COLUMNS;
            const bool last = row + MR >= end; // then the next are the next element's

            multiply(v + e * V_ELEMENT + row * PITCH, u + e * U_ELEMENT, add,
                     u + (e + 1) * U_ELEMENT + (row > first ? U_PANEL / 2 : 0),
                     last ? m + (e + 1) * M_ELEMENT + first_row(e + 1, images) * COLUMNS
                          : rows + MR * COLUMNS,
                     rows);
            if (todo->row < todo->rows)
                finish_next(todo);
        }
    }
    finish_all(todo);
}

/* Blocks and phases are dealt out so that any half of the work items has half of them. */
static int first_unit(size_t item)
{
    return BLOCKS * PHASES * PHASES * item / ITEMS;
}

__kernel void conv2d_winograd(__global const float *restrict in,
                              __global const float *restrict weights,
                              BIAS_PARAMETER __global float *restrict out,
                              MOMENTS_PARAMETER __global float *restrict scratch)
{
    __global float *v = scratch + get_global_id(0) * ITEM;
    __global float *m = v + V_SIZE, *zeros = m + M_SIZE, *made = zeros + SLICE;
    struct outputs todo = {.rows = 0};
    int panels = 0;

    clear(zeros, SLICE);
    for (int e = 0; e < ELEMENTS; e++)
        clear(v + e * V_ELEMENT + IMAGES * TILES * PITCH, MR * PITCH);
    for (int unit = first_unit(get_global_id(0)); unit < first_unit(get_global_id(0) + 1); unit++) {
        const int n = unit / (PHASES * PHASES) * IMAGES, phase = unit % (PHASES * PHASES);
        const int images = min(IMAGES, N - n);

        for (int pass = 0; pass < PASSES; pass++) {
            const int plane = pass / SLICES, slice = pass % SLICES;

            transform_slice(in + (size_t)n * IN_H * IN_W * DEPTH + slice * SLICE, zeros, images,
                            plane, phase, v);
            for (int panel = 0; panel < PANELS; panel++) {
                __global float *sums = m + (PASSES > 1 ? panel : panels++ % 2) * M_PANEL;

#if PASSES > 1 && PANELS == 1
                finish_all(&todo); // M is the only one
#endif
                multiply_panel(v, panel_of(weights, pair_of(plane, phase), slice, panel, made),
                               images, pass > 0, sums, &todo);
                if (pass == PASSES - 1)
                    todo = (struct outputs){
                        .m = sums,
#ifdef BIAS
                        .bias = bias,
#endif
                        .out = out + (size_t)n * OUT_H * OUT_W * WIDTH,
#ifdef MOMENTS
                        .moments = moments + ((size_t)n * PHASES * PHASES + phase) * 2 * WIDTH,
#endif
                        .panel = panel,
                        .images = images,
                        .phase = phase,
                        .rows = images * TILES,
                    };
            }
        }
    }
    finish_all(&todo);
}
