#include "host/graph/function.h"

#include "host/base/error.h"
#include "host/graph/fuse.h"

#include <stdlib.h>
#include <string.h>

bool wg_function_plan(struct wg_function *function, const struct wg_device *device,
                      const struct wg_targets *targets, int count, const char *forced)
{
    return wg_fuse(function->graph, device) &&
           wg_plan_create(function->graph, device, targets, count, forced, &function->plan);
}

bool wg_function_compile(struct wg_function *function, struct wg_device *device,
                         const struct wg_targets *targets, int count)
{
    return wg_function_plan(function, device, targets, count, NULL) &&
           wg_exec_create(device, function->plan, NULL, NULL, &function->exec);
}

void wg_function_finish(struct wg_function *function)
{
    wg_exec_destroy(function->exec);
    wg_plan_destroy(function->plan);
    wg_graph_destroy(function->graph);
    *function = (struct wg_function){0};
}

/* ---- many rows ---- */

static size_t row_size(const struct wg_rows *rows)
{
    return wg_shape_count(&rows->node->shape) / rows->node->shape.dim[0];
}

static bool write_rows(struct wg_exec *exec, const struct wg_rows *rows, size_t first, size_t count,
                       float *batch)
{
    size_t size = row_size(rows);
    memset(batch, 0, wg_node_bytes(rows->node));
    memcpy(batch, rows->from + first * size, count * size * sizeof *batch);
    return wg_exec_write(exec, rows->node, batch);
}

static bool read_rows(struct wg_exec *exec, int schedule, const struct wg_rows *rows, size_t first,
                      size_t count, float *batch)
{
    size_t size = row_size(rows);
    if (!wg_exec_read_target(exec, schedule, rows->node, batch))
        return false;
    memcpy(rows->to + first * size, batch, count * size * sizeof *batch);
    return true;
}

bool wg_function_map(const struct wg_function *function, int schedule, size_t count,
                     const struct wg_rows *rows, int tensors)
{
    struct wg_exec *exec = function->exec;
    size_t size = rows[0].node->shape.dim[0], bytes = 0;
    for (int t = 0; t < tensors; t++)
        bytes += wg_node_bytes(rows[t].node); // enough for the largest
    float *batch = malloc(bytes);
    bool ok = batch || wg_fail_memory("a batch");
    for (size_t first = 0; ok && first < count; first += size) {
        size_t n = count - first < size ? count - first : size;
        for (int t = 0; ok && t < tensors; t++)
            ok = !rows[t].from || write_rows(exec, &rows[t], first, n, batch);
        ok = ok && wg_exec_run(exec, schedule);
        for (int t = 0; ok && t < tensors; t++)
            ok = !rows[t].to || read_rows(exec, schedule, &rows[t], first, n, batch);
    }
    free(batch);
    return ok;
}
