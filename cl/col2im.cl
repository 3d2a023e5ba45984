/*
 * col2im: a convolution's result from a matrix product that holds what each tap adds to it.
 *
 *   x[first + n, iy, ix, c] = ACTIVATE(sum of table[p, (ky * K + kx) * C + c] + bias[c])
 *
 *   over the taps with oy * S + ky - PAD = iy and ox * S + kx - PAD = ix in rising order of ky, kx;
 *   p = (n * OH + oy) * OW + ox
 *   x [N, H, W, C], images first ... first + images - 1 of it; table [at least images * OH * OW,
 *   columns], columns at least K * K * C; bias [C] with BIAS
 *
 * With K 1, S 1, PAD 0 it cuts x out of the table, seen as an image of one row. A gather: no
 * atomics, and the order of the sum is fixed.
 *
 * Work size: images * H * W * C / VW, one work item per VW channels; VW divides C and columns.
 */
#include "conv2d_shape.cl"

#define TAPS ((K + S - 1) / S) // at most, of one axis, that reach a pixel

__kernel void col2im(__global const float *restrict table, const int columns,
                     BIAS_PARAMETER __global float *restrict x, const int first, const int images)
{
    const int i = (int)get_global_id(0);
    const int c = i % (C / VW) * VW, pixel = i / (C / VW);
    const int ix = pixel % W, iy = pixel / W % H, n = pixel / (W * H);
    if (n >= images)
        return;
    floatv sum = 0.0f;
#pragma unroll
    for (int ty = 0; ty < TAPS; ty++) {
        const int ky = (iy + PAD) % S + ty * S, oy = (iy + PAD) / S - ty;
#pragma unroll
        for (int tx = 0; tx < TAPS; tx++) {
            const int kx = (ix + PAD) % S + tx * S, ox = (ix + PAD) / S - tx;
            const size_t p = (size_t)(n * OH + oy) * OW + ox;
            // Vectors are read as such, see im2col.
            if (ky < K && kx < K && INSIDE(oy, OH) && INSIDE(ox, OW))
                sum += *(__global const floatv *)(table + p * columns + (ky * K + kx) * C + c);
        }
    }
    ADD_BIAS(sum, *(__global const floatv *)(bias + c));
    *(__global floatv *)(x + X_AT(first + n, iy, ix, 0) + c) = ACTIVATE(sum);
}
