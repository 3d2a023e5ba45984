/*
 * winograd_planes: the planes and phases of a convolution by F(4, 2). conv2d_winograd.cl explains
 * them, winograd.cl how a plane is cut into tiles. Pixels of a plane are STEP apart.
 */
#include "conv2d_form.cl"

#define PAIRS  (K / 2)          // of taps, along an axis
#define PLANES (PAIRS / PHASES) // along an axis

#define PIXELS_Y PHASE_H
#define PIXELS_X PHASE_W
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
