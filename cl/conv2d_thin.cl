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

/*
 *   Y_PARAMETERS     of a kernel: the tensors that y is computed from
 *   READ_PARAMETERS  of a function that reads y: the same, but `norm`, which a work item makes of
 *                    the moments (thin_norm.cl), in the place of these
 *   READ_ARGUMENTS   of a call of such a function
 *   PREFETCH_Y(at)   a line of each tensor of y's size comes closer
 *   NEXT_OF_Y(at)    where the lines begin that collect brings closer: two of its arguments
 *   LOAD_Y(at, o)    VW channels of y, of which the first is o
 *   SUMS             floats that a work item of thin_filter makes
 */
#if defined FROM_GRADIENT
#define Y_PARAMETERS    __global const float *restrict out, __global const float *restrict gradient,
#define READ_PARAMETERS Y_PARAMETERS
#define READ_ARGUMENTS  out, gradient,
#define PREFETCH_Y(at)  (PREFETCH(out + (at)), PREFETCH(gradient + (at)))
#define NEXT_OF_Y(at)   out + (at), gradient + (at)
#define LOAD_Y(at, o)   ACTIVATE_GRADIENT(LOADV(out + (at)), LOADV(gradient + (at)))
#define SUMS            ((TAPS + 1) * OC)
#elif defined FROM_NORM
#include "thin_norm.cl"
#define Y_PARAMETERS    NORM_PARAMETERS
#define READ_PARAMETERS __global const float *restrict u, __global const float *restrict norm,
#define READ_ARGUMENTS  u, norm,
#define PREFETCH_Y(at)  PREFETCH(u + (at))
#define LOAD_Y(at, o)   normalise(LOADV(u + (at)), norm, o)
#else
#define Y_PARAMETERS    __global const float *restrict y,
#define READ_PARAMETERS Y_PARAMETERS
#define READ_ARGUMENTS  y,
#define PREFETCH_Y(at)  PREFETCH(y + (at))
#define NEXT_OF_Y(at)   y + (at), y + (at)
#define LOAD_Y(at, o)   LOADV(y + (at))
#define SUMS            (TAPS * OC)
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

                convolve(taps, w, o, tile, 0, 0);
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

/* A tile of y, `count` pixels from `at` on; where they are fewer the last one is repeated. */
static void read_tile(READ_PARAMETERS size_t at, int count, __global float *restrict tile)
{
    for (int p = 0; p < PIXELS_IN; p++)
        for (int o = 0; o < OC; o += VW)
            STOREV(LOAD_Y(at + min(p, count - 1) * OC + o, o), tile + p * OC + o);
}

/* Where the tile behind one lies, in rows begin .. end of this image, then of the next; behind the
 * last image of all it is its first. What is read behind a work item's last is not used. */
struct place {
    size_t at;
    int count;
};

static struct place place_behind(int n, int oy, int ox, int begin, int end)
{
    ox += PIXELS_IN;
    if (ox >= OW) {
        ox = 0;
        oy++;
    }
    if (oy == end) {
        oy = begin;
        n = min(n + 1, N - 1);
    }
    return (struct place){Y_AT(n, oy, ox, 0), min(PIXELS_IN, OW - ox)};
}

#define SENT (TAPS / VW) // vectors of what a pixel sends

/* Adds to `sum` what channel o of a tile of y sends to x; w_t [OC, TAPS]. */
static void add_channel(__global const float *restrict tile, __global const float *restrict w_t,
                        int o, floatv sum[PIXELS_IN][SENT])
{
    floatv b[SENT];

#pragma unroll
    for (int v = 0; v < SENT; v++)
        b[v] = LOADV(w_t + o * TAPS + v * VW);
#pragma unroll
    for (int p = 0; p < PIXELS_IN; p++)
#pragma unroll
        for (int v = 0; v < SENT; v++)
            sum[p][v] = MAC(tile[p * OC + o], b[v], sum[p][v]);
}

/* table [PIXELS_IN, TAPS] = what the pixels of a tile of y send. Meanwhile the next tile is read,
 * from `next` on, and the one behind it comes closer, a vector after each few channels: the core
 * computes while memory is waited for. */
static void inner(__global const float *restrict tile, int count,
                  __global const float *restrict w_t, __global float *restrict table,
                  READ_PARAMETERS size_t next, int next_count, __global float *restrict next_tile)
{
    floatv sum[PIXELS_IN][SENT];

#pragma unroll
    for (int p = 0; p < PIXELS_IN; p++)
#pragma unroll
        for (int v = 0; v < SENT; v++)
            sum[p][v] = (floatv)(0.0f);
    for (int o = 0; o < OC; o += VW)
#pragma unroll
        for (int k = 0; k < VW; k++) {
#pragma unroll
            for (int p = k * PIXELS_IN / VW; p < (k + 1) * PIXELS_IN / VW; p++) {
                const size_t at = next + min(p, next_count - 1) * OC + o;

                PREFETCH_Y(next + next_count * OC + o * PIXELS_IN + p * VW);
                STOREV(LOAD_Y(at, o), next_tile + p * OC + o);
            }
            add_channel(tile, w_t, o + k, sum);
        }
#pragma unroll
    for (int p = 0; p < PIXELS_IN; p++)
        if (p < count)
#pragma unroll
            for (int v = 0; v < SENT; v++)
                STOREV(sum[p][v], table + p * TAPS + v * VW);
}

#define REACH ((K + S - 1) / S) // pixels of y along an axis that send to one of x, at most

/* What is sent to the rows of a band of x, from the pixels of y that there are, and zeros from
 * those around them. */
#define LAST_OX          ((W - 1 + PAD) / S)
#define TABLE_ROWS       ((ROWS_IN + S - 2) / S + REACH)
#define TABLE_COLUMNS    (REACH - 1 + (OW > LAST_OX ? OW : LAST_OX + 1))
#define TABLE_AT(oy, ox) (((oy)*TABLE_COLUMNS + REACH - 1 + (ox)) * TAPS)

/* The sum of what the pixels of y, rows `top` and on in the table, send to x's (iy, ix, c). */
static float fold(__global const float *restrict table, int top, int iy, int ix, int c)
{
    const int ky = (iy + PAD) % S, oy = (iy + PAD) / S, kx = (ix + PAD) % S, ox = (ix + PAD) / S;
    __global const float *from = table + TABLE_AT(oy - top, ox) + ky * RUN + kx * C + c;
    float sum = 0.0f;

#pragma unroll
    for (int a = 0; a < REACH; a++)
#pragma unroll
        for (int b = 0; b < REACH; b++)
            if (K % S == 0 || (ky + a * S < K && kx + b * S < K))
                sum += from[a * (S * RUN - TABLE_COLUMNS * TAPS) + b * (S * C - TAPS)];
    return sum;
}

/* Rows of x of an image, from what they are sent. */
static void make_rows(__global const float *restrict table, int top, int first, int last,
                      BIAS_PARAMETER __global float *restrict image)
{
    for (int iy = first; iy < last; iy++)
        for (int ix = 0; ix < W; ix++)
            for (int c = 0; c < C; c++) {
                float sum = fold(table, top, iy, ix, c);

                ADD_BIAS(sum, bias[c]);
                image[(iy * W + ix) * C + c] = sum;
            }
}

/* ACTIVATE, in place. All by vectors: a driver's tanh of one number may round otherwise, and where
 * a band ends depends on the threads. */
static void activate(__global float *restrict x, int count)
{
    int i = 0;

    for (; i + VW <= count; i += VW)
        STOREV(ACTIVATE(LOADV(x + i)), x + i);
    for (; i < count; i++) {
        const floatv y = ACTIVATE((floatv)(x[i]));

        x[i] = *(const float *)&y;
    }
}

/* Floats of scratch of a work item of thin_data: transposed weights, two tiles of y, what they
 * send, and what describes the batch norm. */
#define TILE_SIZE  (PIXELS_IN * OC)
#define TABLE_SIZE (TABLE_ROWS * TABLE_COLUMNS * TAPS)
#define DATA_ITEM  (OC * TAPS + 2 * TILE_SIZE + TABLE_SIZE + 3 * OC)

#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, DATA_ITEM);
#endif

__kernel void thin_data(Y_PARAMETERS __global const float *restrict w,
                        BIAS_PARAMETER __global float *restrict x, __global float *restrict scratch)
{
    const int first_image = get_global_id(0) / BANDS * IMAGES_IN;
    const int last_image = min(first_image + IMAGES_IN, N);
    const int first = get_global_id(0) % BANDS * ROWS_IN, last = min(first + ROWS_IN, H);
    const int top = (first + PAD) / S - (REACH - 1);
    const int begin = max(top, 0), end = min((last - 1 + PAD) / S + 1, OH); // rows of y
    __global float *w_t = scratch + get_global_id(0) * DATA_ITEM, *tiles = w_t + OC * TAPS;
    __global float *table = tiles + 2 * TILE_SIZE;
    int turn = 0;

    for (int o = 0; o < OC; o++)
        for (int t = 0; t < TAPS; t++)
            w_t[o * TAPS + t] = w[t * OC + o];
    for (int i = 0; i < TABLE_SIZE; i += VW)
        STOREV((floatv)(0.0f), table + i);
#ifdef FROM_NORM
    __global float *norm = table + TABLE_SIZE;

    describe_norm(m, gamma, beta, norm);
#endif
    if (begin < end)
        read_tile(READ_ARGUMENTS Y_AT(first_image, begin, 0, 0), min(PIXELS_IN, OW), tiles);
    for (int n = first_image; n < last_image; n++) {
        for (int oy = begin; oy < end; oy++)
            for (int ox = 0; ox < OW; ox += PIXELS_IN) {
                const struct place next = place_behind(n, oy, ox, begin, end);

                inner(tiles + turn * TILE_SIZE, min(PIXELS_IN, OW - ox), w_t,
                      table + TABLE_AT(oy - top, ox), READ_ARGUMENTS next.at, next.count,
                      tiles + (1 - turn) * TILE_SIZE);
                turn = 1 - turn;
            }
        __global float *image = x + X_AT(n, 0, 0, 0);

        make_rows(table, top, first, last, BIAS_ARGUMENT image);
#if ACTIVATION != ACTIVATION_NONE && !defined FROM_GRADIENT
        activate(image + first * W * C, (last - first) * W * C);
#endif
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

                            tile[p][v] = LOAD_Y(at, o + v * VW);
                        }
                    collect(taps, tile, o, sums, NEXT_OF_Y(from + count * OC + o * PIXELS),
                            TILE_LINES);
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
