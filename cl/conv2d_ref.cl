/*
 * conv2d_ref, conv2d_data_ref, conv2d_filter_ref: the three forms of a convolution, plain. They
 * run on any device and are what every faster form is tested against.
 *
 *   x [N, H, W, C], w [K, K, C, OC], y [N, OH, OW, OC], bias along the result's last dimension
 *   tap (ky, kx) of y's (oy, ox) is x's (oy * S + ky - PAD, ox * S + kx - PAD); outside x is 0
 *
 * Work size: one work item per element of the result, along one dimension, since groups along the
 * others are limited.
 */
#include "conv2d_shape.cl"

__kernel void conv2d_ref(__global const float *restrict x, __global const float *restrict w,
                         BIAS_PARAMETER __global float *restrict y)
{
    const size_t i = get_global_id(0);
    const int o = (int)(i % OC), row = (int)(i / OC);
    if (i >= (size_t)N * OH * OW * OC)
        return;
    const int ox = row % OW, oy = row / OW % OH, n = row / (OW * OH);
    float sum = 0.0f;
    for (int ky = 0; ky < K; ky++) {
        for (int kx = 0; kx < K; kx++) {
            const int iy = oy * S + ky - PAD, ix = ox * S + kx - PAD;
            if (INSIDE(iy, H) && INSIDE(ix, W))
                for (int c = 0; c < C; c++)
                    sum = MAC(x[X_AT(n, iy, ix, c)], w[W_AT(ky, kx, c, o)], sum);
        }
    }
    ADD_BIAS(sum, bias[o]);
    y[Y_AT(n, oy, ox, o)] = ACTIVATE(sum);
}

__kernel void conv2d_data_ref(__global const float *restrict y, __global const float *restrict w,
                              BIAS_PARAMETER __global float *restrict x)
{
    const size_t i = get_global_id(0);
    const int c = (int)(i % C), row = (int)(i / C);
    if (i >= (size_t)N * H * W * C)
        return;
    const int ix = row % W, iy = row / W % H, n = row / (W * H);
    float sum = 0.0f;
    for (int ky = 0; ky < K; ky++) {
        for (int kx = 0; kx < K; kx++) {
            const int ty = iy + PAD - ky, tx = ix + PAD - kx;
            if (ty % S == 0 && tx % S == 0 && INSIDE(ty / S, OH) && INSIDE(tx / S, OW))
                for (int o = 0; o < OC; o++)
                    sum = MAC(y[Y_AT(n, ty / S, tx / S, o)], w[W_AT(ky, kx, c, o)], sum);
        }
    }
    ADD_BIAS(sum, bias[c]);
    x[X_AT(n, iy, ix, c)] = ACTIVATE(sum);
}

__kernel void conv2d_filter_ref(__global const float *restrict x, __global const float *restrict y,
                                __global float *restrict w)
{
    const size_t i = get_global_id(0);
    const int o = (int)(i % OC), row = (int)(i / OC);
    if (i >= (size_t)K * K * C * OC)
        return;
    const int c = row % C, kx = row / C % K, ky = row / (C * K);
    float sum = 0.0f;
    for (int n = 0; n < N; n++) {
        for (int oy = 0; oy < OH; oy++) {
            const int iy = oy * S + ky - PAD;
            float line = 0.0f; // shorter chains of additions round less
            for (int ox = 0; ox < OW; ox++) {
                const int ix = ox * S + kx - PAD;
                if (INSIDE(iy, H) && INSIDE(ix, W))
                    line = MAC(x[X_AT(n, iy, ix, c)], y[Y_AT(n, oy, ox, o)], line);
            }
            sum += line;
        }
    }
    w[W_AT(ky, kx, c, o)] = sum;
}
