#include "host/graph/plan.h"

#include "host/base/error.h"
#include "host/base/size.h"
#include "host/graph/choices.h"

#include <stdlib.h>
#include <string.h>

/* ---- order: pure nodes as they were built, then the effects as they were asked for ---- */

static void mark_needed(const struct wg_node *node, bool *needed)
{
    if (needed[node->index])
        return;
    needed[node->index] = true;
    for (int i = 0; i < node->in_count; i++)
        mark_needed(node->in[i], needed);
}

static void add_task(struct wg_schedule *schedule, struct wg_node *node,
                     const struct wg_device *device, const char *forced)
{
    schedule->tasks[schedule->count++] = (struct wg_task){
        .node = node,
        .implementation = wg_op_choose(node, device, forced),
        .scratch = {.bank = -1},
    };
}

static bool order(const struct wg_graph *graph, const struct wg_device *device,
                  const struct wg_targets *targets, const char *forced,
                  struct wg_schedule *schedule)
{
    int nodes = wg_graph_count(graph);
    bool *needed = calloc((size_t)nodes, sizeof *needed);
    schedule->name = targets->name;
    schedule->tasks = calloc((size_t)nodes, sizeof *schedule->tasks);
    schedule->placement = calloc((size_t)nodes, sizeof *schedule->placement);
    if (!needed || !schedule->tasks || !schedule->placement) {
        free(needed);
        return wg_fail_memory("a schedule");
    }
    for (int n = 0; n < nodes; n++)
        schedule->placement[n].bank = -1;
    for (int t = 0; t < targets->count; t++)
        mark_needed(targets->nodes[t], needed);
    for (int n = 0; n < nodes; n++) {
        struct wg_node *node = wg_graph_node(graph, n);
        if (needed[n] && wg_node_runs(node) && !node->op->is_effect)
            add_task(schedule, node, device, forced);
    }
    for (int t = 0; t < targets->count; t++)
        if (targets->nodes[t]->op && targets->nodes[t]->op->is_effect)
            add_task(schedule, targets->nodes[t], device, forced);
    free(needed);
    return true;
}

/*
 * ---- place: one after the other, each at the lowest gap among those alive with it ----
 *
 * The largest first. While gaps are left, the one that ends highest is placed before all others,
 * some times over ("squeaky wheel" optimisation: Joslin, Clements, 1999), and the best is taken.
 */

struct item {
    size_t bytes;
    int first, last; // tasks during which it must keep its contents
    int bank;
    size_t offset;
    struct wg_placement *placement;
};

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->first - y->first;
}

/* Lowest offset of `bank` where `item` meets none of the `placed` ones alive with it. */
static size_t lowest_offset(const struct item *item, const struct item *placed, int count, int bank)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            const struct item *other = &placed[i];
            if (other->bank != bank || other->last < item->first || item->last < other->first)
                continue;
            size_t end = other->offset + other->bytes;
            if (other->offset < offset + item->bytes && offset < end) {
                offset = end;
                moved = true;
            }
        }
    }
    return offset;
}

static void place_item(struct item *items, int index, size_t bank_limit)
{
    struct item *item = &items[index];
    for (item->bank = 0;; item->bank++) {
        item->offset = lowest_offset(item, items, index, item->bank);
        if (item->offset + item->bytes <= bank_limit || item->offset == 0)
            return;
    }
}

static bool ends_higher(const struct item *a, const struct item *b)
{
    return a->bank != b->bank ? a->bank > b->bank : a->offset + a->bytes > b->offset + b->bytes;
}

/* In the order of the items. Returns the bytes of all banks, and which item ends highest. */
static uint64_t place_items(struct item *items, int count, size_t bank_limit, int *ret_highest)
{
    uint64_t bytes = 0;
    *ret_highest = 0;
    for (int i = 0; i < count; i++) {
        place_item(items, i, bank_limit);
        if (ends_higher(&items[i], &items[*ret_highest]))
            *ret_highest = i;
    }
    for (int b = 0; count > 0 && b <= items[*ret_highest].bank; b++) {
        size_t end = 0;
        for (int i = 0; i < count; i++)
            if (items[i].bank == b && items[i].offset + items[i].bytes > end)
                end = items[i].offset + items[i].bytes;
        bytes += end;
    }
    return bytes;
}

static void move_to_front(struct item *items, int index)
{
    struct item moved = items[index];
    memmove(items + 1, items, (size_t)index * sizeof *items);
    items[0] = moved;
}

/* Places them in `best`, whose order may be another; `items` is for trials. */
static void place_well(struct item *items, struct item *best, int count, size_t bank_limit,
                       uint64_t alive)
{
    enum { TRIALS = 100 };
    int highest;
    qsort(items, (size_t)count, sizeof *items, compare_items);
    uint64_t least = place_items(items, count, bank_limit, &highest);
    memcpy(best, items, (size_t)count * sizeof *items);
    for (int trial = 0; trial < TRIALS && least > alive; trial++) {
        move_to_front(items, highest);
        uint64_t bytes = place_items(items, count, bank_limit, &highest);
        if (bytes < least) {
            least = bytes;
            memcpy(best, items, (size_t)count * sizeof *items);
        }
    }
}

/* All schedules share the banks. */
static void keep_placement(struct wg_plan *plan, const struct item *item)
{
    size_t end = item->offset + item->bytes;
    item->placement->bank = item->bank;
    item->placement->offset = item->offset;
    if (item->bank >= plan->bank_count)
        plan->bank_count = item->bank + 1;
    if (plan->bank_bytes[item->bank] < end)
        plan->bank_bytes[item->bank] = end;
}

static void add_item(struct item *items, int *count, struct wg_placement *placement, size_t bytes,
                     int task, size_t alignment)
{
    placement->bytes = bytes;
    items[(*count)++] = (struct item){.bytes = wg_round_up(bytes, alignment),
                                      .first = task,
                                      .last = task,
                                      .placement = placement};
}

/* Of the node, and of its moments if they are made behind it. */
static size_t scratch_of(const struct wg_task *task, const struct wg_device *device)
{
    const struct wg_node *node = task->node;
    const struct wg_implementation *by = task->implementation;
    const struct wg_implementation *moments = wg_moments_apart(by, node, device);
    size_t scratch = by->scratch ? by->scratch(node, device) : 0;
    if (moments && moments->scratch)
        scratch = wg_larger(scratch, moments->scratch(node->moments, device));
    return scratch;
}

/* One item per tensor and scratch of the schedule; items[] has room for two per node. */
static int collect_items(struct wg_schedule *schedule, const struct wg_device *device,
                         struct item *items, int *item_of)
{
    int count = 0;
    size_t alignment = device->buffer_alignment;
    for (int t = 0; t < schedule->count; t++) {
        struct wg_task *task = &schedule->tasks[t];
        const struct wg_node *node = task->node;
        for (int i = 0; i < node->in_count; i++)
            if (item_of[node->in[i]->storage->index] >= 0)
                items[item_of[node->in[i]->storage->index]].last = t;
        const struct wg_node *const results[] = {node, node->moments};
        for (int r = 0; r < 2; r++)
            if (results[r] && results[r]->storage == results[r]) {
                item_of[results[r]->index] = count;
                add_item(items, &count, &schedule->placement[results[r]->index],
                         wg_node_bytes(results[r]), t, alignment);
            }
        size_t scratch = scratch_of(task, device);
        if (scratch)
            add_item(items, &count, &task->scratch, scratch, t, alignment);
    }
    return count;
}

/* The largest sum of items alive during one task. */
static uint64_t count_alive(const struct item *items, int count, int tasks)
{
    uint64_t most = 0;
    for (int t = 0; t < tasks; t++) {
        uint64_t alive = 0;
        for (int i = 0; i < count; i++)
            if (items[i].first <= t && t <= items[i].last)
                alive += items[i].bytes;
        if (alive > most)
            most = alive;
    }
    return most;
}

static bool place(struct wg_plan *plan, struct wg_schedule *schedule,
                  const struct wg_targets *targets, const struct wg_device *device)
{
    int nodes = wg_graph_count(plan->graph);
    struct item *items = calloc(2 * (size_t)nodes, sizeof *items);
    struct item *best = calloc(2 * (size_t)nodes, sizeof *best);
    int *item_of = malloc((size_t)nodes * sizeof *item_of);
    if (!items || !best || !item_of) {
        free(items);
        free(best);
        free(item_of);
        return wg_fail_memory("a schedule");
    }
    for (int n = 0; n < nodes; n++)
        item_of[n] = -1;
    int count = collect_items(schedule, device, items, item_of);
    // A pure target is a result somebody reads afterwards.
    for (int t = 0; t < targets->count; t++)
        if (item_of[targets->nodes[t]->storage->index] >= 0)
            items[item_of[targets->nodes[t]->storage->index]].last = schedule->count;
    uint64_t alive = count_alive(items, count, schedule->count);
    if (alive > plan->alive_bytes)
        plan->alive_bytes = alive;
    place_well(items, best, count, (size_t)device->info.largest_buffer, alive);
    for (int i = 0; i < count; i++)
        keep_placement(plan, &best[i]);
    free(items);
    free(best);
    free(item_of);
    return true;
}

/* ---- the whole ---- */

static bool measure(struct wg_plan *plan, const struct wg_device *device)
{
    size_t largest_count = 0;
    for (int n = 0; n < wg_graph_count(plan->graph); n++) {
        const struct wg_node *node = wg_graph_node(plan->graph, n);
        size_t bytes = wg_node_bytes(node), count = wg_shape_count(&node->shape);
        if (node->storage != node)
            continue;
        if (!node->op || node->op->is_constant)
            plan->variable_bytes += bytes;
        if (bytes > plan->largest_bytes)
            plan->largest_bytes = bytes;
        if (count > largest_count)
            largest_count = count;
    }
    for (int b = 0; b < plan->bank_count; b++) {
        plan->arena_bytes += plan->bank_bytes[b];
        if (plan->bank_bytes[b] > plan->largest_bytes)
            plan->largest_bytes = plan->bank_bytes[b];
    }
    if (plan->largest_bytes > device->info.largest_buffer)
        return wg_fail(WG_ERROR_MEMORY,
                       "a tensor needs a buffer of %.1f MiB, the largest this device gives is "
                       "%.1f MiB",
                       (double)plan->largest_bytes / 0x1p20,
                       (double)device->info.largest_buffer / 0x1p20);
    if (largest_count > INT32_MAX)
        return wg_fail(WG_ERROR_MEMORY, "a tensor needs %zu elements, kernels count to %d",
                       largest_count, INT32_MAX);
    return true;
}

bool wg_plan_create(const struct wg_graph *graph, const struct wg_device *device,
                    const struct wg_targets *targets, int count, const char *forced,
                    struct wg_plan **ret_plan)
{
    struct wg_plan *plan = calloc(1, sizeof *plan);
    if (plan) {
        plan->graph = graph;
        plan->count = count;
        plan->schedules = calloc((size_t)count, sizeof *plan->schedules);
        // A bank holds at least one item.
        plan->bank_bytes = calloc(2 * (size_t)wg_graph_count(graph), sizeof *plan->bank_bytes);
    }
    bool ok = (plan && plan->schedules && plan->bank_bytes) || wg_fail_memory("a plan");
    wg_choices_apply(graph, device);
    for (int s = 0; ok && s < count; s++)
        ok = order(graph, device, &targets[s], forced, &plan->schedules[s]) &&
             place(plan, &plan->schedules[s], &targets[s], device);
    if (!ok || !measure(plan, device)) {
        wg_plan_destroy(plan);
        return false;
    }
    *ret_plan = plan;
    return true;
}

void wg_plan_destroy(struct wg_plan *plan)
{
    if (!plan)
        return;
    for (int s = 0; plan->schedules && s < plan->count; s++) {
        free(plan->schedules[s].tasks);
        free(plan->schedules[s].placement);
    }
    free(plan->schedules);
    free(plan->bank_bytes);
    free(plan);
}

double wg_schedule_flops(const struct wg_schedule *schedule)
{
    double flops = 0;
    for (int t = 0; t < schedule->count; t++) {
        const struct wg_node *node = schedule->tasks[t].node;
        if (node->op->flops)
            flops += node->op->flops(node);
    }
    return flops;
}

double wg_node_moved_bytes(const struct wg_node *node)
{
    double bytes = (double)wg_node_bytes(node);
    if (node->moments)
        bytes += (double)wg_node_bytes(node->moments);
    for (int i = 0; i < node->in_count; i++)
        bytes += (double)wg_node_bytes(node->in[i]);
    return bytes;
}

double wg_schedule_moved_bytes(const struct wg_schedule *schedule)
{
    double bytes = 0;
    for (int t = 0; t < schedule->count; t++)
        bytes += wg_node_moved_bytes(schedule->tasks[t].node);
    return bytes;
}
