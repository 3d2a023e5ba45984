#include "host/graph/bind.h"

#include "host/base/array.h"
#include "host/base/error.h"
#include "host/base/size.h"
#include "host/device/clerror.h"
#include "host/graph/bound.h"

/* Of the last cache, what a result may take to be found there by the next kernel. Where it is
 * large, many cores share it: a Xeon of 480 MB writes 103 MB past it in 0.8 of the time. */
enum { CACHE_SHARE = 2, CACHE_MOST = 64 << 20 };

_Static_assert((int)WG_ARGUMENTS_MAX == (int)WG_KERNEL_ARGUMENTS_MAX, "all can be noted");

const struct wg_device *wg_binder_device(const struct wg_binder *binder)
{
    return binder->device;
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

void wg_define_activation(struct wg_defines *defines, const struct wg_node *node)
{
    wg_define_int(defines, "ACTIVATION", node->attr.activation);
    wg_define_float(defines, "SLOPE", node->attr.slope);
}

void wg_define_stream(struct wg_defines *defines, const struct wg_device *device, size_t bytes)
{
    size_t share = wg_smaller(device->cache_bytes / CACHE_SHARE, CACHE_MOST);
    if (wg_device_is_cpu(device) && share > 0 && bytes > share)
        wg_define_flag(defines, "STREAM");
}

size_t wg_scratch_align(const struct wg_device *device, size_t bytes)
{
    return wg_round_up(bytes, device->buffer_alignment);
}

static struct wg_launch *add_launch(struct wg_binder *binder)
{
    struct wg_bound_schedule *bound = binder->bound;
    struct wg_launch *grown =
        wg_array_grow(bound->launches, (size_t)bound->count, sizeof *grown, "kernel launches");
    if (!grown)
        return NULL;
    bound->launches = grown;
    struct wg_launch *launch = &bound->launches[bound->count++];
    *launch = (struct wg_launch){.task = (int)(binder->task - bound->schedule->tasks)};
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
        cl_mem buffer = wg_buffers_argument(binder, argument);
        if (!buffer)
            return false;
        code = clSetKernelArg(kernel, index, sizeof buffer, &buffer);
    }
    return code == CL_SUCCESS || wg_fail(WG_ERROR_DEVICE, "kernel '%s' of '%s': argument %u: %s",
                                         call->kernel, call->file, index, wg_cl_error_name(code));
}

int wg_call_count(const struct wg_call *call)
{
    int count = 0;
    while (count < WG_ARGUMENTS_MAX && call->arguments[count].kind != WG_ARGUMENT_END)
        count++;
    return count;
}

/* The kernel declares how many arguments it takes; a call that differs is our mistake. */
static bool set_arguments(struct wg_binder *binder, const struct wg_call *call, cl_kernel kernel)
{
    cl_uint wanted = 0, given = (cl_uint)wg_call_count(call);
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
        ret_global[d] = wg_round_up(wanted, ret_local[d]);
    }
}

static bool shape_launch(const struct wg_device *device, const struct wg_call *call,
                         struct wg_launch *launch)
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
    for (int d = 1; d < 3; d++)
        if (launch->global[d] / launch->local[d] > WG_GROUPS_MAX)
            return wg_fail(
                WG_ERROR_ARGUMENT,
                "kernel '%s' of '%s': %zu groups along dimension %d, expected %d at most",
                call->kernel, call->file, launch->global[d] / launch->local[d], d, WG_GROUPS_MAX);
    return true;
}

/* What a compiler wants to know of a call, before there is a kernel that could limit its group. */
static bool note(const struct wg_binder *binder, const struct wg_call *call)
{
    static const char kinds[] = {[WG_ARGUMENT_NODE] = 'b',
                                 [WG_ARGUMENT_SCRATCH] = 'b',
                                 [WG_ARGUMENT_INT] = 'i',
                                 [WG_ARGUMENT_FLOAT] = 'f'};
    const struct wg_device *device = binder->device;
    char arguments[WG_ARGUMENTS_MAX + 1] = "";
    struct wg_kernel_use use = {.file = call->file,
                                .kernel = call->kernel,
                                .defines = call->defines,
                                .arguments = arguments};
    for (int i = 0; i < wg_call_count(call); i++) {
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
    struct wg_launch *launch = add_launch(binder);
    struct wg_device *device = binder->device;
    return launch &&
           wg_program_kernel(device, call->file, call->kernel, call->defines, &launch->kernel) &&
           set_arguments(binder, call, launch->kernel) && shape_launch(device, call, launch);
}

bool wg_binder_largest_group(struct wg_binder *binder, const struct wg_call *call,
                             size_t *ret_largest)
{
    struct wg_device *device = binder->device;
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
    struct wg_launch *launch = add_launch(binder);
    if (!launch)
        return false;
    launch->gemm = size;
    launch->accumulate = accumulate;
    const struct wg_argument operand[3] = {a, b, c};
    for (int i = 0; i < 3; i++) {
        launch->operand[i] = wg_buffers_argument(binder, &operand[i]);
        if (!launch->operand[i])
            return false;
    }
    return true;
}
