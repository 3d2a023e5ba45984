/*
 * Many small images on one: rows and columns with a border. Pure arithmetic, no files.
 */
#ifndef WG_FILES_GRID_H
#define WG_FILES_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wg_grid {
    int width;       // pixels
    int height;      // pixels
    uint8_t *pixels; // [height, width]
};

/*
 * Arranges `images`, [count, height, width], row by row in `columns` columns; 0 columns makes the
 * grid as square as it can be. Every pixel becomes scale x scale pixels; a border of 2 pixels in
 * dark grey runs around each image, places without an image have its colour.
 *
 *     width of the grid = columns * (width * scale + 2) + 2
 *
 * The pixels belong to the caller, see wg_grid_destroy. Fails with WG_ERROR_ARGUMENT if there is
 * nothing to arrange, a number is out of range or a side exceeds INT_MAX, or WG_ERROR_MEMORY.
 */
bool wg_grid_create(const uint8_t *images, size_t count, int height, int width, int columns,
                    int scale, struct wg_grid *ret_grid);

/* Frees the pixels. NULL and an empty grid are fine. */
void wg_grid_destroy(struct wg_grid *grid);

#endif
