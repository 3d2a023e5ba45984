/*
 * record: ring[clock[0] % rows, column] = x[0], clock[0] being the step
 *
 *   ring [rows, columns], clock u32 [2], x [1]. Work size: 1.
 */
__kernel void record(__global float *restrict ring, __global const uint *restrict clock,
                     __global const float *restrict x, const int rows, const int columns,
                     const int column)
{
    if (get_global_id(0) == 0)
        ring[clock[0] % (uint)rows * (uint)columns + (uint)column] = x[0];
}
