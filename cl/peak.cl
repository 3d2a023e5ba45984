/*
 * peak: what the device can do at best.
 *
 * Kernel peak does as many multiply-adds as there can be, on registers alone.
 *
 * CHAINS independent sums hide the latency of the multiply-add unit; each work item does
 * rounds * UNROLL * CHAINS of them on VW lanes. y [global size, VW] keeps the compiler from
 * dropping the work. The factor is below 1 and the addend not 0, so the values settle at a normal
 * number: denormals or infinities would be slower on some devices.
 */
#include "aligned.cl"

#define CHAINS 12
#define UNROLL 16

__kernel void peak(__global float *restrict y, const int rounds)
{
    const int id = (int)get_global_id(0);
    const floatv factor = 0.5f + (float)id * 1e-9f, addend = 0.25f;
    floatv sum[CHAINS];
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        sum[c] = (float)c;
    for (int round = 0; round < rounds; round++) {
#pragma unroll
        for (int u = 0; u < UNROLL; u++) {
#pragma unroll
            for (int c = 0; c < CHAINS; c++)
                sum[c] = MAC(sum[c], factor, addend);
        }
    }
    floatv total = 0.0f;
#pragma unroll
    for (int c = 0; c < CHAINS; c++)
        total += sum[c];
    STOREV(total, y + (size_t)id * VW);
}

/* y = x, VW floats a work item: what memory can do. */
__kernel void stream(__global const float *restrict x, __global float *restrict y)
{
    const size_t i = get_global_id(0) * VW;
    store(load(x + i), y + i);
}
