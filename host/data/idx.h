/*
 * IDX, the format of the MNIST files: unsigned bytes of rank 3 (images) and rank 1 (labels).
 *
 *   bytes 0-1  zero
 *   byte  2    element type: 0x08 unsigned byte (0x09 signed byte, 0x0b short, 0x0c int,
 *              0x0d float, 0x0e double: recognised and refused)
 *   byte  3    rank
 *   then       one big-endian uint32 per dimension
 *   then       the elements, the last dimension running fastest
 *
 * Which image sizes are welcome is not decided here but in dataset.c.
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
 */
#ifndef WG_DATA_IDX_H
#define WG_DATA_IDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the header says. */
struct wg_idx_shape {
    size_t count;  // images, or labels; at least 1
    size_t height; // pixels, at least 1; 1 for labels
    size_t width;  // pixels, at least 1; 1 for labels
    size_t offset; // bytes before the first element
    size_t size;   // bytes of elements, count * height * width
};

/*
 * Checks the `size` bytes of a whole IDX file down to its exact length. `name` stands in messages.
 * Fails with WG_ERROR_DATA, saying what was found and what was expected.
 */
bool wg_idx_parse_images(const char *name, const uint8_t *bytes, size_t size,
                         struct wg_idx_shape *ret_shape);
bool wg_idx_parse_labels(const char *name, const uint8_t *bytes, size_t size,
                         struct wg_idx_shape *ret_shape);

/*
 * The same from a file, gzipped or not: the elements, [count, height, width] or [count], belong to
 * the caller, to be freed with free(). Fails also as wg_gzip_read does; a file of more than 1 GiB
 * is refused.
 */
bool wg_idx_read_images(const char *path, struct wg_idx_shape *ret_shape, uint8_t **ret_pixels);
bool wg_idx_read_labels(const char *path, size_t *ret_count, uint8_t **ret_labels);

#endif
