/*
 * conv2d_blocked: what conv2d_tiled computes, without local memory and without barriers, for
 * devices that have none, or whose local memory is memory like any other. An item keeps RM x RN
 * results in registers and reads what they need itself; that its neighbours need it too is for the
 * cache.
 *
 * Arguments, macros and work size are those of conv2d_tiled; but TK is 4, and there may be as few
 * items in a group as one.
 */
#include "conv2d_operands.cl"

/* Rows that one vector of A belongs to. */
#define A_ROWS (A_ALONG_K ? 1 : A_WIDTH)

/* The numbers of a vector, or of one. */
static void scatter(float4 vector, const int width, const int step, float *to)
{
    to[0] = vector.s0;
    if (width == 4) {
        to[step] = vector.s1;
        to[2 * step] = vector.s2;
        to[3 * step] = vector.s3;
    }
}

/* am [TK, RM] = these rows of A from k0 on */
static void load_a(__global const float *restrict a, const struct place rows[RM], int k0, float *am)
{
#pragma unroll
    for (int m = 0; m < RM; m += A_ROWS)
#pragma unroll
        for (int k = 0; k < TK; k += A_WIDTH / A_ROWS)
            scatter((float4)(a_load(a, rows[m], k0, k0 + k)), A_WIDTH, A_ALONG_K ? RM : 1,
                    am + k * RM + m);
}

/* bn [TK, RN] = these columns of B from k0 on; four neighbours each from column + COLUMN_OF(v) */
static void load_b(__global const float *restrict b, struct phase phase, int column, int k0,
                   float *bn)
{
    const int columns = B_ALONG_K ? 1 : B_WIDTH;

#pragma unroll
    for (int n = 0; n < RN; n += columns)
#pragma unroll
        for (int k = 0; k < TK; k += B_WIDTH / columns)
            scatter((float4)(b_load(b, phase, column + COLUMN_OF(n / 4) + n % 4, k0, k0 + k)),
                    B_WIDTH, B_ALONG_K ? RN : 1, bn + k * RN + n);
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv2d_blocked(__global const float *restrict a, __global const float *restrict b,
               BIAS_PARAMETER __global float *restrict out)
{
    const int id = get_local_id(0), tiles_n = (COLUMNS + TN - 1) / TN;
    const int row = (int)get_group_id(0) / tiles_n * TM + ITEM_TM(id) * 4;
    const int column = (int)get_group_id(0) % tiles_n * TN + ITEM_TN(id) * 4;
    const int part = (int)get_group_id(1) % PARTS;
    const struct phase phase = phase_of((int)get_group_id(1) / PARTS);
    struct place rows[RM];
    float acc[RM][RN];

#pragma unroll
    for (int m = 0; m < RM; m++)
        rows[m] = a_place(phase, row + ROW_OF(m));
    clear_sums(acc);
#pragma unroll 1
    for (int step = 0; step < STEPS; step++) {
        const int k0 = (part * STEPS + step) * TK;
        float am[TK * RM], bn[TK * RN];

        load_a(a, rows, k0, am);
        load_b(b, phase, column, k0, bn);
#pragma unroll
        for (int k = 0; k < TK; k++)
            add_products(am + k * RM, bn + k * RN, acc);
    }
    write_item(acc, phase, row, column, BIAS_ARGUMENT out + (size_t)part * RESULTS);
}
