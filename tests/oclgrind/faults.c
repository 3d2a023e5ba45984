/*
 * faults NAME: commits a fault that Oclgrind must report, or none; so that tests/oclgrind/checked
 * is known to see faults. The kernels are given as text, since the product has none like them.
 */
#include "host/device/device.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *source;
} faults[] = {
    {"none", "kernel void k(global int *a, global int *b) { b[get_global_id(0)] = 1; }"},
    {"race", "kernel void k(global int *a, global int *b) { b[0] = get_global_id(0); }"},
    {"memory-never-written",
     "kernel void k(global int *a, global int *b) { int i = get_global_id(0); b[i] = a[i]; }"},
    {"variable-never-set", "kernel void k(global int *a, global int *b)"
                           "{ int never; b[get_global_id(0)] = never; }"},
    {"outside", "kernel void k(global int *a, global int *b) { b[get_global_id(0) + 61] = 1; }"},
};
enum { FAULTS = sizeof faults / sizeof faults[0], ITEMS = 4, PART = 256 };

/* Both arguments are parts of one buffer, as tensors are. */
static cl_int run(struct wg_device *device, const char *source)
{
    const size_t items = ITEMS, one = 1;
    const cl_int zero = 0;
    cl_program program = clCreateProgramWithSource(device->context, 1, &source, NULL, NULL);
    cl_int code = clBuildProgram(program, 1, &device->id, "-cl-std=CL1.2", NULL, NULL);
    if (code != CL_SUCCESS)
        return code;
    cl_kernel kernel = clCreateKernel(program, "k", NULL);
    cl_mem bank = clCreateBuffer(device->context, CL_MEM_READ_WRITE, 2 * PART, NULL, &code);
    code = clEnqueueFillBuffer(device->queue, bank, &zero, sizeof zero, 0, 2 * PART, 0, NULL, NULL);
    for (cl_uint i = 0; i < 2 && code == CL_SUCCESS; i++) {
        const cl_buffer_region region = {.origin = i * PART, .size = PART};
        cl_mem part = clCreateSubBuffer(bank, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                        &region, &code);
        if (code == CL_SUCCESS)
            code = clSetKernelArg(kernel, i, sizeof part, &part);
    }
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &items, &one, 0, NULL, NULL);
    return code == CL_SUCCESS ? clFinish(device->queue) : code;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < FAULTS; i++)
        if (argc == 2 && strcmp(argv[1], faults[i].name) == 0)
            return run(test_device(), faults[i].source) == CL_SUCCESS ? 0 : 2;
    fprintf(stderr, "usage: faults none|race|memory-never-written|variable-never-set|outside\n");
    return 2;
}
