/*
 * What the ICD loader shows: every platform and device, and why one can't be used.
 */
#include "host/device/clerror.h"
#include "host/device/device.h"
#include "host/device/pocl_cache.h"
#include "host/device/select.h"

#include "host/base/error.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* At most this many of each are looked at; nobody has more, and a lying driver may say so. */
enum { PLATFORMS_MAX = 64, DEVICES_MAX = 64 };

static void get_platform_text(cl_platform_id platform, cl_platform_info what, char *text,
                              size_t size)
{
    if (clGetPlatformInfo(platform, what, size, text, NULL) != CL_SUCCESS)
        snprintf(text, size, "(unknown)");
    text[size - 1] = '\0';
}

static void get_text(cl_device_id device, cl_device_info what, char *text, size_t size)
{
    if (clGetDeviceInfo(device, what, size, text, NULL) != CL_SUCCESS)
        snprintf(text, size, "(unknown)");
    text[size - 1] = '\0';
    // Some drivers pad the name with blanks.
    size_t leading = strspn(text, " ");
    memmove(text, text + leading, strlen(text + leading) + 1);
    for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
        text[n - 1] = '\0';
}

static cl_ulong get_number(cl_device_id device, cl_device_info what, size_t size)
{
    cl_ulong wide = 0;
    cl_uint narrow = 0;
    if (size == sizeof narrow)
        return clGetDeviceInfo(device, what, size, &narrow, NULL) == CL_SUCCESS ? narrow : 0;
    return clGetDeviceInfo(device, what, sizeof wide, &wide, NULL) == CL_SUCCESS ? wide : 0;
}

static enum wg_device_type get_type(cl_device_id device)
{
    switch (get_number(device, CL_DEVICE_TYPE, sizeof(cl_device_type)) &
            ~(cl_ulong)CL_DEVICE_TYPE_DEFAULT) {
    case CL_DEVICE_TYPE_CPU:
        return WG_DEVICE_CPU;
    case CL_DEVICE_TYPE_GPU:
        return WG_DEVICE_GPU;
    case CL_DEVICE_TYPE_ACCELERATOR:
        return WG_DEVICE_ACCELERATOR;
    }
    return WG_DEVICE_OTHER;
}

/* The sentence that says why a device can't be used; empty if it can. */
static void judge(cl_device_id id, const struct wg_device_info *info, char *why, size_t size)
{
    int major = 0, minor = 0;
    why[0] = '\0';
    if (sscanf(info->opencl_version, "OpenCL %d.%d", &major, &minor) != 2)
        snprintf(why, size, "its version '%.60s' can't be read", info->opencl_version);
    else if (major * 10 + minor < 12)
        snprintf(why, size, "OpenCL %d.%d, 1.2 or newer is needed", major, minor);
    else if (!get_number(id, CL_DEVICE_AVAILABLE, sizeof(cl_bool)))
        snprintf(why, size, "the driver reports it as not available");
    else if (!get_number(id, CL_DEVICE_COMPILER_AVAILABLE, sizeof(cl_bool)))
        snprintf(why, size, "it has no compiler for kernels");
    else if (!get_number(id, CL_DEVICE_ENDIAN_LITTLE, sizeof(cl_bool)))
        snprintf(why, size, "it is big-endian");
    else if (info->compute_units == 0 || info->work_group_size == 0 || info->global_memory == 0 ||
             info->largest_buffer == 0)
        snprintf(why, size, "the driver reports no compute units or no memory");
}

static void describe(cl_device_id id, struct wg_device_info *info)
{
    get_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    get_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    get_text(id, CL_DRIVER_VERSION, info->driver_version, sizeof info->driver_version);
    get_text(id, CL_DEVICE_VERSION, info->opencl_version, sizeof info->opencl_version);
    get_text(id, CL_DEVICE_OPENCL_C_VERSION, info->opencl_c_version, sizeof info->opencl_c_version);
    info->type = get_type(id);
    info->compute_units = (unsigned)get_number(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof(cl_uint));
    info->clock_mhz = (unsigned)get_number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY, sizeof(cl_uint));
    info->vector_width =
        (unsigned)get_number(id, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(cl_uint));
    info->work_group_size = (size_t)get_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof(cl_ulong));
    info->global_memory = get_number(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(cl_ulong));
    info->largest_buffer = get_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(cl_ulong));
    info->local_memory = get_number(id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof(cl_ulong));
    judge(id, info, info->unusable_because, sizeof info->unusable_because);
    info->usable = info->unusable_because[0] == '\0';
}

static void add_note(struct wg_device_list *list, int platform, const char *name, const char *what)
{
    snprintf(list->notes[list->note_count++], sizeof list->notes[0],
             "platform %d (%.200s) skipped: %.200s", platform, name, what);
}

static void add_platform(struct wg_device_list *list, int index, cl_platform_id platform)
{
    char name[256];
    cl_device_id ids[DEVICES_MAX];
    cl_uint count = 0;
    get_platform_text(platform, CL_PLATFORM_NAME, name, sizeof name);
    cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, ids, &count);
    if (code == CL_DEVICE_NOT_FOUND || (code == CL_SUCCESS && count == 0)) {
        add_note(list, index, name, "it has no device");
        return;
    }
    if (code != CL_SUCCESS) {
        add_note(list, index, name, wg_cl_error_name(code));
        return;
    }
    for (cl_uint d = 0; d < count && d < DEVICES_MAX; d++) {
        struct wg_device_info *info = &list->devices[list->count];
        *info = (struct wg_device_info){
            .index = list->count, .platform = index, .index_in_platform = (int)d};
        snprintf(info->platform_name, sizeof info->platform_name, "%s", name);
        describe(ids[d], info);
        list->count++;
    }
}

/* Where an ICD loader looks, and what is there. */
static void describe_search(char *text, size_t size)
{
    const char *variable = "OCL_ICD_VENDORS";
    const char *folder = getenv(variable);
    if (!folder || !*folder) {
        variable = "OPENCL_VENDOR_PATH";
        folder = getenv(variable);
    }
    bool is_default = !folder || !*folder;
    if (is_default)
        folder = "/etc/OpenCL/vendors";

    int files = 0;
    DIR *directory = opendir(folder);
    if (directory) {
        for (struct dirent *entry; (entry = readdir(directory));) {
            const char *ending = strrchr(entry->d_name, '.');
            files += ending && strcmp(ending, ".icd") == 0;
        }
        closedir(directory);
    }
    char found[64];
    if (!directory)
        snprintf(found, sizeof found, "no such folder");
    else if (files == 0)
        snprintf(found, sizeof found, "no .icd file there");
    else
        snprintf(found, sizeof found, "%d .icd file%s there, whose drivers give none", files,
                 files == 1 ? "" : "s");
    snprintf(text, size, "%s%s%.200s (%s)", is_default ? "" : variable, is_default ? "" : "=",
             folder, found);
}

/* `why` as the driver or the loader has it; empty: there is nothing but what was searched. */
static bool fail_no_device(const char *what, const char *why)
{
    char searched[512];
    describe_search(searched, sizeof searched);
    return wg_fail(WG_ERROR_NO_DEVICE,
                   "no OpenCL %s: %s%sthe loader searched %s; install a driver: pocl-opencl-icd "
                   "for any CPU, intel-opencl-icd for Intel GPUs, mesa-opencl-icd or "
                   "rocm-opencl-icd for AMD, nvidia-opencl-icd (part of the NVIDIA driver) for "
                   "NVIDIA",
                   what, why, *why ? "; " : "", searched);
}

static bool fail_no_platform(cl_int code)
{
    char why[128] = "";
    if (code != CL_SUCCESS && code != WG_CL_PLATFORM_NOT_FOUND)
        snprintf(why, sizeof why, "clGetPlatformIDs failed: %s (%d)", wg_cl_error_name(code),
                 (int)code);
    return fail_no_device("platform", why);
}

/* The notes tell what became of every platform. */
static bool fail_no_device_of(const struct wg_device_list *list)
{
    char notes[4096] = "";
    for (int i = 0, used = 0; i < list->note_count && used < (int)sizeof notes; i++)
        used += snprintf(notes + used, sizeof notes - (size_t)used, "%s%s", i ? "; " : "",
                         list->notes[i]);
    return fail_no_device("device on any platform", notes);
}

bool wg_device_list_create(struct wg_device_list **ret_list)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_uint count = 0;
    wg_pocl_cache_prepare();
    cl_int code = clGetPlatformIDs(PLATFORMS_MAX, platforms, &count);
    if (code != CL_SUCCESS || count == 0)
        return fail_no_platform(code);
    if (count > PLATFORMS_MAX)
        count = PLATFORMS_MAX;

    struct wg_device_list *list = calloc(1, sizeof *list);
    if (list) {
        list->devices = calloc((size_t)count * DEVICES_MAX, sizeof *list->devices);
        list->notes = calloc(count, sizeof *list->notes);
    }
    if (!list || !list->devices || !list->notes) {
        wg_device_list_destroy(list);
        return wg_fail_memory("the device list");
    }
    for (cl_uint p = 0; p < count; p++)
        add_platform(list, (int)p, platforms[p]);
    if (list->count == 0) {
        bool ok = wg_pocl_cache_check() && fail_no_device_of(list);
        wg_device_list_destroy(list);
        return ok;
    }
    wg_device_mark_default(list);
    *ret_list = list;
    return true;
}

void wg_device_list_destroy(struct wg_device_list *list)
{
    if (!list)
        return;
    free(list->devices);
    free(list->notes);
    free(list);
}

const char *wg_device_type_name(enum wg_device_type type)
{
    switch (type) {
    case WG_DEVICE_CPU:
        return "CPU";
    case WG_DEVICE_GPU:
        return "GPU";
    case WG_DEVICE_ACCELERATOR:
        return "accelerator";
    default:
        return "other";
    }
}

bool wg_device_handles(const struct wg_device_info *info, cl_platform_id *ret_platform,
                       cl_device_id *ret_device)
{
    cl_platform_id platforms[PLATFORMS_MAX];
    cl_device_id devices[DEVICES_MAX];
    cl_uint platform_count = 0, device_count = 0;
    if (!CL_OK(clGetPlatformIDs(PLATFORMS_MAX, platforms, &platform_count)))
        return false;
    if (info->platform >= (int)platform_count)
        return wg_fail(WG_ERROR_DEVICE, "OpenCL platform %d has gone", info->platform);
    cl_platform_id platform = platforms[info->platform];
    if (!CL_OK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, devices, &device_count)))
        return false;
    if (info->index_in_platform >= (int)device_count)
        return wg_fail(WG_ERROR_DEVICE, "OpenCL device %d has gone", info->index);
    *ret_platform = platform;
    *ret_device = devices[info->index_in_platform];
    return true;
}
