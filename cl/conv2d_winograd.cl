/*
 * conv2d_winograd: conv2d and conv2d_data for CPU devices with fewer multiplications, where the
 * kernel is twice the stride (K = 2 S).
 *
 *   conv2d       y[n, oy, ox, o] = sum_{ky,kx,c} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] w[ky,kx,c,o]
 *   conv2d_data  its transposed map, see conv2d_direct; shapes, BIAS and ACTIVATE as there
 *
 * With K = 2 S both are sums of convolutions of 2 x 2 taps and stride 1. On one axis, k = t S + r:
 *
 *   conv2d       y[o] = sum over r < S, t < 2 of z_r[o + t] w[t S + r],  z_r[j] = x[j S + r - PAD]
 *                S * S planes z of the input, one phase of the output
 *   conv2d_data  x[q S + r - PAD] = sum over t < 2 of y[q - 1 + t] w[(1 - t) S + r]
 *                one plane, S * S phases r
 *
 * The minimal algorithm F(2, 2) (Winograd 1980; Lavin, Gray 2016) makes two such outputs of three
 * multiplications instead of four; on both axes 9 instead of 16:
 *
 *   out = A^T [ (B^T d B) . (G g G^T) ] A      d 3 x 3 pixels of a plane, g 2 x 2 taps, out 2 x 2
 *
 * (matrices, and the order of the tiles, in winograd.cl)
 * which over many tiles and channels is one product of matrices for each of the 9 elements e:
 *
 *   M[e][tile][o] = sum over r of V[e][tile][r] U[e][r][o]     V = B^T d B, U = G g G^T
 *
 * Its rounding error is that of the direct form with each |d| replaced by |d| plus twice its
 * neighbours in the plane, along both axes (the absolute values of the matrices, multiplied out).
 * Larger tiles need fewer multiplications still, but gain no time at images of 7 and 14 pixels, and
 * lose digits.
 *
 * A work item is a thread. It takes blocks of IMAGES images of one phase: V of a block, all of its
 * products in tiles of MR x COLUMNS as in conv2d_direct, the output. V and M stay in its cache.
 *
 * Its input `packed` is U, made by conv2d_winograd_pack, as
 * [phase][plane][panel][ELEMENTS][DEPTH][COLUMNS]. C and OC are multiples of VW.
 * The global size is ITEMS, the local size 1; scratch holds ITEMS * (V_SIZE + M_SIZE) floats.
 *
 *   DATA      defined for conv2d_data
 *   MR, NV    the tile of the products
 *   IMAGES    images in a block
 *   ITEMS     work items
 */
#include "conv2d_shape.cl"
#ifndef MR
#define MR 6
#endif
#ifndef NV
#define NV 2
#endif
#ifndef IMAGES
#define IMAGES 1
#endif
#ifndef ITEMS
#define ITEMS 1
#endif

#ifdef DATA
#define IN_H   OH
#define IN_W   OW
#define DEPTH  OC
#define OUT_H  H
#define OUT_W  W
#define WIDTH  C
#define PLANES 1
#define PHASES S
#else
#define IN_H   H
#define IN_W   W
#define DEPTH  C
#define OUT_H  OH
#define OUT_W  OW
#define WIDTH  OC
#define PLANES S
#define PHASES 1
#endif

#define PIXELS_Y ((OUT_H + PHASES - 1) / PHASES) // of a phase
#define PIXELS_X ((OUT_W + PHASES - 1) / PHASES)
#include "winograd.cl"

#define ROWS    (IMAGES * TILES + MR) // of V, and some that a last group may touch
#define COLUMNS (NV * VW)
#define PANELS  ((WIDTH + COLUMNS - 1) / COLUMNS)
#define BLOCKS  ((N + IMAGES - 1) / IMAGES)

/* Floats from one row of V to the next: whole cache lines, and not a power of two, which would put
 * all rows into the same few sets of the cache. */
#define PITCH (DEPTH + 16)

/* Floats of U for a panel and element, of V, of a panel of M. */
#define U_PANEL ((size_t)DEPTH * COLUMNS)
#define V_SIZE  ((size_t)ELEMENTS * ROWS * PITCH)
#define M_PANEL ((size_t)ELEMENTS * ROWS * COLUMNS)

/* With one plane, M holds a panel at a time; else all must wait for the last plane. */
#define M_SIZE (M_PANEL * (PLANES > 1 ? PANELS : 1))

#if DEPTH % 4 == 0
#define UNROLL 4
#else
#define UNROLL 1
#endif

/* A^T m, into the first two */
static void evaluate(floatv *m, int step)
{
    m[0] += m[step];
    m[step] += m[2 * step];
}

/* Input position of a window's first pixel, for the plane or phase r. */
static int origin(int r, int tile)
{
#ifdef DATA
    return tile * 2 + (PAD - r + S - 1) / S - 1;
#else
    return tile * 2 * S + r - PAD;
#endif
}

/* Output position of a tile's first pixel. */
static int target(int r, int tile)
{
#ifdef DATA
    return (tile * 2 + (PAD - r + S - 1) / S) * S + r - PAD;
#else
    (void)r;
    return tile * 2;
#endif
}

/* V of a block of images from `in` on, and zeros in the rows behind them, which a last group of MR
 * reads; for a whole block these are there already. */
static void transform_block(__global const float *restrict in, int images, int r,
                            __global float *restrict v)
{
    for (int row = 0; row < images * TILES; row++) {
        const struct place at = place_of(row, images);

        for (int k = 0; k < DEPTH; k += VW)
            transform_vector(in + (size_t)at.n * IN_H * IN_W * DEPTH + k, origin(r / S, at.y),
                             origin(r % S, at.x), PLANES, IN_H, IN_W, DEPTH,
                             v + (size_t)row * PITCH + k, (size_t)ROWS * PITCH);
    }
    for (int e = 0; e < ELEMENTS && images < IMAGES; e++)
        clear(v + ((size_t)e * ROWS + images * TILES) * PITCH, MR * PITCH);
}

/* MR rows of M for an element and panel: V U, added to what is there if there is something. */
static void multiply(__global const float *restrict v, __global const float *restrict u, bool add,
                     __global float *restrict to)
{
    floatv acc[MR][NV];

#pragma unroll
    for (int m = 0; m < MR; m++)
#pragma unroll
        for (int j = 0; j < NV; j++)
            acc[m][j] = add ? LOADV(to + m * COLUMNS + j * VW) : (floatv)(0.0f);
    for (int k = 0; k < DEPTH; k += UNROLL)
#pragma unroll
        for (int i = 0; i < UNROLL; i++) {
            floatv b[NV];

#pragma unroll
            for (int j = 0; j < NV; j++)
                b[j] = LOADV(u + (k + i) * COLUMNS + j * VW);
#pragma unroll
            for (int m = 0; m < MR; m++)
#pragma unroll
                for (int j = 0; j < NV; j++)
                    acc[m][j] = MAC(v[m * PITCH + k + i], b[j], acc[m][j]);
        }
#pragma unroll
    for (int m = 0; m < MR; m++)
#pragma unroll
        for (int j = 0; j < NV; j++)
            STOREV(acc[m][j], to + m * COLUMNS + j * VW);
}

/* The outputs of one tile, VW channels; `m` is its first element of M, `out` the image at these
 * channels. */
static void finish_tile(__global const float *restrict m, floatv bias, int y, int x,
                        __global float *restrict out)
{
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        d[e] = LOADV(m + (size_t)e * ROWS * COLUMNS);
#pragma unroll
    for (int i = 0; i < 3; i++)
        evaluate(d + 3 * i, 1);
#pragma unroll
    for (int i = 0; i < 2; i++)
        evaluate(d + i, 3);
#pragma unroll
    for (int i = 0; i < 2; i++)
#pragma unroll
        for (int j = 0; j < 2; j++) {
            const int oy = y + i * PHASES, ox = x + j * PHASES;
            const floatv sum = d[3 * i + j] + bias;

            if (oy < OUT_H && ox < OUT_W)
                STOREV(ACTIVATE(sum), out + ((size_t)oy * OUT_W + ox) * WIDTH);
        }
}

/* A panel's products, for the tiles that need them; a last group of MR may run into others, which
 * nobody reads. */
static void multiply_panel(__global const float *restrict v, __global const float *restrict u,
                           int images, bool add, __global float *restrict m)
{
    for (int e = 0; e < ELEMENTS; e++)
        for (int row = first_row(e, images); row < last_row(e, images); row += MR)
            multiply(v + ((size_t)e * ROWS + row) * PITCH, u + e * U_PANEL, add,
                     m + ((size_t)e * ROWS + row) * COLUMNS);
}

/* The outputs of a panel of M, for a phase of the images from `out` on. */
static void finish_panel(__global const float *restrict m, int panel,
#ifdef BIAS
                         __global const float *restrict bias,
#endif
                         int images, int phase, __global float *restrict out)
{
    for (int o = panel * COLUMNS; o < min(WIDTH, (panel + 1) * COLUMNS); o += VW)
        for (int row = 0; row < images * TILES; row++) {
            const struct place at = place_of(row, images);

            finish_tile(m + (size_t)row * COLUMNS + o % COLUMNS,
#ifdef BIAS
                        LOADV(bias + o),
#else
                        (floatv)(0.0f),
#endif
                        target(phase / S, at.y), target(phase % S, at.x),
                        out + (size_t)at.n * OUT_H * OUT_W * WIDTH + o);
        }
}

__kernel void conv2d_winograd(__global const float *restrict in,
                              __global const float *restrict packed,
#ifdef BIAS
                              __global const float *restrict bias,
#endif
                              __global float *restrict out, __global float *restrict scratch)
{
    __global float *v = scratch + get_global_id(0) * (V_SIZE + M_SIZE), *m = v + V_SIZE;

    for (int e = 0; e < ELEMENTS; e++)
        clear(v + ((size_t)e * ROWS + IMAGES * TILES) * PITCH, MR * PITCH);
    for (int unit = get_global_id(0); unit < BLOCKS * PHASES * PHASES; unit += ITEMS) {
        const int n = unit / (PHASES * PHASES) * IMAGES, phase = unit % (PHASES * PHASES);
        const int images = min(IMAGES, N - n);

        for (int plane = 0; plane < PLANES * PLANES; plane++) {
            const int r = PHASES > 1 ? phase : plane;
            __global const float *u = packed + (size_t)r * PANELS * ELEMENTS * U_PANEL;

            transform_block(in + (size_t)n * IN_H * IN_W * DEPTH, images, r, v);
            for (int panel = 0; panel < PANELS; panel++) {
                __global float *sums = m + (PLANES > 1 ? panel * M_PANEL : 0);

                multiply_panel(v, u + panel * ELEMENTS * U_PANEL, images, plane > 0, sums);
                if (plane == PLANES * PLANES - 1)
                    finish_panel(sums, panel,
#ifdef BIAS
                                 bias,
#endif
                                 images, phase, out + (size_t)n * OUT_H * OUT_W * WIDTH);
            }
        }
    }
}
