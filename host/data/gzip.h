/*
 * Whole files into memory, gzipped or not. The only module that uses zlib.
 *
 * Not a stream: data sets are read once, at the start, and copied to the device.
 */
#ifndef WG_DATA_GZIP_H
#define WG_DATA_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the file at `path`; if it begins with the bytes 1f 8b it is decompressed (RFC 1952,
 * concatenated members included), whatever its name. `ret_bytes` belongs to the caller, to be freed
 * with free(); it is a valid pointer even for an empty file.
 *
 * Fails with WG_ERROR_FILE if there is no such file, it is a folder or cannot be read, with
 * WG_ERROR_DATA if the gzip data is cut off or damaged or the contents exceed `limit` bytes, with
 * WG_ERROR_MEMORY.
 */
bool wg_gzip_read(const char *path, size_t limit, uint8_t **ret_bytes, size_t *ret_size);

#endif
