#include "host/graph/exec.h"

#include "host/base/error.h"
#include "host/device/clerror.h"
#include "host/device/memory.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)WG_ARGUMENTS_MAX == (int)WG_KERNEL_ARGUMENTS_MAX, "all can be noted");

/* A kernel call or, with kernel NULL, a matrix product. */
struct launch {
    int task; // of the schedule
    cl_kernel kernel;
    size_t global[3];
    size_t local[3];
    struct wg_gemm_size gemm;
    bool accumulate;
    cl_mem operand[3];
};

struct bound_schedule {
    struct launch *launches;
    int count;
    int capacity;
    cl_mem *tensors; // by node index, once asked for: among the parts of wg_exec
};

struct wg_exec {
    struct wg_device *device;
    const struct wg_plan *plan;
    int node_count;    // of the graph, when this was made
    cl_mem *variables; // by node index
    cl_mem *banks;
    struct bound_schedule *schedules;
    cl_mem *parts; // all sub-buffers of banks, in the order in which they were made
    int part_count;
    int part_capacity;
};

struct wg_binder {
    struct wg_exec *exec;
    const struct wg_schedule *schedule;
    struct bound_schedule *bound;
    const struct wg_task *task; // being bound
    struct wg_prebuild *notes;  // not NULL: what is bound is only noted there
};

/* ---- memory ---- */

static bool create_memory(struct wg_exec *exec)
{
    const struct wg_plan *plan = exec->plan;
    for (int n = 0; n < exec->node_count; n++) {
        const struct wg_node *node = wg_graph_node(plan->graph, n);
        size_t bytes = (wg_node_bytes(node) + 3) / 4 * 4;
        if (!node->op && !wg_device_create_buffer(exec->device, bytes, 0, &exec->variables[n]))
            return false;
    }
    // All bits set is a NaN: what reads the arena before anything is written there shows.
    for (int b = 0; b < plan->bank_count; b++)
        if (!wg_device_create_buffer(exec->device, plan->bank_bytes[b], UINT8_MAX, &exec->banks[b]))
            return false;
    return CL_OK(clFlush(exec->device->queue));
}

/* A sub-buffer of a bank, which the exec owns. NULL with a message on failure. */
static cl_mem create_part(struct wg_exec *exec, int bank, size_t offset, size_t bytes)
{
    if (exec->part_count == exec->part_capacity) {
        int capacity = exec->part_capacity ? 2 * exec->part_capacity : 32;
        cl_mem *grown = realloc(exec->parts, (size_t)capacity * sizeof *grown);
        if (!grown) {
            wg_fail_memory("sub-buffers");
            return NULL;
        }
        exec->parts = grown;
        exec->part_capacity = capacity;
    }
    cl_int code;
    const cl_buffer_region region = {.origin = offset, .size = bytes};
    cl_mem part = clCreateSubBuffer(exec->banks[bank], CL_MEM_READ_WRITE,
                                    CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (!CL_CREATED(code, "clCreateSubBuffer"))
        return NULL;
    exec->parts[exec->part_count++] = part;
    return part;
}

/* The buffer of a node within a schedule; NULL with a message on failure. */
static cl_mem tensor_buffer(struct wg_exec *exec, const struct wg_schedule *schedule,
                            struct bound_schedule *bound, const struct wg_node *node)
{
    const struct wg_node *storage = node->storage;
    if (!storage->op)
        return exec->variables[storage->index];
    const struct wg_placement *place = &schedule->placement[storage->index];
    cl_mem *tensor = &bound->tensors[storage->index];
    if (place->bank < 0)
        return wg_fail_null(WG_ERROR_ARGUMENT, "schedule '%s' does not compute '%s'",
                            schedule->name, node->name);
    if (!*tensor)
        *tensor = create_part(exec, place->bank, place->offset, place->bytes);
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

static cl_mem argument_buffer(struct wg_binder *binder, const struct wg_argument *argument)
{
    return argument->kind == WG_ARGUMENT_SCRATCH
               ? scratch_buffer(binder, argument)
               : tensor_buffer(binder->exec, binder->schedule, binder->bound, argument->node);
}

/* ---- binding ---- */

const struct wg_device *wg_binder_device(const struct wg_binder *binder)
{
    return binder->exec->device;
}

unsigned wg_vector_width(const struct wg_device *device, size_t length)
{
    unsigned width = device->info.vector_width;
    if (!wg_device_is_cpu(device))
        width = 4;
    unsigned found = 1;
    for (unsigned w = 2; w <= 16 && w <= width; w *= 2)
        if (length % w == 0)
            found = w;
    return found;
}

void wg_define_stream(struct wg_defines *defines, const struct wg_device *device, size_t bytes)
{
    if (wg_device_is_cpu(device) && device->cache_bytes > 0 && bytes > device->cache_bytes / 2)
        wg_define_flag(defines, "STREAM");
}

size_t wg_scratch_align(const struct wg_device *device, size_t bytes)
{
    size_t alignment = device->buffer_alignment;
    return (bytes + alignment - 1) / alignment * alignment;
}

static struct launch *add_launch(struct wg_binder *binder)
{
    struct bound_schedule *bound = binder->bound;
    if (bound->count == bound->capacity) {
        int capacity = bound->capacity ? 2 * bound->capacity : 64;
        struct launch *grown = realloc(bound->launches, (size_t)capacity * sizeof *grown);
        if (!grown) {
            wg_fail_memory("kernel launches");
            return NULL;
        }
        bound->launches = grown;
        bound->capacity = capacity;
    }
    struct launch *launch = &bound->launches[bound->count++];
    *launch = (struct launch){.task = (int)(binder->task - binder->schedule->tasks)};
    return launch;
}

static bool set_argument(struct wg_binder *binder, const struct wg_call *call, cl_kernel kernel,
                         cl_uint index)
{
    const struct wg_argument *argument = &call->arguments[index];
    cl_int code;
    if (argument->kind == WG_ARGUMENT_INT) {
        cl_int number = argument->number;
        code = clSetKernelArg(kernel, index, sizeof number, &number);
    } else if (argument->kind == WG_ARGUMENT_FLOAT) {
        cl_float real = argument->real;
        code = clSetKernelArg(kernel, index, sizeof real, &real);
    } else {
        cl_mem buffer = argument_buffer(binder, argument);
        if (!buffer)
            return false;
        code = clSetKernelArg(kernel, index, sizeof buffer, &buffer);
    }
    return code == CL_SUCCESS || wg_fail(WG_ERROR_DEVICE, "kernel '%s' of '%s': argument %u: %s",
                                         call->kernel, call->file, index, wg_cl_error_name(code));
}

/* The kernel declares how many arguments it takes; a call that differs is our mistake. */
static bool set_arguments(struct wg_binder *binder, const struct wg_call *call, cl_kernel kernel)
{
    cl_uint wanted = 0, given = 0;
    while (given < WG_ARGUMENTS_MAX && call->arguments[given].kind != WG_ARGUMENT_END)
        given++;
    if (!CL_OK(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof wanted, &wanted, NULL)))
        return false;
    if (wanted != given)
        return wg_fail(WG_ERROR_ARGUMENT, "kernel '%s' of '%s' takes %u arguments, got %u",
                       call->kernel, call->file, wanted, given);
    for (cl_uint i = 0; i < given; i++)
        if (!set_argument(binder, call, kernel, i))
            return false;
    return true;
}

/* Lanes of a group along the first dimension. A rule of few outcomes: pocl compiles a kernel anew
 * for every group size it meets. */
static size_t default_lanes(const struct wg_device *device, const struct wg_call *call,
                            size_t largest)
{
    size_t lanes = call->global[1] > 1 ? 8 : 64;
    if (!wg_device_is_cpu(device))
        lanes = call->global[1] > 1 ? 64 : 128;
    while (lanes > 1 && (lanes > largest || lanes > device->work_item_sizes[0]))
        lanes /= 2;
    return lanes;
}

static bool largest_group(const struct wg_device *device, cl_kernel kernel, size_t *ret_largest)
{
    return CL_OK(clGetKernelWorkGroupInfo(kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                          sizeof *ret_largest, ret_largest, NULL));
}

/* Group size and rounded global size, where a group has `largest` work items at most. */
static void shape(const struct wg_device *device, const struct wg_call *call, size_t largest,
                  size_t ret_global[3], size_t ret_local[3])
{
    for (int d = 0; d < 3; d++)
        ret_local[d] = call->local[d] ? call->local[d] : 1;
    if (!call->local[0])
        ret_local[0] = default_lanes(device, call, largest);
    for (int d = 0; d < 3; d++) {
        size_t wanted = call->global[d] ? call->global[d] : 1;
        ret_global[d] = (wanted + ret_local[d] - 1) / ret_local[d] * ret_local[d];
    }
}

static bool shape_launch(const struct wg_device *device, const struct wg_call *call,
                         struct launch *launch)
{
    size_t largest = 1;
    if (!largest_group(device, launch->kernel, &largest))
        return false;
    shape(device, call, largest, launch->global, launch->local);
    if (launch->local[0] * launch->local[1] * launch->local[2] > largest)
        return wg_fail(WG_ERROR_DEVICE,
                       "kernel '%s' of '%s' needs groups of %zu x %zu x %zu work items, this "
                       "device runs %zu",
                       call->kernel, call->file, launch->local[0], launch->local[1],
                       launch->local[2], largest);
    return true;
}

/* What a compiler wants to know of a call, before there is a kernel that could limit its group. */
static bool note(const struct wg_binder *binder, const struct wg_call *call)
{
    static const char kinds[] = {[WG_ARGUMENT_NODE] = 'b',
                                 [WG_ARGUMENT_SCRATCH] = 'b',
                                 [WG_ARGUMENT_INT] = 'i',
                                 [WG_ARGUMENT_FLOAT] = 'f'};
    const struct wg_device *device = binder->exec->device;
    char arguments[WG_ARGUMENTS_MAX + 1] = "";
    struct wg_kernel_use use = {.file = call->file,
                                .kernel = call->kernel,
                                .defines = call->defines,
                                .arguments = arguments};
    for (int i = 0; i < WG_ARGUMENTS_MAX && call->arguments[i].kind != WG_ARGUMENT_END; i++) {
        const struct wg_argument *a = &call->arguments[i];
        size_t bytes = a->kind == WG_ARGUMENT_NODE ? wg_node_bytes(a->node->storage) : a->bytes;
        arguments[i] = kinds[a->kind];
        use.bytes = bytes > use.bytes ? bytes : use.bytes;
    }
    shape(device, call, device->info.work_group_size, use.global, use.local);
    return wg_prebuild_add(binder->notes, &use);
}

bool wg_bind_kernel(struct wg_binder *binder, const struct wg_call *call)
{
    if (binder->notes)
        return note(binder, call);
    struct launch *launch = add_launch(binder);
    struct wg_device *device = binder->exec->device;
    return launch &&
           wg_program_kernel(device, call->file, call->kernel, call->defines, &launch->kernel) &&
           set_arguments(binder, call, launch->kernel) && shape_launch(device, call, launch);
}

bool wg_binder_largest_group(struct wg_binder *binder, const struct wg_call *call,
                             size_t *ret_largest)
{
    struct wg_device *device = binder->exec->device;
    if (binder->notes) { // nothing is built yet: the device's word
        *ret_largest = device->info.work_group_size;
        return true;
    }
    cl_kernel kernel;
    if (!wg_program_kernel(device, call->file, call->kernel, call->defines, &kernel))
        return false;
    bool ok = largest_group(device, kernel, ret_largest);
    clReleaseKernel(kernel);
    return ok;
}

bool wg_bind_gemm(struct wg_binder *binder, struct wg_gemm_size size, bool accumulate,
                  struct wg_argument a, struct wg_argument b, struct wg_argument c)
{
    if (binder->notes)
        return true;
    struct launch *launch = add_launch(binder);
    if (!launch)
        return false;
    launch->gemm = size;
    launch->accumulate = accumulate;
    const struct wg_argument operand[3] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        launch->operand[i] = argument_buffer(binder, &operand[i]);
        if (!launch->operand[i])
            return false;
    }
    return true;
}

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

static bool note_schedule(struct wg_exec *exec, int index, struct wg_prebuild *notes)
{
    const struct wg_schedule *schedule = &exec->plan->schedules[index];
    for (int t = 0; t < schedule->count; t++) {
        struct wg_binder binder = {
            .exec = exec, .schedule = schedule, .task = &schedule->tasks[t], .notes = notes};
        if (!schedule->tasks[t].implementation->bind(schedule->tasks[t].node, &binder))
            return false;
    }
    return true;
}

static bool bind_schedule(struct wg_exec *exec, int index, struct building *building)
{
    const struct wg_schedule *schedule = &exec->plan->schedules[index];
    struct bound_schedule *bound = &exec->schedules[index];
    bound->tensors = calloc((size_t)exec->node_count, sizeof *bound->tensors);
    if (!bound->tensors)
        return wg_fail_memory("a schedule");
    for (int t = 0; t < schedule->count; t++) {
        struct wg_binder binder = {
            .exec = exec, .schedule = schedule, .bound = bound, .task = &schedule->tasks[t]};
        if (!schedule->tasks[t].implementation->bind(schedule->tasks[t].node, &binder))
            return false;
        report(building);
    }
    return true;
}

bool wg_exec_note(struct wg_device *device, const struct wg_plan *plan, struct wg_prebuild *notes)
{
    struct wg_exec exec = {.device = device, .plan = plan};
    for (int s = 0; s < plan->count; s++)
        if (!note_schedule(&exec, s, notes))
            return false;
    return true;
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

/* Whatever is missing is built one by one. */
static bool bind_all(struct wg_exec *exec, struct building *building)
{
    bool ok = prebuild(exec->device, exec->plan, building);
    for (int s = 0; ok && s < exec->plan->count; s++)
        ok = bind_schedule(exec, s, building);
    wg_prebuild_destroy(building->programs);
    return ok;
}

bool wg_exec_create(struct wg_device *device, const struct wg_plan *plan,
                    void (*progress)(void *user, int done, int total), void *user,
                    struct wg_exec **ret_exec)
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
    ok = ok && create_memory(exec) &&
         bind_all(exec, &(struct building){.progress = progress, .user = user}) &&
         wg_device_finish(device);
    if (!ok) {
        wg_exec_destroy(exec);
        return false;
    }
    *ret_exec = exec;
    return true;
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

void wg_exec_destroy(struct wg_exec *exec)
{
    if (!exec)
        return;
    clFinish(exec->device->queue);
    for (int s = 0; exec->schedules && s < exec->plan->count; s++) {
        struct bound_schedule *bound = &exec->schedules[s];
        for (int l = 0; l < bound->count; l++)
            if (bound->launches[l].kernel)
                clReleaseKernel(bound->launches[l].kernel);
        free(bound->launches);
        free(bound->tensors);
    }
    free(exec->schedules);
    release_buffers(exec->parts, exec->part_count);
    release_buffers(exec->banks, exec->plan->bank_count);
    release_buffers(exec->variables, exec->node_count);
    free(exec);
}

/* ---- running ---- */

static bool enqueue(struct wg_device *device, const struct launch *launch, cl_event *event)
{
    if (!launch->kernel)
        return wg_blas_gemm(device, launch->gemm, launch->accumulate, launch->operand[0],
                            launch->operand[1], launch->operand[2], event);
    return CL_OK(clEnqueueNDRangeKernel(device->queue, launch->kernel, 3, NULL, launch->global,
                                        launch->local, 0, NULL, event));
}

bool wg_exec_run(struct wg_exec *exec, int schedule)
{
    const struct bound_schedule *bound = &exec->schedules[schedule];
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
    const struct bound_schedule *bound = &exec->schedules[schedule];
    for (int l = 0; l < bound->count; l++) {
        const struct launch *launch = &bound->launches[l];
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
    cl_mem buffer =
        tensor_buffer(exec, &exec->plan->schedules[schedule], &exec->schedules[schedule], node);
    return buffer && CL_OK(clEnqueueReadBuffer(exec->device->queue, buffer, CL_TRUE, 0,
                                               wg_node_bytes(node), ret_data, 0, NULL, NULL));
}

int wg_exec_launch_count(const struct wg_exec *exec, int schedule)
{
    return exec->schedules[schedule].count;
}
