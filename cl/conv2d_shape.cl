/*
 * conv2d_shape: the geometry of a convolution, as macros from the host (wg_define_conv).
 *
 *   x [N, H, W, C]   w [K, K, C, OC]   y [N, OH, OW, OC]   all tight, NHWC
 *
 * stride S, PAD zeros in front of x on both axes; those behind follow from OH and OW. Without the
 * host's macros it is a small convolution, so that every file compiles alone.
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
