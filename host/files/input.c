#include "host/files/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
static bool check_kind(const struct stat *status, const char *path)
{
    return (!S_ISCHR(status->st_mode) && !S_ISBLK(status->st_mode)) ||
           wg_fail(WG_ERROR_FILE, "%s: cannot read: it is a device, expected a file", path);
}

/* The size the file system names only saves growing: pipes name none, files may change. */
static bool start(const struct stat *status, struct content *content)
{
    content->room = 4096;
    if (S_ISREG(status->st_mode) && (uintmax_t)status->st_size < SIZE_MAX - 2)
        content->room = (size_t)status->st_size + 2; // one to meet the end, one for the zero
    content->bytes = malloc(content->room);
    return content->bytes || wg_fail_memory("a file's content");
}

/* Whether there may be more to read: a pipe has nothing until its writer has written. */
static bool wait_for_more(int file)
{
    struct pollfd waited = {.fd = file, .events = POLLIN};
    return errno == EINTR || (errno == EAGAIN && (poll(&waited, 1, -1) > 0 || errno == EINTR));
}

static bool read_all(int file, const char *path, struct content *content)
{
    for (;;) {
        if (content->room - 1 == content->size && !grow(content))
            return false;
        const ssize_t got =
            read(file, content->bytes + content->size, content->room - 1 - content->size);
        if (got < 0 && !wait_for_more(file))
            return wg_fail(WG_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
        if (got == 0)
            break;
        content->size += got > 0 ? (size_t)got : 0;
    }
    content->bytes[content->size] = 0;
    return true;
}

static bool read_file(int file, const char *path, struct content *content)
{
    struct stat status;
    if (fstat(file, &status) != 0)
        return wg_fail(WG_ERROR_FILE, "%s: cannot read: %s", path, strerror(errno));
    if (!check_kind(&status, path) || !start(&status, content) || !read_all(file, path, content))
        return false;
    return content->size > 0 || !S_ISFIFO(status.st_mode) ||
           wg_fail(WG_ERROR_FILE, "%s: cannot read: it is a pipe that nobody writes to", path);
}

bool wg_input_read(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
    // Without O_NONBLOCK a pipe would be waited for until somebody writes to it.
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return wg_fail(WG_ERROR_FILE, "%s: cannot open: %s", path, strerror(errno));
    struct content content = {0};
    const bool ok = read_file(file, path, &content);
    close(file);
    if (!ok) {
        free(content.bytes);
        return false;
    }
    *ret_bytes = content.bytes;
    *ret_size = content.size;
    return true;
}
