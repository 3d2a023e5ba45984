#include "host/data/idx.h"

#include "host/base/error.h"
#include "host/data/gzip.h"

#include <stdlib.h>
#include <string.h>

static const size_t largest_file = (size_t)1 << 30;

/* What differs between the two kinds of files. */
struct kind {
    const char *what; // for messages
    size_t rank;
};

static const struct kind images = {"images", 3};
static const struct kind labels = {"labels", 1};

static const char *type_name(uint8_t type)
{
    switch (type) {
    case 0x08:
        return "unsigned byte";
    case 0x09:
        return "signed byte";
    case 0x0b:
        return "short";
    case 0x0c:
        return "int";
    case 0x0d:
        return "float";
    case 0x0e:
        return "double";
    default:
        return NULL;
    }
}

static uint32_t read_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The first four bytes: two zeros, the type, the rank. */
static bool check_magic(const char *name, const uint8_t *bytes, const struct kind *kind)
{
    uint8_t type = bytes[2];
    uint8_t rank = bytes[3];
    if (bytes[0] != 0 || bytes[1] != 0 || !type_name(type))
        return wg_fail(WG_ERROR_DATA,
                       "%s: not an IDX file: it begins with %02x %02x %02x %02x, expected "
                       "00 00 08 %02zx",
                       name, bytes[0], bytes[1], type, rank, kind->rank);
    if (type != 0x08)
        return wg_fail(WG_ERROR_DATA,
                       "%s: IDX elements are of type %s (0x%02x), expected unsigned byte (0x08)",
                       name, type_name(type), type);
    if (rank != kind->rank)
        return wg_fail(WG_ERROR_DATA, "%s: IDX data of rank %d, expected rank %zu for %s", name,
                       rank, kind->rank, kind->what);
    return true;
}

/* The elements that follow the header: none is missing, none is left over. */
static bool check_size(const char *name, const struct wg_idx_shape *shape, size_t present,
                       const struct kind *kind)
{
    if (present == shape->size)
        return true;
    char says[80];
    if (kind == &images)
        snprintf(says, sizeof says, "%zu images of %zux%zu", shape->count, shape->height,
                 shape->width);
    else
        snprintf(says, sizeof says, "%zu labels", shape->count);
    if (present < shape->size)
        return wg_fail(WG_ERROR_DATA, "%s: cut off: the header says %s = %zu bytes, has %zu", name,
                       says, shape->size, present);
    return wg_fail(WG_ERROR_DATA, "%s: %zu bytes too many: the header says %s = %zu bytes, has %zu",
                   name, present - shape->size, says, shape->size, present);
}

static bool parse(const char *name, const uint8_t *bytes, size_t size, const struct kind *kind,
                  struct wg_idx_shape *ret_shape)
{
    size_t header = 4 + 4 * kind->rank;
    if (size < 4)
        return wg_fail(WG_ERROR_DATA, "%s: %zu bytes, too short for an IDX file", name, size);
    if (!check_magic(name, bytes, kind))
        return false;
    if (size < header)
        return wg_fail(WG_ERROR_DATA, "%s: %zu bytes, too short for the IDX header of %zu bytes",
                       name, size, header);

    size_t dim[3] = {1, 1, 1};
    size_t elements = 1;
    for (size_t d = 0; d < kind->rank; d++) {
        dim[d] = read_be32(bytes + 4 + 4 * d);
        if (dim[d] == 0)
            return wg_fail(WG_ERROR_DATA, "%s: no %s in it: dimension %zu of %zu is zero", name,
                           kind->what, d + 1, kind->rank);
        if (elements > SIZE_MAX / dim[d])
            return wg_fail(WG_ERROR_DATA, "%s: the dimensions in the IDX header are absurdly large",
                           name);
        elements *= dim[d];
    }
    struct wg_idx_shape shape = {
        .count = dim[0], .height = dim[1], .width = dim[2], .offset = header, .size = elements};
    if (!check_size(name, &shape, size - header, kind))
        return false;
    *ret_shape = shape;
    return true;
}

static bool read_file(const char *path, const struct kind *kind, struct wg_idx_shape *ret_shape,
                      uint8_t **ret_elements)
{
    uint8_t *bytes;
    size_t size;
    if (!wg_gzip_read(path, largest_file, &bytes, &size))
        return false;
    struct wg_idx_shape shape;
    if (!parse(path, bytes, size, kind, &shape)) {
        free(bytes);
        return false;
    }
    memmove(bytes, bytes + shape.offset, shape.size);
    *ret_shape = shape;
    *ret_elements = bytes;
    return true;
}

bool wg_idx_parse_images(const char *name, const uint8_t *bytes, size_t size,
                         struct wg_idx_shape *ret_shape)
{
    return parse(name, bytes, size, &images, ret_shape);
}

bool wg_idx_parse_labels(const char *name, const uint8_t *bytes, size_t size,
                         struct wg_idx_shape *ret_shape)
{
    return parse(name, bytes, size, &labels, ret_shape);
}

bool wg_idx_read_images(const char *path, struct wg_idx_shape *ret_shape, uint8_t **ret_pixels)
{
    return read_file(path, &images, ret_shape, ret_pixels);
}

bool wg_idx_read_labels(const char *path, size_t *ret_count, uint8_t **ret_labels)
{
    struct wg_idx_shape shape;
    if (!read_file(path, &labels, &shape, ret_labels))
        return false;
    *ret_count = shape.count;
    return true;
}
