/*
 * matmul: C[m, n] = sum over k of op(A)[m, k] * op(B)[k, n], plain
 *
 *   a [M, K], or [K, M] with TRANSPOSE_A;  b [K, N], or [N, K] with TRANSPOSE_B;  c [M, N]
 *   bias [N] #ifdef BIAS; then ACTIVATE
 *
 * matmul      work size N / VW x M, one work item per VW neighbours of a row of C. VW > 1 needs an
 *             untransposed B, whose rows are contiguous
 * matmul_dot  where N is 1 and A not transposed: work size M, one work item per row of A, which
 *             sums NV vectors side by side; NV * VW divides K
 */
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
    float lane[VW], total = 0.0f;
    STOREV(sum[0], lane);
    for (int i = 0; i < VW; i++)
        total += lane[i];
    ADD_BIAS(total, bias[0]);
    c[m] = ACTIVATE(total);
}
#endif
