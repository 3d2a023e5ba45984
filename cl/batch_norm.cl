/*
 * Batch normalisation (Ioffe and Szegedy 2015) over the rows of x [rows, C].
 *
 *   m [2, C] = mean, biased variance;  rstd = 1 / sqrt(variance + EPSILON)
 *   y = ACTIVATE(gamma * (x - mean) * rstd + beta)
 *
 * The mean is subtracted first: where x is the mean, as always in a single row, y is beta exactly,
 * which for a beta of 0 decides what a ReLU lets through.
 *
 * Sums over rows go in passes of a fixed order, as in sum_rows.cl: the ..._chunk kernels have work
 * size C / (NV * VW) x chunks, the ..._merge kernels C / VW x merged chunks. batch_norm and
 * batch_norm_data have work size C / (NV * VW) * blocks: an item does NV vectors of each row of a
 * block.
 */
#include "aligned.cl"
#include "compensated.cl"

#ifndef C // to compile alone
#define C       64
#define EPSILON 1e-3f
#endif
#ifndef NV
#define NV 1
#endif

/* Where an item of batch_norm and batch_norm_data begins. */
#define ITEMS_PER_ROW   (C / (NV * VW))
#define FIRST_COLUMN    ((int)get_global_id(0) % ITEMS_PER_ROW * NV * VW)
#define FIRST_ROW(rows) ((int)get_global_id(0) / ITEMS_PER_ROW * (rows))

#ifdef ONE_PASS
/* partial [chunks, 2, C]: mean and sum of squared deviations of each chunk. In one sweep, where no
 * cache holds a chunk, over the deviations d from its first row: of n rows, sum d^2 - (sum d)^2 / n
 * cancels to no less than an n-th of the first term. */
__kernel void moments_chunk(__global const float *restrict x, __global float *restrict partial,
                            const int rows, const int rows_per_chunk)
{
    const int c = (int)get_global_id(0) * VW, chunk = (int)get_global_id(1);
    if (c >= C)
        return;
    const int first = chunk * rows_per_chunk, last = min(first + rows_per_chunk, rows);
    const floatv of_first = load(x + (size_t)first * C + c);
    const float count = (float)(last - first);
    floatv sum = 0.0f, squares = 0.0f;
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
        const floatv deviation = load(x + (size_t)row * C + c) - of_first;
        sum += deviation;
        squares = MAC(deviation, deviation, squares);
    }
    store(of_first + sum / count, partial + chunk * 2 * C + c);
    store(squares - sum * sum / count, partial + chunk * 2 * C + C + c);
}
#else
/* The same in two sweeps over rows that stay in cache: no more memory traffic than one, and nothing
 * cancels. */
__kernel void moments_chunk(__global const float *restrict x, __global float *restrict partial,
                            const int rows, const int rows_per_chunk)
{
    const int c = (int)get_global_id(0) * NV * VW, chunk = (int)get_global_id(1);
    if (c >= C)
        return;
    const int first = chunk * rows_per_chunk;
    const int last = min(first + rows_per_chunk, rows);
    floatv mean[NV], squares[NV];
#pragma unroll
    for (int v = 0; v < NV; v++)
        mean[v] = squares[v] = 0.0f;
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++)
            mean[v] += load(x + (size_t)row * C + c + v * VW);
    }
#pragma unroll
    for (int v = 0; v < NV; v++)
        mean[v] /= (float)(last - first);
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const floatv deviation = load(x + (size_t)row * C + c + v * VW) - mean[v];
            squares[v] = MAC(deviation, deviation, squares[v]);
        }
    }
    __global float *to = partial + chunk * 2 * C + c;
#pragma unroll
    for (int v = 0; v < NV; v++) {
        store(mean[v], to + v * VW);
        store(squares[v], to + C + v * VW);
    }
}
#endif

/*
 * merged [., 2, C] from chunks [., 2, C] of rows_per_chunk rows, `count` of them at a time: Chan,
 * Golub, LeVeque 1979, for all of them at once. The squared deviations about the common mean are
 * those within the chunks plus those of the chunks' means. They are divided by `divisor`: the rows
 * in the end, 1 before.
 */
__kernel void moments_merge(__global const float *restrict chunks, __global float *restrict merged,
                            const int rows, const int rows_per_chunk, const int count,
                            const float divisor)
{
    const int c = (int)get_global_id(0) * VW, first = (int)get_global_id(1) * count;
    const int last = min(first + count, (rows + rows_per_chunk - 1) / rows_per_chunk);
    if (c >= C)
        return;
    const float total = (float)(min(last * rows_per_chunk, rows) - first * rows_per_chunk);
    floatv sum = 0.0f, lost = 0.0f;
    FETCH_AHEAD
    for (int chunk = first; chunk < last; chunk++) {
        const float n = (float)min(rows_per_chunk, rows - chunk * rows_per_chunk);
        ADD_COMPENSATED(sum, lost, n * load(chunks + chunk * 2 * C + c));
    }
    const floatv mean = sum / total;
    floatv squares = 0.0f;
    lost = 0.0f;
    FETCH_AHEAD
    for (int chunk = first; chunk < last; chunk++) {
        const float n = (float)min(rows_per_chunk, rows - chunk * rows_per_chunk);
        const floatv shift = load(chunks + chunk * 2 * C + c) - mean;
        const floatv within = load(chunks + chunk * 2 * C + C + c);
        ADD_COMPENSATED(squares, lost, within + n * shift * shift);
    }
    __global float *to = merged + get_global_id(1) * 2 * C + c;
    store(mean, to);
    store(squares / divisor, to + C);
}

#ifdef DOWN
/* A vector of a chunk; zeros of one behind the last, which has no rows. */
static floatv load_chunk(__global const float *restrict chunks, int chunk, int count, int at)
{
    return chunk < count ? load(chunks + chunk * 2 * C + at) : (floatv)(0.0f);
}

#define ROWS_OF(chunk) ((float)clamp(rows - (chunk)*rows_per_chunk, 0, rows_per_chunk))

/* The same of all chunks at once, by groups of local memory: see sum_rows_gather. */
__kernel __attribute__((reqd_work_group_size(ACROSS * DOWN, 1, 1))) void
moments_gather(__global const float *restrict chunks, __global float *restrict m, const int rows,
               const int rows_per_chunk)
{
    __local floatv sums[ACROSS * DOWN];
    const int id = get_local_id(0), lane = id / ACROSS;
    const int c = ((int)get_group_id(0) * ACROSS + id % ACROSS) * VW;
    const int count = c < C ? (rows + rows_per_chunk - 1) / rows_per_chunk : 0;
    floatv sum = 0.0f, squares = 0.0f, lost = 0.0f;

    for (int at = lane; at < count; at += AHEAD * DOWN) {
        floatv mean[AHEAD];

#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            mean[i] = load_chunk(chunks, at + i * DOWN, count, c);
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            ADD_COMPENSATED(sum, lost, ROWS_OF(at + i * DOWN) * mean[i]);
    }
    sums[id] = sum;
    add_down(sums, id);
    const floatv mean = sums[id % ACROSS] / (float)rows;
    lost = 0.0f;
    for (int at = lane; at < count; at += AHEAD * DOWN) {
        floatv shift[AHEAD], within[AHEAD];

#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            shift[i] = load_chunk(chunks, at + i * DOWN, count, c) - mean;
            within[i] = load_chunk(chunks, at + i * DOWN, count, C + c);
        }
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            ADD_COMPENSATED(squares, lost,
                            within[i] + ROWS_OF(at + i * DOWN) * shift[i] * shift[i]);
    }
    barrier(CLK_LOCAL_MEM_FENCE); // everyone has read the mean
    sums[id] = squares;
    add_down(sums, id);
    if (lane == 0 && c < C) {
        store(mean, m + c);
        store(sums[id] / (float)rows, m + C + c);
    }
}
#endif

/* Of NV vectors of columns from c on: y = (x - mean) * factor + shift before the activation. */
SPECIALISED void load_columns(__global const float *restrict m,
                              __global const float *restrict gamma,
                              __global const float *restrict beta, int c, floatv mean[NV],
                              floatv factor[NV], floatv shift[NV])
{
#pragma unroll
    for (int v = 0; v < NV; v++) {
        const int at = c + v * VW;
        mean[v] = load(m + at);
        factor[v] = load(gamma + at) / sqrt(load(m + C + at) + EPSILON);
        shift[v] = load(beta + at);
    }
}

__kernel void batch_norm(__global const float *restrict x, __global const float *restrict m,
                         __global const float *restrict gamma, __global const float *restrict beta,
                         __global float *restrict y, const int rows, const int rows_per_block)
{
    const int c = FIRST_COLUMN, first = FIRST_ROW(rows_per_block);
    const int last = min(first + rows_per_block, rows);
    floatv mean[NV], factor[NV], shift[NV];
    load_columns(m, gamma, beta, c, mean, factor, shift);
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const size_t at = (size_t)row * C + c + v * VW;
            const floatv value = MAC(load(x + at) - mean[v], factor[v], shift[v]);
            store(ACTIVATE(value), y + at);
        }
    }
}

/* partial [chunks, 2, C]: sum of g and of g * xhat, where g = dy * activation'(y). The sums over
 * all chunks, by sum_rows_merge, are dbeta and dgamma. */
__kernel void
batch_norm_sums_chunk(__global const float *restrict x, __global const float *restrict m,
                      __global const float *restrict gamma, __global const float *restrict beta,
                      __global const float *restrict dy, __global float *restrict partial,
                      const int rows, const int rows_per_chunk)
{
    const int c = (int)get_global_id(0) * NV * VW, chunk = (int)get_global_id(1);
    if (c >= C)
        return;
    const int first = chunk * rows_per_chunk;
    const int last = min(first + rows_per_chunk, rows);
    floatv mean[NV], factor[NV], shift[NV], sum[NV], product[NV];
    load_columns(m, gamma, beta, c, mean, factor, shift);
#pragma unroll
    for (int v = 0; v < NV; v++)
        sum[v] = product[v] = 0.0f;
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const size_t at = (size_t)row * C + c + v * VW;
            const floatv deviation = load(x + at) - mean[v];
            const floatv out = MAC(deviation, factor[v], shift[v]);
            const floatv grad = load(dy + at);
            const floatv g = ACTIVATE_GRADIENT(out, grad);
            sum[v] += g;
            product[v] = MAC(g, deviation, product[v]);
        }
    }
    __global float *to = partial + chunk * 2 * C + c;
#pragma unroll
    for (int v = 0; v < NV; v++) {
        store(sum[v], to + v * VW);
        store(product[v] / sqrt(load(m + C + c + v * VW) + EPSILON), to + C + v * VW);
    }
}

/* dx = factor * g + tilt * (x - mean) + offset */
__kernel void batch_norm_data(__global const float *restrict x, __global const float *restrict m,
                              __global const float *restrict gamma,
                              __global const float *restrict beta,
                              __global const float *restrict dy,
                              __global const float *restrict sums, __global float *restrict dx,
                              const int rows, const int rows_per_block)
{
    const int c = FIRST_COLUMN, first = FIRST_ROW(rows_per_block);
    const int last = min(first + rows_per_block, rows);
    floatv mean[NV], factor[NV], shift[NV], tilt[NV], offset[NV];
    load_columns(m, gamma, beta, c, mean, factor, shift);
#pragma unroll
    for (int v = 0; v < NV; v++) {
        const int at = c + v * VW;
        const floatv root = sqrt(load(m + C + at) + EPSILON);
        tilt[v] = -factor[v] * load(sums + C + at) / (root * (float)rows);
        offset[v] = -factor[v] * load(sums + at) / (float)rows;
    }
    FETCH_AHEAD
    for (int row = first; row < last; row++) {
#pragma unroll
        for (int v = 0; v < NV; v++) {
            const size_t at = (size_t)row * C + c + v * VW;
            const floatv deviation = load(x + at) - mean[v], grad = load(dy + at);
            const floatv out = MAC(deviation, factor[v], shift[v]);
            const floatv g = ACTIVATE_GRADIENT(out, grad);
            store(MAC(factor[v], g, MAC(tilt[v], deviation, offset[v])), dx + at);
        }
    }
}
