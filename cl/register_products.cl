/*
 * register_products: the products of a tile by the items' own multiply-adds.
 *
 * An item has RM rows x RN columns of the tile, RM / 4 times four neighbours along both, so that
 * neighbouring items read neighbouring vectors. Items go two rows by LANES_N columns at a time, the
 * two before the columns: neighbours then read one vector of B, those two apart one of A, and
 * NVIDIA's local memory serves them at once.
 */
#ifndef TM // to compile alone
#define TM 32
#define TN 32
#define RM 4
#define RN 4
#endif

/* An item among those of a group, and its rows and vectors of columns from its first ones on. */
#define LANES_N      (TN / RN < 8 ? TN / RN : 8)
#define ITEM_TN(id)  ((id) / (LANES_N * (TM / RM)) * LANES_N + (id) / LANES_M % LANES_N)
#define ITEM_TM(id)  ((id) % (LANES_N * (TM / RM)) / (LANES_M * LANES_N) * LANES_M + (id) % LANES_M)
#define LANES_M      (TM / RM > 1 ? 2 : 1)
#define ROW_OF(m)    ((m) / 4 * (TM / (RM / 4)) + (m) % 4)
#define COLUMN_OF(v) ((v) * (TN / (RN / 4)))

/* Floats from one k of a tile in local memory to the next. Four between them keep the items that
 * fetch from meeting in one bank of 32. */
#define PITCH_A (TM + 4)
#define PITCH_B (TN + 4)

/*
 * acc += the products of RM rows and RN columns. To and fro, for NVIDIA's compiler: each product
 * has a factor in common with the one before, which need not be read again, and the registers of
 * the other two can be in different banks; a product of three registers read takes two cycles.
 */
static void add_products(const float am[RM], const float bn[RN], float acc[RM][RN])
{
#pragma unroll
    for (int m = 0; m < RM; m++)
#pragma unroll
        for (int i = 0; i < RN; i++) {
            const int n = m % 2 ? RN - 1 - i : i;

            acc[m][n] = MAC(am[m], bn[n], acc[m][n]);
        }
}
