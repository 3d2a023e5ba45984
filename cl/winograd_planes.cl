/*
 * winograd_planes: the planes and phases of a convolution by F(4, 2). conv2d_winograd.cl explains
 * them, winograd.cl how a plane is cut into tiles.
 *
 *   FORM  0 conv2d, 1 conv2d_data, 2 conv2d_filter, whose planes are conv2d's
 */
#include "conv2d_shape.cl"

#define CONV2D 0
#define DATA   1
#define FILTER 2
#ifndef FORM // to compile alone
#define FORM CONV2D
#endif

#define PAIRS (K / 2) // of taps, along an axis

#if FORM == DATA
#define IN_H   OH
#define IN_W   OW
#define DEPTH  OC
#define OUT_H  H
#define OUT_W  W
#define WIDTH  C
#define PLANES (PAIRS / S) // along an axis
#define PHASES S           // along an axis
#else
#define IN_H   H
#define IN_W   W
#define DEPTH  C
#define OUT_H  OH
#define OUT_W  OW
#define WIDTH  OC
#define PLANES PAIRS
#define PHASES 1
#endif

#define STEP     (S / PHASES)                    // from a pixel of a plane to the next
#define PIXELS_Y ((OUT_H + PHASES - 1) / PHASES) // of a phase
#define PIXELS_X ((OUT_W + PHASES - 1) / PHASES)
#include "winograd.cl"

/* The first q of a phase whose x[q S + phase - PAD] is inside. */
#define BEGIN(phase) ((PAD - (phase) + S - 1) / S)

/* Input position, along an axis, of the first pixel of a plane, for a phase. */
static int origin(int plane, int phase)
{
#if FORM == DATA
    return BEGIN(phase) - 1 - 2 * plane;
#else
    return plane + plane / S * S - PAD; // its first tap; the other is S on
#endif
}

/* Output position of a pixel of a phase. */
static int target(int phase, int pixel)
{
#if FORM == DATA
    return (pixel + BEGIN(phase)) * S + phase - PAD;
#else
    return pixel;
#endif
}
