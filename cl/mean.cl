/*
 *   mean:       y[0] = scale * (sum of x) / count
 *   record:     ring[clock[0] % rows, column] = the same, clock[0] being the step
 *   broadcast:  y[i] = scale * x[0]
 *   add:        y[i] = x1[i] + x2[i]
 *
 *   ring [rows, columns], clock u32 [2]
 *
 * Work size: count, one work item per element; mean and record: 1. Only the N scores of a batch are
 * ever averaged, so one work item adds them all up, compensated.
 */
#include "compensated.cl"

static float scaled_mean(__global const float *restrict x, const float scale, const int count)
{
    float sum = 0.0f, lost = 0.0f;
    FETCH_AHEAD
    for (int i = 0; i < count; i++)
        ADD_COMPENSATED(sum, lost, x[i]);
    return scale * (sum / (float)count);
}

__kernel void mean(__global const float *restrict x, __global float *restrict y, const float scale,
                   const int count)
{
    if (get_global_id(0) == 0)
        y[0] = scaled_mean(x, scale, count);
}

__kernel void record(__global float *restrict ring, __global const uint *restrict clock,
                     __global const float *restrict x, const float scale, const int count,
                     const int rows, const int columns, const int column)
{
    if (get_global_id(0) == 0)
        ring[clock[0] % (uint)rows * (uint)columns + (uint)column] = scaled_mean(x, scale, count);
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
