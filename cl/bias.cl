/*
 * bias:                 y = ACTIVATE(x + b), b along the last dimension
 * activation_gradient:  dx = dy * activation'(y), from the output y
 *
 * x, y, dx, dy [rows, C], b [C]. Work size: `vectors`, one work item per VW elements.
 */
#include "aligned.cl"

#ifndef C // activation_gradient does not need it
#define C VW
#endif

__kernel void bias(__global const float *restrict x, __global const float *restrict b,
                   __global float *restrict y, const int vectors)
{
    const int i = (int)get_global_id(0);
    if (i < vectors) {
        const int at = i * VW;
        const floatv sum = load(x + at) + load(b + at % C);
        store(ACTIVATE(sum), y + at);
    }
}

__kernel void activation_gradient(__global const float *restrict y,
                                  __global const float *restrict dy, __global float *restrict dx,
                                  const int vectors)
{
    const int i = (int)get_global_id(0);
    if (i < vectors) {
        const floatv out = load(y + i * VW), grad = load(dy + i * VW);
        store(ACTIVATE_GRADIENT(out, grad), dx + i * VW);
    }
}
