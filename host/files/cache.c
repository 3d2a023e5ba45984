#include "host/files/cache.h"

#include "host/base/error.h"
#include "host/files/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A relative path in XDG_CACHE_HOME is to be ignored, says the specification. */
static const char *absolute(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] == '/' ? value : NULL;
}

bool wg_cache_path(char ret_path[WG_CACHE_PATH_MAX], const char *name)
{
    char path[WG_CACHE_PATH_MAX];
    const char *cache = absolute("XDG_CACHE_HOME"), *home = absolute("HOME");
    if (!cache && !home)
        return wg_fail(WG_ERROR_FILE, "no place for a cache: neither XDG_CACHE_HOME nor HOME is "
                                      "an absolute path");
    int length = cache ? snprintf(path, sizeof path, "%s/wgan-cl/%s", cache, name)
                       : snprintf(path, sizeof path, "%s/.cache/wgan-cl/%s", home, name);
    if (length < 0 || length >= WG_CACHE_PATH_MAX)
        return wg_fail(WG_ERROR_FILE, "%.100s...: the path is longer than %d bytes",
                       cache ? cache : home, WG_CACHE_PATH_MAX - 1);
    if (!wg_make_parents(path))
        return false;
    strcpy(ret_path, path);
    return true;
}
