/*
 * conv2d_lanes: two forms of a convolution of few channels on one side, for GPU devices; see
 * lanes.cl for the shapes and the work size.
 *
 *   lanes_conv2d  y[n, oy, ox, o] =
 *                     sum_{ky,kx,c} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] w[ky,kx,c,o]
 *                 then + bias[o] if #ifdef BIAS, then ACTIVATE
 *   lanes_filter  w[ky, kx, c, o] =
 *                     sum_{n,oy,ox} x[n, oy*S + ky-PAD, ox*S + kx-PAD, c] y[n,oy,ox,o]
 *                 in parts [PARTS][SUMS], which are to be added up
 *
 * FROM_GRADIENT: y = gradient * activation'(out) is written nowhere, the way back through a layer's
 * activation; lanes_filter also sums y then, the gradient of the bias.
 */
#include "lanes.cl"

#ifdef FROM_GRADIENT
#define Y_PARAMETERS __global const float *restrict out, __global const float *restrict gradient,
#define LOAD_Y(at)   ACTIVATE_GRADIENT(load(out + (at)), load(gradient + (at)))
#define SUMS         ((TAPS + 1) * OC)
#else
#define Y_PARAMETERS __global const float *restrict y,
#define LOAD_Y(at)   load(y + (at))
#define SUMS         (TAPS * OC)
#endif

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
lanes_conv2d(__global const float *restrict x, __global const float *restrict w,
             BIAS_PARAMETER __global float *restrict y)
{
    __local float seen[2 * ROW_SEEN] __attribute__((aligned(16)));
    const int o = CHANNEL;
    floatv weights[TAPS];

    load_weights(w, o, weights);
    const floatv before = BIAS_OR_ZERO(load(bias + o));
    begin_rows(x, seen);
    for (int row = FIRST_ROW; row < BEHIND_ROW; row++) {
        __local const float *of_row = next_row(x, row, seen);
        __global float *to = y + (size_t)row * OW * OC + o;

        for (int ox = 0; ox < PIXELS; ox++) {
            float taps[PITCH];

            load_taps(of_row, ox, taps);
            const floatv sum = convolve(taps, weights) + before;
            store(ACTIVATE(sum), to + ox * OC);
        }
    }
}

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
lanes_filter(__global const float *restrict x, Y_PARAMETERS __global float *restrict parts)
{
    __local float seen[2 * ROW_SEEN] __attribute__((aligned(16)));
    const int o = CHANNEL;
    __global float *sums = parts + (size_t)PART * SUMS;
    floatv weights[TAPS], whole = 0.0f;

    clear(weights);
    begin_rows(x, seen);
    for (int row = FIRST_ROW; row < BEHIND_ROW; row++) {
        __local const float *of_row = next_row(x, row, seen);
        const size_t from = (size_t)row * OW * OC + o;

        FETCH_AHEAD
        for (int ox = 0; ox < PIXELS; ox++) {
            float taps[PITCH];
            const floatv value = LOAD_Y(from + ox * OC);

            load_taps(of_row, ox, taps);
            collect(taps, value, weights);
            whole += value;
        }
    }
    if (IS_LANE) {
        store_weights(weights, o, sums);
#ifdef FROM_GRADIENT
        store(whole, sums + TAPS * OC + o);
#endif
    }
}
