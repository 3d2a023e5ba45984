/*
 * norm_weights: weights that do what a convolution and the batch norm behind it do together, and
 * what a convolution needs of a batch norm in front of it.
 *
 *   factor[c] = gamma[c] / sqrt(variance[c] + EPSILON);  m [2, channels] = mean, variance
 *   norm_kernel  y[i] = factor[i / INNER % channels] * w[i]; w, y [vectors * VW]; VW divides INNER,
 *                or the channels if INNER is 1
 *   norm_bias    y[c] = factor[c] * (b[c] - mean[c]) + beta[c]
 *   norm_columns y [3, channels] = mean, factor, beta
 *
 * Work size: vectors and channels.
 */
#ifndef EPSILON // to compile alone
#define EPSILON 1e-3f
#define INNER   1
#endif

__kernel void norm_kernel(__global const float *restrict w, __global const float *restrict m,
                          __global const float *restrict gamma, __global float *restrict y,
                          const int channels, const int vectors)
{
    const int i = (int)get_global_id(0), at = i * VW, c = at / INNER % channels;
    if (i >= vectors)
        return;
#if INNER == 1
    const floatv factor = LOADV(gamma + c) / sqrt(LOADV(m + channels + c) + EPSILON);
#else
    const float factor = gamma[c] / sqrt(m[channels + c] + EPSILON);
#endif
    STOREV(factor * LOADV(w + at), y + at);
}

__kernel void norm_bias(__global const float *restrict b, __global const float *restrict m,
                        __global const float *restrict gamma, __global const float *restrict beta,
                        __global float *restrict y, const int channels)
{
    const int c = (int)get_global_id(0);
    if (c < channels)
        y[c] = MAC(gamma[c] / sqrt(m[channels + c] + EPSILON), b[c] - m[c], beta[c]);
}

__kernel void norm_columns(__global const float *restrict m, __global const float *restrict gamma,
                           __global const float *restrict beta, __global float *restrict y,
                           const int channels)
{
    const int c = (int)get_global_id(0);
    if (c >= channels)
        return;
    y[c] = m[c];
    y[channels + c] = gamma[c] / sqrt(m[channels + c] + EPSILON);
    y[2 * channels + c] = beta[c];
}
