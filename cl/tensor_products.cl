/*
 * tensor_products: products by the tensor cores of NVIDIA's GPUs, from compute capability 8.0 on.
 *
 * The cores multiply TF32, which has 11 bits of a float's 24. Single precision is made of that, as
 * by Ootomo & Yokota, "Recovering single precision accuracy from Tensor Cores while surpassing the
 * FP32 theoretical peak performance", 2022: a float is the sum of the nearest TF32 and of another,
 * but for its last bit, and a * b that of three of their products. A product is off by 8 units of
 * 2^-24 at most, by one on average: rest times rest is left out, at most 2^-22 of it, and a quarter
 * of all floats lose their last bit. The cores cut digits off when they add up, so they add up only
 * the 16 k of a step, and the steps are added in single precision, rounded, a sixteenth of the
 * roundings of a plain sum. Long sums are the more exact for it: of 2,048 products of random
 * numbers a model of this has an RMS error of 2.3e-7, a chain of multiply-adds one of 8.0e-7, of
 * the sums' RMS. Short ones are not made here (ops/conv2d_tiled.c). Of numbers below 2^-102 the
 * rest may be lost; an infinity, or a number that rounds to it, makes NaNs.
 *
 * An instruction multiplies 16 x 8 by 8 x 8 for a warp of 32 items. Item `lane` has of the left
 * factor rows g = lane / 4 and g + 8, at k t = lane % 4 and t + 4; of the right one column g at the
 * same k; and of the result rows g and g + 8 in columns 2 t and 2 t + 1. Which of a tile's rows,
 * columns and k these are is free, so that an item reads vectors of four:
 *
 *   k        4 t to 4 t + 3 of a step, for two instructions
 *   rows     of A along k: g, g + 8 and so on; else 4 g to 4 g + 3 of each 32
 *   columns  4 g to 4 g + 3 of 32, for four instructions; so results lie in 8 t to 8 t + 7
 *
 * A warp has 8 RM x 32 results, an item RM x 8.
 */
#ifndef TM // to compile alone
#define TM        32
#define TN        32
#define RM        4
#define RN        8
#define A_ALONG_K 1
#define B_ALONG_K 0
#endif

#define WARP    32
#define WARPS_N (TN / WARP)

/* Of an item: the warp's first row and column, g and t. */
#define WARP_ROW(id)    ((id) / WARP / WARPS_N * (8 * RM))
#define WARP_COLUMN(id) ((id) / WARP % WARPS_N * WARP)
#define G(id)           ((id) % WARP / 4)
#define T(id)           ((id) % 4)

/* Which results are an item's. */
#if A_ALONG_K
#define ITEM_ROW(id) (WARP_ROW(id) + G(id))
#define ROW_OF(m)    ((m)*8)
#else
#define ITEM_ROW(id) (WARP_ROW(id) + G(id) * 4)
#define ROW_OF(m)    ((m) / 4 * 32 + (m) % 4)
#endif
#define ITEM_COLUMN(id) (WARP_COLUMN(id) + T(id) * 8)
#define COLUMN_OF(v)    ((v)*4)

/* The column in which an item of odd g has what is n-th of others: see conv2d_tensor.cl. */
#define ODD(n) (B_ALONG_K ? (n) ^ 1 : (n))

#define TF32 (~((1u << 13) - 1)) // the bits of a float that the cores heed

/* A float as two TF32: the nearest one, whose carry may go on to the exponent, and the rest. */
static void split(float x, uint *ret_nearest, uint *ret_rest)
{
    *ret_nearest = (as_uint(x) + (1 << 12)) & TF32;
    *ret_rest = as_uint(x - as_float(*ret_nearest));
}

#ifdef __NV_CL_C_VERSION

/* What an item has of 16 x 8 results: two neighbours of row g, then two of row g + 8. */
struct block {
    float at[4];
};

#define MMA "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "

/* a b */
static struct block times(uint4 a, uint2 b)
{
    struct block sums;

    __asm volatile(MMA "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %10, %10, %10};"
                   : "=f"(sums.at[0]), "=f"(sums.at[1]), "=f"(sums.at[2]), "=f"(sums.at[3])
                   : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1), "f"(0.0f));
    return sums;
}

/* sums + a b */
static struct block add_times(struct block sums, uint4 a, uint2 b)
{
    __asm volatile(MMA "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                   : "+f"(sums.at[0]), "+f"(sums.at[1]), "+f"(sums.at[2]), "+f"(sums.at[3])
                   : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1));
    return sums;
}

/* The four columns of B, at the four k, that an item has. */
struct right {
    uint nearest[4][4], rest[4][4]; // [k][column]
};

static void split_right(const float (*b)[4], struct right *right)
{
#pragma unroll
    for (int k = 0; k < 4; k++)
#pragma unroll
        for (int n = 0; n < 4; n++)
            split(b[k][n], &right->nearest[k][n], &right->rest[k][n]);
}

#define LEFT(a, k)     ((uint4)(a[k][0], a[k][1], a[(k) + 1][0], a[(k) + 1][1]))
#define RIGHT(b, k, n) ((uint2)(b[k][n], b[(k) + 1][n]))

/* Adds to two rows of an item's sums the products over its four k; those of the left factor are
 * left[k][row] and the next. One kind of product after the other, small ones first, so that no
 * instruction waits for the one before. */
static void add_products(const float (*left)[4], int row, const struct right *right,
                         float (*acc)[RN])
{
    uint nearest[4][2], rest[4][2];
    struct block sums[4];

#pragma unroll
    for (int k = 0; k < 4; k++)
#pragma unroll
        for (int i = 0; i < 2; i++)
            split(left[k][row + i], &nearest[k][i], &rest[k][i]);
#pragma unroll
    for (int n = 0; n < 4; n++)
        sums[n] = times(LEFT(rest, 0), RIGHT(right->nearest, 0, n));
#pragma unroll
    for (int n = 0; n < 4; n++)
        sums[n] = add_times(sums[n], LEFT(rest, 2), RIGHT(right->nearest, 2, n));
#pragma unroll
    for (int k = 0; k < 4; k += 2)
#pragma unroll
        for (int n = 0; n < 4; n++)
            sums[n] = add_times(sums[n], LEFT(nearest, k), RIGHT(right->rest, k, n));
#pragma unroll
    for (int k = 0; k < 4; k += 2)
#pragma unroll
        for (int n = 0; n < 4; n++)
            sums[n] = add_times(sums[n], LEFT(nearest, k), RIGHT(right->nearest, k, n));
#pragma unroll
    for (int n = 0; n < 4; n++) {
        acc[0][n] += sums[n].at[0];
        acc[0][4 + ODD(n)] += sums[n].at[1];
        acc[1][n] += sums[n].at[2];
        acc[1][4 + ODD(n)] += sums[n].at[3];
    }
}

#else // for tests where there are no tensor cores

/* Floats that an item shows to its warp: left[k][row] and right[k][column]. */
#define SHOWN    (4 * RM + 4 * 4)
#define RIGHT_AT (4 * RM)

/* acc += the products that a warp's instructions make of what its items show. */
static void add_shown_products(__local const float *shown, float (*acc)[RN])
{
    const int id = get_local_id(0), warp = id / WARP * WARP;

    for (int m = 0; m < RM; m++)
        for (int n = 0; n < RN; n++)
            for (int i = 0; i < 16; i++) {
                const int t = i % 4, k = i / 4, g = 2 * T(id) + n / 4;
                __local const float *left = shown + (warp + 4 * G(id) + t) * SHOWN + k * RM;
                __local const float *right = shown + (warp + 4 * g + t) * SHOWN + RIGHT_AT + k * 4;
                uint a, b, a_rest, b_rest;

                split(left[m], &a, &a_rest);
                split(right[n < 4 ? n : ODD(n - 4)], &b, &b_rest);
                acc[m][n] = MAC(as_float(a_rest & TF32), as_float(b), acc[m][n]);
                acc[m][n] = MAC(as_float(a), as_float(b_rest & TF32), acc[m][n]);
                acc[m][n] = MAC(as_float(a), as_float(b), acc[m][n]);
            }
}

#endif
