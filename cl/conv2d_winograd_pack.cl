/*
 * conv2d_winograd_pack: weights as the kernels of F(2, 2) want them, and back.
 *
 *   conv2d_winograd_pack    w [K, K, C, OC] -> packed [r][panel][9][depth][columns], G g G^T of the
 *                           2 x 2 taps g of each plane or phase r, see conv2d_winograd; for
 *                           conv2d_data (`data` is 1) backwards. Zeros where the last panel exceeds
 *                           the channels. Global size S * S * panels * depth.
 *   conv2d_winograd_unpack  parts [parts][S * S][9][C][pitch] -> w [K, K, C, OC]: their sum M, then
 *                           G^T M G, the taps of a plane; see conv2d_filter_winograd.
 *                           Global size S * S * C.
 *
 * K is 2 S. The local size is 1. Sizes are arguments, so that all layers share a program.
 */
#define ELEMENTS 9

/* G g, of two taps */
static void spread(float g0, float g1, float *to, int step)
{
    to[0] = g0;
    to[step] = g0 + g1;
    to[2 * step] = g1;
}

__kernel void conv2d_winograd_pack(__global const float *restrict w,
                                   __global float *restrict packed, const int C, const int OC,
                                   const int S, const int columns, const int data)
{
    const int width = data ? C : OC, depth = data ? OC : C, K = 2 * S;
    const int panels = (width + columns - 1) / columns;
    const size_t id = get_global_id(0), tap = (size_t)C * OC;
    const int k = id % depth, panel = id / depth % panels, r = id / depth / panels;
    const int first = panel * columns, count = min(columns, width - first);
    /* Where the taps of lower and of higher t begin, and from one channel to the next. */
    const size_t low = data ? S : 0, high = S - low, step = data ? OC : 1;
    __global const float *from = w + (size_t)(r / S * K + r % S) * tap +
                                 (data ? (size_t)first * OC + k : (size_t)k * OC + first);
    __global float *to = packed + ((size_t)(r * panels + panel) * ELEMENTS * depth + k) * columns;

    for (int j = 0; j < columns; j++) {
        float rows[6] = {0}, u[ELEMENTS];

        if (j < count) {
            spread(from[(low * K + low) * tap], from[(low * K + high) * tap], rows, 1);
            spread(from[(high * K + low) * tap], from[(high * K + high) * tap], rows + 3, 1);
        }
#pragma unroll
        for (int x = 0; x < 3; x++)
            spread(rows[x], rows[3 + x], u + x, 3);
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            to[(size_t)e * depth * columns + j] = u[e];
        from += step;
    }
}

__kernel void conv2d_winograd_unpack(__global const float *restrict parts,
                                     __global float *restrict w, const int count, const int C,
                                     const int OC, const int S, const int pitch)
{
    const size_t id = get_global_id(0), element = (size_t)C * pitch;
    const size_t part = (size_t)S * S * ELEMENTS * element, tap = (size_t)C * OC;
    const int c = id % C, r = id / C, K = 2 * S;
    __global const float *from = parts + r * ELEMENTS * element + (size_t)c * pitch;
    __global float *to = w + (size_t)(r / S * K + r % S) * tap + (size_t)c * OC;

    for (int o = 0; o < OC; o += VW) {
        floatv m[ELEMENTS];

#pragma unroll
        for (int e = 0; e < ELEMENTS; e++) {
            m[e] = LOADV(from + e * element + o);
            for (int p = 1; p < count; p++)
                m[e] += LOADV(from + p * part + e * element + o);
        }
#pragma unroll
        for (int t = 0; t < 2; t++)
#pragma unroll
            for (int u = 0; u < 2; u++)
                STOREV((m[3 * t + u] + m[3 * t + u + 1]) + (m[3 * t + u + 3] + m[3 * t + u + 4]),
                       to + (size_t)(t * S * K + u * S) * tap + o);
    }
}
