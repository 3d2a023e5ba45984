#include "host/device/driver_cache.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FOLDERS = 16 };

static char folder[WG_CACHE_PATH_MAX];
static pid_t owner;

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value;
}

/* Whether the folder at `path` can be written or, if it is not there, made. */
static bool is_usable(char *path)
{
    struct stat status;
    while (stat(path, &status) != 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return false;
        *slash = '\0';
    }
    return S_ISDIR(status.st_mode) && access(path, W_OK | X_OK) == 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    remove(path);
    return 0;
}

static void remove_folder(void)
{
    if (getpid() == owner)
        nftw(folder, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

bool wg_pocl_cache_folder(char ret_path[WG_CACHE_PATH_MAX])
{
    bool is_pocl = is_set("POCL_CACHE_DIR"), is_xdg = is_set("XDG_CACHE_HOME");
    const char *end = is_pocl ? "" : is_xdg ? "/pocl/kcache" : "/.cache/pocl/kcache";
    const char *root = getenv(is_pocl ? "POCL_CACHE_DIR" : is_xdg ? "XDG_CACHE_HOME" : "HOME");
    return root && snprintf(ret_path, WG_CACHE_PATH_MAX, "%s%s", root, end) < WG_CACHE_PATH_MAX;
}

void wg_driver_cache_prepare(void)
{
    char path[WG_CACHE_PATH_MAX];
    // Where no folder is named, pocl takes one in /tmp by itself.
    if (is_set("POCL_CACHE_DIR") || !wg_pocl_cache_folder(path) || path[0] != '/' ||
        is_usable(path))
        return;
    snprintf(folder, sizeof folder, "%.900s/wgan-cl-kernels-XXXXXX",
             is_set("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder))
        return;
    owner = getpid();
    setenv("POCL_CACHE_DIR", folder, 1);
    atexit(remove_folder);
}
