/*
 * rmsprop_joined: what rmsprop.cl does, of up to 16 tensors at once.
 *
 *   w, v, g [count] of each; one that is not there has count 0. A group does BLOCK elements of one
 *   tensor, the last group of a tensor what is left.
 *
 * Work size: groups of any size, of each tensor count / BLOCK, rounded up.
 */
#ifndef DECAY // to compile alone
#define DECAY   0.9f
#define EPSILON 1e-7f
#define BLOCK   1024
#endif

#define EACH(X)                                                                                    \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define LOAD(p)     (*(p))
#define STORE(y, p) (*(p) = (y))

#define UPDATE(name, real, load, store)                                                            \
    static void name(__global float *w, __global float *v, __global const float *g,                \
                     const float rate, const float bound)                                          \
    {                                                                                              \
        const real gradient = load(g);                                                             \
        const real mean_square = DECAY * load(v) + (1.0f - DECAY) * gradient * gradient;           \
        const real weight = load(w) - rate * gradient / sqrt(mean_square + EPSILON);               \
        store(mean_square, v);                                                                     \
        store(weight > bound ? (real)bound : weight < -bound ? (real)-bound : weight, w);          \
    }

UPDATE(update_vector, floatv, LOADV, STOREV)
UPDATE(update_one, float, LOAD, STORE)

#define DECLARE(i)                                                                                 \
    __global float *w##i, __global float *v##i, __global const float *g##i, const int count##i,

/* The last tensor that begins at this block or before. */
#define FIND(i)                                                                                    \
    if (block >= 0) {                                                                              \
        w = w##i;                                                                                  \
        v = v##i;                                                                                  \
        g = g##i;                                                                                  \
        count = count##i;                                                                          \
        at = block;                                                                                \
    }                                                                                              \
    block -= count##i / BLOCK + (count##i % BLOCK != 0);

__kernel void rmsprop_joined(EACH(DECLARE) const float rate, const float bound)
{
    __global float *w = w0, *v = v0;
    __global const float *g = g0;
    int count = 0, at = 0, block = (int)get_group_id(0);
    EACH(FIND)
    const int first = at * BLOCK, left = min(count - first, BLOCK);
    const int lane = (int)get_local_id(0), lanes = (int)get_local_size(0);
    for (int i = lane * VW; i <= left - VW; i += lanes * VW)
        update_vector(w + first + i, v + first + i, g + first + i, rate, bound);
    for (int i = left / VW * VW + lane; i < left; i += lanes)
        update_one(w + first + i, v + first + i, g + first + i, rate, bound);
}
