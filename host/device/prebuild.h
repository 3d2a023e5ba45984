/*
 * Building many programs at once: in children, since drivers build one at a time per process.
 *
 * What children build they leave to the driver's own cache of programs, or where it has none to
 * ours (program_cache.h), and this process finds it there. They are an offer: whatever becomes of
 * them, a program that they did not build is built here when it is asked for.
 */
#ifndef WG_DEVICE_PREBUILD_H
#define WG_DEVICE_PREBUILD_H

#include "host/device/program.h"

enum { WG_KERNEL_ARGUMENTS_MAX = 66 };

/* A kernel as it will be launched, as far as a compiler cares. */
struct wg_kernel_use {
    const char *file;
    const char *kernel;
    const struct wg_defines *defines; // NULL: none
    const char *arguments;            // in order: 'b' buffer, 'i' int, 'f' float
    size_t bytes;                     // the largest buffer among them
    size_t global[3];
    size_t local[3];
};

struct wg_prebuild;

bool wg_prebuild_create(struct wg_device *device, struct wg_prebuild **ret_prebuild);
void wg_prebuild_destroy(struct wg_prebuild *prebuild);

/* Notes what will be needed. Fails with WG_ERROR_MEMORY, or WG_ERROR_FILE if a source is missing.
 */
bool wg_prebuild_add(struct wg_prebuild *prebuild, const struct wg_kernel_use *use);

/* How many programs have been noted, and how many of these this process has built. */
int wg_prebuild_total(const struct wg_prebuild *prebuild);
int wg_prebuild_done(const struct wg_prebuild *prebuild);

/*
 * Builds in children what is not known to be in a cache, if that is worth it: where there are
 * several programs, several processors, and children at all. `progress`, if not NULL, is told how
 * many programs are built. Never fails, but ends early if the device's `stop` says so.
 */
void wg_prebuild_run(struct wg_prebuild *prebuild,
                     void (*progress)(void *user, int done, int total), void *user);

/* Builds the program that was noted as the i-th in this process, unless it is built; from any
 * thread. A failure will be met again. */
void wg_prebuild_load(const struct wg_prebuild *prebuild, int i);

/* The task of such a child, and its work: `device` is "platform:device". */
#define WG_PREBUILD_TASK "build"
bool wg_prebuild_serve(const char *device);

#endif
