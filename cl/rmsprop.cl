/*
 * rmsprop (Hinton, lecture 6e, 2012), epsilon inside the root as in Keras since 2.11, and the clip:
 *
 *   v = DECAY * v + (1 - DECAY) * g^2
 *   w = w - rate * g / sqrt(v + EPSILON)
 *   w = min(max(w, -bound), bound); a NaN stays one, so that it is seen
 *
 *   w, v, g [count]. Work size: count, one work item per weight.
 */
#ifndef DECAY // to compile alone
#define DECAY   0.9f
#define EPSILON 1e-7f
#endif

__kernel void rmsprop(__global float *restrict w, __global float *restrict v,
                      __global const float *restrict g, const float rate, const float bound,
                      const int count)
{
    const int i = (int)get_global_id(0);
    if (i < count) {
        const float gradient = g[i];
        const float mean_square = DECAY * v[i] + (1.0f - DECAY) * gradient * gradient;
        const float weight = w[i] - rate * gradient / sqrt(mean_square + EPSILON);
        v[i] = mean_square;
        w[i] = weight > bound ? bound : weight < -bound ? -bound : weight;
    }
}
