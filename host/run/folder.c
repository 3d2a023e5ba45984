#include "host/run/folder.h"

#include "host/base/array.h"
#include "host/base/error.h"
#include "host/files/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif

/* ---- paths ---- */

/* "runs/a/" is "runs/a"; "/" stays. */
static size_t length_without_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

bool wg_folder_path(char ret_path[WG_PATH_MAX], const char *folder, const char *format, ...)
{
    char path[WG_PATH_MAX], rest[WG_PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    int rest_length = vsnprintf(rest, sizeof rest, format, arguments);
    va_end(arguments);
    int length =
        snprintf(path, sizeof path, "%.*s/%s", (int)length_without_slashes(folder), folder, rest);
    if (rest_length < 0 || rest_length >= WG_PATH_MAX || length < 0 || length >= WG_PATH_MAX)
        return wg_fail(WG_ERROR_FILE, "%.100s...: the path is longer than %d bytes", folder,
                       WG_PATH_MAX - 1);
    memcpy(ret_path, path, sizeof path);
    return true;
}

bool wg_folder_checkpoint_path(char ret_path[WG_PATH_MAX], const char *folder, uint32_t step)
{
    return wg_folder_path(ret_path, folder, "checkpoints/%06u.safetensors", (unsigned)step);
}

bool wg_folder_image_path(char ret_path[WG_PATH_MAX], const char *folder, uint32_t step)
{
    return wg_folder_path(ret_path, folder, "imgs/%06u.png", (unsigned)step);
}

/* ---- numbered entries of a folder ---- */

struct numbers {
    uint32_t *values;
    int count;
};

static bool add_number(struct numbers *numbers, uint32_t value)
{
    uint32_t *grown =
        wg_array_grow(numbers->values, (size_t)numbers->count, sizeof *grown, "a list of files");
    if (!grown)
        return false;
    numbers->values = grown;
    numbers->values[numbers->count++] = value;
    return true;
}

/* "000200.png" with ending ".png" is 200; "00007-digits" with ending "-" is 7. */
static bool parse_number(const char *name, const char *ending, bool ends_there, uint32_t *ret_value)
{
    size_t digits = strspn(name, "0123456789");
    size_t length = strlen(ending);
    bool is_padded = digits > 6 && name[0] == '0'; // no name of ours
    if (digits < 5 || digits > 9 || is_padded || strncmp(name + digits, ending, length) != 0 ||
        (ends_there && name[digits + length] != '\0'))
        return false;
    *ret_value = (uint32_t)strtoul(name, NULL, 10);
    return true;
}

/* The numbers of a folder's entries; none if there is no such folder. Fails with WG_ERROR_FILE if
 * it can't be looked into. */
static bool list_numbers(const char *folder, const char *ending, bool ends_there,
                         struct numbers *numbers)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ||
               wg_fail(WG_ERROR_FILE, "%s: cannot read: %s", folder, strerror(errno));
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(directory));) {
        uint32_t value;
        if (parse_number(entry->d_name, ending, ends_there, &value))
            ok = add_number(numbers, value);
    }
    closedir(directory);
    return ok;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool highest_number(const char *folder, const char *ending, bool ends_there,
                           uint32_t *ret_highest, bool *ret_found)
{
    struct numbers numbers = {0};
    bool ok = list_numbers(folder, ending, ends_there, &numbers);
    *ret_found = numbers.count > 0;
    for (int i = 0; i < numbers.count; i++)
        if (i == 0 || numbers.values[i] > *ret_highest)
            *ret_highest = numbers.values[i];
    free(numbers.values);
    return ok;
}

bool wg_folder_list_images(const char *folder, uint32_t **ret_steps, int *ret_count)
{
    char path[WG_PATH_MAX];
    struct numbers numbers = {0};
    if (!wg_folder_path(path, folder, "imgs") || !list_numbers(path, ".png", true, &numbers)) {
        free(numbers.values);
        return false;
    }
    if (numbers.count > 0)
        qsort(numbers.values, (size_t)numbers.count, sizeof *numbers.values, compare_numbers);
    *ret_steps = numbers.values;
    *ret_count = numbers.count;
    return true;
}

/* ---- who writes there ---- */

/* The process that holds a folder locked, by Linux' list: "1: FLOCK ADVISORY WRITE 2128 fe:00:1234
 * 0 EOF"; 0: none, or nobody tells. */
static long find_holder(const char *folder)
{
    long holder = 0;
#ifdef __linux__
    char line[256];
    struct stat status;
    FILE *locks = fopen("/proc/locks", "r");
    while (locks && stat(folder, &status) == 0 && fgets(line, sizeof line, locks)) {
        long process;
        unsigned on_major, on_minor;
        unsigned long long inode;
        if (sscanf(line, "%*d: FLOCK %*s WRITE %ld %x:%x:%llu", &process, &on_major, &on_minor,
                   &inode) == 4 &&
            on_major == major(status.st_dev) && on_minor == minor(status.st_dev) &&
            inode == status.st_ino)
            holder = process;
    }
    if (locks)
        fclose(locks);
#else
    (void)folder;
#endif
    return holder;
}

static bool fail_held(const char *folder, long holder)
{
    char who[32] = "another process";
    if (holder > 0)
        snprintf(who, sizeof who, "process %ld", holder);
    return wg_fail(WG_ERROR_FILE,
                   "%s: %s trains in this folder; wait for it, or end it first (Ctrl-C and SIGTERM "
                   "let it save)",
                   folder, who);
}

bool wg_folder_lock(const char *folder, int *ret_lock)
{
    *ret_lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_lock < 0 || flock(*ret_lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    bool is_held = errno == EWOULDBLOCK;
    close(*ret_lock);
    *ret_lock = -1;
    return !is_held || fail_held(folder, find_holder(folder));
}

void wg_folder_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* ---- what others made there ---- */

static bool has_entry(const char *folder, const char *name)
{
    struct stat status;
    char path[WG_PATH_MAX];
    return wg_folder_path(path, folder, "%s", name) && stat(path, &status) == 0;
}

static bool is_run(const char *folder)
{
    return has_entry(folder, "log.csv") && has_entry(folder, "checkpoints");
}

/* "runs/a" of "runs/a/checkpoints/", "." of "checkpoints"; false where the name does not tell. The
 * two may be the same memory. */
static bool name_parent(const char *folder, char ret_parent[WG_PATH_MAX])
{
    size_t end = length_without_slashes(folder), start = end;
    while (start > 0 && folder[start - 1] != '/')
        start--;
    if (end >= WG_PATH_MAX || strspn(folder + start, ".") >= end - start)
        return false;
    memmove(ret_parent, folder, start);
    ret_parent[start] = '\0';
    if (start == 0)
        strcpy(ret_parent, ".");
    ret_parent[length_without_slashes(ret_parent)] = '\0';
    return true;
}

/* A run in the folder, the last by name. */
static bool find_run_in(const char *folder, char ret_run[WG_PATH_MAX])
{
    char name[256] = "";
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[WG_PATH_MAX];
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) > 0 &&
            wg_folder_path(path, folder, "%s", entry->d_name) && is_run(path))
            snprintf(name, sizeof name, "%s", entry->d_name);
    }
    if (directory)
        closedir(directory);
    return name[0] && wg_folder_path(ret_run, folder, "%s", name);
}

/* `checkpoints`: where they were looked for. */
static bool fail_no_run(const char *folder, const char *checkpoints)
{
    char other[WG_PATH_MAX];
    uint32_t step = 0;
    bool found;
    if (name_parent(folder, other) && is_run(other))
        return wg_fail(WG_ERROR_FILE, "%s: a part of a run (expected its run folder: %s)", folder,
                       other);
    if (find_run_in(folder, other))
        return wg_fail(WG_ERROR_FILE, "%s: not a run folder, but one with runs in it (%s is one)",
                       folder, other);
    if (highest_number(folder, ".safetensors", true, &step, &found) && found)
        return wg_fail(WG_ERROR_FILE,
                       "%s: not a run folder, but one with checkpoints in it (expected a run "
                       "folder, or a file: %06u.safetensors is the newest)",
                       folder, (unsigned)step);
    if (has_entry(folder, "Generator.h5"))
        return wg_fail(WG_ERROR_FILE,
                       "%s: not a run folder, but one with models of Keras in it (wgan-cl import "
                       "makes a run of them)",
                       folder);
    return wg_fail(WG_ERROR_FILE,
                   "%s: no checkpoint (looked for %s/NNNNNN.safetensors); expected a run folder, "
                   "which wgan-cl train makes, or a checkpoint file",
                   folder, checkpoints);
}

/* `checkpoints`: where they were looked for. */
static bool fail_no_checkpoint(const char *folder, const char *checkpoints)
{
    long holder = find_holder(folder);
    if (holder > 0)
        return wg_fail(WG_ERROR_FILE,
                       "%s: no checkpoint yet (looked for %s/NNNNNN.safetensors); process %ld "
                       "trains in this folder",
                       folder, checkpoints, holder);
    return wg_fail(WG_ERROR_FILE,
                   "%s: no checkpoint (looked for %s/NNNNNN.safetensors); a run that ended before "
                   "its first has to begin again, in another folder",
                   folder, checkpoints);
}

bool wg_folder_find_checkpoint(const char *source, char ret_path[WG_PATH_MAX])
{
    struct stat status;
    char path[WG_PATH_MAX];
    uint32_t step = 0;
    bool found;
    if (stat(source, &status) != 0)
        return wg_fail(WG_ERROR_FILE, "%s: %s (expected a run folder or a checkpoint)", source,
                       strerror(errno));
    if (!S_ISDIR(status.st_mode)) {
        if (strlen(source) >= WG_PATH_MAX)
            return wg_fail(WG_ERROR_FILE, "%.100s...: the path is too long", source);
        strcpy(ret_path, source);
        return true;
    }
    if (!wg_folder_path(path, source, "checkpoints") ||
        !highest_number(path, ".safetensors", true, &step, &found))
        return false;
    if (found)
        return wg_folder_checkpoint_path(ret_path, source, step);
    return has_entry(source, "checkpoints") || has_entry(source, "run.json")
               ? fail_no_checkpoint(source, path)
               : fail_no_run(source, path);
}

/* ---- creation ---- */

static bool make_one(const char *path)
{
    return mkdir(path, 0777) == 0 ||
           wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", path, strerror(errno));
}

static bool is_empty(const char *folder)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    int entries = 0;
    while (readdir(directory))
        entries++;
    closedir(directory);
    return entries <= 2; // "." and ".."
}

/* Nobody goes on with a run that goes on. */
static bool fail_not_empty(const char *folder)
{
    long holder = find_holder(folder);
    if (holder > 0)
        return fail_held(folder, holder);
    return wg_fail(WG_ERROR_FILE,
                   "%s: exists and is not empty (a run needs a new or empty folder; to go on with "
                   "a run: wgan-cl train --resume %s)",
                   folder, folder);
}

/* Whether a run can be written there: the folder, or the nearest above it that is there. */
static bool check_place(const char *folder)
{
    struct stat status;
    char path[WG_PATH_MAX];
    snprintf(path, sizeof path, "%s", folder);
    while (stat(path, &status) != 0) {
        if (lstat(path, &status) == 0)
            return wg_fail(WG_ERROR_FILE, "%s: %s is a symbolic link to nothing", folder, path);
        if (errno != ENOENT || !name_parent(path, path))
            return wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", folder,
                           strerror(errno));
    }
    if (!S_ISDIR(status.st_mode))
        return wg_fail(WG_ERROR_FILE, "%s: exists and is no folder", path);
    return access(path, W_OK | X_OK) == 0 ||
           wg_fail(WG_ERROR_FILE, "%s: no run can be written there: %s", folder, strerror(errno));
}

/* `wanted` without slashes at its end, and whether it is there already; it is empty then. */
static bool check_wanted(const char *wanted, char ret_folder[WG_PATH_MAX], bool *ret_exists)
{
    struct stat status;
    char folder[WG_PATH_MAX];
    size_t length = length_without_slashes(wanted);
    if (length == 0)
        return wg_fail(WG_ERROR_ARGUMENT,
                       "the name of the run folder is empty, expected a new or empty folder");
    if (length >= WG_PATH_MAX)
        return wg_fail(WG_ERROR_FILE, "%.100s...: the path is too long", wanted);
    memcpy(folder, wanted, length);
    folder[length] = '\0';
    bool exists = stat(folder, &status) == 0;
    if (exists && !S_ISDIR(status.st_mode))
        return wg_fail(WG_ERROR_FILE, "%s: exists and is no folder", folder);
    if (exists && !is_empty(folder))
        return fail_not_empty(folder);
    if (!check_place(folder))
        return false;
    strcpy(ret_folder, folder);
    *ret_exists = exists;
    return true;
}

static bool make_wanted(const char *wanted, char ret_folder[WG_PATH_MAX])
{
    char folder[WG_PATH_MAX];
    bool exists;
    if (!check_wanted(wanted, folder, &exists) ||
        (!exists && (!wg_make_parents(folder) || !make_one(folder))))
        return false;
    strcpy(ret_folder, folder);
    return true;
}

static bool make_numbered(const char *name, char ret_folder[WG_PATH_MAX])
{
    enum { TRIES = 100 }; // another run may take the number first
    for (int i = 0; i < TRIES; i++) {
        uint32_t number = 0;
        bool found;
        char path[WG_PATH_MAX];
        if (!highest_number("runs", "-", false, &number, &found) ||
            !wg_folder_path(path, "runs", "%05u-%s", found ? (unsigned)number + 1 : 0u, name) ||
            !wg_make_parents(path))
            return false;
        if (mkdir(path, 0777) == 0) {
            strcpy(ret_folder, path);
            return true;
        }
        if (errno != EEXIST)
            return wg_fail(WG_ERROR_FILE, "%s: the folder can't be created: %s", path,
                           strerror(errno));
    }
    return wg_fail(WG_ERROR_FILE, "runs: no free number for a run folder");
}

bool wg_folder_complete(const char *folder)
{
    static const char *const names[] = {"imgs", "checkpoints"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[WG_PATH_MAX];
        struct stat status;
        if (!wg_folder_path(path, folder, "%s", names[i]) ||
            (stat(path, &status) != 0 && !make_one(path)))
            return false;
    }
    return true;
}

bool wg_folder_create(const char *wanted, const char *name, char ret_folder[WG_PATH_MAX])
{
    char folder[WG_PATH_MAX];
    if ((wanted ? !make_wanted(wanted, folder) : !make_numbered(name, folder)) ||
        !wg_folder_complete(folder))
        return false;
    strcpy(ret_folder, folder);
    return true;
}

bool wg_folder_check(const char *wanted)
{
    char folder[WG_PATH_MAX];
    bool exists;
    return wanted ? check_wanted(wanted, folder, &exists) : check_place("runs");
}
