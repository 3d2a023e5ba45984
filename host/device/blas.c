#include "host/device/blas.h"

#include "host/base/error.h"

#include <clblast_c.h>

#define TEXT2(x) #x
#define TEXT(x)  TEXT2(x)

/* CLBlast's parameters of the kernel "Xgemm"; its documentation (doc/tuning.md) names each. */
enum { PARAMETERS = 16 };

static const char *const names[PARAMETERS] = {
    "GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
    "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN",
};

/*
 * CPU: one work item per group, vectors as wide as the registers, no local memory. On two AVX-512
 * cores and pocl 3.1 this is 291 GFLOP/s where CLBlast's defaults reach 14. More than one work
 * item per group or KWI > 1 loses a factor of 2 to 10. The narrow one spills registers, but a tile
 * that fits them (16x4) is 3 times slower on AVX2 where rows are long and 10 % where they are not.
 */
static const size_t cpu_wide[PARAMETERS] = {0, 1, 16, 1, 1, 1, 32, 1, 1, 8, 0, 0, 0, 0, 16, 2};
static const size_t cpu_narrow[PARAMETERS] = {0, 1, 16, 1, 1, 1, 32, 1, 1, 8, 0, 0, 0, 0, 8, 2};

/* Anything else: 64 work items of 8x8 results, 8 KiB of local memory: within every GPU's limits.
 * GEMMK 0 also avoids the kernel that CLBlast before 1.6.3 gets wrong on some GPUs. */
static const size_t gpu[PARAMETERS] = {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4};

enum { GPU_GROUP = 8 * 8, GPU_LOCAL_MEMORY = 8 << 10 };

/* Devices that cannot run the groups of a GPU get those of one work item. */
static const size_t *parameters(const struct wg_device *device)
{
    const struct wg_device_info *info = &device->info;
    if (!wg_device_is_cpu(device) && info->work_group_size >= GPU_GROUP &&
        info->local_memory >= GPU_LOCAL_MEMORY)
        return gpu;
    return device->info.vector_width >= 16 ? cpu_wide : cpu_narrow;
}

static size_t parameter(const struct wg_device *device, int i)
{
    return parameters(device)[i];
}

struct wg_gemm_size wg_blas_tile(const struct wg_device *device)
{
    enum { KWG = 2, MWG = 6, NWG = 9 };
    return (struct wg_gemm_size){
        .m = parameter(device, MWG),
        .n = parameter(device, NWG),
        .k = parameter(device, KWG),
    };
}

static bool check(CLBlastStatusCode code, const char *what)
{
    return code == CLBlastSuccess ||
           wg_fail(WG_ERROR_DEVICE, "CLBlast: %s failed with status %d", what, (int)code);
}

static bool override(struct wg_device *device, const char *kernel, size_t count,
                     const char *const *parameter_names, const size_t *values)
{
    // The prototype lacks a const, the function does not write.
    return check(CLBlastOverrideParameters(device->id, kernel, CLBlastPrecisionSingle, count,
                                           (const char **)parameter_names, values),
                 "CLBlastOverrideParameters");
}

bool wg_blas_prepare(struct wg_device *device)
{
    // Small products go through the same kernel as large ones: the other one copies nothing
    // either, but is slower at every size a padded, tight operand can have.
    const char *const threshold[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    const size_t always[] = {1};
    return override(device, "Xgemm", PARAMETERS, names, parameters(device)) &&
           override(device, "GemmRoutine", 1, threshold, always);
}

bool wg_blas_gemm(struct wg_device *device, struct wg_gemm_size size, bool accumulate, cl_mem a,
                  cl_mem b, cl_mem c, cl_event *event)
{
    return check(CLBlastSgemm(CLBlastLayoutColMajor, CLBlastTransposeNo, CLBlastTransposeYes,
                              size.m, size.n, size.k, 1.0f, a, 0, size.m, b, 0, size.n,
                              accumulate ? 1.0f : 0.0f, c, 0, size.m, &device->queue, event),
                 "CLBlastSgemm");
}

const char *wg_blas_version(void)
{
    return TEXT(CLBLAST_VERSION_MAJOR) "." TEXT(CLBLAST_VERSION_MINOR) "." TEXT(
        CLBLAST_VERSION_PATCH);
}
