/*
 * copy: y[i] = x[offset + i], i in [0, count)
 *
 * Work size: count, one work item per element.
 */
__kernel void copy(__global const float *restrict x, __global float *restrict y, const int offset,
                   const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count)
        y[i] = x[offset + i];
}
