/*
 * conv2d_fold: between a tensor and the table of what each tap of a convolution sees in it.
 *
 *   conv2d_unfold  table[n, oy, ox, ky, kx, c] = x[n, oy*S + ky-PAD, ox*S + kx-PAD, c], 0 outside x
 *   conv2d_fold    x[n, iy, ix, c] = sum of the table's entries for that element of x,
 *                                    then + bias[c] if #ifdef BIAS, then ACTIVATE
 *
 *   x [N, H, W, C]   table [N, OH, OW, K, K, C]   bias [C]
 *
 * With few channels the direct convolutions have too little to do for one tap. With
 * T = K * K * C their three forms are then products of matrices, convolutions 1 x 1 of
 * N * OH * OW "images" of one pixel and T channels, on the other side of which stands the table:
 *
 *   conv2d         unfold x, then conv2d_direct
 *   conv2d_data    conv2d_direct with DATA, then fold
 *   conv2d_filter  unfold x, then conv2d_filter_direct
 *
 * Global size N * OH (unfold) or N * H (fold), local size 1.
 */
#include "conv2d_shape.cl"

__kernel void conv2d_unfold(__global const float *restrict x, __global float *restrict table)
{
    const int row = get_global_id(0), n = row / OH, oy = row % OH;
    __global float *to = table + (size_t)row * OW * K * K * C;

    for (int ox = 0; ox < OW; ox++)
        for (int ky = 0; ky < K; ky++) {
            const int iy = oy * S + ky - PAD;
            const long line = ((long)n * H + iy) * W;

#pragma unroll
            for (int kx = 0; kx < K; kx++) {
                const int ix = ox * S + kx - PAD;
                const bool inside = iy >= 0 && iy < H && ix >= 0 && ix < W;

                for (int c = 0; c < C; c++)
                    *to++ = inside ? x[(line + ix) * C + c] : 0.0f;
            }
        }
}

__kernel void conv2d_fold(__global const float *restrict table,
                          BIAS_PARAMETER __global float *restrict x)
{
    const int row = get_global_id(0), n = row / H, iy = row % H;
    /* Taps ky = y0, y0 + S, .. reach this row from the outputs oy, oy - 1, .. */
    const int y0 = (iy + PAD) % S;

    for (int ix = 0; ix < W; ix++)
        for (int c = 0; c < C; c++) {
            float sum = 0.0f;

            for (int ky = y0, oy = (iy + PAD) / S; ky < K && oy >= 0; ky += S, oy--)
                for (int kx = (ix + PAD) % S, ox = (ix + PAD) / S; kx < K && ox >= 0; kx += S, ox--)
                    if (oy < OH && ox < OW)
                        sum += table[((((size_t)n * OH + oy) * OW + ox) * K * K + ky * K + kx) * C +
                                     c];
            ADD_BIAS(sum, bias[c]);
            x[((size_t)row * W + ix) * C + c] = ACTIVATE(sum);
        }
}
