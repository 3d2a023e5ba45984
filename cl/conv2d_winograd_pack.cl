/*
 * conv2d_winograd_pack: weights as the kernels of F(4, 2) want them, and back.
 *
 *   conv2d_winograd_pack
 *       w [K, K, C, OC] -> packed [pair][slice of depth][panel][25][slice][columns], elements
 * APART: G g G^T of the 2 x 2 taps g of each pair, see conv2d_winograd; for conv2d_data (`data` is
 * 1) backwards. Zeros where the last panel exceeds the channels. Global size pairs * panels *
 * depth. conv2d_winograd_turn w [K, K, C, OC] -> turned [K, K, OC, C]. Global size OC / VW x K * K.
 *   conv2d_winograd_unpack
 *       parts [parts][pair][25][C][pitch], elements APART -> w [K, K, C, OC]: their sum M, then
 *       G^T M G, the taps of each pair; see conv2d_filter_winograd. Global size pairs * C.
 *
 * There are (K / 2)^2 pairs. K is a multiple of 2 S. The local size is 1. Sizes are arguments, so
 * that all layers share a program.
 */
#include "winograd_taps.cl"

#define WEIGHTS_AHEAD 8 // channels of depth that weights are fetched ahead

/* VW floats that lie `step` apart. */
static floatv gather(__global const float *restrict from, size_t step)
{
    float lane[VW];

    if (step == 1)
        return LOADV(from);
    for (int i = 0; i < VW; i++)
        lane[i] = from[i * step];
    return LOADV(lane);
}

/* With STREAM no line is read before it is written. */
__kernel void conv2d_winograd_pack(__global const float *restrict w,
                                   __global float *restrict packed, const int C, const int OC,
                                   const int K, const int S, const int slice, const int columns,
                                   const int data)
{
    const int width = data ? C : OC, depth = data ? OC : C;
    const int panels = (width + columns - 1) / columns;
    const size_t id = get_global_id(0), tap = (size_t)C * OC;
    const int k = id % depth, panel = id / depth % panels, pair = id / depth / panels;
    const int first = panel * columns, count = min(columns, width - first);
    /* Where the taps of lower and of higher t begin; from one channel to the next, of width and of
     * depth. */
    const size_t low = data ? S : 0, high = S - low, step = data ? OC : 1, next = data ? 1 : OC;
    __global const float *from = w + first_tap(pair, K, S) * tap + first * step + k * next;
    __global const float *taps[4] = {from + (low * K + low) * tap, from + (low * K + high) * tap,
                                     from + (high * K + low) * tap, from + (high * K + high) * tap};
    const size_t element = APART((size_t)slice * columns);
    __global float *to =
        packed +
        ((size_t)(pair * (depth / slice) + k / slice) * panels + panel) * ELEMENTS * element +
        k % slice * columns;

    for (int j = 0; j < columns; j += VW) {
        floatv g[4], u[ELEMENTS];

        for (int t = 0; t < 4; t++) {
            g[t] = (floatv)(0.0f);
            if (j < count) {
                PREFETCH(taps[t] + WEIGHTS_AHEAD * next);
                g[t] = gather(taps[t], step);
            }
        }
        points_of(g, u);
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            STREAMV(u[e], to + e * element + j);
        for (int t = 0; t < 4; t++)
            taps[t] += VW * step;
    }
}

/* In blocks of VW x VW, whose lines stay in cache. */
__kernel void conv2d_winograd_turn(__global const float *restrict w,
                                   __global float *restrict turned, const int C, const int OC)
{
    const int o = (int)get_global_id(0) * VW, tap = get_global_id(1);
    __global const float *from = w + (size_t)tap * C * OC + o;
    __global float *to = turned + ((size_t)tap * OC + o) * C;

    for (int c = 0; c < C; c += VW)
        for (int i = 0; i < VW; i++)
            STOREV(gather(from + (size_t)c * OC + i, OC), to + (size_t)i * C + c);
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
