#include "host/device/device.h"

#include "host/base/error.h"
#include "host/device/blas.h"
#include "host/device/clerror.h"
#include "host/device/pocl_cache.h"
#include "host/device/program.h"
#include "host/device/program_cache.h"
#include "host/device/select.h"
#include "host/device/tuning.h"

#include <stdlib.h>
#include <string.h>

/* Of the extension cl_nv_device_attribute_query. */
enum { COMPUTE_CAPABILITY_MAJOR = 0x4000, COMPUTE_CAPABILITY_MINOR = 0x4001 };

static bool open_handles(struct wg_device *device)
{
    cl_int code;
    if (!wg_device_handles(&device->info, &device->platform, &device->id))
        return false;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)device->platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    if (!CL_CREATED(code, "clCreateContext"))
        return false;
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &code);
    return CL_CREATED(code, "clCreateCommandQueue");
}

bool wg_driver_is_nvidia(const struct wg_device_info *info)
{
    return strcmp(info->platform_name, "NVIDIA CUDA") == 0;
}

/* By NVIDIA's own driver, whose compiler takes PTX: others for the same devices need not. */
static int query_compute_capability(const struct wg_device_info *info, cl_device_id id)
{
    char extensions[8192];
    cl_uint major, minor;
    bool ok =
        wg_driver_is_nvidia(info) &&
        clGetDeviceInfo(id, CL_DEVICE_EXTENSIONS, sizeof extensions, extensions, NULL) ==
            CL_SUCCESS &&
        strstr(extensions, "cl_nv_device_attribute_query") &&
        clGetDeviceInfo(id, COMPUTE_CAPABILITY_MAJOR, sizeof major, &major, NULL) == CL_SUCCESS &&
        clGetDeviceInfo(id, COMPUTE_CAPABILITY_MINOR, sizeof minor, &minor, NULL) == CL_SUCCESS;
    return ok ? (int)(10 * major + minor) : 0;
}

static bool query_limits(struct wg_device *device)
{
    cl_uint align_bits = 0;
    if (!CL_OK(clGetDeviceInfo(device->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits,
                               &align_bits, NULL)))
        return false;
    // At least a cache line, whatever the device asks for.
    device->buffer_alignment = align_bits / 8 < 64 ? 64 : align_bits / 8;

    cl_ulong cache = 0;
    if (!CL_OK(clGetDeviceInfo(device->id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache, &cache,
                               NULL)))
        return false;
    device->cache_bytes = cache;

    cl_device_local_mem_type local_type = CL_NONE;
    if (!CL_OK(clGetDeviceInfo(device->id, CL_DEVICE_LOCAL_MEM_TYPE, sizeof local_type, &local_type,
                               NULL)))
        return false;
    device->has_local_memory = local_type == CL_LOCAL;

    if (!CL_OK(clGetDeviceInfo(device->id, CL_DEVICE_MAX_PARAMETER_SIZE,
                               sizeof device->parameter_bytes, &device->parameter_bytes, NULL)))
        return false;

    device->compute_capability = query_compute_capability(&device->info, device->id);

    size_t sizes[16] = {1, 1, 1};
    if (!CL_OK(
            clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL)))
        return false;
    for (int d = 0; d < 3; d++)
        device->work_item_sizes[d] = sizes[d] > 0 ? sizes[d] : 1;
    return true;
}

bool wg_device_open(const char *selector, struct wg_device **ret_device)
{
    struct wg_device_list *list;
    if (!wg_device_list_create(&list))
        return false;
    const struct wg_device_info *info = wg_device_select(list, selector);
    struct wg_device *device = info ? calloc(1, sizeof *device) : NULL;
    if (!device) {
        wg_device_list_destroy(list);
        return info ? wg_fail_memory("the device") : false;
    }
    device->info = *info;
    device->driver_cache = wg_driver_cache_of(info);
    wg_device_list_destroy(list);
    const bool has_cache =
        device->driver_cache != WG_DRIVER_CACHES_LAUNCHES || wg_pocl_cache_check();
    if (!has_cache || !open_handles(device) || !query_limits(device) || !wg_blas_use(device, "")) {
        wg_device_close(device);
        return false;
    }
    *ret_device = device;
    return true;
}

void wg_device_close(struct wg_device *device)
{
    if (!device)
        return;
    wg_programs_release(device);
    wg_tuning_destroy(device->tuning);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context)
        clReleaseContext(device->context);
    free(device);
}

const struct wg_device_info *wg_device_get_info(const struct wg_device *device)
{
    return &device->info;
}

const char *wg_device_warning(const struct wg_device *device)
{
    return device->driver_cache == WG_DRIVER_CACHES_LAUNCHES ? wg_pocl_cache_warning() : NULL;
}

bool wg_device_finish(struct wg_device *device)
{
    return CL_OK(clFinish(device->queue));
}
