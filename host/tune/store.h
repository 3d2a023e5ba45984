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

/* What the cache has for this batch; NULL if it has none. *ret_is_damaged: there is a file, but it
 * can't be used; wg_error_message says which and why. */
struct wg_tuning *wg_tuning_find_cached(const struct wg_device *device, int batch,
                                        bool *ret_is_damaged);

/* Whether heuristics give the same. */
bool wg_tuning_changes_nothing(const struct wg_tuning *tuning);

/* The digest of the device's tuning; "none" where it has none or one that changes nothing. */
const char *wg_tuning_name(const struct wg_device *device);

#endif
