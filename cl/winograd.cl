/*
 * winograd: F(2 x 2, 2 x 2), what its kernels share. conv2d_winograd.cl explains it.
 *
 *         [ 1 -1  0 ]        [ 1 0 ]
 *   B^T = [ 0  1  0 ]    G = [ 1 1 ]    A^T = G^T
 *         [ 0 -1  1 ]        [ 0 1 ]
 *
 * Images are cut into tiles of 2 x 2 pixels of the feature side y, or of a phase of the image side.
 * Where their number is odd the last tile is half outside, and the elements of it that only serve
 * pixels outside (row or column 2 of its 3 x 3) are left out. To that end the rows of V and M, one
 * for each tile of a block of images, are sorted so that the tiles an element needs lie together:
 *
 *   right edge | full tiles | lower edge | corner
 *
 * Before it is included: PIXELS_Y and PIXELS_X, how many pixels are cut into tiles.
 */
#ifndef PIXELS_Y
#define PIXELS_Y 1
#define PIXELS_X 1
#endif

#define ELEMENTS 9

#define FULL_Y (PIXELS_Y / 2)
#define FULL_X (PIXELS_X / 2)
#define HALF_Y (PIXELS_Y % 2)
#define HALF_X (PIXELS_X % 2)
#define TILES  ((FULL_Y + HALF_Y) * (FULL_X + HALF_X)) // of an image

/* Tiles of an image of each kind. */
#define RIGHT  (FULL_Y * HALF_X)
#define FULL   (FULL_Y * FULL_X)
#define LOWER  (HALF_Y * FULL_X)
#define CORNER (HALF_Y * HALF_X)

/* The tile behind a row, of a block of `images`. */
struct place {
    int n, y, x; // image of the block, tile of the image
};

static struct place place_of(int row, int images)
{
    if (row < images * RIGHT)
        return (struct place){row / max(RIGHT, 1), row % max(RIGHT, 1), FULL_X};
    row -= images * RIGHT;
    if (row < images * FULL)
        return (struct place){row / max(FULL, 1), row % max(FULL, 1) / max(FULL_X, 1),
                              row % max(FULL_X, 1)};
    row -= images * FULL;
    if (row < images * LOWER)
        return (struct place){row / max(LOWER, 1), FULL_Y, row % max(LOWER, 1)};
    return (struct place){row - images * LOWER, FULL_Y, FULL_X};
}

/* The rows that need element e: from the first to the last + 1. */
static int first_row(int e, int images)
{
    return e % 3 == 2 ? images * RIGHT : 0;
}

static int last_row(int e, int images)
{
    return images * (e / 3 == 2 ? RIGHT + FULL : e % 3 == 2 ? TILES - CORNER : TILES);
}

static void clear(__global float *at, size_t count)
{
    for (size_t i = 0; i < count; i += VW)
        STOREV((floatv)(0.0f), at + i);
}

/* B^T d, in place */
static void interpolate(floatv *d, int step)
{
    d[0] -= d[step];
    d[2 * step] -= d[step];
}

/* V of VW channels of the window at (y, x) of an image [height, width, depth], its pixels `step`
 * apart; outside the image is zero. Element e goes to v[e * pitch]. */
static void transform_vector(__global const float *restrict image, int y, int x, int step,
                             int height, int width, int depth, __global float *restrict v,
                             size_t pitch)
{
    floatv d[ELEMENTS];

#pragma unroll
    for (int e = 0; e < ELEMENTS; e++) {
        const int iy = y + e / 3 * step, ix = x + e % 3 * step;
        const bool inside = iy >= 0 && iy < height && ix >= 0 && ix < width;

        d[e] = inside ? LOADV(image + ((size_t)iy * width + ix) * depth) : (floatv)(0.0f);
    }
#pragma unroll
    for (int i = 0; i < 3; i++)
        interpolate(d + 3 * i, 1);
#pragma unroll
    for (int i = 0; i < 3; i++)
        interpolate(d + i, 3);
#pragma unroll
    for (int e = 0; e < ELEMENTS; e++)
        STOREV(d[e], v + e * pitch);
}
