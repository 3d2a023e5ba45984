/*
 * aligned: VW floats at an address that is a multiple of as many. NVIDIA's compiler makes VW loads
 * of LOADV, which does not promise that.
 */
#ifndef ALIGNED // kernels may get it from two files
#define ALIGNED

static floatv load(__global const float *from)
{
    return *(__global const floatv *)from;
}

static void store(floatv v, __global float *to)
{
    *(__global floatv *)to = v;
}

#endif
