/*
 * norm_lanes: the way back through batch norm, leaky ReLU and a transposed convolution to few
 * channels, for GPU devices (lanes.cl); norm_up.cl says what is computed, from u [N, OH, OW, OC]
 * and d, the gradient to x.
 *
 *   norm_lanes_sums      parts [PARTS][TAPS + 2, OC], which are to be added up
 *   norm_lanes_gradient  du, from all sums [TAPS + 2, OC]
 */
#include "lanes.cl"
#include "norm_in.cl"

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
norm_lanes_sums(NORM_PARAMETERS __global const float *restrict d, __global const float *restrict w,
                __global float *restrict parts)
{
    __local float seen[2 * ROW_SEEN] __attribute__((aligned(16)));
    const int o = CHANNEL;
    const struct norm norm = norm_of(m, gamma, beta, o);
    __global float *sums = parts + (size_t)PART * (TAPS + 2) * OC;
    floatv weights[TAPS], learned[TAPS], dbeta = 0.0f, dgamma = 0.0f;

    load_weights(w, o, weights);
    clear(learned);
    begin_rows(d, seen);
    for (int row = FIRST_ROW; row < BEHIND_ROW; row++) {
        __local const float *of_row = next_row(d, row, seen);
        __global const float *from = u + (size_t)row * OW * OC + o;

        FETCH_AHEAD
        for (int ox = 0; ox < PIXELS; ox++) {
            float taps[PITCH];
            const floatv deviation = load(from + ox * OC) - norm.mean;
            const floatv value = MAC(deviation, norm.factor, norm.shift);

            load_taps(of_row, ox, taps);
            const floatv dr = convolve(taps, weights), g = BEND(value, dr);
            collect(taps, BENT(value), learned);
            dbeta += g;
            dgamma = MAC(g, deviation, dgamma);
        }
    }
    if (IS_LANE) {
        store_weights(learned, o, sums);
        store(dbeta, sums + TAPS * OC + o);
        store(dgamma / norm.root, sums + (TAPS + 1) * OC + o);
    }
}

__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void
norm_lanes_gradient(NORM_PARAMETERS __global const float *restrict d,
                    __global const float *restrict w, __global const float *restrict sums,
                    __global float *restrict du)
{
    __local float seen[2 * ROW_SEEN] __attribute__((aligned(16)));
    const int o = CHANNEL;
    const struct norm norm = norm_of(m, gamma, beta, o);
    const float rows = (float)N * OH * OW;
    const floatv tilt = -norm.factor * load(sums + (TAPS + 1) * OC + o) / (norm.root * rows);
    const floatv offset = -norm.factor * load(sums + TAPS * OC + o) / rows;
    floatv weights[TAPS];

    load_weights(w, o, weights);
    begin_rows(d, seen);
    for (int row = FIRST_ROW; row < BEHIND_ROW; row++) {
        __local const float *of_row = next_row(d, row, seen);
        const size_t at = (size_t)row * OW * OC + o;

        FETCH_AHEAD
        for (int ox = 0; ox < PIXELS; ox++) {
            float taps[PITCH];
            const floatv deviation = load(u + at + ox * OC) - norm.mean;
            const floatv value = MAC(deviation, norm.factor, norm.shift);

            load_taps(of_row, ox, taps);
            const floatv dr = convolve(taps, weights), g = BEND(value, dr);
            store(MAC(norm.factor, g, MAC(tilt, deviation, offset)), du + at + ox * OC);
        }
    }
}
