/*
 * thin_norm: batch norm of y's side of a thin layer, element by element as it is read; the formulas
 * are those of batch_norm.cl, with a leaky ReLU of slope SLOPE_IN behind.
 *
 *   norm [3, OC]: mean, gamma / sqrt(variance + EPSILON), beta, made by each work item for itself
 */
#include "conv2d_shape.cl"
#ifndef EPSILON // to compile alone
#define EPSILON  1e-3f
#define SLOPE_IN 0.0f
#endif

#define NORM_PARAMETERS                                                                            \
    __global const float *restrict u, __global const float *restrict m,                            \
        __global const float *restrict gamma, __global const float *restrict beta,

static void describe_norm(__global const float *restrict m, __global const float *restrict gamma,
                          __global const float *restrict beta, __global float *restrict norm)
{
    for (int o = 0; o < OC; o += VW) {
        STOREV(LOADV(m + o), norm + o);
        STOREV(LOADV(gamma + o) / sqrt(LOADV(m + OC + o) + EPSILON), norm + OC + o);
        STOREV(LOADV(beta + o), norm + 2 * OC + o);
    }
}

/* Before the activation, from u - mean. */
#define NORMAL(deviation, norm, o)                                                                 \
    MAC(deviation, LOADV(norm + OC + (o)), LOADV(norm + 2 * OC + (o)))

static floatv normalise(floatv u, __global const float *restrict norm, int o)
{
    const floatv deviation = u - LOADV(norm + o), value = NORMAL(deviation, norm, o);

    return value > 0.0f ? value : SLOPE_IN * value;
}
