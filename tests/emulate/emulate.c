/*
 * Another device than the one at hand: preloaded (LD_PRELOAD), this library changes what OpenCL
 * tells of a device, and refuses what the device it pretends to be would refuse. So the tests meet
 * small limits and the code for GPUs without such a device.
 *
 * The environment variable EMULATE says which, as a list with commas:
 *
 *   cpu, gpu   the type of device
 *   group=N    work items of a group, in all and along each dimension
 *   local=N    bytes of local memory
 *   nolocal    a GPU whose local memory is a part of the global one
 *   buffer=N   bytes of the largest buffer
 *   align=N    bytes that the origin of a sub-buffer must be a multiple of
 *   vector=N   native width of float vectors
 *   units=N    compute units
 *   capability=N
 *              an NVIDIA GPU of this compute capability, 90 for 9.0, by its own driver
 *   crash=K    a driver that dies at the kernel of this name,
 *   exit=K     one that ends the process there,
 *   hang=K     one that does not come back from it,
 *   skip=K     one that does not run it, and says nothing
 *   platforms=N, devices=N
 *              a driver that fails with the error -N where its platforms or devices are asked for
 *   full=DIR   no room is left on the disk of this folder and those below it
 *   poison     memory of which sub-buffers are made (all but variables, host/graph/buffers.c) is
 *              NaNs before anything is computed: what reads before it writes spoils its results
 *   oclgrind   the device is Oclgrind's, whose shadow of a buffer must be made (see below); with
 *              poison, that memory counts as uninitialised
 *
 * A refusal says on stderr what was asked for, since the caller sees no more than an error code.
 */
#define _GNU_SOURCE // RTLD_NEXT

#include <CL/cl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct {
    cl_device_type type;
    size_t group, local, buffer, align, vector, units, capability;
    size_t platforms, devices; // codes of errors
    bool nolocal, poison, oclgrind;
    char crash[256], exit[256], hang[256], skip[256]; // names of kernels; empty: none
    char full[256];                                   // a folder; empty: none
} emulated;

static cl_command_queue last_queue;

/* Buffers of which no sub-buffer was made yet. */
enum { FRESH_MAX = 4096 };
static cl_mem fresh[FRESH_MAX];

/* Defines `next`, the function of the same name in the library after this one. */
#define NEXT(name)                                                                                 \
    static __typeof__(&name) next;                                                                 \
    if (!next)                                                                                     \
    *(void **)&next = find_next(#name)

static void *find_next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) {
        fprintf(stderr, "emulate: no %s: %s\n", name, dlerror());
        abort();
    }
    return function;
}

/* "crash=conv2d_direct" */
static bool read_fault(const char *word)
{
    static const struct {
        const char *name;
        char *where;
    } faults[] = {{"crash=", emulated.crash},
                  {"exit=", emulated.exit},
                  {"hang=", emulated.hang},
                  {"skip=", emulated.skip},
                  {"full=", emulated.full}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        size_t length = strlen(faults[i].name);
        if (strncmp(word, faults[i].name, length) == 0)
            return snprintf(faults[i].where, sizeof emulated.crash, "%s", word + length) > 0;
    }
    return false;
}

/* One word of the list; false if there is no such. */
static bool read_setting(const char *word)
{
    static const struct {
        const char *name;
        size_t *value;
    } numbers[] = {
        {"group=", &emulated.group},           {"local=", &emulated.local},
        {"buffer=", &emulated.buffer},         {"align=", &emulated.align},
        {"vector=", &emulated.vector},         {"units=", &emulated.units},
        {"capability=", &emulated.capability}, {"platforms=", &emulated.platforms},
        {"devices=", &emulated.devices},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t length = strlen(numbers[i].name);
        if (strncmp(word, numbers[i].name, length) == 0)
            return (*numbers[i].value = strtoul(word + length, NULL, 10)) > 0;
    }
    if (strcmp(word, "cpu") == 0)
        emulated.type = CL_DEVICE_TYPE_CPU;
    else if (strcmp(word, "gpu") == 0)
        emulated.type = CL_DEVICE_TYPE_GPU;
    else if (strcmp(word, "nolocal") == 0)
        emulated.nolocal = true;
    else if (strcmp(word, "poison") == 0)
        emulated.poison = true;
    else if (strcmp(word, "oclgrind") == 0)
        emulated.oclgrind = true;
    else
        return read_fault(word);
    return true;
}

__attribute__((constructor)) static void read_settings(void)
{
    const char *list = getenv("EMULATE");
    char *copy = strdup(list ? list : ""), *rest = NULL;
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
        if (!read_setting(word)) {
            fprintf(stderr, "emulate: '%s' in EMULATE can't be understood\n", word);
            abort();
        }
    free(copy);
}

static cl_int refuse(cl_int code, const char *what, size_t asked, size_t limit)
{
    fprintf(stderr, "emulate: refused: %s is %zu, this device has %zu\n", what, asked, limit);
    return code;
}

/* For functions that return an object and put their status where the caller wants, if he does. */
static cl_mem fail(cl_int code, cl_int *ret_code)
{
    if (ret_code)
        *ret_code = code;
    return NULL;
}

/* ---- what is told ---- */

int statvfs(const char *restrict path, struct statvfs *restrict ret_disk)
{
    NEXT(statvfs);
    int code = next(path, ret_disk);
    size_t length = strlen(emulated.full);
    if (code == 0 && length > 0 && strncmp(path, emulated.full, length) == 0)
        ret_disk->f_bavail = 0;
    return code;
}

/* The emulated value of a number that a query returns in `value`; `limit` 0: as it is. */
static void lower_long(void *value, size_t limit)
{
    cl_ulong number;
    memcpy(&number, value, sizeof number);
    if (limit > 0 && limit < number)
        number = limit;
    memcpy(value, &number, sizeof number);
}

static void replace_uint(void *value, size_t number)
{
    const cl_uint narrow = (cl_uint)number;
    if (number > 0)
        memcpy(value, &narrow, sizeof narrow);
}

CL_API_ENTRY cl_int CL_API_CALL clGetPlatformIDs(cl_uint count, cl_platform_id *platforms,
                                                 cl_uint *ret_count)
{
    NEXT(clGetPlatformIDs);
    return emulated.platforms ? -(cl_int)emulated.platforms : next(count, platforms, ret_count);
}

CL_API_ENTRY cl_int CL_API_CALL clGetDeviceIDs(cl_platform_id platform, cl_device_type type,
                                               cl_uint count, cl_device_id *devices,
                                               cl_uint *ret_count)
{
    NEXT(clGetDeviceIDs);
    return emulated.devices ? -(cl_int)emulated.devices
                            : next(platform, type, count, devices, ret_count);
}

CL_API_ENTRY cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info what,
                                                  size_t size, void *value, size_t *ret_size)
{
    static const char name[] = "NVIDIA CUDA";
    NEXT(clGetPlatformInfo);
    if (!emulated.capability || what != CL_PLATFORM_NAME || (value && size < sizeof name))
        return next(platform, what, size, value, ret_size);
    if (value)
        memcpy(value, name, sizeof name);
    if (ret_size)
        *ret_size = sizeof name;
    return CL_SUCCESS;
}

/* What cl_nv_device_attribute_query adds; false: `what` is something else. */
static bool tell_nvidia(cl_device_info what, size_t size, void *value, size_t *ret_size)
{
    enum { MAJOR = 0x4000, MINOR = 0x4001 };
    static const char extensions[] = "cl_nv_device_attribute_query";
    cl_uint capability = (cl_uint)emulated.capability;
    cl_uint number = what == MAJOR ? capability / 10 : capability % 10;
    bool is_list = what == CL_DEVICE_EXTENSIONS;
    size_t bytes = is_list ? sizeof extensions : sizeof number;
    if (!capability || (!is_list && what != MAJOR && what != MINOR))
        return false;
    if (value && size < bytes)
        return false;
    if (value)
        memcpy(value, is_list ? (const void *)extensions : &number, bytes);
    if (ret_size)
        *ret_size = bytes;
    return true;
}

CL_API_ENTRY cl_int CL_API_CALL clGetDeviceInfo(cl_device_id device, cl_device_info what,
                                                size_t size, void *value, size_t *ret_size)
{
    NEXT(clGetDeviceInfo);
    cl_int code = tell_nvidia(what, size, value, ret_size)
                      ? CL_SUCCESS
                      : next(device, what, size, value, ret_size);
    if (code != CL_SUCCESS || !value)
        return code;
    switch (what) {
    case CL_DEVICE_TYPE:
        if (emulated.type)
            memcpy(value, &emulated.type, sizeof emulated.type);
        break;
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        lower_long(value, emulated.group);
        break;
    case CL_DEVICE_MAX_WORK_ITEM_SIZES:
        for (size_t d = 0; d < 3; d++)
            lower_long((size_t *)value + d, emulated.group);
        break;
    case CL_DEVICE_LOCAL_MEM_SIZE:
        lower_long(value, emulated.local);
        break;
    case CL_DEVICE_LOCAL_MEM_TYPE: // a CPU's is memory like any other
        if (emulated.type == CL_DEVICE_TYPE_GPU)
            replace_uint(value, emulated.nolocal ? CL_GLOBAL : CL_LOCAL);
        break;
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        lower_long(value, emulated.buffer);
        break;
    case CL_DEVICE_MEM_BASE_ADDR_ALIGN:
        replace_uint(value, 8 * emulated.align);
        break;
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        replace_uint(value, emulated.units);
        break;
    case CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT:
    case CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT:
        replace_uint(value, emulated.vector);
        break;
    }
    return code;
}

CL_API_ENTRY cl_int CL_API_CALL clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device,
                                                         cl_kernel_work_group_info what,
                                                         size_t size, void *value, size_t *ret_size)
{
    NEXT(clGetKernelWorkGroupInfo);
    cl_int code = next(kernel, device, what, size, value, ret_size);
    if (code == CL_SUCCESS && value && what == CL_KERNEL_WORK_GROUP_SIZE)
        lower_long(value, emulated.group);
    return code;
}

/* ---- what is refused ---- */

static cl_int check_group(cl_uint dimensions, const size_t *local)
{
    size_t items = 1;
    for (cl_uint d = 0; local && d < dimensions; d++)
        items *= local[d];
    if (emulated.group && items > emulated.group)
        return refuse(CL_INVALID_WORK_GROUP_SIZE, "a group's size", items, emulated.group);
    return CL_SUCCESS;
}

static cl_int check_local_memory(cl_command_queue queue, cl_kernel kernel)
{
    cl_device_id device;
    cl_ulong bytes = 0;
    cl_int code = clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL);
    if (code == CL_SUCCESS)
        code = clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes,
                                        &bytes, NULL);
    if (code != CL_SUCCESS)
        return code;
    if (emulated.local && bytes > emulated.local)
        return refuse(CL_OUT_OF_RESOURCES, "a kernel's local memory", bytes, emulated.local);
    return CL_SUCCESS;
}

/* ---- what goes wrong ---- */

/* Whether the kernel is to be skipped; that which crashes, exits or hangs does so here. */
static bool meet_fault(cl_kernel kernel)
{
    char name[64] = "";
    if (clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL) != CL_SUCCESS)
        return false;
    if (strcmp(name, emulated.crash) == 0)
        raise(SIGSEGV);
    if (strcmp(name, emulated.exit) == 0)
        exit(1); // as LLVM does when it can't write
    while (strcmp(name, emulated.hang) == 0)
        pause();
    return name[0] && strcmp(name, emulated.skip) == 0;
}

CL_API_ENTRY cl_int CL_API_CALL clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel,
                                                       cl_uint dimensions, const size_t *offset,
                                                       const size_t *global, const size_t *local,
                                                       cl_uint count, const cl_event *waits,
                                                       cl_event *event)
{
    NEXT(clEnqueueNDRangeKernel);
    cl_int code = check_group(dimensions, local);
    if (code == CL_SUCCESS)
        code = check_local_memory(queue, kernel);
    if (code == CL_SUCCESS && meet_fault(kernel))
        return clEnqueueMarkerWithWaitList(queue, count, waits, event);
    return code == CL_SUCCESS
               ? next(queue, kernel, dimensions, offset, global, local, count, waits, event)
               : code;
}

CL_API_ENTRY cl_mem CL_API_CALL clCreateBuffer(cl_context context, cl_mem_flags flags, size_t size,
                                               void *data, cl_int *ret_code)
{
    NEXT(clCreateBuffer);
    if (emulated.buffer && size > emulated.buffer)
        return fail(refuse(CL_INVALID_BUFFER_SIZE, "a buffer's size", size, emulated.buffer),
                    ret_code);
    cl_mem buffer = next(context, flags, size, data, ret_code);
    for (int i = 0; buffer && i < FRESH_MAX; i++)
        if (!fresh[i] || fresh[i] == buffer) {
            fresh[i] = buffer;
            return buffer;
        }
    return buffer;
}

/* ---- memory not yet computed ---- */

/* The order of the tests' commands is that of one queue, so any of theirs will do. */
CL_API_ENTRY cl_command_queue CL_API_CALL clCreateCommandQueue(
    cl_context context, cl_device_id device, cl_command_queue_properties properties, cl_int *code)
{
    NEXT(clCreateCommandQueue);
    return last_queue = next(context, device, properties, code);
}

static bool is_fresh(cl_mem buffer)
{
    for (int i = 0; i < FRESH_MAX; i++)
        if (fresh[i] == buffer) {
            fresh[i] = NULL;
            return true;
        }
    return false;
}

static size_t size_of(cl_mem buffer)
{
    size_t size = 0;
    clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof size, &size, NULL);
    return size;
}

/*
 * Oclgrind 21.10 (src/plugins/Uninitialized.cpp) makes the shadow of a global buffer, i.e. which of
 * its bytes are initialised, when the host writes to it, as large as that write, anew for each one;
 * beyond it everything counts as uninitialised, whatever kernels write. clEnqueueFillBuffer is a
 * write for each repetition of the pattern there. So a buffer must be written as a whole.
 */
static cl_int write_whole(cl_command_queue queue, cl_mem buffer, size_t size, const void *pattern,
                          size_t pattern_size)
{
    char *bytes = malloc(size);
    if (!bytes)
        return CL_OUT_OF_HOST_MEMORY;
    for (size_t at = 0; at + pattern_size <= size; at += pattern_size)
        memcpy(bytes + at, pattern, pattern_size);
    cl_int code = clEnqueueWriteBuffer(queue, buffer, CL_TRUE, 0, size, bytes, 0, NULL, NULL);
    free(bytes);
    return code;
}

CL_API_ENTRY cl_int CL_API_CALL clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer,
                                                    const void *pattern, size_t pattern_size,
                                                    size_t offset, size_t size, cl_uint count,
                                                    const cl_event *waits, cl_event *event)
{
    NEXT(clEnqueueFillBuffer);
    bool whole = offset == 0 && size == size_of(buffer) && count == 0 && !event;
    if (emulated.oclgrind && whole)
        return write_whole(queue, buffer, size, pattern, pattern_size);
    return next(queue, buffer, pattern, pattern_size, offset, size, count, waits, event);
}

/* A kernel that writes what it never set. Oclgrind reports that, too; tests/oclgrind/checked leaves
 * out what is of this kernel. */
static cl_int make_uninitialised(cl_command_queue queue, cl_mem buffer, size_t size)
{
    const char *source = "__kernel void emulate_poison(__global int *buffer)"
                         "{ int never_set; buffer[get_global_id(0)] = never_set; }";
    cl_context context;
    cl_int code;
    size_t count = size / sizeof(cl_int);
    clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    cl_program program = clCreateProgramWithSource(context, 1, &source, NULL, NULL);
    if ((code = clBuildProgram(program, 0, NULL, "", NULL, NULL)) != CL_SUCCESS)
        return code;
    cl_kernel kernel = clCreateKernel(program, "emulate_poison", NULL);
    clSetKernelArg(kernel, 0, sizeof buffer, &buffer);
    code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFinish(queue);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    return code;
}

static cl_int poison(cl_mem buffer)
{
    const cl_uint nan = 0xffffffff;
    size_t size = size_of(buffer);
    if (emulated.oclgrind)
        return make_uninitialised(last_queue, buffer, size);
    return clEnqueueFillBuffer(last_queue, buffer, &nan, sizeof nan, 0, size / 4 * 4, 0, NULL,
                               NULL);
}

CL_API_ENTRY cl_mem CL_API_CALL clCreateSubBuffer(cl_mem buffer, cl_mem_flags flags,
                                                  cl_buffer_create_type type, const void *region,
                                                  cl_int *ret_code)
{
    NEXT(clCreateSubBuffer);
    size_t origin = ((const cl_buffer_region *)region)->origin;
    if (emulated.align && origin % emulated.align != 0)
        return fail(refuse(CL_MISALIGNED_SUB_BUFFER_OFFSET, "the origin of a sub-buffer", origin,
                           emulated.align),
                    ret_code);
    cl_int code = emulated.poison && is_fresh(buffer) ? poison(buffer) : CL_SUCCESS;
    if (code != CL_SUCCESS)
        return fail(code, ret_code);
    return next(buffer, flags, type, region, ret_code);
}
