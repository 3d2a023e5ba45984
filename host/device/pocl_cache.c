#include "host/device/pocl_cache.h"

#include "host/base/child.h"
#include "host/base/error.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_FOLDERS = 16 };

/* Measured with pocl 3.1 and AVX-512: the kernels of a training take 6 MiB, those of a whole
 * self-test 23. */
enum { ROOM_MIB = 32 };
static const char no_room[] = "has less than 32 MiB free", not_writable[] = "can't be written";

/* No file of pocl's is as large: 0.2 MiB at most with the same. */
enum { FILE_KIB = 1024 };

static char folder[WG_CACHE_PATH_MAX]; // the temporary one
static pid_t owner;
static char warning[WG_CACHE_PATH_MAX + 256], failure[2 * WG_CACHE_PATH_MAX + 256];

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* Whether a folder can be made there: where the kernel keeps files, permissions promise what it
 * does not do. One of a name of its own: other processes may be about to make pocl's. */
static bool can_make_in(const char *parent)
{
    char path[WG_CACHE_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/wgan-cl-XXXXXX", parent);
    return mkdtemp(path) && rmdir(path) == 0;
}

/* What is wrong with the folder at `path`, which need not be there yet; NULL if nothing is. */
static const char *trouble_with(const char *path)
{
    char there[WG_CACHE_PATH_MAX];
    struct stat status;
    struct statvfs disk;
    snprintf(there, sizeof there, "%s", path);
    while (stat(there, &status) != 0) {
        char *slash = strrchr(there, '/');
        if (!slash || slash[1] == '\0')
            return not_writable;
        slash[slash == there] = '\0'; // that of the root stays
    }
    if (!S_ISDIR(status.st_mode) || access(there, W_OK | X_OK) != 0)
        return not_writable;
    // 0 of 0 blocks: a file system that does not know.
    if (statvfs(there, &disk) == 0 && disk.f_blocks > 0 &&
        (uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)ROOM_MIB << 20)
        return no_room;
    return can_make_in(there) ? NULL : not_writable;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

static void remove_all(const char *path)
{
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void)
{
    if (getpid() == owner)
        remove_all(folder);
}

/* ---- temporary folders ---- */

static const char prefix[] = "wgan-cl-kernels-";

/* A process holds its folder locked until it ends, however it does. */
static int lock_folder(const char *path)
{
    int file = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0)
        return file;
    if (file >= 0)
        close(file);
    return -1;
}

/* Those of this user's processes that were killed. A young one may not be locked yet. */
static void remove_stale(const char *parent)
{
    enum { YOUNG_SECONDS = 60 };
    char path[WG_CACHE_PATH_MAX];
    struct stat status;
    DIR *entries = opendir(parent);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0)
            continue;
        snprintf(path, sizeof path, "%.700s/%.300s", parent, entry->d_name);
        if (lstat(path, &status) != 0 || status.st_uid != geteuid() ||
            status.st_mtime + YOUNG_SECONDS >= time(NULL))
            continue;
        int file = lock_folder(path);
        if (file < 0)
            continue;
        remove_all(path);
        close(file);
    }
    if (entries)
        closedir(entries);
}

bool wg_pocl_cache_folder(char ret_path[WG_CACHE_PATH_MAX])
{
    bool is_pocl = is_set("POCL_CACHE_DIR"), is_xdg = is_set("XDG_CACHE_HOME");
    const char *end = is_pocl ? "" : is_xdg ? "/pocl/kcache" : "/.cache/pocl/kcache";
    const char *root = getenv(is_pocl ? "POCL_CACHE_DIR" : is_xdg ? "XDG_CACHE_HOME" : "HOME");
    return root && snprintf(ret_path, WG_CACHE_PATH_MAX, "%s%s", root, end) < WG_CACHE_PATH_MAX;
}

/* Instead of pocl's own folder, with which there is this trouble. */
static void take_temporary(const char *own, const char *trouble)
{
    const char *parent = is_set("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    remove_stale(parent);
    const char *other = trouble_with(parent);
    snprintf(folder, sizeof folder, "%.900s/%sXXXXXX", parent, prefix);
    if (other || !mkdtemp(folder)) {
        snprintf(failure, sizeof failure,
                 "pocl has no folder for its kernels: %s %s, %s %s; set POCL_CACHE_DIR to one with "
                 "%d MiB free",
                 own, trouble, parent, other ? other : not_writable, ROOM_MIB);
        return;
    }
    owner = getpid();
    lock_folder(folder); // and never let go of it
    setenv("POCL_CACHE_DIR", folder, 1);
    atexit(remove_folder);
    snprintf(warning, sizeof warning,
             "%s %s: at every start pocl compiles its kernels, in a temporary folder, and the "
             "device may be tested again",
             own, trouble);
}

void wg_pocl_cache_prepare(void)
{
    static bool is_prepared;
    char own[WG_CACHE_PATH_MAX];
    if (is_prepared || wg_child_is_one())
        return;
    is_prepared = true;
    if (!is_set("POCL_CACHE_DIR"))
        unsetenv("POCL_CACHE_DIR"); // of an empty name pocl 3.1 ends the process
    // Where no folder is named, pocl takes one in /tmp by itself.
    const char *trouble = wg_pocl_cache_folder(own) && own[0] == '/' ? trouble_with(own) : NULL;
    if (trouble)
        take_temporary(own, trouble);
}

bool wg_pocl_cache_check(void)
{
    return !*failure || wg_fail(WG_ERROR_FILE, "%s", failure);
}

/* No other folder would help, so it is no trouble with this one. */
static bool has_file_limit(uint64_t *ret_kib)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    *ret_kib = limit.rlim_cur >> 10;
    return *ret_kib < FILE_KIB;
}

const char *wg_pocl_cache_trouble(char ret_text[WG_POCL_CACHE_TROUBLE_MAX])
{
    char own[WG_CACHE_PATH_MAX];
    uint64_t kib;
    if (!wg_pocl_cache_folder(own))
        return NULL;
    const char *trouble = trouble_with(own);
    if (trouble)
        snprintf(ret_text, WG_POCL_CACHE_TROUBLE_MAX,
                 "%s %s, which may be why (POCL_CACHE_DIR names another)", own, trouble);
    else if (has_file_limit(&kib))
        snprintf(ret_text, WG_POCL_CACHE_TROUBLE_MAX,
                 "no file in %s can grow beyond %llu KiB, which may be why (a limit of this shell: "
                 "ulimit -f)",
                 own, (unsigned long long)kib);
    else
        return NULL;
    return ret_text;
}

const char *wg_pocl_cache_warning(void)
{
    return *warning ? warning : NULL;
}
