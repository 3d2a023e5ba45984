#include "host/files/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/error.h"

struct wg_output {
    FILE *stream;
    char *path;      // the final name
    char *temporary; // the name while it is written
    int error;       // errno of the first write that failed, 0 if none
};

static void release(struct wg_output *output)
{
    free(output->path);
    free(output->temporary);
    free(output);
}

/* Renaming would turn a device, /dev/null for instance, into a file; a folder would only be
 * noticed after all the work. */
static bool check_replaceable(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode))
        return true;
    return wg_fail(WG_ERROR_FILE, "%s: cannot write: it is %s, expected a file or nothing", path,
                   S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
}

/* A name of its own for every process and, by O_EXCL, for every output within it. Unlike mkstemp
 * this leaves the permissions to the umask. */
static int create_temporary(const char *path, char *temporary, size_t room)
{
    int file = -1;
    errno = EEXIST;
    for (unsigned attempt = 0; attempt < 1000 && file < 0 && errno == EEXIST; attempt++) {
        snprintf(temporary, room, "%s.%ld-%u.part", path, (long)getpid(), attempt);
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return file;
}

static bool start(struct wg_output *output, const char *path)
{
    const size_t room = strlen(path) + 64;
    output->path = malloc(room);
    output->temporary = malloc(room);
    if (!output->path || !output->temporary)
        return wg_fail_memory("a file name");
    memcpy(output->path, path, strlen(path) + 1);

    const int file = create_temporary(path, output->temporary, room);
    if (file < 0)
        return wg_fail(WG_ERROR_FILE, "%s: cannot create %s: %s", path, output->temporary,
                       strerror(errno));
    output->stream = fdopen(file, "wb");
    if (!output->stream) {
        wg_fail(WG_ERROR_FILE, "%s: cannot write: %s", path, strerror(errno));
        close(file);
        unlink(output->temporary);
        return false;
    }
    return true;
}

bool wg_output_open(const char *path, struct wg_output **ret_output)
{
    if (!check_replaceable(path))
        return false;
    struct wg_output *output = calloc(1, sizeof *output);
    if (!output)
        return wg_fail_memory("an output file");
    if (!start(output, path)) {
        release(output);
        return false;
    }
    *ret_output = output;
    return true;
}

FILE *wg_output_stream(struct wg_output *output)
{
    return output->stream;
}

static bool fail_writing(const struct wg_output *output)
{
    return wg_fail(WG_ERROR_FILE, "%s: cannot write: %s", output->path, strerror(output->error));
}

bool wg_output_write(struct wg_output *output, const void *data, size_t bytes)
{
    if (output->error)
        return fail_writing(output);
    errno = 0;
    if (fwrite(data, 1, bytes, output->stream) == bytes)
        return true;
    output->error = errno ? errno : EIO;
    return fail_writing(output);
}

/* Returns 0, or the errno of the first thing that went wrong. */
static int flush(FILE *stream)
{
    if (fflush(stream) != 0)
        return errno;
    if (ferror(stream))
        return EIO; // a write long ago, its reason is forgotten
    // Some file systems cannot wait for the disk; the data is in their hands then.
    if (fsync(fileno(stream)) != 0 && errno != EINVAL && errno != ENOSYS)
        return errno;
    return 0;
}

bool wg_output_commit(struct wg_output *output)
{
    if (!output->error)
        output->error = flush(output->stream);
    if (fclose(output->stream) != 0 && !output->error)
        output->error = errno;
    if (!output->error && rename(output->temporary, output->path) != 0)
        output->error = errno;
    const bool ok = !output->error;
    if (!ok) {
        unlink(output->temporary);
        fail_writing(output);
    }
    release(output);
    return ok;
}

void wg_output_discard(struct wg_output *output)
{
    if (!output)
        return;
    fclose(output->stream);
    unlink(output->temporary);
    release(output);
}

bool wg_make_parents(const char *path)
{
    char *parent = strdup(path);
    if (!parent)
        return wg_fail_memory("the name of a folder");
    bool ok = true;
    for (char *slash = strchr(parent + 1, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(parent, 0777) == 0 || errno == EEXIST ||
             wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", parent, strerror(errno));
        *slash = '/';
    }
    free(parent);
    return ok;
}
