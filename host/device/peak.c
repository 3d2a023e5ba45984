#include "host/device/peak.h"

#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/device/clerror.h"
#include "host/device/program.h"

/* As in cl/peak.cl */
enum { CHAINS = 12, UNROLL = 16 };
enum { RUNS = 9 };

struct shape {
    unsigned width; // floats in a vector
    size_t local;
    size_t global;
};

static struct shape choose_shape(const struct wg_device *device)
{
    unsigned width = device->info.vector_width;
    if (wg_device_is_cpu(device))
        return (struct shape){.width = width >= 16  ? 16
                                       : width >= 8 ? 8
                                                    : 4,
                              .local = 1,
                              .global = 16 * (size_t)device->info.compute_units};
    size_t local = device->info.work_group_size < 128 ? device->info.work_group_size : 128;
    if (local > device->work_item_sizes[0])
        local = device->work_item_sizes[0];
    return (struct shape){
        .width = 1, .local = local, .global = local * 32 * device->info.compute_units};
}

static bool run_once(struct wg_device *device, cl_kernel kernel, const struct shape *shape,
                     cl_int rounds, double *ret_seconds)
{
    if (!CL_OK(clSetKernelArg(kernel, 1, sizeof rounds, &rounds)))
        return false;
    double start = wg_clock_seconds();
    if (!CL_OK(clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &shape->global, &shape->local,
                                      0, NULL, NULL)) ||
        !wg_device_finish(device))
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
        if (!run_once(device, kernel, shape, rounds, &seconds))
            return false;
    }
    double flop =
        2.0 * CHAINS * UNROLL * (double)rounds * (double)shape->width * (double)shape->global;
    for (int i = 0; i < RUNS; i++) {
        if (!run_once(device, kernel, shape, rounds, &seconds))
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
