/*
 * A plan bound to a device, from within: what exec.c, bind.c and buffers.c share.
 */
#ifndef WG_GRAPH_BOUND_H
#define WG_GRAPH_BOUND_H

#include "host/graph/bind.h"
#include "host/graph/exec.h"

/* A kernel call or, with kernel NULL, a matrix product. */
struct wg_launch {
    int task; // of the schedule
    cl_kernel kernel;
    size_t global[3];
    size_t local[3];
    struct wg_gemm_size gemm;
    bool accumulate;
    cl_mem operand[3];
};

struct wg_bound_schedule {
    const struct wg_schedule *schedule;
    struct wg_launch *launches;
    int count;
    cl_mem *tensors; // by node index, once asked for: among the parts of wg_exec
};

struct wg_exec {
    struct wg_device *device;
    const struct wg_plan *plan;
    int node_count;    // of the graph, when this was made
    cl_mem *variables; // and constants, by node index
    cl_mem *banks;
    struct wg_bound_schedule *schedules;
    cl_mem *parts; // all sub-buffers of banks, in the order in which they were made
    int part_count;
};

struct wg_binder {
    struct wg_device *device;
    const struct wg_task *task;      // being bound
    struct wg_prebuild *notes;       // not NULL: what is bound is only noted there, else
    struct wg_exec *exec;            // what it is bound for,
    struct wg_bound_schedule *bound; // and where it is added
};

/* Variables and banks. `values`: of variables, lent; NULL: they are zeros. What was made is to be
 * destroyed, even if it fails. */
bool wg_buffers_create(struct wg_exec *exec, void *const values[]);
void wg_buffers_destroy(struct wg_exec *exec);

/* The buffer of a node within a schedule, of an argument of a call; NULL with a message on failure.
 */
cl_mem wg_buffers_tensor(struct wg_exec *exec, struct wg_bound_schedule *bound,
                         const struct wg_node *node);
cl_mem wg_buffers_argument(struct wg_binder *binder, const struct wg_argument *argument);

#endif
