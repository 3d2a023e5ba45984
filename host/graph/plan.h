/*
 * The plan: what runs when, and where every tensor lies. Made on the host before anything is
 * allocated, so that it can be printed, refused, or made again for a smaller batch.
 *
 * A schedule is a list of nodes that run in order and leave their effects in variables; a training
 * step replays a few of them. All schedules share one arena, since they run one after the other.
 * Within a schedule two tensors share memory if one is dead before the other is born.
 */
#ifndef WG_GRAPH_PLAN_H
#define WG_GRAPH_PLAN_H

#include "host/graph/op.h"

/* Where a tensor or scratch lies: in a bank, i.e. one device buffer. */
struct wg_placement {
    int bank; // -1: nowhere
    size_t offset;
    size_t bytes;
};

struct wg_task {
    struct wg_node *node;
    const struct wg_implementation *implementation;
    struct wg_placement scratch;
};

struct wg_schedule {
    const char *name;
    struct wg_task *tasks;
    int count;
    struct wg_placement *placement; // by node index; bank -1 for variables and absent nodes
};

struct wg_plan {
    const struct wg_graph *graph;
    struct wg_schedule *schedules;
    int count;
    size_t *bank_bytes;
    int bank_count;
    uint64_t variable_bytes; // all variables and constants together
    uint64_t arena_bytes;    // all banks together
    uint64_t alive_bytes; // tensors and scratch alive at one time, at most: what no arena can undo
    uint64_t largest_bytes; // the largest single buffer
};

/* What a schedule must achieve: nodes to compute, and effects in their order. */
struct wg_targets {
    const char *name;
    struct wg_node *const *nodes;
    int count;
};

/*
 * Plans `count` schedules, by what was measured on the device where there is a choice (choices.h).
 * `forced` names an implementation to take wherever an op has it, for tests; NULL for the best.
 * Fails with WG_ERROR_MEMORY if the host has none, or if a tensor is larger than the device's
 * largest buffer or has more elements than kernels can count.
 */
bool wg_plan_create(const struct wg_graph *graph, const struct wg_device *device,
                    const struct wg_targets *targets, int count, const char *forced,
                    struct wg_plan **ret_plan);
void wg_plan_destroy(struct wg_plan *plan);

/* Additions and multiplications of a schedule, the direct forms counted. */
double wg_schedule_flops(const struct wg_schedule *schedule);

/* Bytes a node must at least move: every input read once, the result written once. */
double wg_node_moved_bytes(const struct wg_node *node);

/* The same of all nodes of a schedule. */
double wg_schedule_moved_bytes(const struct wg_schedule *schedule);

#endif
