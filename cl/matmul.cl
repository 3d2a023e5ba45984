/*
 * matmul: C[m, n] = sum over k of op(A)[m, k] * op(B)[k, n], plain
 *
 *   a [M, K], or [K, M] with TRANSPOSE_A;  b [K, N], or [N, K] with TRANSPOSE_B;  c [M, N]
 *   bias [N] #ifdef BIAS; then ACTIVATE
 *
 *   matmul            work size N / VW x M, one work item per VW neighbours of a row of C. VW > 1
 *                     needs an untransposed B, whose rows are contiguous
 *   matmul_dot        where N is 1 and A not transposed: work size M, one work item per row of A,
 *                     which sums NV vectors side by side; NV * VW divides K
 *   matmul_dot_group  the same by a group of DOWN items for each row; work size M * DOWN; VW
 *                     divides K
 */
#include "aligned.cl"
#include "compensated.cl"

#ifndef TRANSPOSE_A // to compile alone
#define TRANSPOSE_A 0
#define TRANSPOSE_B 0
#endif

#define A_AT(m, k) (TRANSPOSE_A ? (k) * (size_t)M + (m) : (m) * (size_t)K + (k))
#define B_AT(k, n) (TRANSPOSE_B ? (n) * (size_t)K + (k) : (k) * (size_t)N + (n))

__kernel void matmul(__global const float *restrict a, __global const float *restrict b,
                     BIAS_PARAMETER __global float *restrict c, const int M, const int N,
                     const int K)
{
    const int n = (int)get_global_id(0) * VW, m = (int)get_global_id(1);
    if (n >= N)
        return;
    floatv sum = 0.0f;
    for (int k = 0; k < K; k++)
        sum = MAC(a[A_AT(m, k)], LOADV(b + B_AT(k, n)), sum);
    ADD_BIAS(sum, LOADV(bias + n));
    STOREV(ACTIVATE(sum), c + (size_t)m * N + n);
}

/* c[m] of a row's sum, which lies in VW. */
static void finish_dot(floatv sum, BIAS_PARAMETER __global float *restrict c, int m)
{
    float lane[VW], total = 0.0f;

    STOREV(sum, lane);
    for (int i = 0; i < VW; i++)
        total += lane[i];
    ADD_BIAS(total, bias[0]);
    c[m] = ACTIVATE(total);
}

#ifdef DOWN
__kernel __attribute__((reqd_work_group_size(DOWN, 1, 1))) void
matmul_dot_group(__global const float *restrict a, __global const float *restrict b,
                 BIAS_PARAMETER __global float *restrict c, const int M, const int K)
{
    __local floatv sums[DOWN];
    const int m = (int)get_group_id(0), id = (int)get_local_id(0);
    floatv sum = 0.0f;

    for (int first = id * VW; first < K; first += AHEAD * DOWN * VW) {
        floatv left[AHEAD], right[AHEAD];

#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            const int k = first + i * DOWN * VW;

            left[i] = k < K ? load(a + (size_t)m * K + k) : (floatv)(0.0f);
            right[i] = k < K ? load(b + k) : (floatv)(0.0f);
        }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            sum = MAC(left[i], right[i], sum);
    }
    sums[id] = sum;
    add_down(sums, id);
    if (id == 0)
        finish_dot(sums[0], BIAS_ARGUMENT c, m);
}
#endif

#ifdef NV
__kernel void matmul_dot(__global const float *restrict a, __global const float *restrict b,
                         BIAS_PARAMETER __global float *restrict c, const int M, const int K)
{
    const int m = (int)get_global_id(0);
    if (m >= M)
        return;
    floatv sum[NV];
#pragma unroll
    for (int v = 0; v < NV; v++)
        sum[v] = 0.0f;
    for (int k = 0; k < K; k += NV * VW) {
#pragma unroll
        for (int v = 0; v < NV; v++)
            sum[v] = MAC(LOADV(a + (size_t)m * K + k + v * VW), LOADV(b + k + v * VW), sum[v]);
    }
#pragma unroll
    for (int v = 1; v < NV; v++)
        sum[0] += sum[v];
    finish_dot(sum[0], BIAS_ARGUMENT c, m);
}
#endif
