/*
 * lanes: convolutions of few channels on one side, "thin" layers, on GPU devices.
 *
 *   x [N, H, W, C], K * K * C = TAPS taps a pixel, few   w [K, K, C, OC] = [TAPS, OC]
 *   y [N, OH, OW, OC], of many channels: OC % VW == 0
 *
 * With so few channels a layer is held up by memory, not by arithmetic: the tensor on the side of
 * y, and what takes part in it element by element, is to be read or written once. So a work item, a
 * lane, has VW channels of y, whose weights and sums it holds in registers, and a group of LANES
 * neighbours goes through rows of pixels of y, [N * OH, OW, OC], pixel by pixel. What the taps of a
 * row's pixels see of x lies in local memory, where all lanes read the same.
 *
 * Work size: ceil(OC / (VW * LANES)) * LANES x PARTS, in groups of LANES; a part has ROWS_OF_PART
 * rows, the last one perhaps fewer.
 */
#include "aligned.cl"
#include "conv2d_shape.cl"
#ifndef LANES // to compile alone
#define LANES        1
#define ROWS_OF_PART 1
#endif

#define TAPS     (K * K * C)
#define PITCH    ((TAPS + 3) / 4 * 4) // floats of a pixel in local memory
#define ROW_SEEN (OW * PITCH)

/* The channels of a lane; one beyond the last has none, and reads what the first one does. */
#define IS_LANE    ((int)get_global_id(0) * VW < OC)
#define CHANNEL    (IS_LANE ? (int)get_global_id(0) * VW : 0)
#define PIXELS     (IS_LANE ? OW : 0) // of a row, that it has to do with
#define PART       ((int)get_group_id(1))
#define FIRST_ROW  (PART * ROWS_OF_PART)
#define BEHIND_ROW min(FIRST_ROW + ROWS_OF_PART, N * OH)

/* What the taps of a row's pixels see of x, 0 outside: [OW, PITCH]. */
static void look(__global const float *restrict x, int row, __local float *seen)
{
    const int n = row / OH, oy = row % OH;

    for (int i = (int)get_local_id(0); i < ROW_SEEN; i += LANES) {
        const int ox = i / PITCH, tap = i % PITCH, c = tap % C;
        const int iy = oy * S + tap / (C * K) - PAD, ix = ox * S + tap / C % K - PAD;
        const bool inside = tap < TAPS && INSIDE(iy, H) && INSIDE(ix, W);

        seen[i] = inside ? x[X_AT(n, iy, ix, c)] : 0.0f;
    }
}

/* Two rows of local memory, by turns: the items look at the next row while they are busy with one,
 * so that each has one barrier. Before the first row of a part. */
static void begin_rows(__global const float *restrict x, __local float *seen)
{
    look(x, FIRST_ROW, seen + FIRST_ROW % 2 * ROW_SEEN);
}

/* What is seen of a row, for all items of a group at once. */
static __local const float *next_row(__global const float *restrict x, int row, __local float *seen)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    if (row + 1 < BEHIND_ROW)
        look(x, row + 1, seen + (row + 1) % 2 * ROW_SEEN);
    return seen + row % 2 * ROW_SEEN;
}

/* What a pixel sees. */
static void load_taps(__local const float *seen, int ox, float taps[PITCH])
{
#pragma unroll
    for (int t = 0; t < PITCH; t += 4)
        vstore4(*(__local const float4 *)(seen + ox * PITCH + t), 0, taps + t);
}

static void load_weights(__global const float *restrict w, int o, floatv weights[TAPS])
{
#pragma unroll
    for (int t = 0; t < TAPS; t++)
        weights[t] = load(w + t * OC + o);
}

/* y = taps * w */
static floatv convolve(const float taps[PITCH], const floatv weights[TAPS])
{
    floatv sum = 0.0f;

#pragma unroll
    for (int t = 0; t < TAPS; t++)
        sum = MAC(taps[t], weights[t], sum);
    return sum;
}

/* w += taps * y */
static void collect(const float taps[PITCH], floatv y, floatv weights[TAPS])
{
#pragma unroll
    for (int t = 0; t < TAPS; t++)
        weights[t] = MAC(taps[t], y, weights[t]);
}

static void clear(floatv weights[TAPS])
{
#pragma unroll
    for (int t = 0; t < TAPS; t++)
        weights[t] = 0.0f;
}

static void store_weights(const floatv weights[TAPS], int o, __global float *restrict w)
{
#pragma unroll
    for (int t = 0; t < TAPS; t++)
        store(weights[t], w + t * OC + o);
}
