/*
 * conv2d_winograd_pack: weights as the kernels of F(4, 2) want them, and back.
 *
 *   conv2d_winograd_pack
 *       w [K, K, C, OC] -> packed [pair][slice of depth][panel][25][slice][COLUMNS], elements
 *       APART: G g G^T of the 2 x 2 taps g of each pair, see conv2d_winograd; for conv2d_data
 *       (`data` is 1) backwards. Zeros where the last panel exceeds the channels. Global size
 *       pairs * panels * depth / VW.
 *   conv2d_winograd_turn
 *       w [K, K, C, OC] -> turned [K, K, OC, C]. Global size OC / VW x K * K.
 *   conv2d_winograd_unpack
 *       parts [parts][pair][25][C][pitch], elements APART -> w [K, K, C, OC]: their sum M, then
 *       G^T M G, the taps of each pair; see conv2d_filter_winograd. Global size pairs * C.
 *
 * There are (K / 2)^2 pairs. K is a multiple of 2 S. A panel is NV * VW channels. The local size
 * is 1. Sizes are arguments, so that all layers share a program.
 */
#include "winograd_taps.cl"
#ifndef NV // to compile alone
#define NV 2
#endif

#define COLUMNS (NV * VW)

/* VW rows of VW floats, that lie `step` apart; those `ahead` come closer meanwhile. */
static void load_block(__global const float *restrict from, size_t step, size_t ahead, floatv *rows)
{
#pragma unroll
    for (int i = 0; i < VW; i++) {
        PREFETCH(from + ahead + i * step);
        rows[i] = LOADV(from + i * step);
    }
}

static void clear_block(floatv *rows)
{
    for (int i = 0; i < VW; i++)
        rows[i] = (floatv)(0.0f);
}

/* Rows become columns: each round interleaves the rows of the upper half with those of the lower,
 * which moves the highest bit of a row's number to the lowest of the column's, and back. */
SPECIALISED void turn_block(floatv *rows)
{
#if VW > 1
#pragma unroll
    for (int round = 1; round < VW; round *= 2) {
        floatv turned[VW];

#pragma unroll
        for (int i = 0; i < VW / 2; i++) {
            turned[2 * i].even = rows[i].lo;
            turned[2 * i].odd = rows[i + VW / 2].lo;
            turned[2 * i + 1].even = rows[i].hi;
            turned[2 * i + 1].odd = rows[i + VW / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < VW; i++)
            rows[i] = turned[i];
    }
#endif
}

/* A work item has VW channels of depth. With STREAM no line is read before it is written. */
__kernel void conv2d_winograd_pack(__global const float *restrict w,
                                   __global float *restrict packed, const int C, const int OC,
                                   const int K, const int S, const int slice, const int data)
{
    const int width = data ? C : OC, depth = data ? OC : C;
    const int panels = (width + COLUMNS - 1) / COLUMNS;
    const size_t channel = get_global_id(0) * VW, tap = (size_t)C * OC;
    const int k = channel % depth, panel = channel / depth % panels;
    const int pair = channel / depth / panels;
    /* Where the taps of lower and of higher t begin; from one channel to the next, of width and of
     * depth. */
    const size_t low = data ? S : 0, high = S - low, step = data ? OC : 1, next = data ? 1 : OC;
    const size_t taps[4] = {low * K + low, low * K + high, high * K + low, high * K + high};
    __global const float *from = w + first_tap(pair, K, S) * tap + k * next;
    const size_t element = APART((size_t)slice * COLUMNS);
    __global float *to =
        packed +
        ((size_t)(pair * (depth / slice) + k / slice) * panels + panel) * ELEMENTS * element +
        k % slice * COLUMNS;
    floatv g[NV][4][VW];

    for (int v = 0; v < NV; v++)
        for (int t = 0; t < 4; t++) {
            const int first = panel * COLUMNS + v * VW;

            if (first < width)
                load_block(from + taps[t] * tap + first * step, OC, VW * next, g[v][t]);
            else
                clear_block(g[v][t]);
            if (data)
                turn_block(g[v][t]);
        }
    for (int i = 0; i < VW; i++) // line after line of each element
        for (int v = 0; v < NV; v++) {
            const floatv square[4] = {g[v][0][i], g[v][1][i], g[v][2][i], g[v][3][i]};
            floatv u[ELEMENTS];

            points_of(square, u);
#pragma unroll
            for (int e = 0; e < ELEMENTS; e++)
                STREAMV(u[e], to + e * element + i * COLUMNS + v * VW);
        }
}

__kernel void conv2d_winograd_turn(__global const float *restrict w,
                                   __global float *restrict turned, const int C, const int OC)
{
    const int o = (int)get_global_id(0) * VW, tap = get_global_id(1);
    __global const float *from = w + (size_t)tap * C * OC + o;
    __global float *to = turned + ((size_t)tap * OC + o) * C;

    for (int c = 0; c < C; c += VW) {
        floatv block[VW];

        load_block(from + (size_t)c * OC, OC, (size_t)VW * OC, block);
        turn_block(block);
        for (int i = 0; i < VW; i++)
            STOREV(block[i], to + (size_t)i * C + c);
    }
}

__kernel void conv2d_winograd_unpack(__global const float *restrict parts,
                                     __global float *restrict w, const int count, const int C,
                                     const int OC, const int K, const int S, const int pitch)
{
    const size_t id = get_global_id(0), element = APART((size_t)C * pitch), tap = (size_t)C * OC;
    const size_t part = (size_t)(K / 2) * (K / 2) * ELEMENTS * element;
    const int c = id % C, pair = id / C;
    __global const float *from = parts + pair * ELEMENTS * element + (size_t)c * pitch;
    __global float *to = w + first_tap(pair, K, S) * tap + (size_t)c * OC;

    for (int o = 0; o < OC; o += VW) {
        floatv m[ELEMENTS], g[4];

#pragma unroll
        for (int e = 0; e < ELEMENTS; e++) {
            m[e] = LOADV(from + e * element + o);
            for (int p = 1; p < count; p++)
                m[e] += LOADV(from + p * part + e * element + o);
        }
        taps_of(m, g);
#pragma unroll
        for (int t = 0; t < 2; t++)
#pragma unroll
            for (int u = 0; u < 2; u++)
                STOREV(g[2 * t + u], to + (size_t)(t * S * K + u * S) * tap + o);
    }
}
