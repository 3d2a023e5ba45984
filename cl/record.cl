/*
 * record: ring[clock[0] % ROWS, COLUMN] = x[0], clock[0] being the step
 *
 *   ring [ROWS, COLUMNS], clock u32 [2], x [1]. Work size: 1.
 */

#ifndef ROWS // to compile alone
#define ROWS    64
#define COLUMNS 5
#define COLUMN  0
#endif
__kernel void record(__global float *restrict ring, __global const uint *restrict clock,
                     __global const float *restrict x)
{
    if (get_global_id(0) == 0)
        ring[clock[0] % ROWS * COLUMNS + COLUMN] = x[0];
}
