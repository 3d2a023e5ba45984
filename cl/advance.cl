/*
 * advance: clock = (step, iteration) becomes (step + 1, iteration) for COUNTER 0, and
 * (step, (iteration + 1) mod ITERATIONS) for COUNTER 1.
 *
 *   clock u32 [2]. Work size: 1.
 */

#ifndef COUNTER // to compile alone
#define COUNTER    1
#define ITERATIONS 1
#endif
__kernel void advance(__global uint *restrict clock)
{
    if (get_global_id(0) > 0)
        return;
#if COUNTER == 0
    clock[0] += 1;
#else
    clock[1] = (clock[1] + 1) % ITERATIONS;
#endif
}
