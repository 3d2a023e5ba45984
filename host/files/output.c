#include "host/files/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/error.h"

struct wg_output {
    FILE *stream;
    char *path;      // the final name
    char *temporary; // the name while it is written
    char *old;       // a second name of what stood at `path`, until all is renamed
    bool is_placed;  // under its final name
    bool is_new;     // nothing stood there
    bool has_old;    // what stood there has that second name
    int error;       // errno of the first write that failed, 0 if none
};

static void release(struct wg_output *output)
{
    free(output->path);
    free(output->temporary);
    free(output->old);
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

static const char ending[] = ".part", old_ending[] = ".old.part";

/* A name of its own for every process and, by O_EXCL, for every output within it. Unlike mkstemp
 * this leaves the permissions to the umask. */
static int create_temporary(const char *path, char *temporary, size_t room)
{
    int file = -1;
    errno = EEXIST;
    for (unsigned attempt = 0; attempt < 1000 && file < 0 && errno == EEXIST; attempt++) {
        snprintf(temporary, room, "%s.%ld-%u%s", path, (long)getpid(), attempt, ending);
        file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return file;
}

static bool start(struct wg_output *output, const char *path)
{
    const size_t room = strlen(path) + 64;
    output->path = malloc(room);
    output->temporary = malloc(room);
    output->old = malloc(room);
    if (!output->path || !output->temporary || !output->old)
        return wg_fail_memory("a file name");
    memcpy(output->path, path, strlen(path) + 1);

    const int file = create_temporary(path, output->temporary, room);
    if (file < 0)
        return wg_fail(WG_ERROR_FILE, "%s: cannot create %s: %s", path, output->temporary,
                       strerror(errno));
    snprintf(output->old, room, "%.*s%s", (int)(strlen(output->temporary) - strlen(ending)),
             output->temporary, old_ending);
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

/* All but the renaming. */
static bool complete(struct wg_output *output)
{
    if (!output->error)
        output->error = flush(output->stream);
    if (fclose(output->stream) != 0 && !output->error)
        output->error = errno;
    return !output->error;
}

/* `may_return`: what stands there keeps a name, under which take_back() finds it. */
static bool place(struct wg_output *output, bool may_return)
{
    if (may_return) {
        unlink(output->old); // of a process of our number that was killed
        output->has_old = link(output->path, output->old) == 0;
        output->is_new = !output->has_old && errno == ENOENT;
    }
    output->is_placed = rename(output->temporary, output->path) == 0;
    if (!output->is_placed)
        output->error = errno;
    return output->is_placed;
}

/* Undoes everything. A new file stays where there was no hard link to be had: better than none. */
static void take_back(struct wg_output *output)
{
    if (output->is_placed && output->has_old)
        rename(output->old, output->path);
    else if (output->is_placed && output->is_new)
        unlink(output->path);
    else if (!output->is_placed)
        unlink(output->temporary);
}

bool wg_output_commit_all(struct wg_output *const *outputs, size_t count)
{
    const struct wg_output *failed = NULL;
    for (size_t i = 0; i < count; i++)
        if (!complete(outputs[i]) && !failed)
            failed = outputs[i];
    // Last and together: almost all that can go wrong has gone wrong before.
    for (size_t i = 0; i < count && !failed; i++)
        if (!place(outputs[i], i + 1 < count))
            failed = outputs[i];
    if (failed)
        fail_writing(failed);
    for (size_t i = 0; i < count; i++) {
        if (failed)
            take_back(outputs[i]);
        if (outputs[i]->has_old)
            unlink(outputs[i]->old);
        release(outputs[i]);
    }
    return !failed;
}

bool wg_output_commit(struct wg_output *output)
{
    return wg_output_commit_all(&output, 1);
}

void wg_output_discard(struct wg_output *output)
{
    if (!output)
        return;
    fclose(output->stream);
    unlink(output->temporary);
    release(output);
}

/* Steps back over a word before text[length]; whether it is there. */
static bool skip(const char *text, const char *word, size_t *length)
{
    size_t size = strlen(word);
    if (*length < size || memcmp(text + *length - size, word, size) != 0)
        return false;
    *length -= size;
    return true;
}

/* Steps back over a number before text[length]; whether there is one. */
static bool skip_number(const char *text, size_t *length)
{
    size_t end = *length;
    while (*length > 0 && text[*length - 1] >= '0' && text[*length - 1] <= '9')
        --*length;
    return *length < end;
}

bool wg_output_parse_temporary(const char *name, size_t *ret_length, pid_t *ret_process)
{
    size_t length = strlen(name);
    if ((!skip(name, old_ending, &length) && !skip(name, ending, &length)) ||
        !skip_number(name, &length) || !skip(name, "-", &length) || !skip_number(name, &length))
        return false;
    long process = strtol(name + length, NULL, 10);
    if (process <= 0 || process > INT32_MAX)
        return false;
    if (!skip(name, ".", &length) || length == 0)
        return false;
    *ret_process = (pid_t)process;
    *ret_length = length;
    return true;
}

bool wg_make_parents(const char *path)
{
    char *parent = strdup(path);
    if (!parent)
        return wg_fail_memory("the name of a folder");
    bool ok = true;
    char *slash = strchr(parent + strspn(parent, "/"), '/');
    for (; ok && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        ok = mkdir(parent, 0777) == 0 || errno == EEXIST ||
             wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", parent, strerror(errno));
        *slash = '/';
    }
    free(parent);
    return ok;
}
