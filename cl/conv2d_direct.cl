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
 * Both are one gather. The output is split into PHASES x PHASES phases, see conv2d_form.cl. Within
 * one each output reads a rectangle of taps that moves with it, STEP pixels a step. On one axis:
 *
 *   out[n, p * PHASES + phase, o] = sum_{t,r} in[n, p * STEP + first(phase) + t, r] w'[t,r,o]
 *
 * where r runs over the DEPTH channels of the input, o over the WIDTH channels of the output, and
 * w' holds the taps of the phase in rising order of the input.
 *
 * How it is fast: a work item is a thread, there are no barriers. It keeps a tile of MR pixels x
 * COLUMNS output channels in vector registers and adds, for each r of a tap, the outer product of
 * MR input values and COLUMNS weights: MR * NV multiply-adds for MR + NV loads.
 *
 *                      o .. o + COLUMNS
 *             w'[k]  [  NV vectors     ]    MR * NV + NV + 1 registers of VW floats:
 *   in[pixel 0][k]     * * * * * * * *      6 x 2 where there are 16 (AVX2: VW 8)
 *   in[pixel 1][k]     * * * * * * * *      12 x 2 where there are 32 (AVX-512: VW 16)
 *   ...                * * * acc * * *
 *   in[pixel MR-1][k]  * * * * * * * *
 *
 * MR * NV should be 10 or more: a multiply-add takes 4 or 5 cycles, and 2 begin in each.
 *
 * A work item goes on in units: an output row of a phase, of IMAGES images. It copies the rows of
 * the input that the unit sees, but for those copied before, sorted by column, then image. Then
 *
 *   for each panel of COLUMNS output channels, for each tap, for each SLICE of its channels
 *     add to the sums of all outputs whose tap lies inside
 *
 * which lie together, as their inputs do. So taps outside the input cost nothing and need no test,
 * tiles are full however short a row is, their pixels lie at a constant distance, and the weights
 * of a slice stay in L1 until all had them. The sums have one order, whatever the sizes.
 *
 * Its input `packed` is w', made by conv2d_pack, as
 * [phase y][phase x][panel][TAPS][TAPS][DEPTH][COLUMNS].
 *
 * The global size is ITEMS, the local size 1; scratch holds ITEMS * (COPY + SUMS) floats. VW need
 * not divide anything.
 *
 *   DATA      defined for conv2d_data
 *   MR, NV    the tile, see register_tile.cl
 *   IMAGES    images of a unit
 *   SHARES    units that share the panels of a row; 1 unless there are many threads
 *   ITEMS     work items
 */
#ifdef DATA // before it becomes the name of this form
#define FORM 1
#endif
#include "conv2d_form.cl"
#include "register_tile.cl"
#ifndef IMAGES
#define IMAGES 12
#endif
#ifndef SHARES
#define SHARES 1
#endif
#ifndef ITEMS
#define ITEMS 1
#endif

#define PANELS ((WIDTH + COLUMNS - 1) / COLUMNS)
#define PANEL  ((size_t)TAPS * TAPS * DEPTH * COLUMNS) // floats of a packed panel
#define BLOCKS ((N + IMAGES - 1) / IMAGES)
#define UNITS  ((size_t)BLOCKS * PHASES * PHASES * SHARES * PHASE_H)
#define SLICE  128 // channels whose weights stay in L1

/* Floats of a copied pixel: an odd number of cache lines, that few share the sets of a cache. */
#define PITCH ((DEPTH + 15) / 32 * 32 + 16)

/* Floats of a copied row and of all that a unit sees. Columns of one remainder by STEP, which are
 * those that a tap sees, lie together. MR pixels beyond the last may be read, to no effect. */
#define STRIDED  ((IN_W + STEP - 1) / STEP)
#define COPY_ROW ((size_t)(STEP * STRIDED * IMAGES + MR) * PITCH)
#define COPY     (TAPS * COPY_ROW)

/* Sums of a panel: [output of the row and phase][image][COLUMNS]. */
#define SUMS ((size_t)(PHASE_W * IMAGES + MR) * COLUMNS)

#ifdef ITEM_FLOATS
AGREE(ITEM_FLOATS, COPY + SUMS);
#endif

#if DEPTH % 4 == 0
#define UNROLL 4
#else
#define UNROLL 1
#endif

/* How many taps a phase has along an axis. */
static int phase_taps(int phase)
{
    const int lowest = (phase + PAD) % PHASES;
    return lowest < K ? (K - lowest + PHASES - 1) / PHASES : 0;
}

/* Input position of tap 0 of the output p * PHASES + phase. */
static int origin(int phase, int p)
{
#if FORM == DATA
    return p + (phase + PAD) / S - phase_taps(phase) + 1;
#else
    (void)phase;
    return p * S - PAD;
#endif
}

/* Stores VW channels from channel o on, the last vector of a pixel perhaps in part. */
static void finish(floatv sum, int o, BIAS_PARAMETER __global float *restrict pixel)
{
    if (WIDTH % COLUMNS == 0 || o + VW <= WIDTH) {
        ADD_BIAS(sum, LOADV(bias + o));
        sum = ACTIVATE(sum);
        STOREV(sum, pixel + o);
        return;
    }
    float part[VW];
    STOREV(sum, part);
    for (int j = 0; o + j < WIDTH; j++) {
        float one = part[j];
        ADD_BIAS(one, bias[o + j]);
        pixel[o + j] = ACTIVATE(one);
    }
}

/* What a work item computes at a time. Units that follow one another in the same images have the
 * same phase and share, as a rule, and the next row. */
struct unit {
    int n, images; // the first, how many
    int phase_y, phase_x, share;
    int row; // of the phase
};

/* Blocks differ by one image at most, so that any half of the work items has half of the images. */
static int first_image(size_t block)
{
    return N * block / BLOCKS;
}

static struct unit unit_of(size_t index)
{
    const size_t block = index / PHASE_H / SHARES / PHASES / PHASES;
    struct unit unit;

    unit.row = index % PHASE_H;
    unit.share = index / PHASE_H % SHARES;
    unit.phase_x = index / PHASE_H / SHARES % PHASES;
    unit.phase_y = index / PHASE_H / SHARES / PHASES % PHASES;
    unit.n = first_image(block);
    unit.images = first_image(block + 1) - unit.n;
    return unit;
}

/* Outputs of the row, of an image. */
static int outputs_of(struct unit unit)
{
    return (OUT_W - unit.phase_x + PHASES - 1) / PHASES;
}

/* Copies row iy of all images; `in` is the first image. */
OUTLINED void copy_row(__global const float *restrict in, int images, int iy,
                       __global float *restrict copy)
{
    for (int n = 0; n < images; n++)
        for (int ix = 0; ix < IN_W; ix++) {
            __global const float *from = in + (((size_t)n * IN_H + iy) * IN_W + ix) * DEPTH;
            const int column = ix % STEP * STRIDED + ix / STEP;
            __global float *to = copy + (size_t)(column * images + n) * PITCH;
            int k = 0;

            for (; k + VW <= DEPTH; k += VW)
                STOREV(LOADV(from + k), to + k);
            for (; k < DEPTH; k++)
                to[k] = from[k];
        }
}

/* Copies the rows that a unit sees, from `copied` on; returns the row after the last. */
static int copy_rows(__global const float *restrict in, struct unit unit, int copied,
                     __global float *restrict copy)
{
    const int first = origin(unit.phase_y, unit.row);
    const int last = min(IN_H, first + phase_taps(unit.phase_y));

    for (copied = max(copied, max(0, first)); copied < last; copied++)
        copy_row(in + (size_t)unit.n * IN_H * IN_W * DEPTH, unit.images, copied,
                 copy + copied % TAPS * COPY_ROW);
    return copied;
}

/* Adds what a tap sees, `depth` channels, to the sums of MR outputs, of which `count` are there. */
static void accumulate(__global const float *restrict in, __global const float *restrict weights,
                       int depth, int count, __global float *restrict sums)
{
    floatv acc[MR][NV];

    load_tile(acc, sums, COLUMNS);
    for (int k = 0; k < depth; k += UNROLL)
#pragma unroll
        for (int u = 0; u < UNROLL; u++)
            add_product(acc, in + k + u, PITCH, weights + (k + u) * COLUMNS);
    store_tile(acc, sums, COLUMNS, count, false);
}

/* Adds what one tap sees to all outputs whose tap lies inside; `first` is the column of the input
 * that it sees from output 0. */
OUTLINED void add_tap(__global const float *restrict copy, __global const float *restrict weights,
                      int first, int outputs, int images, int depth, __global float *restrict sums)
{
    const int q0 = first < 0 ? (-first + STEP - 1) / STEP : 0;
    const int q1 = first < IN_W ? min(outputs, (IN_W - 1 - first) / STEP + 1) : 0;
    const int ix = q0 * STEP + first, column = ix % STEP * STRIDED + ix / STEP;
    const int rows = (q1 - q0) * images;

    copy += (size_t)column * images * PITCH;
    sums += q0 * images * COLUMNS;
    for (int row = 0; row < rows; row += MR)
        accumulate(copy + (size_t)row * PITCH, weights, depth, rows - row, sums + row * COLUMNS);
}

/* The sums of a panel of a unit, from the weights of its phase and panel. */
static void sum_panel(__global const float *restrict copy, __global const float *restrict packed,
                      struct unit unit, __global float *restrict sums)
{
    const int iy = origin(unit.phase_y, unit.row), ix = origin(unit.phase_x, 0);
    const int outputs = outputs_of(unit);

    for (int i = 0; i < outputs * unit.images * COLUMNS; i += VW)
        STOREV((floatv)(0.0f), sums + i);
    for (int ty = max(0, -iy); ty < min(phase_taps(unit.phase_y), IN_H - iy); ty++)
        for (int tx = 0; tx < phase_taps(unit.phase_x); tx++)
            for (int k = 0; k < DEPTH; k += SLICE)
                add_tap(copy + (iy + ty) % TAPS * COPY_ROW + k,
                        packed + ((size_t)(ty * TAPS + tx) * DEPTH + k) * COLUMNS, ix + tx, outputs,
                        unit.images, min(SLICE, DEPTH - k), sums);
}

/* The outputs of a panel of a unit from its sums; `out` is the first image. */
OUTLINED void finish_panel(__global const float *restrict sums, BIAS_PARAMETER struct unit unit,
                           int panel, __global float *restrict out)
{
    const int y = unit.row * PHASES + unit.phase_y, outputs = outputs_of(unit);

    for (int n = 0; n < unit.images; n++)
        for (int q = 0; q < outputs; q++) {
            const int x = q * PHASES + unit.phase_x;

#pragma unroll
            for (int v = 0; v < NV; v++)
                finish(LOADV(sums + (q * unit.images + n) * COLUMNS + v * VW),
                       panel * COLUMNS + v * VW,
                       BIAS_ARGUMENT out + (((size_t)n * OUT_H + y) * OUT_W + x) * WIDTH);
        }
}

static size_t first_unit(size_t item)
{
    return UNITS * item / ITEMS;
}

__kernel void conv2d_direct(__global const float *restrict in,
                            __global const float *restrict packed,
                            BIAS_PARAMETER __global float *restrict out,
                            __global float *restrict scratch)
{
    const size_t id = get_global_id(0);
    __global float *copy = scratch + id * (COPY + SUMS), *sums = copy + COPY;
    int copied = 0;

    for (size_t index = first_unit(id); index < first_unit(id + 1); index++) {
        const struct unit unit = unit_of(index);
        const int phase = unit.phase_y * PHASES + unit.phase_x;

        if (unit.row * PHASES + unit.phase_y >= OUT_H)
            continue;
        copied = copy_rows(in, unit, unit.row > 0 ? copied : 0, copy);
        for (int panel = unit.share; panel < PANELS; panel += SHARES) {
            sum_panel(copy, packed + (size_t)(phase * PANELS + panel) * PANEL, unit, sums);
            finish_panel(sums, BIAS_ARGUMENT unit, panel,
                         out + (size_t)unit.n * OUT_H * OUT_W * WIDTH);
        }
    }
}
