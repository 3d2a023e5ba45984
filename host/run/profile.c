#include "host/run/profile.h"

#include "host/base/array.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };

/* ---- measuring ---- */

/* The shape; of weights' gradients also the images they come from, which tells layers apart. */
static void describe_output(const struct wg_node *node, char *ret_text, size_t size)
{
    size_t length = 0;
    for (int d = 0; d < node->shape.rank && length < size; d++)
        length += (size_t)snprintf(ret_text + length, size - length, d ? "x%zu" : "%zu",
                                   node->shape.dim[d]);
    if (node->op == &wg_op_conv2d_filter && length < size)
        snprintf(ret_text + length, size - length, " of %zux%zu", node->attr.conv.h,
                 node->attr.conv.w);
}

static struct wg_bench_node describe(const struct wg_task *task, const struct wg_task_time *time)
{
    const struct wg_node *node = task->node;
    struct wg_bench_node row = {
        .calls = 1,
        .launches = time->launches,
        .seconds = time->seconds,
        .gflop = node->op->flops ? node->op->flops(node) * 1e-9 : 0,
        .gbytes = wg_node_moved_bytes(node) * 1e-9,
    };
    snprintf(row.op, sizeof row.op, "%s", node->op->name);
    snprintf(row.implementation, sizeof row.implementation, "%s", task->implementation->name);
    describe_output(node, row.output, sizeof row.output);
    return row;
}

static bool is_same(const struct wg_bench_node *a, const struct wg_bench_node *b)
{
    return strcmp(a->op, b->op) == 0 && strcmp(a->implementation, b->implementation) == 0 &&
           strcmp(a->output, b->output) == 0;
}

static bool append(struct wg_bench_result *result, const struct wg_bench_node *row)
{
    struct wg_bench_node *grown =
        wg_array_grow(result->nodes, (size_t)result->node_count, sizeof *grown, "a profile");
    if (!grown)
        return false;
    grown[result->node_count++] = *row;
    result->nodes = grown;
    return true;
}

static bool add_task(void *user, const struct wg_task *task, const struct wg_task_time *time)
{
    struct wg_bench_result *result = user;
    const struct wg_bench_node row = describe(task, time);
    for (int i = 0; i < result->node_count; i++) {
        struct wg_bench_node *node = &result->nodes[i];
        if (!is_same(node, &row))
            continue;
        node->calls += row.calls;
        node->launches += row.launches;
        node->seconds += row.seconds;
        node->gflop += row.gflop;
        node->gbytes += row.gbytes;
        return true;
    }
    return append(result, &row);
}

static int by_seconds(const void *a, const void *b)
{
    const struct wg_bench_node *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

bool wg_profile(struct wg_trainer *trainer, struct wg_bench_result *result)
{
    for (int i = 0; i < STEPS; i++)
        if (!wg_trainer_profile(trainer, add_task, result))
            return false;
    for (int i = 0; i < result->node_count; i++) {
        struct wg_bench_node *node = &result->nodes[i];
        node->calls /= STEPS;
        node->launches /= STEPS;
        node->seconds /= STEPS;
        node->gflop /= STEPS;
        node->gbytes /= STEPS;
    }
    qsort(result->nodes, (size_t)result->node_count, sizeof *result->nodes, by_seconds);
    return true;
}

/* ---- JSON ---- */

static bool set_node(struct wg_json *json, const struct wg_bench_node *node)
{
    return json && wg_json_set_string(json, "op", node->op) &&
           wg_json_set_string(json, "implementation", node->implementation) &&
           wg_json_set_string(json, "output", node->output) &&
           wg_json_set_integer(json, "calls", node->calls) &&
           wg_json_set_integer(json, "launches", node->launches) &&
           wg_json_set_real(json, "seconds", node->seconds) &&
           wg_json_set_real(json, "gflop", node->gflop) &&
           wg_json_set_real(json, "gbytes", node->gbytes);
}

bool wg_profile_set_json(struct wg_json *json, const struct wg_bench_result *result)
{
    struct wg_json *nodes = wg_json_create_array();
    for (int i = 0; nodes && i < result->node_count; i++) {
        struct wg_json *node = wg_json_create_object();
        bool ok = set_node(node, &result->nodes[i]);
        if (!wg_json_append(nodes, node) || !ok) {
            wg_json_destroy(nodes);
            return false;
        }
    }
    return wg_json_set(json, "nodes", nodes);
}

static bool get_text(const struct wg_json *json, const char *key, char *ret_text, size_t size)
{
    const char *text;
    if (!wg_json_get_string(json, key, &text))
        return false;
    snprintf(ret_text, size, "%s", text);
    return true;
}

static bool get_count(const struct wg_json *json, const char *key, int *ret_count)
{
    int64_t number;
    if (!wg_json_get_integer(json, key, &number))
        return false;
    *ret_count = (int)number;
    return true;
}

static bool get_node(const struct wg_json *json, struct wg_bench_node *node)
{
    return get_text(json, "op", node->op, sizeof node->op) &&
           get_text(json, "implementation", node->implementation, sizeof node->implementation) &&
           get_text(json, "output", node->output, sizeof node->output) &&
           get_count(json, "calls", &node->calls) && get_count(json, "launches", &node->launches) &&
           wg_json_get_real(json, "seconds", &node->seconds) &&
           wg_json_get_real(json, "gflop", &node->gflop) &&
           wg_json_get_real(json, "gbytes", &node->gbytes);
}

bool wg_profile_get_json(const struct wg_json *json, struct wg_bench_result *result)
{
    const struct wg_json *nodes;
    if (!wg_json_find(json, "nodes"))
        return true;
    if (!wg_json_get_array(json, "nodes", &nodes))
        return false;
    for (size_t i = 0; i < wg_json_count(nodes); i++) {
        struct wg_bench_node node = {0};
        if (!get_node(wg_json_at(nodes, i), &node) || !append(result, &node))
            return false;
    }
    return true;
}
