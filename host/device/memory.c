#define _DEFAULT_SOURCE // madvise

#include "host/device/memory.h"

#include "host/base/error.h"
#include "host/device/clerror.h"

#include <stdlib.h>
#include <sys/mman.h>

/* What x86-64 and most others have; elsewhere it is an alignment like any other. */
enum { HUGE_PAGE = 2 << 20 };

/* Memory in huge pages; NULL: none, or not worth it. */
static void *huge_pages(const struct wg_device *device, size_t bytes)
{
    void *memory = NULL;
#ifdef MADV_HUGEPAGE
    size_t size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    if (!wg_device_is_cpu(device) || bytes < HUGE_PAGE ||
        posix_memalign(&memory, HUGE_PAGE, size) != 0)
        return NULL;
    madvise(memory, size, MADV_HUGEPAGE); // a wish; without it the memory is as good as any
#else
    (void)device;
    (void)bytes;
#endif
    return memory;
}

static void CL_CALLBACK free_memory(cl_mem buffer, void *memory)
{
    (void)buffer;
    free(memory);
}

bool wg_device_create_buffer(struct wg_device *device, size_t bytes, cl_mem *ret_buffer)
{
    cl_int code;
    void *memory = huge_pages(device, bytes);
    cl_mem buffer =
        clCreateBuffer(device->context, CL_MEM_READ_WRITE | (memory ? CL_MEM_USE_HOST_PTR : 0),
                       bytes, memory, &code);
    if (code != CL_SUCCESS) {
        free(memory);
        return wg_fail(WG_ERROR_MEMORY, "device %s: a buffer of %.1f MiB can't be allocated: %s",
                       device->info.name, (double)bytes / 0x1p20, wg_cl_error_name(code));
    }
    if (memory && !CL_OK(clSetMemObjectDestructorCallback(buffer, free_memory, memory))) {
        clReleaseMemObject(buffer);
        free(memory);
        return false;
    }
    *ret_buffer = buffer;
    return true;
}
