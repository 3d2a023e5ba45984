/*
 * conv2d_winograd_taps: the weights of conv2d_winograd_tiles.cl, and back.
 *
 *   conv2d_winograd_points  w [K, K, C, OC] -> U = G g G^T of the 2 x 2 taps g of each plane or
 *                           phase r: [25][r][C][OC], the right factor of conv2d; if `data` is 1
 *                           [r][25][C][OC] of the taps backwards, transposed that of conv2d_data
 *   conv2d_winograd_taps    M [parts][25][r][C][OC] -> w [K, K, C, OC]: the sum over the parts in
 *                           their order, then G^T M G, the taps of a plane; see
 *                           conv2d_filter_winograd
 *
 * K is 2 S. A work item has the taps of a plane for VW channels o. Global size S * S * C * OC / VW;
 * VW divides OC. Sizes are arguments, so that all layers share a program.
 */
#include "aligned.cl"
#include "winograd_taps.cl"

__kernel void conv2d_winograd_points(__global const float *restrict w, __global float *restrict u,
                                     const int C, const int OC, const int S, const int data)
{
    const int tap = C * OC, id = (int)get_global_id(0) * VW, r = id / tap, K = 2 * S;
    const int low = data ? S : 0, high = S - low;
    const int element = data ? tap : S * S * tap;

    if (r >= S * S)
        return;
    __global const float *from = w + (r / S * K + r % S) * tap + id % tap;
    __global float *to = u + (data ? r * ELEMENTS * tap : r * tap) + id % tap;
    const floatv g[4] = {load(from + (low * K + low) * tap), load(from + (low * K + high) * tap),
                         load(from + (high * K + low) * tap), load(from + (high * K + high) * tap)};
    floatv points[ELEMENTS];

    points_of(g, points);
#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        store(points[e], to + e * element);
}

__kernel void conv2d_winograd_taps(__global const float *restrict parts, __global float *restrict w,
                                   const int count, const int C, const int OC, const int S)
{
    const int tap = C * OC, id = (int)get_global_id(0) * VW, r = id / tap, K = 2 * S;
    const int element = S * S * tap;

    if (r >= S * S)
        return;
    __global float *to = w + (r / S * K + r % S) * tap + id % tap;
    floatv m[ELEMENTS], g[4];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        m[e] = load(parts + e * element + id);
    for (int part = 1; part < count; part++)
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            m[e] += load(parts + (part * ELEMENTS + e) * element + id);
    taps_of(m, g);
#pragma unroll
    for (int t = 0; t < 2; t++)
#pragma unroll
        for (int u = 0; u < 2; u++)
            store(g[2 * t + u], to + (t * S * K + u * S) * tap);
}
