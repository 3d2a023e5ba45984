#include "host/files/npy.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/base/error.h"
#include "host/files/output.h"

#define PREFIX_BYTES 10   // magic, version, length of the header
#define HEADER_ROOM  1024 // more than 32 dimensions of 20 digits
#define ALIGNMENT    64   // of the values within the file, so that they can be mapped

static const struct {
    const char *name; // as NumPy writes it, behind the byte order
    size_t bytes;
} types[] = {
    [WG_NPY_F32] = {"f4", 4},
    [WG_NPY_F64] = {"f8", 8},
    [WG_NPY_U8] = {"u1", 1},
};

static char byte_order(enum wg_npy_type type)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return types[type].bytes == 1 ? '|' : first ? '<' : '>';
}

static bool measure(const char *path, enum wg_npy_type type, int rank, const size_t *shape,
                    size_t *ret_bytes)
{
    if (rank < 0 || rank > WG_NPY_RANK_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "%s: an array of rank %d, expected 0 to %d", path, rank,
                       WG_NPY_RANK_MAX);
    size_t bytes = types[type].bytes;
    for (int d = 0; d < rank; d++) {
        if (shape[d] != 0 && bytes > SIZE_MAX / shape[d])
            return wg_fail(WG_ERROR_ARGUMENT, "%s: an array larger than memory", path);
        bytes *= shape[d];
    }
    *ret_bytes = bytes;
    return true;
}

/* A Python dictionary, padded with spaces and ended by a newline, behind magic and length. */
static size_t compose_header(enum wg_npy_type type, int rank, const size_t *shape,
                             char header[HEADER_ROOM])
{
    char *text = header + PREFIX_BYTES;
    const size_t room = HEADER_ROOM - PREFIX_BYTES;
    size_t used =
        (size_t)snprintf(text, room, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                         byte_order(type), types[type].name);
    for (int d = 0; d < rank; d++)
        used += (size_t)snprintf(text + used, room - used, "%s%zu", d ? ", " : "", shape[d]);
    // A tuple of one has a comma.
    used += (size_t)snprintf(text + used, room - used, "%s), }", rank == 1 ? "," : "");
    const size_t whole = (PREFIX_BYTES + used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(text + used, ' ', whole - PREFIX_BYTES - used);
    header[whole - 1] = '\n';

    memcpy(header, "\x93NUMPY\x01", 7);
    header[7] = 0;
    header[8] = (char)((whole - PREFIX_BYTES) & 0xff);
    header[9] = (char)((whole - PREFIX_BYTES) >> 8);
    return whole;
}

bool wg_npy_write(const char *path, enum wg_npy_type type, const void *data, int rank,
                  const size_t *shape)
{
    char header[HEADER_ROOM];
    size_t bytes = 0;
    struct wg_output *output;
    if (!measure(path, type, rank, shape, &bytes) || !wg_output_open(path, &output))
        return false;
    const size_t header_bytes = compose_header(type, rank, shape, header);
    if (!wg_output_write(output, header, header_bytes) || !wg_output_write(output, data, bytes)) {
        wg_output_discard(output);
        return false;
    }
    return wg_output_commit(output);
}
