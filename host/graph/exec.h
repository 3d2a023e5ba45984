/*
 * Execution: a plan bound to a device. All buffers are created, all kernels built and given their
 * arguments once; running a schedule is a flat list of enqueues.
 */
#ifndef WG_GRAPH_EXEC_H
#define WG_GRAPH_EXEC_H

#include "host/device/prebuild.h"
#include "host/graph/plan.h"

struct wg_exec;

/*
 * Allocates and touches all memory and binds all kernels. The plan, the graph and the device must
 * outlive it. Variables start as zeros, constants hold their value, all else is NaNs. `progress`,
 * if not NULL, is told how many of the programs are built.
 */
bool wg_exec_create(struct wg_device *device, const struct wg_plan *plan,
                    void (*progress)(void *user, int done, int total), void *user,
                    struct wg_exec **ret_exec);
void wg_exec_destroy(struct wg_exec *exec);

/* The same with variables that hold values[i], i being a node's index; large ones may be that
 * memory itself until the execution is destroyed (device/memory.h), and are spent afterwards. */
bool wg_exec_create_lent(struct wg_device *device, const struct wg_plan *plan, void *const values[],
                         struct wg_exec **ret_exec);

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

/* The same to be read in place until it is unmapped, which where device and host share memory
 * copies nothing. NULL with a message on failure. */
const void *wg_exec_map_target(struct wg_exec *exec, int schedule, const struct wg_node *node);
bool wg_exec_unmap_target(struct wg_exec *exec, int schedule, const struct wg_node *node,
                          const void *data);

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
