/*
 * The identity of a device: all that what is measured or tested there depends on. Files of the
 * cache are named after it and hold it.
 */
#ifndef WG_TUNE_IDENTITY_H
#define WG_TUNE_IDENTITY_H

#include "host/device/device.h"
#include "host/files/cache.h"
#include "host/files/json.h"

/* Device, driver, this version of the program, its kernels, replaced ones included, and CLBlast.
 * NULL on failure. */
struct wg_json *wg_identity_create(const struct wg_device *device);

bool wg_identity_equal(const struct wg_json *a, const struct wg_json *b);

/* FOLDER/HASH.json in the cache. Fails as wg_cache_path does. */
bool wg_identity_path(const struct wg_json *identity, const char *folder,
                      char ret_path[WG_CACHE_PATH_MAX]);

#endif
