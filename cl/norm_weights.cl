/*
 * norm_weights: weights that do what a convolution and the batch norm behind it do together.
 *
 *   factor[c] = gamma[c] / sqrt(variance[c] + EPSILON);  m [2, channels] = mean, variance
 *   norm_kernel  y[i] = factor[i / inner % channels] * w[i]; w, y [count]
 *   norm_bias    y[c] = factor[c] * (b[c] - mean[c]) + beta[c]
 *
 * Work size: count and channels, one work item per element.
 */
#ifndef EPSILON // to compile alone
#define EPSILON 1e-3f
#endif

static float factor_of(__global const float *restrict m, __global const float *restrict gamma,
                       const int c, const int channels)
{
    return gamma[c] / sqrt(m[channels + c] + EPSILON);
}

__kernel void norm_kernel(__global const float *restrict w, __global const float *restrict m,
                          __global const float *restrict gamma, __global float *restrict y,
                          const int channels, const int inner, const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count)
        y[i] = factor_of(m, gamma, i / inner % channels, channels) * w[i];
}

__kernel void norm_bias(__global const float *restrict b, __global const float *restrict m,
                        __global const float *restrict gamma, __global const float *restrict beta,
                        __global float *restrict y, const int channels)
{
    const int c = (int)get_global_id(0);
    if (c < channels)
        y[c] = MAC(factor_of(m, gamma, c, channels), b[c] - m[c], beta[c]);
}
