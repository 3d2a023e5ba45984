/*
 * Random draws by Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): four 32-bit numbers are a pure
 * function of a counter and a key.
 *
 *   key = (key0, key1), the two halves of the seed
 *   counter = (i / 4, clock[0], clock[1], stream), clock u32 [2] = (step, critic iteration)
 *   element i of a draw is lane i % 4
 *
 *   normal        y [count] ~ N(0, 1); work size count / 4 rounded up, one work item per block
 *   batch         y [n, pixels] of images drawn with replacement; work size runs x n, one work item
 *                 for RUN pixels of an image, so that the draw is worth it
 *   batch_labels  y [count] labels of the same draw; work size count, one per label
 *   shift         y [count] pixels of images moved at random; work size count, one per pixel
 */
#define RUN 16 // as in ops/random.c

static uint4 philox(uint4 counter, uint2 key)
{
    for (int round = 0; round < 10; round++) {
        const uint low0 = 0xD2511F53u * counter.x, high0 = mul_hi(0xD2511F53u, counter.x);
        const uint low1 = 0xCD9E8D57u * counter.z, high1 = mul_hi(0xCD9E8D57u, counter.z);
        counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

/* In (0, 1): the middle of one of 2^23 equal cells, exact in a float. */
static float uniform(uint bits)
{
    return ((float)(bits >> 9) + 0.5f) * 0x1p-23f;
}

/* Two independent standard normal numbers from two uniform ones (Box and Muller 1958). */
static float2 box_muller(uint a, uint b)
{
    const float radius = sqrt(-2.0f * log(uniform(a)));
    const float turn = uniform(b);
    return radius * (float2)(cospi(2.0f * turn), sinpi(2.0f * turn));
}

__kernel void normal(__global const uint *restrict clock, const int key0, const int key1,
                     const int stream, __global float *restrict y, const int count)
{
    const int block = (int)get_global_id(0);
    if (block * 4 >= count)
        return;
    const uint4 bits = philox((uint4)((uint)block, clock[0], clock[1], (uint)stream),
                              (uint2)((uint)key0, (uint)key1));
    const float2 first = box_muller(bits.x, bits.y), second = box_muller(bits.z, bits.w);
    const float lanes[4] = {first.x, first.y, second.x, second.y};
    for (int lane = 0; lane < 4 && block * 4 + lane < count; lane++)
        y[block * 4 + lane] = lanes[lane];
}

/* Element i of a draw: lane i % 4 of block i / 4. */
static uint draw(const int i, __global const uint *clock, const int key0, const int key1,
                 const int stream)
{
    const uint4 bits = philox((uint4)((uint)i / 4, clock[0], clock[1], (uint)stream),
                              (uint2)((uint)key0, (uint)key1));
    const int lane = i % 4;
    return lane == 0 ? bits.x : lane == 1 ? bits.y : lane == 2 ? bits.z : bits.w;
}

/* dataset u8 [images, pixels]; y[n, pixel] = dataset[index, pixel] / 127.5 - 1, where
 * index = floor(u * images / 2^32) of lane n. */
__kernel void batch(__global const uchar *restrict dataset, const int images, const int pixels,
                    __global const uint *restrict clock, const int key0, const int key1,
                    const int stream, __global float *restrict y, const int count)
{
    const int first = (int)get_global_id(0) * RUN, n = (int)get_global_id(1);
    if (first >= pixels || n >= count)
        return;
    const size_t index = mul_hi(draw(n, clock, key0, key1, stream), (uint)images);
    __global const uchar *image = dataset + index * pixels;
    for (int pixel = first; pixel < min(first + RUN, pixels); pixel++)
        y[(size_t)n * pixels + pixel] = (float)image[pixel] / 127.5f - 1.0f;
}

/* labels u8 [images]; y[n] = labels[index] with the index of batch */
__kernel void batch_labels(__global const uchar *restrict labels, const int images,
                           __global const uint *restrict clock, const int key0, const int key1,
                           const int stream, __global uchar *restrict y, const int count)
{
    const int n = (int)get_global_id(0);
    if (n < count)
        y[n] = labels[mul_hi(draw(n, clock, key0, key1, stream), (uint)images)];
}

/* x, y [n, height, width, channels]; y[n, i, j] = x[n, i + a, j + b], or fill outside of x, with
 * a, b = floor(u * (2 reach + 1) / 2^32) - reach of elements 2n and 2n + 1. */
__kernel void shift(__global const float *restrict x, const int height, const int width,
                    const int channels, __global const uint *restrict clock, const int key0,
                    const int key1, const int stream, const int reach, const float fill,
                    __global float *restrict y, const int count)
{
    const int at = (int)get_global_id(0);
    if (at >= count)
        return;
    const int c = at % channels, pixel = at / channels;
    const int n = pixel / (height * width);
    const uint choices = (uint)(2 * reach + 1);
    const int a = (int)mul_hi(draw(2 * n, clock, key0, key1, stream), choices) - reach;
    const int b = (int)mul_hi(draw(2 * n + 1, clock, key0, key1, stream), choices) - reach;
    const int i = pixel / width % height + a, j = pixel % width + b;
    const bool inside = i >= 0 && i < height && j >= 0 && j < width;
    y[at] = inside ? x[((n * height + i) * width + j) * channels + c] : fill;
}
