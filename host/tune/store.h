/*
 * Tunings as files: in the user's cache, one for each device and batch, and beside a run that was
 * trained by one. JSON; what is read is checked for form and identity, so that a file of another
 * device, driver, program or kernels, or a damaged one, is as good as none.
 */
#ifndef WG_TUNE_STORE_H
#define WG_TUNE_STORE_H

#include "host/device/tuning.h"
#include "host/files/cache.h"

/* Where the cache has it. Fails as wg_cache_path does. */
bool wg_tuning_path(const struct wg_device *device, int batch, char ret_path[WG_CACHE_PATH_MAX]);

/* Fails with WG_ERROR_FILE or WG_ERROR_MEMORY. */
bool wg_tuning_write(const char *path, const struct wg_device *device, int batch,
                     const struct wg_tuning *tuning);

/* Fails with WG_ERROR_FILE if there is none, and with WG_ERROR_DATA if it is damaged or stale, i.e.
 * not for this device and batch as they are now. */
bool wg_tuning_read(const char *path, const struct wg_device *device, int batch,
                    struct wg_tuning **ret_tuning);

/* A tuning of these rows and this set of CLBlast's parameters; gives it its digest. The rows are
 * copied. NULL if out of memory. */
struct wg_tuning *wg_tuning_create(const struct wg_tuned_node *nodes, int count, const char *blas);

/* Puts the cache's tuning for this batch on the device, or takes off what is there if the cache has
 * none that fits. Returns whether it had one. */
bool wg_tuning_load(struct wg_device *device, int batch);

/* Whether heuristics give the same. */
bool wg_tuning_changes_nothing(const struct wg_tuning *tuning);

/* The digest of the device's tuning; "none" where it has none or one that changes nothing. */
const char *wg_tuning_name(const struct wg_device *device);

#endif
