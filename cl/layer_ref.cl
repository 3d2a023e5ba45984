/*
 * layer_ref: the way back through a layer conv2d, bias, activation, plain; what faster forms are
 * tested against. With g = gradient * activation'(out) [N, OH, OW, OC]:
 *
 *   layer_filter_ref  sums [K * K * C + 1, OC] = conv2d_filter(x, g), then the sum of g over pixels
 *   layer_data_ref    x [N, H, W, C] = conv2d_data(g, w)
 *
 * One work item per element of the result.
 */
#include "conv2d_shape.cl"

static float before(__global const float *restrict out, __global const float *restrict gradient,
                    size_t at)
{
    const float y = out[at], dy = gradient[at];

    return ACTIVATE_GRADIENT(y, dy);
}

__kernel void layer_filter_ref(__global const float *restrict x, __global const float *restrict out,
                               __global const float *restrict gradient,
                               __global float *restrict sums)
{
    const size_t i = get_global_id(0);
    const int o = (int)(i % OC), tap = (int)(i / OC);
    const int c = tap % C, kx = tap / C % K, ky = tap / (C * K); // ky is K for the bias
    float sum = 0.0f;

    if (tap > K * K * C)
        return;
    for (int n = 0; n < N; n++)
        for (int oy = 0; oy < OH; oy++) {
            const int iy = oy * S + ky - PAD;
            float line = 0.0f; // shorter chains of additions round less

            for (int ox = 0; ox < OW; ox++) {
                const int ix = ox * S + kx - PAD;
                const float g = before(out, gradient, Y_AT(n, oy, ox, o));

                if (ky == K)
                    line += g;
                else if (INSIDE(iy, H) && INSIDE(ix, W))
                    line = MAC(x[X_AT(n, iy, ix, c)], g, line);
            }
            sum += line;
        }
    sums[i] = sum;
}

__kernel void layer_data_ref(__global const float *restrict out,
                             __global const float *restrict gradient,
                             __global const float *restrict w, __global float *restrict x)
{
    const size_t i = get_global_id(0);
    const int c = (int)(i % C), row = (int)(i / C);
    const int ix = row % W, iy = row / W % H, n = row / (W * H);
    float sum = 0.0f;

    if (n >= N)
        return;
    for (int ky = 0; ky < K; ky++)
        for (int kx = 0; kx < K; kx++) {
            const int ty = iy + PAD - ky, tx = ix + PAD - kx;

            if (ty % S == 0 && tx % S == 0 && INSIDE(ty / S, OH) && INSIDE(tx / S, OW))
                for (int o = 0; o < OC; o++)
                    sum = MAC(before(out, gradient, Y_AT(n, ty / S, tx / S, o)),
                              w[W_AT(ky, kx, c, o)], sum);
        }
    x[i] = sum;
}
