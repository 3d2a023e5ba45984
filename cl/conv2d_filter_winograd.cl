/*
 * conv2d_filter_winograd: conv2d_filter for CPU devices with fewer multiplications, where the
 * kernel is a multiple of twice the stride.
 *
 *   w[ky, kx, c, o] = sum_{n,oy,ox} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] y[n, oy, ox, o]
 *
 *   x [N, H, W, C]   y [N, OH, OW, OC]   all tight; outside x a value is 0
 *
 * The same bilinear form as conv2d_winograd, read the third way. With its planes z of x, the 2 x 2
 * taps of a plane are, over tiles of 4 x 4 (or 3) of y and the windows d of 5 x 5 of z they see,
 *
 *   g = sum over tiles of G^T [ (B^T d B) . (A y A^T) ] G
 *
 * whose inner part is one product of matrices for each of the 25 elements e:
 *
 *   M[plane][e][c][o] = sum over tiles of V[e][tile][c] Y[e][tile][o]
 *
 * The work items share out the images (PARTS) and the planes (TOGETHER each), and if threads are
 * many the chunks of CHANNELS channels too (SHARES). A work item, which is a thread, goes on in
 * blocks of IMAGES images: Y of the block in panels of COLUMNS channels, then for each plane and
 * chunk V, and for each e, MR channels and panel the sum over the tiles in registers; the first
 * block stores it in M, the others add it there. All sums have a fixed order: the same bits each
 * time.
 *
 * The result is scratch: M of each part, [PARTS][plane][25][C][PITCH], elements APART, which
 * conv2d_winograd_unpack adds up and brings to w; then V, Y and some zeros of each work item, of no
 * further use. C and OC are multiples of VW. The global size is PARTS * PLANES * PLANES / TOGETHER
 * * SHARES, the local size 1.
 *
 *   MR, NV    the tile of the products, see register_tile.cl
 *   PARTS     parts the images are split into, 1 .. N
 *   TOGETHER  planes of a work item, a divisor of PLANES * PLANES
 *   SHARES    work items that share the chunks of a part and its planes
 *   IMAGES    images in a block
 *   CHANNELS  channels of x in a chunk, best a multiple of MR
 */
#include "register_tile.cl"
#define FORM 2
#include "winograd_planes.cl"
#ifndef PARTS
#define PARTS 1
#endif
#ifndef TOGETHER
#define TOGETHER 1
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

#define ROWS   (IMAGES * TILES) // of a block
#define PANELS ((OC + COLUMNS - 1) / COLUMNS)
#define PITCH  (PANELS * COLUMNS) // floats of a row of M

/* Floats of a row of V: an odd number of cache lines, and room to read MR beyond the channels. */
#define PITCH_V   ((CHANNELS + MR + 15) / 32 * 32 + 16)
#define V_ELEMENT ((size_t)APART(ROWS * PITCH_V))
#define V_SIZE    (ELEMENTS * V_ELEMENT)
#define Y_ELEMENT ((size_t)APART(ROWS * PITCH))
#define Y_SIZE    (ELEMENTS * Y_ELEMENT)
#define M_ELEMENT ((size_t)APART(C * PITCH))
#define M_PLANE   (ELEMENTS * M_ELEMENT)
#define M_SIZE    (PLANES * PLANES * M_PLANE) // of a part
#define ZEROS     ((CHANNELS + 15) / 16 * 16) // a pixel outside x

#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, V_SIZE + Y_SIZE + ZEROS);
#endif

/* Y of a tile of an image, VW channels; outside it is zero. */
SPECIALISED void spread_tile(__global const float *restrict image, int y, int x, int height,
                             int width, __global float *restrict to)
{
    floatv d[ELEMENTS];

#pragma unroll
    for (int i = 0; i < height; i++)
#pragma unroll
        for (int j = 0; j < width; j++)
            d[POINTS * i + j] = y + i < OH && x + j < OW
                                    ? LOADV(image + ((size_t)(y + i) * OW + x + j) * OC)
                                    : (floatv)(0.0f);
#pragma unroll
    for (int i = 0; i < height; i++)
        spread(d + POINTS * i, 1, width);
#pragma unroll
    for (int i = 0; i <= width; i++)
        spread(d + i, POINTS, height);
#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        if (e / POINTS <= height && e % POINTS <= width)
            STOREV(d[e], to + e * Y_ELEMENT);
}

/* Y of a row of a block in panels, zeros in channels beyond the last. */
OUTLINED void spread_row(__global const float *restrict image, struct tile tile,
                         __global float *restrict to)
{
#define SPREAD(height, width) spread_tile(image + o, tile.y, tile.x, height, width, at)
    for (int o = 0; o < PITCH; o += VW) {
        __global float *at = to + (size_t)(o / COLUMNS) * ROWS * COLUMNS + o % COLUMNS;

        if (o >= OC)
            for (int e = 0; e < ELEMENTS; e++)
                STOREV((floatv)(0.0f), at + e * Y_ELEMENT);
        else
            BY_SIZE(tile, SPREAD);
    }
}

/* The sum over `rows` tiles of MR channels of V times a panel of Y: `count` rows of M, or added to
 * them. These come closer meanwhile, as do the next MR channels of V, whose lines are too far apart
 * for a processor to predict. */
static void multiply(__global const float *restrict v, __global const float *restrict y, int rows,
                     int count, bool add, __global float *restrict m)
{
    floatv acc[MR][NV];

    clear_tile(acc);
#pragma unroll
    for (int i = 0; i < MR; i++)
#pragma unroll
        for (int j = 0; j < NV; j++)
            PREFETCH(m + i * PITCH + j * VW);
    for (int row = 0; row < rows; row++) {
        PREFETCH(v + row * PITCH_V + 2 * MR - 1);
        add_product(acc, v + row * PITCH_V, 1, y + row * COLUMNS);
    }
    store_tile(acc, m, PITCH, count, add);
}

/* Zeros at the ends of V's rows, which a last group of MR channels reads; only a longer chunk
 * before would have written them. */
static void clear_ends(__global float *restrict v)
{
    const int last = C % CHANNELS > 0 ? C % CHANNELS : CHANNELS, first = last / VW * VW;

    for (int e = 0; e < ELEMENTS; e++)
        for (int row = 0; row < ROWS; row++)
            clear(v + e * V_ELEMENT + row * PITCH_V + first, PITCH_V - first);
}

/* The products of a block of images: a chunk of M, or added to it. */
OUTLINED void multiply_chunk(__global const float *restrict v, __global const float *restrict y,
                             int images, int channels, bool add, __global float *restrict m)
{
    for (int e = 0; e < ELEMENTS; e++) {
        const int first = first_row(e, images), rows = last_row(e, images) - first;

        for (int c = 0; c < channels; c += MR)
            for (int p = 0; p < PANELS; p++)
                multiply(v + e * V_ELEMENT + first * PITCH_V + c,
                         y + e * Y_ELEMENT + (p * ROWS + first) * COLUMNS, rows, channels - c, add,
                         m + e * M_ELEMENT + (size_t)c * PITCH + p * COLUMNS);
    }
}

__kernel void conv2d_filter_winograd(__global const float *restrict x,
                                     __global const float *restrict y,
                                     __global float *restrict scratch)
{
    const int id = get_global_id(0), share = id % SHARES, groups = PLANES * PLANES / TOGETHER;
    const int part = id / SHARES / groups, first = id / SHARES % groups * TOGETHER;
    const int n0 = (int)((long)N * part / PARTS), n1 = (int)((long)N * (part + 1) / PARTS);
    __global float *m = scratch + part * M_SIZE;
    __global float *v = scratch + PARTS * M_SIZE + id * (V_SIZE + Y_SIZE + ZEROS);
    __global float *ys = v + V_SIZE, *zeros = ys + Y_SIZE;

    clear(zeros, ZEROS);
    clear_ends(v);
    for (int n = n0; n < n1; n += IMAGES) {
        const int images = min(IMAGES, n1 - n);

        for (int row = 0; row < images * TILES; row++) {
            const struct tile tile = tile_behind(row, images);

            spread_row(y + (size_t)(n + tile.n) * OH * OW * OC, tile, ys + (size_t)row * COLUMNS);
        }
        for (int r = first; r < first + TOGETHER; r++)
            for (int c = share * CHANNELS; c < C; c += SHARES * CHANNELS) {
                const int channels = min(CHANNELS, C - c);
                const struct plane plane = {
                    .images = x + (size_t)n * H * W * C + c,
                    .zeros = zeros,
                    .y = origin(r / PLANES, 0),
                    .x = origin(r % PLANES, 0),
                    .step = STEP,
                    .rows = H,
                    .columns = W,
                    .depth = C,
                };

                transform_block(&plane, images, channels, v, PITCH_V, V_ELEMENT);
                multiply_chunk(v, ys, images, channels, n > n0,
                               m + r * M_PLANE + (size_t)c * PITCH);
            }
    }
}
