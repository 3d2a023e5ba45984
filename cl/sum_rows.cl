/*
 * sum_rows: y[c] = sum over rows of x[row, c], in passes of a fixed order.
 *
 *   x [rows, columns], y [columns], partial [chunks, columns]
 *
 * sum_rows_chunk  work size columns / (NV * VW) x chunks: one work item sums NV vectors of columns
 *                 of one chunk
 * sum_rows_merge  work size columns / VW x groups of chunks: one work item adds up VW columns of a
 *                 group, compensated (Kahan 1965), so that the error does not grow with its length
 *
 * sum_rows_gather  instead of merges, where there is local memory: a group of ACROSS * DOWN items
 * adds up ACROSS vectors of columns, each of DOWN items every DOWN-th chunk, compensated, then half
 * of them what the others have, and again half of these
 */
#include "aligned.cl"
#include "compensated.cl"

#ifndef NV
#define NV 1
#endif

__kernel void sum_rows_chunk(__global const float *restrict x, __global float *restrict partial,
                             const int columns, const int rows, const int rows_per_chunk)
{
    const int c = (int)get_global_id(0) * NV * VW, chunk = (int)get_global_id(1);
    if (c >= columns)
        return;
    const int first = chunk * rows_per_chunk;
    const int last = min(first + rows_per_chunk, rows);
    floatv sum[NV];
#pragma unroll
    for (int v = 0; v < NV; v++)
        sum[v] = 0.0f;
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++)
            sum[v] += load(x + (size_t)row * columns + c + v * VW);
    }
#pragma unroll
    for (int v = 0; v < NV; v++)
        store(sum[v], partial + chunk * columns + c + v * VW);
}

/* merged [groups, columns] from partial, `count` chunks at a time */
__kernel void sum_rows_merge(__global const float *restrict partial,
                             __global float *restrict merged, const int columns, const int chunks,
                             const int count)
{
    const int c = (int)get_global_id(0) * VW, first = (int)get_global_id(1) * count;
    const int last = min(first + count, chunks);
    if (c >= columns)
        return;
    floatv sum = 0.0f, lost = 0.0f;
    FETCH_AHEAD
    for (int chunk = first; chunk < last; chunk++) {
        ADD_COMPENSATED(sum, lost, load(partial + chunk * columns + c));
    }
    store(sum, merged + get_global_id(1) * columns + c);
}

#ifdef DOWN
__kernel __attribute__((reqd_work_group_size(ACROSS * DOWN, 1, 1))) void
sum_rows_gather(__global const float *restrict partial, __global float *restrict y,
                const int columns, const int chunks)
{
    __local floatv sums[ACROSS * DOWN];
    const int id = get_local_id(0), lane = id / ACROSS;
    const int c = ((int)get_group_id(0) * ACROSS + id % ACROSS) * VW;
    floatv sum = 0.0f, lost = 0.0f;

    const int count = c < columns ? chunks : 0;
    for (int first = lane; first < count; first += AHEAD * DOWN) {
        floatv read[AHEAD];

#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            read[i] = first + i * DOWN < count ? load(partial + (first + i * DOWN) * columns + c)
                                               : (floatv)(0.0f);
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            ADD_COMPENSATED(sum, lost, read[i]);
    }
    sums[id] = sum;
    add_down(sums, id);
    if (lane == 0 && c < columns)
        store(sums[id], y + c);
}
#endif
