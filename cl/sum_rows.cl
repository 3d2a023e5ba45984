/*
 * sum_rows: y[c] = sum over rows of x[row, c], in two passes of a fixed order.
 *
 *   x [rows, columns], y [columns], partial [chunks, columns]
 *
 * sum_rows_chunk  work size columns/VW x chunks: one work item sums VW columns of one chunk
 * sum_rows_merge  work size columns/VW: one work item adds up the chunks of VW columns,
 *                 compensated (Kahan 1965), so that the error does not grow with their number
 */
__kernel void sum_rows_chunk(__global const float *restrict x, __global float *restrict partial,
                             const int columns, const int rows, const int rows_per_chunk)
{
    const int c = (int)get_global_id(0) * VW, chunk = (int)get_global_id(1);
    if (c >= columns)
        return;
    const int first = chunk * rows_per_chunk;
    const int last = min(first + rows_per_chunk, rows);
    floatv sum = 0.0f;
    for (int row = first; row < last; row++)
        sum += LOADV(x + (size_t)row * columns + c);
    STOREV(sum, partial + chunk * columns + c);
}

__kernel void sum_rows_merge(__global const float *restrict partial, __global float *restrict y,
                             const int columns, const int chunks)
{
    const int c = (int)get_global_id(0) * VW;
    if (c >= columns)
        return;
    floatv sum = 0.0f, lost = 0.0f;
    for (int chunk = 0; chunk < chunks; chunk++) {
        const floatv term = LOADV(partial + chunk * columns + c) - lost;
        const floatv next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    STOREV(sum, y + c);
}
