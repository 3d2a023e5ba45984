/*
 * im2col, im2row: a convolution's input as the factor of a matrix product.
 *
 *   im2col   table[k, p] = x[first + n, oy * S + ky - PAD, ox * S + kx - PAD, c], 0 outside x
 *   im2row   table[p, k] = the same
 *
 *   k = (ky * K + kx) * C + c, p = (n * OH + oy) * OW + ox; where there is no such k or p, the
 *   table is larger than its contents and holds 0
 *   x [N, H, W, C], images first ... first + images - 1 of it; table [rows, columns]
 *
 * With K 1, S 1, PAD 0 they transpose and copy matrices, seen as images of one row.
 *
 * Work size: columns x rows / VW for im2col, rows * columns / VW for im2row; one work item per VW
 * values of k, which share a tap: VW divides C and the table's extent along k. Neighbouring work
 * items write neighbours in both; im2col's read VW channels each of different pixels, which is what
 * VW > 1 is for.
 */
#include "conv2d_shape.cl"

/*
 * VW values of k at pixel p. Read as a vector, unlike LOADV: buffers begin at a multiple of the
 * largest type and offsets are multiples of VW, and GPUs must know it to move 16 bytes at once.
 */
static floatv seen(__global const float *restrict x, const int first, const int images, const int p,
                   const int k)
{
    const int ox = p % OW, oy = p / OW % OH, n = p / (OW * OH);
    const int c = k % C, kx = k / C % K, ky = k / (C * K);
    const int iy = oy * S + ky - PAD, ix = ox * S + kx - PAD;
    if (n >= images || ky >= K || !INSIDE(iy, H) || !INSIDE(ix, W))
        return 0.0f;
    return *(__global const floatv *)(x + X_AT(first + n, iy, ix, 0) + c);
}

__kernel void im2col(__global const float *restrict x, const int first, const int images,
                     __global float *restrict table, const int rows, const int columns)
{
    const int p = (int)get_global_id(0), k = (int)get_global_id(1) * VW;
    if (p >= columns || k >= rows)
        return;
    union {
        floatv all;
        float each[VW];
    } value;
    value.all = seen(x, first, images, p, k);
#pragma unroll
    for (int i = 0; i < VW; i++)
        table[(size_t)(k + i) * columns + p] = value.each[i];
}

__kernel void im2row(__global const float *restrict x, const int first, const int images,
                     __global float *restrict table, const int rows, const int columns)
{
    const int i = (int)get_global_id(0), vectors = columns / VW;
    const int p = i / vectors, k = i % vectors * VW;
    if (p < rows)
        *(__global floatv *)(table + (size_t)p * columns + k) = seen(x, first, images, p, k);
}
