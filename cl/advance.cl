/*
 * advance: clock = (step, iteration) becomes (step + 1, iteration) for counter 0, and
 * (step, (iteration + 1) mod iterations) for counter 1.
 *
 *   clock u32 [2]. Work size: 1.
 */
__kernel void advance(__global uint *restrict clock, const int counter, const int iterations)
{
    if (get_global_id(0) > 0)
        return;
    if (counter == 0)
        clock[0] += 1;
    else
        clock[1] = (clock[1] + 1) % (uint)iterations;
}
