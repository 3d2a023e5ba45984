/*
 * conv2d_tensor: the three forms of a convolution by the tensor cores of NVIDIA's GPUs, as one
 * product of matrices, see conv2d_operands.cl for FORM, A, B and the tile, and tensor_products.cl
 * for the arithmetic. What it computes and writes is conv2d_tiled's.
 *
 * TK = 16 k of A and B at a time lie in local memory, STAGES times: while the items multiply those
 * of one step, the next STAGES - 1 are on their way, copied without passing through registers
 * (cp.async). A step has one barrier, behind which everyone has left the stage that is filled next.
 *
 * In local memory a factor lies as it does in memory, so that vectors of four are copied whole and
 * read whole: along k as rows of 16 k; else as rows of TM or TN, of k 0, 4, 8, 12, 1, 5 and so on,
 * so that the four rows an item and its neighbours read lie together. These eight items' vectors
 * must be met in different banks, eight of four floats. Along k two neighbouring rows fill them; so
 * items of odd g take the columns of B in the order 1, 0, 3, 2. Else vectors are moved within their
 * row, from q to q ^ 2 t.
 *
 * Work size as conv2d_tiled. TM and TN are multiples of 32, TM also of 8 RM; RN is 8, RM 4 or 8;
 * innermost dimensions are multiples of four.
 */
#ifndef TM // to compile alone
#define TENSOR 1
#define TM     32
#define TN     32
#define TK     16
#define RM     4
#define RN     8
#define STEPS  2
#define PARTS  1
#define STAGES 2
#endif

#include "conv2d_operands.cl"

/* What a group copies are vectors, which go round its items. */
#define VECTORS_A (TM * TK / 4)
#define VECTORS_B (TN * TK / 4)
#define SHARE_A   ((VECTORS_A + ITEMS - 1) / ITEMS)
#define SHARE_B   ((VECTORS_B + ITEMS - 1) / ITEMS)
#define STAGE     ((TM + TN) * TK) // floats

/* The row or column, and the k, of a vector in the tile. */
static int extent_of(int vector, const int extent, const int along_k)
{
    return along_k ? vector / (TK / 4) : vector % (extent / 4) * 4;
}

static int k_of(int vector, const int extent, const int along_k)
{
    return along_k ? vector % (TK / 4) * 4 : vector / (extent / 4);
}

/* Where it lies in a stage. */
static int place_of(int vector, const int extent, const int along_k)
{
    const int k = vector / (extent / 4), q = vector % (extent / 4);

    return along_k ? vector * 4 : (k % 4 * 4 + k / 4) * extent + (q ^ (2 * (k / 4))) * 4;
}

/* ---- copies ---- */

#ifdef __NV_CL_C_VERSION

struct copies {
    int none; // the device keeps them
};

/* Begins to copy a vector, or four zeros. */
static void copy(struct copies *copies, __local float *to, __global const float *tensor,
                 struct spot spot)
{
    __asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                   :
                   : "r"((uint)(size_t)to), "l"(tensor + (spot.inside ? spot.at : 0)),
                     "r"(spot.inside ? 16 : 0)
                   : "memory");
}

/* An item's copies so far are one batch. */
static void end_batch(struct copies *copies)
{
    __asm volatile("cp.async.commit_group;" : : : "memory");
}

/* Until all but the last STAGES - 2 batches of an item have arrived. */
static void wait_for_batch(struct copies *copies)
{
    __asm volatile("cp.async.wait_group %0;" : : "n"(STAGES - 2) : "memory");
}

#else

/* For tests elsewhere: a copy is made as late as may be, when its batch is waited for. */
struct copies {
    float4 four[STAGES][SHARE_A + SHARE_B];
    __local float *to[STAGES][SHARE_A + SHARE_B];
    int count[STAGES]; // of a batch
    int batch, arrived;
};

static void copy(struct copies *copies, __local float *to, __global const float *tensor,
                 struct spot spot)
{
    const int slot = copies->batch % STAGES, i = copies->count[slot]++;

    copies->to[slot][i] = to;
    copies->four[slot][i] =
        spot.inside ? *(__global const float4 *)(tensor + spot.at) : (float4)(0.0f);
}

static void end_batch(struct copies *copies)
{
    copies->batch++;
    copies->count[copies->batch % STAGES] = 0;
}

static void wait_for_batch(struct copies *copies)
{
    for (; copies->arrived < copies->batch - (STAGES - 2); copies->arrived++) {
        const int slot = copies->arrived % STAGES;

        for (int i = 0; i < copies->count[slot]; i++)
            *(__local float4 *)copies->to[slot][i] = copies->four[slot][i];
    }
}

#endif

/* What an item's vectors have in common in all steps. */
struct share {
    struct place rows[SHARE_A];
    int columns[SHARE_B];
};

/* The step whose first k is k0, to its stage. */
static void copy_step(__global const float *restrict a, __global const float *restrict b,
                      struct phase phase, int k0, const struct share *share, struct copies *copies,
                      __local float *stage)
{
    const int id = get_local_id(0);

#pragma unroll
    for (int i = 0; i < SHARE_A; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_A % ITEMS == 0 || vector < VECTORS_A)
            copy(copies, stage + place_of(vector, TM, A_ALONG_K), a,
                 a_spot(share->rows[i], k0, k0 + k_of(vector, TM, A_ALONG_K)));
    }
#pragma unroll
    for (int i = 0; i < SHARE_B; i++) {
        const int vector = id + i * ITEMS;

        if (VECTORS_B % ITEMS == 0 || vector < VECTORS_B)
            copy(copies, stage + TM * TK + place_of(vector, TN, B_ALONG_K), b,
                 b_spot(phase, share->columns[i], k0, k0 + k_of(vector, TN, B_ALONG_K)));
    }
}

/* ---- reading a stage ---- */

/* Four rows of an item from m on, left[k][row]. */
static void load_left(__local const float *a, int m, float left[4][4])
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float four[4];

        vstore4(*(__local const float4 *)(a + (A_ALONG_K ? ROW_OF(m + i) * TK
                                                         : 4 * i * TM + ROW_OF(m))),
                0, four);
#pragma unroll
        for (int j = 0; j < 4; j++)
            left[A_ALONG_K ? j : i][A_ALONG_K ? i : j] = four[j];
    }
}

/* Its four columns, right[k][column]. */
static void load_right(__local const float *b, int g, float right[4][4])
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float four[4];

        vstore4(*(__local const float4 *)(b + (B_ALONG_K ? (i ^ g % 2) * TK : 4 * i * TN)), 0,
                four);
#pragma unroll
        for (int j = 0; j < 4; j++)
            right[B_ALONG_K ? j : i][B_ALONG_K ? i : j] = four[j];
    }
}

/* Where an item begins to read. */
static __local const float *left_of(__local const float *stage, int id)
{
    return stage + (A_ALONG_K ? (WARP_ROW(id) + G(id)) * TK + 4 * T(id)
                              : T(id) * TM + WARP_ROW(id) + (G(id) ^ 2 * T(id)) * 4);
}

static __local const float *right_of(__local const float *stage, int id)
{
    return stage + TM * TK +
           (B_ALONG_K ? (WARP_COLUMN(id) + 4 * G(id)) * TK + 4 * T(id)
                      : T(id) * TN + WARP_COLUMN(id) + (G(id) ^ 2 * T(id)) * 4);
}

#ifdef __NV_CL_C_VERSION

/* acc += the products of a stage. */
static void multiply(__local const float *stage, float (*acc)[RN])
{
    const int id = get_local_id(0);
    float four[4][4];
    struct right right;

    load_right(right_of(stage, id), G(id), four);
    split_right(four, &right);
#pragma unroll
    for (int m = 0; m < RM; m += 4) {
        load_left(left_of(stage, id), m, four);
#pragma unroll
        for (int i = 0; i < 4; i += 2)
            add_products(four, i, &right, acc + m + i);
    }
}

#else

/* What an item reads of a stage, to its warp. */
static void show(__local const float *stage, __local float *shown)
{
    const int id = get_local_id(0);
    float four[4][4];

    load_right(right_of(stage, id), G(id), four);
    for (int k = 0; k < 4; k++)
        for (int n = 0; n < 4; n++)
            shown[id * SHOWN + RIGHT_AT + k * 4 + n] = four[k][n];
    for (int m = 0; m < RM; m += 4) {
        load_left(left_of(stage, id), m, four);
        for (int k = 0; k < 4; k++)
            for (int i = 0; i < 4; i++)
                shown[id * SHOWN + k * RM + m + i] = four[k][i];
    }
}

#endif

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv2d_tensor(__global const float *restrict a, __global const float *restrict b,
              BIAS_PARAMETER __global float *restrict out)
{
    __local float stages[STAGES * STAGE] __attribute__((aligned(16)));
#ifndef __NV_CL_C_VERSION
    __local float shown[ITEMS * SHOWN];
#endif
    const int id = get_local_id(0), tiles_n = (COLUMNS + TN - 1) / TN;
    const int row0 = (int)get_group_id(0) / tiles_n * TM;
    const int column0 = (int)get_group_id(0) % tiles_n * TN;
    const int part = (int)get_group_id(1) % PARTS;
    const struct phase phase = phase_of((int)get_group_id(1) / PARTS);
    const int steps = ANY_ROW(phase, row0) ? STEPS_OF(phase) : 0;
    const int k0 = FIRST_K(phase) + part * steps * TK;
    struct share share;
    struct copies copies = {0};
    float acc[RM][RN];

#pragma unroll
    for (int i = 0; i < SHARE_A; i++)
        share.rows[i] = a_place(phase, row0 + extent_of(id + i * ITEMS, TM, A_ALONG_K));
#pragma unroll
    for (int i = 0; i < SHARE_B; i++)
        share.columns[i] = column0 + extent_of(id + i * ITEMS, TN, B_ALONG_K);
    clear_sums(acc);
#pragma unroll
    for (int step = 0; step < STAGES - 1; step++) {
        if (step < steps)
            copy_step(a, b, phase, k0 + step * TK, &share, &copies, stages + step * STAGE);
        end_batch(&copies);
    }
#pragma unroll 1
    for (int step = 0; step < steps; step++) {
        const int next = step + STAGES - 1;

        wait_for_batch(&copies);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (next < steps)
            copy_step(a, b, phase, k0 + next * TK, &share, &copies, stages + next % STAGES * STAGE);
        end_batch(&copies);
#ifdef __NV_CL_C_VERSION
        multiply(stages + step % STAGES * STAGE, acc);
#else
        show(stages + step % STAGES * STAGE, shown);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_shown_products(shown, acc);
#endif
    }

    write_item(acc, phase, row0 + ITEM_ROW(id), column0 + ITEM_COLUMN(id),
               BIAS_ARGUMENT out + (size_t)part * RESULTS);
}
