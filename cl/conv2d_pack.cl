/*
 * conv2d_pack: weights as the direct convolutions want them, and back.
 *
 *   conv2d_pack    w [K, K, C, OC] -> packed [phase y][phase x][panel][taps][taps][depth][columns],
 *                  what a panel of `columns` output channels needs, as conv2d_direct reads it:
 *                  the taps of a phase (see there) in rising order of the input, for conv2d_data
 *                  (`data` is 1) backwards through w. Zeros where a phase has fewer taps, or the
 *                  panel exceeds the channels. Global size phases * phases * panels * taps * taps.
 *   conv2d_unpack  parts [parts][rows][pitch] -> w [rows, OC], their sum without the padding; rows
 *                  are K * K * C. Global size rows.
 *
 * The local size is 1. Sizes are arguments, so that all layers share a program.
 */

/* How many of K taps a phase has along an axis. */
static int phase_taps(int phase, int phases, int K, int PAD)
{
    const int lowest = (phase + PAD) % phases;
    return lowest < K ? (K - lowest + phases - 1) / phases : 0;
}

/* The k of w for the t-th tap of a phase, -1 if there is none. */
static int tap_of(int phase, int phases, int K, int PAD, int data, int t)
{
    const int taps = phase_taps(phase, phases, K, PAD);
    if (t >= taps)
        return -1;
    return data ? (phase + PAD) % phases + phases * (taps - 1 - t) : t;
}

__kernel void conv2d_pack(__global const float *restrict w, __global float *restrict packed,
                          const int C, const int OC, const int K, const int S, const int PAD,
                          const int columns, const int data)
{
    const int width = data ? C : OC, depth = data ? OC : C, phases = data ? S : 1;
    const int taps = (K + phases - 1) / phases, panels = (width + columns - 1) / columns;
    const size_t id = get_global_id(0);
    const int tx = id % taps, ty = id / taps % taps, panel = id / (taps * taps) % panels;
    const int phase = id / (taps * taps) / panels;
    const int ky = tap_of(phase / phases, phases, K, PAD, data, ty);
    const int kx = tap_of(phase % phases, phases, K, PAD, data, tx);
    const bool used = ky >= 0 && kx >= 0;
    const int first = panel * columns, count = used ? min(columns, width - first) : 0;
    const size_t step_o = data ? OC : 1, step_r = data ? 1 : OC;
    __global const float *from = w + (used ? (size_t)(ky * K + kx) * C * OC + first * step_o : 0);
    __global float *to = packed + id * depth * columns;

    for (int r = 0; r < depth; r++, to += columns) {
        for (int j = 0; j < count; j++)
            to[j] = from[j * step_o + r * step_r];
        for (int j = count; j < columns; j++)
            to[j] = 0.0f;
    }
}

__kernel void conv2d_unpack(__global const float *restrict parts, __global float *restrict w,
                            const int count, const int rows, const int pitch, const int OC)
{
    const size_t row = get_global_id(0);

    for (int o = 0; o < OC; o += VW) {
        __global const float *from = parts + row * pitch + o;
        floatv sum = LOADV(from);

        for (int p = 1; p < count; p++)
            sum += LOADV(from + (size_t)p * rows * pitch);
        if (o + VW <= OC) {
            STOREV(sum, w + row * OC + o);
        } else {
            float last[VW];

            STOREV(sum, last);
            for (int j = 0; o + j < OC; j++)
                w[row * OC + o + j] = last[j];
        }
    }
}
