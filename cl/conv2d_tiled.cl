/*
 * conv2d_tiled: the three forms of a convolution for devices with local memory, as one product of
 * matrices, see conv2d_operands.cl for FORM, A, B and the tile.
 *
 *   out[part][row, column] = sum over the k of a part of A[row, k] * B[k, column]
 *
 * With PARTS = 1 `out` is the result, with + bias[column] if #ifdef BIAS, then ACTIVATE; else it is
 * scratch, whose parts conv2d_merge adds up in their order.
 *
 * TK rows of A and B at a time lie in local memory, twice: while the items multiply those of one
 * step out of one copy, they fetch what the next step needs to registers, then put it into the
 * other, so that a step has one barrier. An item multiplies RM x RN results at a time from
 * (RM + RN) / 4 vectors. Where k is the innermost dimension in memory, eight k of a row are read by
 * neighbouring items and put into eight rows of local memory; four floats between these keep the
 * items from meeting in one bank of 32.
 *
 * Work size: tiles * ITEMS x S * S phases (data only) or BATCH * PARTS, in groups of ITEMS; a
 * tile's columns come before its rows. TM, TN, TK are powers of two, TK at least 8, RM and RN 4
 * or 8.
 */
#include "conv2d_operands.cl"

/* What a group fetches are vectors, which go round its items. */
#define VECTORS_A (TM * TK / A_WIDTH)
#define VECTORS_B (TN * TK / B_WIDTH)
#define SHARE_A   ((VECTORS_A + ITEMS - 1) / ITEMS)
#define SHARE_B   ((VECTORS_B + ITEMS - 1) / ITEMS)

/* How many vectors lie one after the other before the same row or column is met again, and hence
 * the rows or columns an item has to do with: the i-th vector's is number i % KINDS. */
#define ROUND(extent, width, along_k) ((along_k) ? 8 / (width) * (extent) : (extent) / (width))
#define ROUND_A                       ROUND(TM, A_WIDTH, A_ALONG_K)
#define ROUND_B                       ROUND(TN, B_WIDTH, B_ALONG_K)
#define KINDS_A                       (ROUND_A > ITEMS ? ROUND_A / ITEMS : 1)
#define KINDS_B                       (ROUND_B > ITEMS ? ROUND_B / ITEMS : 1)

/* The row or column, and the k, of a vector in the tile. */
static int extent_of(int vector, const int extent, const int width, const int along_k)
{
    return along_k ? vector / (8 / width) % extent : vector % (extent / width) * width;
}

static int k_of(int vector, const int extent, const int width, const int along_k)
{
    const int eighth = 8 / width;

    return along_k ? vector / (eighth * extent) * 8 + vector % eighth * width
                   : vector / (extent / width);
}

/* Puts one of those vectors, or a number as one of four, where its first element belongs. */
static void put(__local float *to, float4 vector, const int width, const int pitch,
                const int along_k)
{
    if (width == 1) {
        *to = vector.s0;
    } else if (along_k) {
        to[0] = vector.s0;
        to[pitch] = vector.s1;
        to[2 * pitch] = vector.s2;
        to[3 * pitch] = vector.s3;
    } else {
        *(__local float4 *)to = vector;
    }
}

/* What an item keeps of the next step, and what its vectors have in common in all steps. */
struct share {
    a_vector a[SHARE_A];
#ifdef FROM_GRADIENT
    a_vector gradient[SHARE_A];
#endif
    b_vector b[SHARE_B];
    struct place rows[KINDS_A];
    int columns[KINDS_B];
};

static void fetch(A_PARAMETERS, __global const float *restrict b, struct phase phase, int k0,
                  struct share *share)
{
    const int id = get_local_id(0);

#pragma unroll
    for (int i = 0; i < SHARE_A; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_A % ITEMS == 0 || vector < VECTORS_A) {
            const struct place place = share->rows[i % KINDS_A];
            const int k = k0 + k_of(vector, TM, A_WIDTH, A_ALONG_K);

            share->a[i] = a_load(a, place, k0, k);
#ifdef FROM_GRADIENT
            share->gradient[i] = a_load(gradient, place, k0, k);
#endif
        }
    }
#pragma unroll
    for (int i = 0; i < SHARE_B; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_B % ITEMS == 0 || vector < VECTORS_B)
            share->b[i] = b_load(b, phase, share->columns[i % KINDS_B], k0,
                                 k0 + k_of(vector, TN, B_WIDTH, B_ALONG_K));
    }
}

/* What becomes of the i-th vector of A, at k. Not before it is needed: it takes what it was fetched
 * to wait for. */
static a_vector value_of(const struct share *share, int i, A_PARAMETERS, int k)
{
#if defined FROM_GRADIENT
    return ACTIVATE_GRADIENT(share->a[i], share->gradient[i]);
#elif defined FROM_NORM
    return IS_TERM(k) ? normalise(share->a[i], norm + k) : (a_vector)(0.0f);
#else
    return share->a[i];
#endif
}

static void put_share(const struct share *share, A_PARAMETERS, int k0, __local float *tile_a,
                      __local float *tile_b)
{
    const int id = get_local_id(0);

#pragma unroll
    for (int i = 0; i < SHARE_A; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_A % ITEMS == 0 || vector < VECTORS_A) {
            const int k = k_of(vector, TM, A_WIDTH, A_ALONG_K);

            put(tile_a + k * PITCH_A + extent_of(vector, TM, A_WIDTH, A_ALONG_K),
                (float4)(value_of(share, i, A_ARGUMENTS, k0 + k)), A_WIDTH, PITCH_A, A_ALONG_K);
        }
    }
#pragma unroll
    for (int i = 0; i < SHARE_B; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_B % ITEMS == 0 || vector < VECTORS_B)
            put(tile_b + k_of(vector, TN, B_WIDTH, B_ALONG_K) * PITCH_B +
                    extent_of(vector, TN, B_WIDTH, B_ALONG_K),
                (float4)(share->b[i]), B_WIDTH, PITCH_B, B_ALONG_K);
    }
}

/* acc += the products of TK rows of both copies. Four rows at a time: code that does not fit an
 * instruction cache is slower by a tenth. */
static void multiply(__local const float *tile_a, __local const float *tile_b, float acc[RM][RN])
{
    const int id = get_local_id(0);
    __local const float *a = tile_a + ITEM_TM(id) * 4, *b = tile_b + ITEM_TN(id) * 4;

#pragma unroll 4
    for (int k = 0; k < TK; k++) {
        float am[RM], bn[RN];

#pragma unroll
        for (int m = 0; m < RM; m += 4)
            vstore4(*(__local const float4 *)(a + k * PITCH_A + ROW_OF(m)), 0, am + m);
#pragma unroll
        for (int v = 0; v < RN / 4; v++)
            vstore4(*(__local const float4 *)(b + k * PITCH_B + COLUMN_OF(v)), v, bn);
        add_products(am, bn, acc);
    }
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv2d_tiled(A_PARAMETERS, __global const float *restrict b,
             BIAS_PARAMETER __global float *restrict out)
{
    __local float tile_a[2 * TK * PITCH_A] __attribute__((aligned(16)));
    __local float tile_b[2 * TK * PITCH_B] __attribute__((aligned(16)));
    const int id = get_local_id(0), tiles_n = (COLUMNS + TN - 1) / TN;
    const int row0 = (int)get_group_id(0) / tiles_n * TM;
    const int column0 = (int)get_group_id(0) % tiles_n * TN;
    const int part = (int)get_group_id(1) % PARTS;
    const struct phase phase = phase_of((int)get_group_id(1) / PARTS);
    // Without rows nothing is multiplied; pocl miscompiles a return before the barriers.
    const int steps = ANY_ROW(phase, row0) ? STEPS_OF(phase) : 0;
    const int k0 = FIRST_K(phase) + part * steps * TK;
    const int tm = ITEM_TM(id), tn = ITEM_TN(id);
    struct share share;
    float acc[RM][RN];

#pragma unroll
    for (int i = 0; i < KINDS_A; i++)
        share.rows[i] = a_place(phase, row0 + extent_of(id + i * ITEMS, TM, A_WIDTH, A_ALONG_K));
#pragma unroll
    for (int i = 0; i < KINDS_B; i++)
        share.columns[i] = column0 + extent_of(id + i * ITEMS, TN, B_WIDTH, B_ALONG_K);
    clear_sums(acc);
    fetch(A_ARGUMENTS, b, phase, k0, &share);
    put_share(&share, A_ARGUMENTS, k0, tile_a, tile_b);
    barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 1
    for (int step = 0; step < steps; step++) {
        const int now = step % 2, then = 1 - now;

        if (step + 1 < steps)
            fetch(A_ARGUMENTS, b, phase, k0 + (step + 1) * TK, &share);
        multiply(tile_a + now * TK * PITCH_A, tile_b + now * TK * PITCH_B, acc);
        if (step + 1 < steps)
            put_share(&share, A_ARGUMENTS, k0 + (step + 1) * TK, tile_a + then * TK * PITCH_A,
                      tile_b + then * TK * PITCH_B);
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    write_item(acc, phase, row0 + tm * 4, column0 + tn * 4,
               BIAS_ARGUMENT out + (size_t)part * RESULTS);
}
