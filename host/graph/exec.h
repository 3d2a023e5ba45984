/*
 * Execution: a plan bound to a device. All buffers are created, all kernels built and given their
 * arguments once; running a schedule is a flat list of enqueues.
 */
#ifndef WG_GRAPH_EXEC_H
#define WG_GRAPH_EXEC_H

#include "host/device/blas.h"
#include "host/device/prebuild.h"
#include "host/graph/plan.h"

/* ---- for implementations: describing a kernel call ---- */

enum wg_argument_kind {
    WG_ARGUMENT_END,
    WG_ARGUMENT_NODE,
    WG_ARGUMENT_SCRATCH,
    WG_ARGUMENT_INT,
    WG_ARGUMENT_FLOAT,
};

struct wg_argument {
    enum wg_argument_kind kind;
    const struct wg_node *node;
    size_t offset; // scratch: from its start, bytes; a multiple of the buffer alignment
    size_t bytes;  // scratch: length of the part
    int number;    // int
    float real;    // float
};

#define WG_NODE(n)  ((struct wg_argument){.kind = WG_ARGUMENT_NODE, .node = (n)})
#define WG_INT(v)   ((struct wg_argument){.kind = WG_ARGUMENT_INT, .number = (int)(v)})
#define WG_FLOAT(v) ((struct wg_argument){.kind = WG_ARGUMENT_FLOAT, .real = (v)})
#define WG_SCRATCH(at, size)                                                                       \
    ((struct wg_argument){.kind = WG_ARGUMENT_SCRATCH, .offset = (at), .bytes = (size)})

enum { WG_ARGUMENTS_MAX = 4 * WG_UPDATE_MAX + 2 }; // of rmsprop, see there

/*
 * One kernel call. Arguments in the kernel's order. `global` counts work items; it is rounded up
 * to whole groups, so kernels guard their ids. local {0} leaves the group to the binder: some
 * lanes along the first dimension, as many as suit the device.
 *
 * Sizes that make a kernel faster by being known to its compiler are macros, others are int
 * arguments: a program is built for every set of macros, and building is what a start costs.
 */
struct wg_call {
    const char *file;
    const char *kernel;
    const struct wg_defines *defines;
    struct wg_argument arguments[WG_ARGUMENTS_MAX];
    size_t global[3]; // 0 stands for 1
    size_t local[3];
};

/* Builds the kernel, sets its arguments, and appends it to the schedule being bound. */
bool wg_bind_kernel(struct wg_binder *binder, const struct wg_call *call);

/* The largest group in which the device runs the kernel of a call; builds it. It may be less than
 * the device's largest: registers are few. */
bool wg_binder_largest_group(struct wg_binder *binder, const struct wg_call *call,
                             size_t *ret_largest);

/* Appends C = B^T-like product of wg_blas_gemm over nodes or scratch. */
bool wg_bind_gemm(struct wg_binder *binder, struct wg_gemm_size size, bool accumulate,
                  struct wg_argument a, struct wg_argument b, struct wg_argument c);

const struct wg_device *wg_binder_device(const struct wg_binder *binder);

/* Vector width for rows of `length` floats: the device's native one, or less if that does not
 * divide the length. On other devices than CPUs at most 4. */
unsigned wg_vector_width(const struct wg_device *device, size_t length);

/* Macro STREAM for a program on a CPU whose result, of so many bytes, won't be in the cache any
 * more when it is read: STREAMV of cl/prelude.cl then writes past the caches. */
void wg_define_stream(struct wg_defines *defines, const struct wg_device *device, size_t bytes);

/* `bytes` rounded up so that a part of scratch may start there. */
size_t wg_scratch_align(const struct wg_device *device, size_t bytes);

/* ---- for users of the graph ---- */

struct wg_exec;

/*
 * Allocates and touches all memory and binds all kernels. The plan, the graph and the device must
 * outlive it. Variables start as zeros, all else as NaNs. `progress`, if not NULL, is told how many
 * of the programs are built.
 */
bool wg_exec_create(struct wg_device *device, const struct wg_plan *plan,
                    void (*progress)(void *user, int done, int total), void *user,
                    struct wg_exec **ret_exec);
void wg_exec_destroy(struct wg_exec *exec);

/* Builds the plan's programs, as far as that can be done in children (device/prebuild.h), without
 * any memory on the device. `progress` as above. */
bool wg_exec_prebuild(struct wg_device *device, const struct wg_plan *plan,
                      void (*progress)(void *user, int done, int total), void *user);

/* Notes the plan's programs there, to be built with those of other plans. */
bool wg_exec_note(struct wg_device *device, const struct wg_plan *plan, struct wg_prebuild *notes);

/* Enqueues a schedule; does not wait. */
bool wg_exec_run(struct wg_exec *exec, int schedule);

/* Copies a whole variable from or to the host, or a pure target of `schedule` after it has run.
 * Both wait for what has been enqueued before. */
bool wg_exec_write(struct wg_exec *exec, const struct wg_node *variable, const void *data);
bool wg_exec_read(struct wg_exec *exec, const struct wg_node *variable, void *ret_data);
bool wg_exec_read_target(struct wg_exec *exec, int schedule, const struct wg_node *node,
                         void *ret_data);

/* What the kernels of a task took on the device. */
struct wg_task_time {
    double seconds;
    int launches;
};

/* Runs a schedule, adding the time of every task, as the device's own clock has it, to times[task].
 * Slower than wg_exec_run, since it waits for each kernel. */
bool wg_exec_profile(struct wg_exec *exec, int schedule, struct wg_task_time *times);

/* Kernel calls per run of a schedule. */
int wg_exec_launch_count(const struct wg_exec *exec, int schedule);

#endif
