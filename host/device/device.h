/*
 * The opened device: one context, one in-order queue, and the limits everything else asks for.
 * OpenCL is called here and where graphs are bound and run (host/graph/exec.h), nowhere else.
 */
#ifndef WG_DEVICE_DEVICE_H
#define WG_DEVICE_DEVICE_H

#include "include/wgan_cl.h"

#include <CL/cl.h>

struct wg_program;
struct wg_tuning;
struct wg_blas_set;

/* What a driver keeps of what it has compiled, from one process to the next. */
enum wg_driver_cache {
    WG_DRIVER_CACHES_NOTHING,  // or we don't know
    WG_DRIVER_CACHES_PROGRAMS, // all that clBuildProgram makes
    WG_DRIVER_CACHES_LAUNCHES, // and what it compiles at the first launch of a kernel
};

struct wg_device {
    struct wg_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;    // in order; every command of a run goes through it
    size_t buffer_alignment;   // of a sub-buffer's origin, bytes
    uint64_t cache_bytes;      // of the last cache before memory; 0 if it is not known
    size_t work_item_sizes[3]; // largest work group per dimension
    size_t parameter_bytes;    // of all arguments of a kernel together
    bool has_local_memory;     // of its own: not a part of the global one
    int compute_capability;    // of an NVIDIA GPU, 90 for 9.0; 0: of none, or not known
    enum wg_driver_cache driver_cache;
    struct wg_program *programs;    // built so far, newest first
    const struct wg_blas_set *blas; // CLBlast's parameters, see blas.h
    struct wg_tuning *tuning;       // what was measured, see tuning.h; NULL: nothing
    bool (*stop)(void *user);       // asked before a program is built, which takes long; true: it
    void *stop_user;                // is not, WG_ERROR_STOPPED; NULL: nobody is
};

/* The CL handles behind an entry of a device list. */
bool wg_device_handles(const struct wg_device_info *info, cl_platform_id *ret_platform,
                       cl_device_id *ret_device);

/* Whether the driver is NVIDIA's own. */
bool wg_driver_is_nvidia(const struct wg_device_info *info);

/* True for devices whose work items are threads of a CPU: explicit vectors, no local memory. */
static inline bool wg_device_is_cpu(const struct wg_device *device)
{
    return device->info.type == WG_DEVICE_CPU;
}

static inline bool wg_device_is_stopped(const struct wg_device *device)
{
    return device->stop && device->stop(device->stop_user);
}

/* Waits until all commands enqueued so far are done. */
bool wg_device_finish(struct wg_device *device);

#endif
