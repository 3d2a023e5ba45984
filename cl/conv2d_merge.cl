/*
 * conv2d_merge: out[i] = ACTIVATE(sum over parts of partial[part, i] + bias[i % columns]), the
 * parts in rising order; with the bias if #ifdef BIAS. The second pass of conv2d_tensor,
 * conv2d_tiled and conv2d_blocked.
 *
 *   partial [parts, results], out [results] whose last dimension is `columns`, bias [columns]
 *
 * Work size: results / VW; VW divides columns.
 */
#include "aligned.cl"

__kernel void conv2d_merge(__global const float *restrict partial, const int parts,
                           const int results, const int columns,
                           BIAS_PARAMETER __global float *restrict out)
{
    const int i = (int)get_global_id(0) * VW;
    if (i >= results)
        return;
    floatv sum = 0.0f;
    for (int first = 0; first < parts; first += AHEAD) {
        floatv read[AHEAD];

#pragma unroll
        for (int j = 0; j < AHEAD; j++)
            read[j] = first + j < parts ? load(partial + (size_t)(first + j) * results + i)
                                        : (floatv)(0.0f);
#pragma unroll
        for (int j = 0; j < AHEAD; j++)
            sum += read[j];
    }
    ADD_BIAS(sum, load(bias + i % columns));
    store(ACTIVATE(sum), out + i);
}
