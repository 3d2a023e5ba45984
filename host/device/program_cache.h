/*
 * Where built programs outlive the process.
 *
 * Most drivers keep what they compiled; keeping it once more would only be slower. For the others
 * there are binaries in the user's cache, by device, driver and text. And since no driver says
 * what it has in its cache, we remember what has been built: in the folder of that cache if we
 * know it, so that both go together.
 */
#ifndef WG_DEVICE_PROGRAM_CACHE_H
#define WG_DEVICE_PROGRAM_CACHE_H

#include "host/device/device.h"

/* What this device's driver does by itself; for wg_device_open. */
enum wg_driver_cache wg_driver_cache_of(const struct wg_device_info *info);

/* Whether what a child builds is found by another process at all. */
bool wg_program_cache_works(const struct wg_device *device);

/* A digest of what the driver is given, `text`, and of the driver itself. */
uint64_t wg_program_digest(const struct wg_device *device, char *const *text, size_t parts);

/* ---- binaries: only where the driver has no cache; false, without an error, otherwise ---- */

/* A program made of a binary, and built. */
bool wg_program_cache_load(struct wg_device *device, uint64_t digest, cl_program *ret_program);

/* Keeps the binary of a built program, if that can be done. */
void wg_program_cache_save(struct wg_device *device, uint64_t digest, cl_program program);

/* ---- what has been built ---- */

/* A list of digests. */
struct wg_built {
    uint64_t *digests;
    size_t count;
};

/* What is known; nothing if nothing can be read. */
void wg_built_load(const struct wg_device *device, struct wg_built *ret_built);
void wg_built_finish(struct wg_built *built);
bool wg_built_contains(const struct wg_built *built, uint64_t digest);

/* Adds these, if that can be done. */
void wg_built_add(const struct wg_device *device, const uint64_t *digests, size_t count);

#endif
