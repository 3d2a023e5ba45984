#include "host/files/grid.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/error.h"

#define BORDER      2    // pixels
#define BORDER_GREY 0x40 // told apart from black images and from white ink

static size_t square_columns(size_t count)
{
    size_t columns = 1;
    while (columns * columns < count)
        columns++;
    return columns;
}

/* Pixels along a side of `cells` images of `size` pixels. Returns false beyond INT_MAX. */
static bool side(size_t cells, int size, int scale, int *ret_side)
{
    const uint64_t cell = (uint64_t)size * (uint64_t)scale + BORDER;
    if (cells > INT_MAX || cell > INT_MAX || cells * cell + BORDER > INT_MAX)
        return false;
    *ret_side = (int)(cells * cell) + BORDER;
    return true;
}

static bool layout(size_t count, int height, int width, size_t columns, int scale,
                   struct wg_grid *grid)
{
    if (!side(columns, width, scale, &grid->width) ||
        !side((count - 1) / columns + 1, height, scale, &grid->height) ||
        (size_t)grid->width > SIZE_MAX / (size_t)grid->height)
        return wg_fail(WG_ERROR_ARGUMENT,
                       "a grid of %zu images of %dx%d in %zu columns, %d times enlarged, is too "
                       "large for one image",
                       count, width, height, columns, scale);
    return true;
}

/* Copies one image of [height, width], enlarged, to the place that starts at `to`. */
static void place(const uint8_t *image, int height, int width, int scale, size_t pitch, uint8_t *to)
{
    const size_t bytes = (size_t)width * (size_t)scale;
    for (int y = 0; y < height; y++) {
        uint8_t *first = to;
        for (size_t x = 0; x < bytes; x++)
            first[x] = image[(size_t)y * (size_t)width + x / (size_t)scale];
        to += pitch;
        for (int copy = 1; copy < scale; copy++, to += pitch)
            memcpy(to, first, bytes);
    }
}

bool wg_grid_create(const uint8_t *images, size_t count, int height, int width, int columns,
                    int scale, struct wg_grid *ret_grid)
{
    if (count < 1 || height < 1 || width < 1 || columns < 0 || scale < 1)
        return wg_fail(WG_ERROR_ARGUMENT,
                       "a grid of %zu images of %dx%d in %d columns, %d times enlarged, expected "
                       "at least one of each",
                       count, width, height, columns, scale);
    const size_t across = columns ? (size_t)columns : square_columns(count);
    struct wg_grid grid = {0};
    if (!layout(count, height, width, across, scale, &grid))
        return false;
    const size_t pitch = (size_t)grid.width;
    grid.pixels = malloc(pitch * (size_t)grid.height);
    if (!grid.pixels)
        return wg_fail_memory("a grid of images");
    memset(grid.pixels, BORDER_GREY, pitch * (size_t)grid.height);

    const size_t cell_width = (size_t)width * (size_t)scale + BORDER;
    const size_t cell_height = (size_t)height * (size_t)scale + BORDER;
    for (size_t i = 0; i < count; i++) {
        const size_t top = i / across * cell_height + BORDER;
        const size_t left = i % across * cell_width + BORDER;
        place(images + i * (size_t)height * (size_t)width, height, width, scale, pitch,
              grid.pixels + top * pitch + left);
    }
    *ret_grid = grid;
    return true;
}

void wg_grid_destroy(struct wg_grid *grid)
{
    if (!grid)
        return;
    free(grid->pixels);
    grid->pixels = NULL;
}
