/*
 * moving_average: moving = momentum * moving + (1 - momentum) * batch
 *
 *   moving, m [2, c]: means, then variances; the batch's variance enters times variance_scale,
 *   which is n / (n - 1) where the moving variance is to be unbiased.
 *
 * Work size: 2 c, one work item per statistic.
 */
__kernel void moving_average(__global float *restrict moving, __global const float *restrict m,
                             const float momentum, const float variance_scale, const int c)
{
    const int i = (int)get_global_id(0);
    if (i < 2 * c) {
        const float batch = i < c ? m[i] : m[i] * variance_scale;
        moving[i] = momentum * moving[i] + (1.0f - momentum) * batch;
    }
}
