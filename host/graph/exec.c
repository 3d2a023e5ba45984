#include "host/graph/exec.h"

#include "host/base/error.h"
#include "host/device/clerror.h"
#include "host/graph/bound.h"

#include <stdlib.h>

/* ---- creation ---- */

struct building {
    struct wg_prebuild *programs;
    void (*progress)(void *user, int done, int total); // may be NULL
    void *user;
    int done;
};

static void report(struct building *building)
{
    int done = wg_prebuild_done(building->programs);
    if (building->progress && done != building->done)
        building->progress(building->user, done, wg_prebuild_total(building->programs));
    building->done = done;
}

static bool bind_task(struct wg_binder *binder)
{
    const struct wg_node *node = binder->task->node;
    const struct wg_implementation *by = binder->task->implementation;
    const struct wg_implementation *moments = wg_moments_apart(by, node, binder->device);
    return by->bind(node, binder) && (!moments || moments->bind(node->moments, binder));
}

bool wg_exec_note(struct wg_device *device, const struct wg_plan *plan, struct wg_prebuild *notes)
{
    bool ok = true;
    for (int s = 0; ok && s < plan->count; s++)
        for (int t = 0; ok && t < plan->schedules[s].count; t++)
            ok = bind_task(&(struct wg_binder){
                .device = device, .task = &plan->schedules[s].tasks[t], .notes = notes});
    return ok;
}

/* All programs at once, as far as that can be done. */
static bool prebuild(struct wg_device *device, const struct wg_plan *plan,
                     struct building *building)
{
    if (!wg_prebuild_create(device, &building->programs))
        return false;
    bool ok = wg_exec_note(device, plan, building->programs);
    if (ok)
        wg_prebuild_run(building->programs, building->progress, building->user);
    return ok;
}

bool wg_exec_prebuild(struct wg_device *device, const struct wg_plan *plan,
                      void (*progress)(void *user, int done, int total), void *user)
{
    struct building building = {.progress = progress, .user = user};
    bool ok = prebuild(device, plan, &building);
    wg_prebuild_destroy(building.programs);
    return ok;
}

static bool bind_schedule(struct wg_exec *exec, int index, struct building *building)
{
    struct wg_bound_schedule *bound = &exec->schedules[index];
    bound->schedule = &exec->plan->schedules[index];
    bound->tensors = calloc((size_t)exec->node_count, sizeof *bound->tensors);
    bool ok = bound->tensors || wg_fail_memory("a schedule");
    for (int t = 0; ok && t < bound->schedule->count; t++) {
        ok = bind_task(&(struct wg_binder){.device = exec->device,
                                           .task = &bound->schedule->tasks[t],
                                           .exec = exec,
                                           .bound = bound});
        if (ok)
            report(building);
    }
    return ok;
}

/* Whatever is missing is built one by one. */
static bool bind_all(struct wg_exec *exec, struct building *building)
{
    bool ok = prebuild(exec->device, exec->plan, building);
    for (int s = 0; ok && s < exec->plan->count; s++)
        ok = bind_schedule(exec, s, building);
    wg_prebuild_destroy(building->programs);
    return ok;
}

static bool create(struct wg_device *device, const struct wg_plan *plan, void *const values[],
                   struct building *building, struct wg_exec **ret_exec)
{
    int nodes = wg_graph_count(plan->graph);
    struct wg_exec *exec = calloc(1, sizeof *exec);
    if (exec) {
        exec->device = device;
        exec->plan = plan;
        exec->node_count = nodes;
        exec->variables = calloc((size_t)nodes, sizeof *exec->variables);
        exec->banks = calloc((size_t)plan->bank_count + 1, sizeof *exec->banks);
        exec->schedules = calloc((size_t)plan->count, sizeof *exec->schedules);
    }
    bool ok = (exec && exec->variables && exec->banks && exec->schedules) ||
              wg_fail_memory("the execution of a plan");
    // The device touches its memory while programs are loaded.
    ok = ok && wg_buffers_create(exec, values) && bind_all(exec, building) &&
         wg_device_finish(device);
    if (!ok) {
        wg_exec_destroy(exec);
        return false;
    }
    *ret_exec = exec;
    return true;
}

bool wg_exec_create(struct wg_device *device, const struct wg_plan *plan,
                    void (*progress)(void *user, int done, int total), void *user,
                    struct wg_exec **ret_exec)
{
    struct building building = {.progress = progress, .user = user};
    return create(device, plan, NULL, &building, ret_exec);
}

bool wg_exec_create_lent(struct wg_device *device, const struct wg_plan *plan, void *const values[],
                         struct wg_exec **ret_exec)
{
    struct building building = {.progress = NULL};
    return create(device, plan, values, &building, ret_exec);
}

void wg_exec_destroy(struct wg_exec *exec)
{
    if (!exec)
        return;
    clFinish(exec->device->queue);
    for (int s = 0; exec->schedules && s < exec->plan->count; s++) {
        struct wg_bound_schedule *bound = &exec->schedules[s];
        for (int l = 0; l < bound->count; l++)
            if (bound->launches[l].kernel)
                clReleaseKernel(bound->launches[l].kernel);
        free(bound->launches);
        free(bound->tensors);
    }
    free(exec->schedules);
    wg_buffers_destroy(exec);
    free(exec);
}

/* ---- running ---- */

static bool enqueue(struct wg_device *device, const struct wg_launch *launch, cl_event *event)
{
    if (!launch->kernel)
        return wg_blas_gemm(device, launch->gemm, launch->accumulate, launch->operand[0],
                            launch->operand[1], launch->operand[2], event);
    return CL_OK(clEnqueueNDRangeKernel(device->queue, launch->kernel, 3, NULL, launch->global,
                                        launch->local, 0, NULL, event));
}

bool wg_exec_run(struct wg_exec *exec, int schedule)
{
    const struct wg_bound_schedule *bound = &exec->schedules[schedule];
    for (int l = 0; l < bound->count; l++)
        if (!enqueue(exec->device, &bound->launches[l], NULL))
            return false;
    return CL_OK(clFlush(exec->device->queue));
}

static bool read_event(cl_event event, double *ret_seconds)
{
    cl_ulong start = 0, end = 0;
    if (!CL_OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof start, &start,
                                       NULL)) ||
        !CL_OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL)))
        return false;
    *ret_seconds = (double)(end - start) * 1e-9;
    return true;
}

/* Each launch waits for its end, so that few events live at a time. */
static bool time_launches(struct wg_exec *exec, int schedule, struct wg_task_time *times)
{
    const struct wg_bound_schedule *bound = &exec->schedules[schedule];
    for (int l = 0; l < bound->count; l++) {
        const struct wg_launch *launch = &bound->launches[l];
        cl_event event = NULL;
        double seconds = 0;
        bool ok = enqueue(exec->device, launch, &event) && wg_device_finish(exec->device) &&
                  read_event(event, &seconds);
        if (event)
            clReleaseEvent(event);
        if (!ok)
            return false;
        times[launch->task].seconds += seconds;
        times[launch->task].launches++;
    }
    return true;
}

bool wg_exec_profile(struct wg_exec *exec, int schedule, struct wg_task_time *times)
{
    struct wg_device *device = exec->device;
    cl_command_queue plain = device->queue;
    cl_int code;
    if (!wg_device_finish(device))
        return false;
    cl_command_queue queue =
        clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (!CL_CREATED(code, "clCreateCommandQueue with profiling"))
        return false;
    device->queue = queue;
    bool ok = time_launches(exec, schedule, times);
    device->queue = plain;
    clReleaseCommandQueue(queue);
    return ok;
}

bool wg_exec_write(struct wg_exec *exec, const struct wg_node *variable, const void *data)
{
    return CL_OK(clEnqueueWriteBuffer(exec->device->queue, exec->variables[variable->index],
                                      CL_TRUE, 0, wg_node_bytes(variable), data, 0, NULL, NULL));
}

bool wg_exec_read(struct wg_exec *exec, const struct wg_node *variable, void *ret_data)
{
    return CL_OK(clEnqueueReadBuffer(exec->device->queue, exec->variables[variable->index], CL_TRUE,
                                     0, wg_node_bytes(variable), ret_data, 0, NULL, NULL));
}

bool wg_exec_read_target(struct wg_exec *exec, int schedule, const struct wg_node *node,
                         void *ret_data)
{
    cl_mem buffer = wg_buffers_tensor(exec, &exec->schedules[schedule], node);
    return buffer && CL_OK(clEnqueueReadBuffer(exec->device->queue, buffer, CL_TRUE, 0,
                                               wg_node_bytes(node), ret_data, 0, NULL, NULL));
}

const void *wg_exec_map_target(struct wg_exec *exec, int schedule, const struct wg_node *node)
{
    cl_int code;
    cl_mem buffer = wg_buffers_tensor(exec, &exec->schedules[schedule], node);
    void *data = buffer ? clEnqueueMapBuffer(exec->device->queue, buffer, CL_TRUE, CL_MAP_READ, 0,
                                             wg_node_bytes(node), 0, NULL, NULL, &code)
                        : NULL;
    return buffer && CL_CREATED(code, "clEnqueueMapBuffer") ? data : NULL;
}

bool wg_exec_unmap_target(struct wg_exec *exec, int schedule, const struct wg_node *node,
                          const void *data)
{
    cl_mem buffer = wg_buffers_tensor(exec, &exec->schedules[schedule], node);
    return CL_OK(clEnqueueUnmapMemObject(exec->device->queue, buffer, (void *)(uintptr_t)data, 0,
                                         NULL, NULL));
}

int wg_exec_launch_count(const struct wg_exec *exec, int schedule)
{
    return exec->schedules[schedule].count;
}
