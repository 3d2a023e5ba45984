/*
 * A place for what the driver compiles.
 *
 * pocl keeps its kernels in the user's cache, and where it can't write there it has no device. As
 * for our own cache, that is no reason to fail: it gets a temporary folder then.
 */
#ifndef WG_DEVICE_DRIVER_CACHE_H
#define WG_DEVICE_DRIVER_CACHE_H

#include "host/files/cache.h"

/* Before the first call of OpenCL. Sets POCL_CACHE_DIR, unless it is set, to a folder that goes
 * when the process exits, if pocl's own can't be written; processes it starts share the folder. */
void wg_driver_cache_prepare(void);

/* The folder in which pocl keeps kernels (its documentation, "Environment variables"); false,
 * without an error, if the environment names none or the path is too long. */
bool wg_pocl_cache_folder(char ret_path[WG_CACHE_PATH_MAX]);

#endif
