#include "host/files/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/base/error.h"

struct content {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

static bool grow(struct content *content)
{
    if (content->room > SIZE_MAX / 2)
        return wg_fail_memory("a file's content");
    uint8_t *larger = realloc(content->bytes, content->room * 2);
    if (!larger)
        return wg_fail_memory("a file's content");
    content->bytes = larger;
    content->room *= 2;
    return true;
}

/* A device may have no end. */
static bool check_kind(FILE *file, const char *path)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0 || (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)))
        return true;
    return wg_fail(WG_ERROR_FILE, "%s: cannot read: it is a device, expected a file", path);
}

/* The size the file system names only saves growing: pipes name none, files may change. */
static bool start(FILE *file, struct content *content)
{
    struct stat status;
    const bool known = fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);
    content->room = 4096;
    if (known && (uintmax_t)status.st_size < SIZE_MAX - 2)
        content->room = (size_t)status.st_size + 2; // one to meet the end, one for the zero
    content->bytes = malloc(content->room);
    return content->bytes || wg_fail_memory("a file's content");
}

static bool read_all(FILE *file, const char *path, struct content *content)
{
    for (;;) {
        const size_t want = content->room - 1 - content->size;
        const size_t got = fread(content->bytes + content->size, 1, want, file);
        content->size += got;
        if (got < want)
            break;
        if (!grow(content))
            return false;
    }
    if (ferror(file))
        return wg_fail(WG_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    content->bytes[content->size] = 0;
    return true;
}

bool wg_input_read(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return wg_fail(WG_ERROR_FILE, "%s: cannot open: %s", path, strerror(errno));
    struct content content = {0};
    const bool ok =
        check_kind(file, path) && start(file, &content) && read_all(file, path, &content);
    fclose(file);
    if (!ok) {
        free(content.bytes);
        return false;
    }
    *ret_bytes = content.bytes;
    *ret_size = content.size;
    return true;
}
