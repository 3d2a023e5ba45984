/*
 * norm_up_ref: batch norm, leaky ReLU and a transposed convolution, there and back, plain; what
 * faster forms are tested against. All formulas stand in batch_norm.cl and conv2d_ref.cl.
 *
 *   r = leaky ReLU(batch norm(u)) of slope SLOPE_IN; u, r [N, OH, OW, OC]; d the gradient to x
 *
 *   norm_up_ref           x [N, H, W, C] = ACTIVATE(conv2d_data(r, w) + bias)
 *   norm_up_sums_ref      sums [K * K * C + 2, OC] = conv2d_filter(d, r), then dbeta, then dgamma
 *   norm_up_gradient_ref  du from d and the sums
 *
 * One work item per element of the result.
 */
#include "norm_in.cl"

static float normal(float u, struct norm norm)
{
    return MAC(u - norm.mean, norm.factor, norm.shift);
}

/* conv2d(d, w) at one place */
static float conv2d_at(__global const float *restrict d, __global const float *restrict w, int n,
                       int oy, int ox, int o)
{
    float sum = 0.0f;

    for (int ky = 0; ky < K; ky++)
        for (int kx = 0; kx < K; kx++) {
            const int iy = oy * S + ky - PAD, ix = ox * S + kx - PAD;

            if (INSIDE(iy, H) && INSIDE(ix, W))
                for (int c = 0; c < C; c++)
                    sum = MAC(d[X_AT(n, iy, ix, c)], w[W_AT(ky, kx, c, o)], sum);
        }
    return sum;
}

__kernel void norm_up_ref(__global const float *restrict u, __global const float *restrict m,
                          __global const float *restrict gamma, __global const float *restrict beta,
                          __global const float *restrict w, __global const float *restrict bias,
                          __global float *restrict x)
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
                for (int o = 0; o < OC; o++) {
                    const float value =
                        normal(u[Y_AT(n, ty / S, tx / S, o)], norm_of(m, gamma, beta, o));

                    sum = MAC(BENT(value), w[W_AT(ky, kx, c, o)], sum);
                }
        }
    sum += bias[c];
    x[i] = ACTIVATE(sum);
}

__kernel void norm_up_sums_ref(__global const float *restrict u, __global const float *restrict m,
                               __global const float *restrict gamma,
                               __global const float *restrict beta,
                               __global const float *restrict d, __global const float *restrict w,
                               __global float *restrict sums)
{
    const size_t i = get_global_id(0);
    const int o = (int)(i % OC), tap = (int)(i / OC), taps = K * K * C;
    const int c = tap % C, kx = tap / C % K, ky = tap / (C * K);
    float sum = 0.0f;

    if (tap > taps + 1)
        return;
    const struct norm norm = norm_of(m, gamma, beta, o);

    for (int n = 0; n < N; n++)
        for (int oy = 0; oy < OH; oy++) {
            const int iy = oy * S + ky - PAD;
            float line = 0.0f; // shorter chains of additions round less

            for (int ox = 0; ox < OW; ox++) {
                const int ix = ox * S + kx - PAD;
                const float at = u[Y_AT(n, oy, ox, o)], value = normal(at, norm);

                if (tap >= taps) {
                    const float dr = conv2d_at(d, w, n, oy, ox, o), g = BEND(value, dr);

                    line = MAC(g, tap == taps ? 1.0f : at - norm.mean, line);
                } else if (INSIDE(iy, H) && INSIDE(ix, W)) {
                    line = MAC(d[X_AT(n, iy, ix, c)], BENT(value), line);
                }
            }
            sum += line;
        }
    sums[i] = tap == taps + 1 ? sum / norm.root : sum;
}

__kernel void
norm_up_gradient_ref(__global const float *restrict u, __global const float *restrict m,
                     __global const float *restrict gamma, __global const float *restrict beta,
                     __global const float *restrict d, __global const float *restrict w,
                     __global const float *restrict sums, __global float *restrict du)
{
    const size_t i = get_global_id(0);
    const int o = (int)(i % OC), row = (int)(i / OC), taps = K * K * C;
    const int ox = row % OW, oy = row / OW % OH, n = row / (OW * OH);
    const float rows = (float)N * OH * OW;

    if (n >= N)
        return;
    const struct norm norm = norm_of(m, gamma, beta, o);
    const float at = u[i], value = normal(at, norm);
    const float dr = conv2d_at(d, w, n, oy, ox, o), g = BEND(value, dr);
    const float xhat = (at - norm.mean) / norm.root;

    du[i] =
        norm.factor * (g - sums[taps * OC + o] / rows - xhat * sums[(taps + 1) * OC + o] / rows);
}
