/*
 * conv2d_form: the sides of a convolution by its form, for kernels of several.
 *
 *   FORM  0 conv2d, 1 conv2d_data, 2 conv2d_filter, whose sides are conv2d's
 *
 *   in [N, IN_H, IN_W, DEPTH]   out [N, OUT_H, OUT_W, WIDTH]
 *
 * The pixels of x with one remainder of both coordinates modulo S are a phase: they see the same
 * taps of w, TAPS along an axis or one less. conv2d_data has S * S phases, the others are one.
 */
#include "conv2d_shape.cl"

#define CONV2D 0
#define DATA   1
#define FILTER 2
#ifndef FORM
#define FORM CONV2D
#endif

#if FORM == DATA
#define IN_H   OH
#define IN_W   OW
#define DEPTH  OC
#define OUT_H  H
#define OUT_W  W
#define WIDTH  C
#define PHASES S // along an axis
#else
#define IN_H   H
#define IN_W   W
#define DEPTH  C
#define OUT_H  OH
#define OUT_W  OW
#define WIDTH  OC
#define PHASES 1
#endif

#define STEP    (S / PHASES) // pixels that `in` moves on from an output of a phase to the next
#define TAPS    ((K + PHASES - 1) / PHASES)     // of a phase along an axis, at most
#define PHASE_H ((OUT_H + PHASES - 1) / PHASES) // of a phase, at most
#define PHASE_W ((OUT_W + PHASES - 1) / PHASES)
