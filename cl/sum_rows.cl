/*
 * sum_rows: y[c] = sum over rows of x[row, c], in two passes of a fixed order.
 *
 *   x [ROWS, C], y [C], partial [CHUNKS, C]
 *
 * sum_rows_chunk  work size C/VW x CHUNKS: one work item sums VW columns of one chunk
 * sum_rows_merge  work size C/VW: one work item adds up the chunks of VW columns, compensated
 *                 (Kahan 1965), so that the error does not grow with their number
 */

#ifndef C // to compile alone
#define C              64
#define ROWS           1024
#define ROWS_PER_CHUNK 256
#define CHUNKS         4
#endif
__kernel void sum_rows_chunk(__global const float *restrict x, __global float *restrict partial)
{
    const int c = (int)get_global_id(0) * VW, chunk = (int)get_global_id(1);
    if (c >= C)
        return;
    const int first = chunk * ROWS_PER_CHUNK;
    const int last = min(first + ROWS_PER_CHUNK, ROWS);
    floatv sum = 0.0f;
    for (int row = first; row < last; row++)
        sum += LOADV(x + (size_t)row * C + c);
    STOREV(sum, partial + chunk * C + c);
}

__kernel void sum_rows_merge(__global const float *restrict partial, __global float *restrict y)
{
    const int c = (int)get_global_id(0) * VW;
    if (c >= C)
        return;
    floatv sum = 0.0f, lost = 0.0f;
    for (int chunk = 0; chunk < CHUNKS; chunk++) {
        const floatv term = LOADV(partial + chunk * C + c) - lost;
        const floatv next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    STOREV(sum, y + c);
}
