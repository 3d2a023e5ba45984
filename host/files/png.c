/*
 * The simplified interface of libpng keeps its setjmp, its memory and its warnings to itself: an
 * error is a false result and a text in png_image.message.
 */
#include "host/files/png.h"

#include <png.h>
#include <stdlib.h>

#include "host/base/error.h"
#include "host/files/input.h"
#include "host/files/output.h"

static bool save(const char *path, const void *bytes, size_t size)
{
    struct wg_output *output;
    if (!wg_output_open(path, &output))
        return false;
    if (!wg_output_write(output, bytes, size)) {
        wg_output_discard(output);
        return false;
    }
    return wg_output_commit(output);
}

bool wg_png_write(const char *path, const uint8_t *grey, int width, int height)
{
    if (width < 1 || height < 1 || width > WG_PNG_SIDE_MAX || height > WG_PNG_SIDE_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "%s: an image of %dx%d pixels, expected 1 to %d", path,
                       width, height, WG_PNG_SIDE_MAX);
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = PNG_FORMAT_GRAY};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *bytes = malloc(size);
    if (!bytes)
        return wg_fail_memory("a PNG image");
    bool ok = png_image_write_to_memory(&image, bytes, &size, 0, grey, 0, NULL);
    if (ok)
        ok = save(path, bytes, size);
    else
        wg_fail(WG_ERROR_MEMORY, "%s: cannot encode as PNG: %s", path, image.message);
    free(bytes);
    return ok;
}

static bool decode(const char *path, png_image *image, uint8_t **ret_grey)
{
    if (image->width > WG_PNG_SIDE_MAX || image->height > WG_PNG_SIDE_MAX)
        return wg_fail(WG_ERROR_DATA, "%s: an image of %lux%lu pixels, expected at most %d", path,
                       (unsigned long)image->width, (unsigned long)image->height, WG_PNG_SIDE_MAX);
    const png_color black = {0, 0, 0};
    image->format = PNG_FORMAT_GRAY;
    image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB; // 16 bits without a gamma are not linear light
    uint8_t *grey = malloc(PNG_IMAGE_SIZE(*image));
    if (!grey)
        return wg_fail_memory("a PNG image");
    if (!png_image_finish_read(image, &black, grey, 0, NULL)) {
        free(grey);
        return wg_fail(WG_ERROR_DATA, "%s: corrupt PNG image: %s", path, image->message);
    }
    *ret_grey = grey;
    return true;
}

bool wg_png_read(const char *path, uint8_t **ret_grey, int *ret_width, int *ret_height)
{
    uint8_t *bytes;
    size_t size;
    if (!wg_input_read(path, &bytes, &size))
        return false;
    png_image image = {.version = PNG_IMAGE_VERSION};
    bool ok = png_image_begin_read_from_memory(&image, bytes, size);
    if (ok)
        ok = decode(path, &image, ret_grey);
    else
        wg_fail(WG_ERROR_DATA, "%s: not a PNG image: %s", path, image.message);
    if (ok) {
        *ret_width = (int)image.width;
        *ret_height = (int)image.height;
    }
    png_image_free(&image);
    free(bytes);
    return ok;
}
