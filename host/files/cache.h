/*
 * The user's cache: $XDG_CACHE_HOME/wgan-cl, or ~/.cache/wgan-cl where that variable is unset.
 *
 * Everything in it can be made again, so a cache that can't be used is never a reason to fail:
 * callers say so once and go on without. Files are written through output.h, so what is found
 * there is whole; whether it is still true is for the reader to check.
 * Source: XDG Base Directory Specification 0.8.
 */
#ifndef WG_FILES_CACHE_H
#define WG_FILES_CACHE_H

#include <stdbool.h>

enum { WG_CACHE_PATH_MAX = 1024 };

/*
 * The path of `name` ("selftest/0123.json") in the cache; the folders above it are created. Fails
 * with WG_ERROR_FILE if there is no place for a cache or a folder can't be made.
 */
bool wg_cache_path(char ret_path[WG_CACHE_PATH_MAX], const char *name);

#endif
