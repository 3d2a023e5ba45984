/*
 * A function on the device: a graph with its plan and its execution, which need one another and so
 * come and go together.
 */
#ifndef WG_GRAPH_FUNCTION_H
#define WG_GRAPH_FUNCTION_H

#include "host/graph/exec.h"

/* All zeros at first. Any of them may be missing, if it failed or isn't wanted. */
struct wg_function {
    struct wg_graph *graph;
    struct wg_plan *plan;
    struct wg_exec *exec;
};

/* Fuses the graph and plans it; fails as wg_fuse and wg_plan_create. */
bool wg_function_plan(struct wg_function *function, const struct wg_device *device,
                      const struct wg_targets *targets, int count, const char *forced);

/* The same, without anything forced, and binds the plan to the device. */
bool wg_function_compile(struct wg_function *function, struct wg_device *device,
                         const struct wg_targets *targets, int count);

/* Frees what there is of it. */
void wg_function_finish(struct wg_function *function);

/* A tensor of floats [batch, ...] of the function, and its rows on the host, [count, ...]: those of
 * a variable are copied from there, those of a target to there. */
struct wg_rows {
    const struct wg_node *node;
    const float *from;
    float *to;
};

/* Runs a schedule over all rows, batch after batch, the last one filled up with zeros. No row of a
 * target may depend on others than the same of the variable. Waits. */
bool wg_function_map(const struct wg_function *function, int schedule, size_t count,
                     const struct wg_rows *rows, int tensors);

#endif
