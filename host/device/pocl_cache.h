/*
 * A place for what pocl compiles.
 *
 * It keeps its kernels in the user's cache. Where it can't write there it has no device, and when
 * the disk is full its compiler ends the process. As for our own cache, that is no reason to fail:
 * it gets a temporary folder then.
 */
#ifndef WG_DEVICE_POCL_CACHE_H
#define WG_DEVICE_POCL_CACHE_H

#include "host/files/cache.h"

/*
 * Before the first call of OpenCL; does something the first time, and nothing in a child, which has
 * what its parent has. Sets POCL_CACHE_DIR to a folder that goes when the process exits, if pocl's
 * own can't be written or has less than 32 MiB free; processes it starts share the folder. That of
 * a process that was killed goes when the next one needs such a folder.
 */
void wg_pocl_cache_prepare(void);

/* Whether pocl has a folder. Fails with WG_ERROR_FILE if there was no room for a temporary one
 * either. */
bool wg_pocl_cache_check(void);

/* Why pocl may have failed to write its kernels, where, and the way out: "FOLDER has less than 32
 * MiB free, which ..."; NULL: no reason is known. */
enum { WG_POCL_CACHE_TROUBLE_MAX = WG_CACHE_PATH_MAX + 128 };
const char *wg_pocl_cache_trouble(char ret_text[WG_POCL_CACHE_TROUBLE_MAX]);

/* What a user of pocl should hear: why its folder is a temporary one. NULL if it is not. */
const char *wg_pocl_cache_warning(void);

/* The folder in which pocl keeps kernels (its documentation, "Environment variables"); false,
 * without an error, if the environment names none or the path is too long. */
bool wg_pocl_cache_folder(char ret_path[WG_CACHE_PATH_MAX]);

#endif
