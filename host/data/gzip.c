#include "host/data/gzip.h"

#include "host/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CHUNK = 1 << 20,
    ZLIB_BUFFER = 128 * 1024, // bytes; zlib's default of 8 KiB costs a system call each
};

static bool fail_errno(const char *path)
{
    return wg_fail(WG_ERROR_FILE, "%s: %s", path, strerror(errno));
}

/* Data are read more than once, and a device may have no end. */
static bool check_kind(int descriptor, const char *path)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0)
        return fail_errno(path);
    return S_ISREG(status.st_mode) || wg_fail(WG_ERROR_FILE, "%s: is a %s, expected a file", path,
                                              S_ISDIR(status.st_mode)    ? "folder"
                                              : S_ISFIFO(status.st_mode) ? "pipe"
                                                                         : "device");
}

/* Opens the file for decompression; zlib passes a file without the magic through unchanged. */
static bool open_file(const char *path, gzFile *ret_file)
{
    // Without O_NONBLOCK a pipe would be waited for until somebody writes to it.
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return fail_errno(path);
    gzFile file = NULL;
    if (check_kind(descriptor, path) && !(file = gzdopen(descriptor, "rb")))
        wg_fail_memory("the state of a decompressor");
    if (!file) {
        close(descriptor);
        return false;
    }
    gzbuffer(file, ZLIB_BUFFER);
    *ret_file = file;
    return true;
}

/* What zlib reports when a read gives nothing more: true at a proper end of the file. */
static bool check_end(const char *path, gzFile file)
{
    int code;
    const char *message = gzerror(file, &code);
    switch (code) {
    case Z_OK:
    case Z_STREAM_END:
        return true;
    case Z_ERRNO:
        return fail_errno(path);
    case Z_MEM_ERROR:
        return wg_fail_memory("the state of a decompressor");
    case Z_BUF_ERROR:
        return wg_fail(WG_ERROR_DATA, "%s: the gzip data ends too early", path);
    default:
        return wg_fail(WG_ERROR_DATA, "%s: the gzip data is damaged: %s", path, message);
    }
}

/* Room for one more chunk after `size` bytes, or for one byte beyond `limit` if that is less. */
static bool grow(size_t size, size_t limit, uint8_t **bytes, size_t *capacity)
{
    size_t wanted = size < CHUNK ? CHUNK : size <= SIZE_MAX / 2 ? 2 * size : SIZE_MAX;
    if (wanted > limit && limit < SIZE_MAX)
        wanted = limit + 1;
    uint8_t *bigger = realloc(*bytes, wanted);
    if (!bigger)
        return wg_fail_memory("the contents of a file");
    *bytes = bigger;
    *capacity = wanted;
    return true;
}

bool wg_gzip_read(const char *path, size_t limit, uint8_t **ret_bytes, size_t *ret_size)
{
    gzFile file = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    size_t capacity = 0;
    if (!open_file(path, &file))
        return false;

    for (;;) {
        if (size == capacity && !grow(size, limit, &bytes, &capacity))
            goto fail;
        size_t room = capacity - size;
        int got = gzread(file, bytes + size, room < CHUNK ? (unsigned)room : CHUNK);
        if (got <= 0)
            break;
        size += (size_t)got;
        if (size > limit) {
            wg_fail(WG_ERROR_DATA, "%s: holds more than %zu bytes, the most that is read", path,
                    limit);
            goto fail;
        }
    }
    if (!check_end(path, file))
        goto fail;
    gzclose_r(file);
    *ret_bytes = bytes;
    *ret_size = size;
    return true;

fail:
    gzclose_r(file);
    free(bytes);
    return false;
}
