/*
 * register_tile: MR x NV sums, vectors of VW, that stay in registers while products are added to
 * them: the inner loops of the convolutions for CPU devices. A row of the tile in memory is COLUMNS
 * floats, `pitch` apart.
 *
 * So many sums that none waits for its last multiply-add, and each vector that is loaded serves MR
 * of them. The functions are inlined, so that the sums never leave the registers.
 */
#ifndef MR // to compile alone
#define MR 6
#endif
#ifndef NV
#define NV 2
#endif

#define COLUMNS (NV * VW)

/* Sums of nothing. */
SPECIALISED void clear_tile(floatv sums[MR][NV])
{
#pragma unroll
    for (int m = 0; m < MR; m++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[m][v] = (floatv)(0.0f);
}

/* Sums that go on from MR rows. */
SPECIALISED void load_tile(floatv sums[MR][NV], __global const float *restrict from, int pitch)
{
#pragma unroll
    for (int m = 0; m < MR; m++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[m][v] = LOADV(from + m * pitch + v * VW);
}

/* Adds a column of MR floats, `step` apart, times a row of COLUMNS. */
SPECIALISED void add_product(floatv sums[MR][NV], __global const float *restrict column, int step,
                             __global const float *restrict row)
{
    floatv b[NV];

#pragma unroll
    for (int v = 0; v < NV; v++)
        b[v] = LOADV(row + v * VW);
#pragma unroll
    for (int m = 0; m < MR; m++)
#pragma unroll
        for (int v = 0; v < NV; v++)
            sums[m][v] = MAC(column[m * step], b[v], sums[m][v]);
}

/* Writes the first `rows` rows or, if `add`, adds them to what is there. */
SPECIALISED void store_tile(floatv sums[MR][NV], __global float *restrict to, int pitch, int rows,
                            bool add)
{
#pragma unroll
    for (int m = 0; m < MR; m++)
        if (m < rows)
#pragma unroll
            for (int v = 0; v < NV; v++) {
                __global float *at = to + m * pitch + v * VW;

                STOREV(add ? LOADV(at) + sums[m][v] : sums[m][v], at);
            }
}
