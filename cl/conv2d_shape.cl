/*
 * conv2d_shape: the geometry of a convolution, as macros from the host (wg_define_conv).
 *
 *   x [N, H, W, C]   w [K, K, C, OC]   y [N, OH, OW, OC]   all tight, NHWC
 *
 * stride S, PAD zeros in front of x on both axes; those behind follow from OH and OW. Without the
 * host's macros it is a small convolution, so that every file compiles alone.
 *
 *   X_AT, Y_AT, W_AT   where an element lies
 *   INSIDE(i, length)  whether a coordinate is one of `length`
 */
#ifndef N
#define N   1
#define H   4
#define W   4
#define C   1
#define OH  2
#define OW  2
#define OC  1
#define K   4
#define S   2
#define PAD 1
#endif

#define X_AT(n, iy, ix, c) ((((size_t)(n)*H + (iy)) * W + (ix)) * C + (c))
#define Y_AT(n, oy, ox, o) ((((size_t)(n)*OH + (oy)) * OW + (ox)) * OC + (o))
#define W_AT(ky, kx, c, o) ((((size_t)(ky)*K + (kx)) * C + (c)) * OC + (o))
#define INSIDE(i, length)  ((i) >= 0 && (i) < (length))
