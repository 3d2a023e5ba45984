/*
 * The memory of an execution: a buffer for each variable, constant and bank of the plan's arena,
 * and the parts of banks that tensors and scratch are.
 */
#include "host/base/array.h"
#include "host/base/error.h"
#include "host/base/size.h"
#include "host/device/clerror.h"
#include "host/device/memory.h"
#include "host/graph/bound.h"

#include <stdlib.h>

static bool create_variable(struct wg_exec *exec, const struct wg_node *node, void *values)
{
    cl_mem *buffer = &exec->variables[node->index];
    return values ? wg_device_lend_buffer(exec->device, wg_node_bytes(node), values, buffer)
                  : wg_device_create_buffer(exec->device, wg_round_up(wg_node_bytes(node), 4), 0,
                                            buffer);
}

bool wg_buffers_create(struct wg_exec *exec, void *const values[])
{
    const struct wg_plan *plan = exec->plan;
    // All bits set is a NaN: what reads the arena before anything is written there shows. It is the
    // largest, and so the first to choose among pages that are kept.
    for (int b = 0; b < plan->bank_count; b++)
        if (!wg_device_create_buffer(exec->device, plan->bank_bytes[b], UINT8_MAX, &exec->banks[b]))
            return false;
    for (int n = 0; n < exec->node_count; n++) {
        const struct wg_node *node = wg_graph_node(plan->graph, n);
        if (!node->op && !create_variable(exec, node, values ? values[n] : NULL))
            return false;
    }
    return CL_OK(clFlush(exec->device->queue));
}

/* Newest first: NVIDIA's driver (580.159) crashes where one of many sub-buffers of a buffer goes
 * before those made after it. */
static void release_buffers(cl_mem *buffers, int count)
{
    for (int i = count; buffers && i-- > 0;)
        if (buffers[i])
            clReleaseMemObject(buffers[i]);
    free(buffers);
}

void wg_buffers_destroy(struct wg_exec *exec)
{
    release_buffers(exec->parts, exec->part_count);
    release_buffers(exec->banks, exec->plan->bank_count);
    release_buffers(exec->variables, exec->node_count);
}

/* A sub-buffer of a bank, which the exec owns. NULL with a message on failure. */
static cl_mem create_part(struct wg_exec *exec, int bank, size_t offset, size_t bytes)
{
    cl_mem *grown =
        wg_array_grow(exec->parts, (size_t)exec->part_count, sizeof *grown, "sub-buffers");
    if (!grown)
        return NULL;
    exec->parts = grown;
    cl_int code;
    const cl_buffer_region region = {.origin = offset, .size = bytes};
    cl_mem part = clCreateSubBuffer(exec->banks[bank], CL_MEM_READ_WRITE,
                                    CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (!CL_CREATED(code, "clCreateSubBuffer"))
        return NULL;
    exec->parts[exec->part_count++] = part;
    return part;
}

/* The memory of a constant, from when it is first asked for. NULL with a message on failure. */
static cl_mem constant(struct wg_exec *exec, const struct wg_node *node)
{
    cl_mem *buffer = &exec->variables[node->index];
    size_t bytes = wg_node_bytes(node);
    float value = node->attr.scale;
    if (*buffer || !wg_device_create_buffer(exec->device, bytes, 0, buffer))
        return *buffer;
    if (!CL_OK(clEnqueueFillBuffer(exec->device->queue, *buffer, &value, sizeof value, 0, bytes, 0,
                                   NULL, NULL))) {
        clReleaseMemObject(*buffer);
        *buffer = NULL;
    }
    return *buffer;
}

cl_mem wg_buffers_tensor(struct wg_exec *exec, struct wg_bound_schedule *bound,
                         const struct wg_node *node)
{
    const struct wg_node *storage = node->storage;
    if (!storage->op)
        return exec->variables[storage->index];
    if (storage->op->is_constant)
        return constant(exec, storage);
    const struct wg_placement *place = &bound->schedule->placement[storage->index];
    const struct wg_node *part = node->storage_at ? node : storage;
    cl_mem *tensor = &bound->tensors[part->index];
    if (place->bank < 0)
        return wg_fail_null(WG_ERROR_ARGUMENT, "schedule '%s' does not compute '%s'",
                            bound->schedule->name, node->name);
    if (!*tensor)
        *tensor = create_part(exec, place->bank, place->offset + node->storage_at * sizeof(float),
                              wg_node_bytes(part));
    return *tensor;
}

static cl_mem scratch_buffer(struct wg_binder *binder, const struct wg_argument *argument)
{
    struct wg_exec *exec = binder->exec;
    const struct wg_placement *place = &binder->task->scratch;
    if (place->bank < 0 || argument->offset + argument->bytes > place->bytes)
        return wg_fail_null(WG_ERROR_ARGUMENT, "op '%s' uses more scratch than it asked for",
                            binder->task->node->name);
    return create_part(exec, place->bank, place->offset + argument->offset, argument->bytes);
}

cl_mem wg_buffers_argument(struct wg_binder *binder, const struct wg_argument *argument)
{
    return argument->kind == WG_ARGUMENT_SCRATCH
               ? scratch_buffer(binder, argument)
               : wg_buffers_tensor(binder->exec, binder->bound, argument->node);
}
