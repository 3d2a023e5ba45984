/*
 * mean:       y[0] = scale * (sum of x) / count
 * broadcast:  y[i] = scale * x[0]
 * add:        y[i] = x1[i] + x2[i]
 *
 * Work size: count, one work item per element; mean: 1. Only the N scores of a batch are ever
 * averaged, so one work item adds them all up, compensated.
 */
#include "compensated.cl"

__kernel void mean(__global const float *restrict x, __global float *restrict y, const float scale,
                   const int count)
{
    if (get_global_id(0) > 0)
        return;
    float sum = 0.0f, lost = 0.0f;
    for (int i = 0; i < count; i++)
        ADD_COMPENSATED(sum, lost, x[i]);
    y[0] = scale * (sum / (float)count);
}

__kernel void broadcast(__global const float *restrict x, __global float *restrict y,
                        const float scale, const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count)
        y[i] = scale * x[0];
}

__kernel void add(__global const float *restrict x1, __global const float *restrict x2,
                  __global float *restrict y, const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count)
        y[i] = x1[i] + x2[i];
}
