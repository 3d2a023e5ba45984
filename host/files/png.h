/*
 * PNG images in grey, through libpng, which is included nowhere else. Not a general image reader:
 * whatever a PNG holds becomes 8-bit grey.
 */
#ifndef WG_FILES_PNG_H
#define WG_FILES_PNG_H

#include <stdbool.h>
#include <stdint.h>

/* Largest width and height, in pixels: larger ones are refused rather than allocated. */
#define WG_PNG_SIDE_MAX 32768

/*
 * Writes `grey`, [height, width], 0 black to 255 white, as 8-bit grey.
 * Fails with WG_ERROR_ARGUMENT if a side is outside 1 to WG_PNG_SIDE_MAX, or WG_ERROR_FILE.
 */
bool wg_png_write(const char *path, const uint8_t *grey, int width, int height);

/*
 * Reads any PNG as 8-bit grey, [height, width], to be freed with free(). Colours become their
 * luminance, transparent pixels are laid on black, 16 bits are rounded to 8.
 * Fails with WG_ERROR_FILE, or WG_ERROR_DATA if it is no PNG, is corrupt or too large.
 */
bool wg_png_read(const char *path, uint8_t **ret_grey, int *ret_width, int *ret_height);

#endif
