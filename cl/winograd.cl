/*
 * winograd: F(4 x 4, 2 x 2), what its kernels share. conv2d_winograd.cl explains it.
 *
 * An axis of a plane is cut into tiles of 4 pixels and, so that nothing is left over, up to 3 tiles
 * of 3. A tile of m pixels meets two taps in m + 1 points of the product of polynomials: 0, 1/2,
 * -1, infinity, and, if it has 4 pixels, 2. These five lose fewest digits: with random numbers the
 * RMS error is twice that of the direct sum, where 0, 1, -1, 2, infinity make it three times.
 *
 *              tile of 4                        tile of 3                   both
 *         [ 1 -3/2 -3/2   1  0 ]                                           [ 1   0  ]
 *         [ 0  -2   -1    1  0 ]           [ 1  -1   -2   0 ]              [ 1  1/2 ]
 *   B^T = [ 0   1  -5/2   1  0 ]     B^T = [ 0   1    1   0 ]          G = [ 1  -1  ]
 *         [ 0   1  -3/2 -3/2 1 ]           [ 0 -1/2   1   0 ]              [ 0   1  ]
 *         [ 0 -1/2  1/2   1  0 ]           [ 0 -1/2  1/2  1 ]              [ 1   2  ]
 *
 *         [ 1 -8/9 -2/9 0 1/9 ]
 *   A^T = [ 0 -4/9  2/9 0 2/9 ]            [ 1 4/3  2/3 0 ]
 *         [ 0 -2/9 -2/9 0 4/9 ]      A^T = [ 0 2/3 -2/3 0 ]
 *         [ 0 -1/9  2/9 1 8/9 ]            [ 0 1/3  2/3 1 ]
 *
 * On both axes there are 25 products of points, the elements of a tile. The rows of V and M, one
 * for each tile of a block of images, are sorted so that the tiles that have an element lie
 * together. Height x width:
 *
 *   3 x 4 | 4 x 4 | 4 x 3 | 3 x 3
 *
 * Before it is included: PIXELS_Y and PIXELS_X, how many pixels are cut into tiles.
 */
#ifndef PIXELS_Y
#define PIXELS_Y 1
#define PIXELS_X 1
#endif

#include "winograd_taps.cl" // POINTS and ELEMENTS

#define WINDOW_AHEAD 6 // vectors of channels that windows are fetched ahead

/* Tiles of 3 and of 4 of an axis; where they can't fill it (1, 2, 5 pixels) the last exceeds it. */
#define THREES(pixels) ((pixels) == 5 ? 2 : (pixels) < 3 ? 1 : (4 - (pixels) % 4) % 4)
#define FOURS(pixels)  (((pixels)-3 * THREES(pixels)) / 4)

#define THREES_Y THREES(PIXELS_Y)
#define THREES_X THREES(PIXELS_X)
#define FOURS_Y  FOURS(PIXELS_Y)
#define FOURS_X  FOURS(PIXELS_X)
#define TILES    ((THREES_Y + FOURS_Y) * (THREES_X + FOURS_X)) // of an image

/* Tiles of an image of each kind. */
#define TILES_34 (THREES_Y * FOURS_X)
#define TILES_44 (FOURS_Y * FOURS_X)
#define TILES_43 (FOURS_Y * THREES_X)
#define TILES_33 (THREES_Y * THREES_X)

/* The tile behind a row, of a block of `images`. */
struct tile {
    int n;             // image of the block
    int y, x;          // its first pixel
    int height, width; // 3 or 4 pixels
};

/* CALL(height, width) with a tile's height and width as constants. */
#define BY_SIZE(tile, CALL)                                                                        \
    ((tile).height == 4 && (tile).width == 4 ? CALL(4, 4)                                          \
     : (tile).height == 4                    ? CALL(4, 3)                                          \
     : (tile).width == 4                     ? CALL(3, 4)                                          \
                                             : CALL(3, 3))

/* Tile `index` of one kind, of a block. */
static struct tile tile_of(int index, int height, int width)
{
    const int across = max(width == 4 ? FOURS_X : THREES_X, 1);
    const int down = max(height == 4 ? FOURS_Y : THREES_Y, 1);
    struct tile tile;

    tile.n = index / (across * down);
    tile.y = index / across % down * height + (height == 4 ? 0 : 4 * FOURS_Y);
    tile.x = index % across * width + (width == 4 ? 0 : 4 * FOURS_X);
    tile.height = height;
    tile.width = width;
    return tile;
}

static struct tile tile_behind(int row, int images)
{
    if (row < images * TILES_34)
        return tile_of(row, 3, 4);
    row -= images * TILES_34;
    if (row < images * TILES_44)
        return tile_of(row, 4, 4);
    row -= images * TILES_44;
    if (row < images * TILES_43)
        return tile_of(row, 4, 3);
    return tile_of(row - images * TILES_43, 3, 3);
}

/* The rows that have element e: from the first to the last + 1. */
static int first_row(int e, int images)
{
    return e / POINTS == 4 ? images * TILES_34 : 0;
}

static int last_row(int e, int images)
{
    const int without_33 = TILES - TILES_33, without_3 = TILES_34 + TILES_44;

    return images * (e % POINTS == 4 ? without_3 : e / POINTS == 4 ? without_33 : TILES);
}

OUTLINED void clear(__global float *at, size_t count)
{
    for (size_t i = 0; i < count; i += VW)
        STOREV((floatv)(0.0f), at + i);
}

/* B^T d, in place: m + 1 of vectors `step` apart. */
SPECIALISED void interpolate(floatv *d, int step, int m)
{
    const floatv d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];

    if (m == 4) {
        d[0] = d0 - 1.5f * (d1 + d2) + d3;
        d[step] = d3 - d2 - 2.0f * d1;
        d[2 * step] = d1 + d3 - 2.5f * d2;
        d[3 * step] = d1 - 1.5f * (d2 + d3) + d[4 * step];
        d[4 * step] = 0.5f * (d2 - d1) + d3;
    } else {
        d[0] = d0 - d1 - 2.0f * d2;
        d[step] = d1 + d2;
        d[2 * step] = d2 - 0.5f * d1;
        d[3 * step] = 0.5f * (d2 - d1) + d3;
    }
}

/* A^T m, in place, into the first 3 or 4. */
SPECIALISED void evaluate(floatv *d, int step, int m)
{
    const floatv d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];

    if (m == 4) {
        const floatv d4 = d[4 * step];

        d[0] = d0 - 8.0f / 9 * d1 - 2.0f / 9 * d2 + 1.0f / 9 * d4;
        d[step] = -4.0f / 9 * d1 + 2.0f / 9 * d2 + 2.0f / 9 * d4;
        d[2 * step] = -2.0f / 9 * d1 - 2.0f / 9 * d2 + 4.0f / 9 * d4;
        d[3 * step] = d3 - 1.0f / 9 * d1 + 2.0f / 9 * d2 + 8.0f / 9 * d4;
    } else {
        d[0] = d0 + 4.0f / 3 * d1 + 2.0f / 3 * d2;
        d[step] = 2.0f / 3 * d1 - 2.0f / 3 * d2;
        d[2 * step] = d3 + 1.0f / 3 * d1 + 2.0f / 3 * d2;
    }
}

/* A y, the transposed map: from the first m vectors to m + 1. */
SPECIALISED void spread(floatv *y, int step, int m)
{
    const floatv y0 = y[0], y1 = y[step], y2 = y[2 * step];

    if (m == 4) {
        const floatv y3 = y[3 * step];

        y[step] = -8.0f / 9 * y0 - 4.0f / 9 * y1 - 2.0f / 9 * y2 - 1.0f / 9 * y3;
        y[2 * step] = -2.0f / 9 * y0 + 2.0f / 9 * y1 - 2.0f / 9 * y2 + 2.0f / 9 * y3;
        y[4 * step] = 1.0f / 9 * y0 + 2.0f / 9 * y1 + 4.0f / 9 * y2 + 8.0f / 9 * y3;
    } else {
        y[step] = 4.0f / 3 * y0 + 2.0f / 3 * y1 + 1.0f / 3 * y2;
        y[2 * step] = 2.0f / 3 * y0 - 2.0f / 3 * y1 + 2.0f / 3 * y2;
        y[3 * step] = y2;
    }
}

/* Every `step`th pixel of images [rows, columns, depth], from (y, x) on, which may lie outside:
 * there are zeros, of which `zeros` holds as many as channels are read. */
struct plane {
    __global const float *images, *zeros;
    int y, x, step;
    int rows, columns, depth;
};

/* The pixels of a tile's window, 5 x 5 of a plane. */
struct window {
    __global const float *pixels[ELEMENTS];
};

static void look_at(struct window *window, const struct plane *plane, struct tile tile)
{
    __global const float *image =
        plane->images + (size_t)tile.n * plane->rows * plane->columns * plane->depth;

    for (int e = 0; e < ELEMENTS; e++) {
        const int y = plane->y + (tile.y + e / POINTS) * plane->step;
        const int x = plane->x + (tile.x + e % POINTS) * plane->step;
        const bool inside = y >= 0 && y < plane->rows && x >= 0 && x < plane->columns;

        window->pixels[e] =
            inside ? image + ((size_t)y * plane->columns + x) * plane->depth : plane->zeros;
    }
}

/* V of a tile of height x width pixels, `channels` of each. Element e goes to v[e * pitch]. The
 * last vector may repeat some channels. Those WINDOW_AHEAD vectors on, at the end those of the next
 * window, come closer meanwhile: no processor predicts short runs of channels far apart. Not all
 * of the next window: pixels a power of two apart share a few sets of a cache, which it would
 * fill. */
SPECIALISED void transform_window(const struct window *window, const struct window *next,
                                  int height, int width, int channels, __global float *restrict v,
                                  size_t pitch)
{
    for (int first = 0; first < channels; first += VW) {
        const int k = min(first, channels - VW), ahead = first + min(WINDOW_AHEAD * VW, channels);
        const struct window *later = ahead < channels ? window : next;
        const int from = ahead < channels ? ahead : ahead - channels;
        floatv d[ELEMENTS];

#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            if (e / POINTS <= height && e % POINTS <= width)
                d[e] = LOADV(window->pixels[e] + k);
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            PREFETCH(later->pixels[e] + from);
#pragma unroll
        for (int i = 0; i <= height; i++)
            interpolate(d + POINTS * i, 1, width);
#pragma unroll
        for (int i = 0; i <= width; i++)
            interpolate(d + i, POINTS, height);
#pragma unroll
        for (int e = 0; e < ELEMENTS; e++)
            if (e / POINTS <= height && e % POINTS <= width)
                STOREV(d[e], v + e * pitch + k);
    }
}

OUTLINED void transform_tile(const struct window *window, const struct window *next,
                             struct tile tile, int channels, __global float *restrict v,
                             size_t pitch)
{
#define TRANSFORM(height, width) transform_window(window, next, height, width, channels, v, pitch)
    BY_SIZE(tile, TRANSFORM);
}

/* V of the first channels of a block of images: a row of `pitch` floats for each tile, `element`
 * floats from one element to the next. */
OUTLINED void transform_block(const struct plane *plane, int images, int channels,
                              __global float *restrict v, size_t pitch, size_t element)
{
    const int last = images * TILES - 1;
    struct window windows[2];

    look_at(&windows[0], plane, tile_behind(0, images));
    for (int row = 0; row <= last; row++) {
        struct window *next = &windows[(row + 1) % 2];

        look_at(next, plane, tile_behind(min(row + 1, last), images));
        transform_tile(&windows[row % 2], next, tile_behind(row, images), channels, v + row * pitch,
                       element);
    }
}
