#include "host/device/memory.h"

#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/device/clerror.h"

#include <stdlib.h>
#include <string.h>

static void CL_CALLBACK free_memory(cl_mem buffer, void *memory)
{
    (void)buffer;
    wg_pages_free(memory);
}

static bool fill(struct wg_device *device, cl_mem buffer, size_t bytes, uint8_t byte)
{
    cl_uchar4 pattern = {{byte, byte, byte, byte}};
    size_t size = bytes % sizeof pattern == 0 ? sizeof pattern : 1;
    return CL_OK(
        clEnqueueFillBuffer(device->queue, buffer, &pattern, size, 0, bytes, 0, NULL, NULL));
}

/* Host memory, which the system may have to clear first, a page at a time. */
struct touching {
    unsigned char *memory;
    size_t bytes;
    uint8_t byte;
};

enum { TOUCH_PART = 2 * WG_HUGE_PAGE };

static void touch_part(void *user, size_t index)
{
    const struct touching *t = user;
    const struct wg_part part = wg_part(index, TOUCH_PART, t->bytes);
    memset(t->memory + part.first, t->byte, part.last - part.first);
}

static void touch(void *memory, size_t bytes, uint8_t byte)
{
    struct touching touching = {memory, bytes, byte};
    wg_parallel(wg_divide_up(bytes, TOUCH_PART), touch_part, &touching);
}

/* `flag`: what to do with the host's memory. */
static bool create(struct wg_device *device, cl_mem_flags flag, size_t bytes, void *memory,
                   cl_mem *ret_buffer)
{
    cl_int code;
    *ret_buffer = clCreateBuffer(device->context, CL_MEM_READ_WRITE | flag, bytes, memory, &code);
    bool is_memory =
        wg_cl_is_memory(code) || code == CL_INVALID_BUFFER_SIZE || code == CL_OUT_OF_RESOURCES;
    return code == CL_SUCCESS ||
           wg_fail(is_memory ? WG_ERROR_MEMORY : WG_ERROR_DEVICE,
                   "device %s: a buffer of %.1f MiB can't be allocated: %s", device->info.name,
                   (double)bytes / 0x1p20, wg_cl_error_name(code));
}

/* Whether a buffer is to lie in memory of ours. */
static bool is_ours(const struct wg_device *device, size_t bytes)
{
    return wg_device_is_cpu(device) && bytes >= WG_HUGE_PAGE;
}

bool wg_device_create_buffer(struct wg_device *device, size_t bytes, uint8_t byte,
                             cl_mem *ret_buffer)
{
    cl_mem buffer;
    void *memory = is_ours(device, bytes) ? wg_pages_allocate(bytes) : NULL; // NULL: the driver may
    if (memory) // at once: pocl fills a buffer element by element
        touch(memory, bytes, byte);
    if (!create(device, memory ? CL_MEM_USE_HOST_PTR : 0, bytes, memory, &buffer)) {
        wg_pages_free(memory);
        return false;
    }
    if (memory && !CL_OK(clSetMemObjectDestructorCallback(buffer, free_memory, memory))) {
        clReleaseMemObject(buffer);
        wg_pages_free(memory);
        return false;
    }
    if (!memory && !fill(device, buffer, bytes, byte)) {
        clReleaseMemObject(buffer);
        return false;
    }
    *ret_buffer = buffer;
    return true;
}

bool wg_device_lend_buffer(struct wg_device *device, size_t bytes, void *memory, cl_mem *ret_buffer)
{
    return create(device, is_ours(device, bytes) ? CL_MEM_USE_HOST_PTR : CL_MEM_COPY_HOST_PTR,
                  bytes, memory, ret_buffer);
}
