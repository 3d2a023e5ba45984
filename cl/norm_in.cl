/*
 * norm_in: a batch norm and a leaky ReLU of slope SLOPE_IN of what a kernel reads, u [N, OH, OW,
 * OC], by the moments m [2, OC]; the formulas are those of batch_norm.cl.
 */
#include "aligned.cl"
#include "conv2d_shape.cl"
#ifndef EPSILON // to compile alone
#define EPSILON  1e-3f
#define SLOPE_IN 0.0f
#endif

#define NORM_PARAMETERS                                                                            \
    __global const float *restrict u, __global const float *restrict m,                            \
        __global const float *restrict gamma, __global const float *restrict beta,

/* The batch norm of VW channels: (u - mean) * factor + shift. */
struct norm {
    floatv mean, root, factor, shift;
};

/* Of channels o and on, a multiple of VW. */
static struct norm norm_of(__global const float *restrict m, __global const float *restrict gamma,
                           __global const float *restrict beta, int o)
{
    const floatv root = sqrt(load(m + OC + o) + EPSILON);

    return (struct norm){load(m + o), root, load(gamma + o) / root, load(beta + o)};
}

/* BENT: the leaky ReLU of a norm; of what is no number, no number. BEND: of x, the gradient to
 * that. By ReLU they are 0 without a product, whatever there is. */
#define BENT(value)    ((value) < 0.0f ? BELOW_0(value) : (value))
#define BEND(value, x) ((value) > 0.0f ? (x) : BELOW_0(x))
#define BELOW_0(x)     (SLOPE_IN == 0.0f ? (floatv)(0.0f) : SLOPE_IN * (x))
