#include "host/device/peak.h"

#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/device/clerror.h"
#include "host/device/memory.h"
#include "host/device/program.h"

/* As in cl/peak.cl */
enum { CHAINS = 12, UNROLL = 16 };
enum { RUNS = 9 };

/* Beyond every cache, and within every device. */
enum { STREAM_BYTES = 64 << 20, STREAM_BYTES_GPU = 256 << 20 };

struct shape {
    unsigned width; // floats in a vector
    size_t local;
    size_t global;
};

/* At most `wanted`, a power of two; so is the result, and it divides every larger one. */
static size_t largest_group(const struct wg_device *device, size_t wanted)
{
    while (wanted > device->info.work_group_size || wanted > device->work_item_sizes[0])
        wanted /= 2;
    return wanted;
}

static struct shape choose_shape(const struct wg_device *device)
{
    unsigned width = device->info.vector_width;
    if (wg_device_is_cpu(device))
        return (struct shape){.width = width >= 16  ? 16
                                       : width >= 8 ? 8
                                                    : 4,
                              .local = 1,
                              .global = 16 * (size_t)device->info.compute_units};
    size_t local = largest_group(device, 128);
    return (struct shape){
        .width = 1, .local = local, .global = local * 32 * device->info.compute_units};
}

static bool run(struct wg_device *device, cl_kernel kernel, const struct shape *shape, int times,
                double *ret_seconds)
{
    double start = wg_clock_seconds();
    for (int i = 0; i < times; i++)
        if (!CL_OK(clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &shape->global,
                                          &shape->local, 0, NULL, NULL)))
            return false;
    if (!wg_device_finish(device))
        return false;
    *ret_seconds = wg_clock_seconds() - start;
    return true;
}

/* Enlarges the work until a run lasts 50 ms, then takes the fastest of several. */
static bool measure(struct wg_device *device, cl_kernel kernel, const struct shape *shape,
                    double *ret_gflops)
{
    cl_int rounds = 256;
    double seconds = 0, best = 0;
    while (seconds < 0.05 && rounds < 1 << 24) {
        rounds *= 2;
        if (!CL_OK(clSetKernelArg(kernel, 1, sizeof rounds, &rounds)) ||
            !run(device, kernel, shape, 1, &seconds))
            return false;
    }
    double flop =
        2.0 * CHAINS * UNROLL * (double)rounds * (double)shape->width * (double)shape->global;
    for (int i = 0; i < RUNS; i++) {
        if (!run(device, kernel, shape, 1, &seconds))
            return false;
        if (flop / seconds > best)
            best = flop / seconds;
    }
    *ret_gflops = best * 1e-9;
    return true;
}

bool wg_device_measure_peak(struct wg_device *device, double *ret_gflops)
{
    struct shape shape = choose_shape(device);
    struct wg_defines defines = {0};
    cl_kernel kernel;
    cl_int code;
    wg_define_int(&defines, "VW", shape.width);
    if (!wg_program_kernel(device, "peak", "peak", &defines, &kernel))
        return false;
    cl_mem result = clCreateBuffer(device->context, CL_MEM_READ_WRITE,
                                   shape.global * shape.width * sizeof(float), NULL, &code);
    bool ok = CL_CREATED(code, "clCreateBuffer") &&
              CL_OK(clSetKernelArg(kernel, 0, sizeof result, &result)) &&
              measure(device, kernel, &shape, ret_gflops);
    if (code == CL_SUCCESS)
        clReleaseMemObject(result);
    clReleaseKernel(kernel);
    return ok;
}

/* As often as takes 10 ms, so that a launch does not count, the fastest of several. */
static bool stream(struct wg_device *device, cl_kernel kernel, cl_mem buffers[2], size_t bytes,
                   struct shape shape, double *ret_gbytes)
{
    shape.global = bytes / sizeof(float) / shape.width;
    double best = 0, seconds = 0;
    int times = 1;
    for (cl_uint i = 0; i < 2; i++)
        if (!CL_OK(clSetKernelArg(kernel, i, sizeof buffers[i], &buffers[i])))
            return false;
    while (seconds < 0.01 && times < 1 << 12) {
        times *= 2;
        if (!run(device, kernel, &shape, times, &seconds))
            return false;
    }
    for (int i = 0; i < RUNS; i++) {
        if (!run(device, kernel, &shape, times, &seconds))
            return false;
        double gbytes = 2e-9 * (double)times * (double)bytes / seconds;
        if (gbytes > best)
            best = gbytes;
    }
    *ret_gbytes = best;
    return true;
}

bool wg_device_measure_bandwidth(struct wg_device *device, double *ret_gbytes)
{
    struct shape shape = choose_shape(device);
    struct wg_defines defines = {0};
    cl_kernel kernel;
    cl_mem buffers[2] = {NULL, NULL};
    size_t bytes = wg_device_is_cpu(device) ? STREAM_BYTES : STREAM_BYTES_GPU;
    bool ok = true;
    while (bytes > device->info.largest_buffer || bytes > device->info.global_memory / 4)
        bytes /= 2;
    // One work item after the other lies on a CPU's thread anyway.
    if (wg_device_is_cpu(device))
        shape.local = largest_group(device, 64);
    else
        shape.width = 4;
    wg_define_int(&defines, "VW", shape.width);
    if (!wg_program_kernel(device, "peak", "stream", &defines, &kernel))
        return false;
    for (int i = 0; i < 2; i++)
        ok = ok && wg_device_create_buffer(device, bytes, 0, &buffers[i]);
    ok = ok && stream(device, kernel, buffers, bytes, shape, ret_gbytes);
    for (int i = 0; i < 2; i++)
        if (buffers[i])
            clReleaseMemObject(buffers[i]);
    clReleaseKernel(kernel);
    return ok;
}
