/*
 * thin_norm: norm_in of y's side of a thin layer on CPU devices, whose registers are for other
 * things.
 *
 *   norm [3, OC]: mean, gamma / sqrt(variance + EPSILON), beta, made by each work item for itself
 */
#include "norm_in.cl"

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

    return BENT(value);
}
