#include "host/device/blas.h"

#include "host/base/error.h"

#include <clblast_c.h>
#include <string.h>

#define TEXT2(x) #x
#define TEXT(x)  TEXT2(x)

/* CLBlast's parameters of the kernel "Xgemm"; its documentation (doc/tuning.md) names each. */
enum { PARAMETERS = 16 };

static const char *const names[PARAMETERS] = {
    "GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
    "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN",
};

struct wg_blas_set {
    const char *name; // the tile: rows and columns of results of a group
    bool is_cpu;
    size_t vector_width; // CPU: of registers no narrower
    size_t group;        // work items
    size_t local_memory; // bytes
    size_t value[PARAMETERS];
};

/*
 * CPU: one work item per group, vectors as wide as the registers, no local memory. On two AVX-512
 * cores and pocl 3.1 the first is 291 GFLOP/s where CLBlast's defaults reach 14. More than one work
 * item per group or KWI > 1 loses a factor of 2 to 10. The narrow one spills registers, but a tile
 * that fits them (16x4) is 3 times slower on AVX2 where rows are long and 10 % where they are not.
 *
 * Anything else: results of 4x4 to 8x8 per work item. The first has 64 of 8x8 and 8 KiB of local
 * memory: within every GPU's limits. GEMMK 0 also avoids the kernel that CLBlast before 1.6.3 gets
 * wrong on some GPUs.
 *
 * Devices that cannot run the groups of a GPU get those of one work item. In order of preference.
 */
static const struct wg_blas_set sets[] = {
    {"64x64", false, 0, 64, 8 << 10, {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4}},
    {"64x64 global", false, 0, 64, 0, {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 0, 0, 0, 0, 4, 4}},
    {"32x32", false, 0, 64, 4 << 10, {0, 1, 16, 2, 8, 8, 32, 8, 8, 32, 1, 1, 0, 0, 4, 4}},
    {"128x64", false, 0, 128, 12 << 10, {0, 1, 16, 2, 16, 16, 128, 8, 8, 64, 1, 1, 0, 0, 4, 4}},
    {"128x128", false, 0, 256, 16 << 10, {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}},
    {"cpu 32x8", true, 16, 1, 0, {0, 1, 16, 1, 1, 1, 32, 1, 1, 8, 0, 0, 0, 0, 16, 2}},
    {"cpu 64x8", true, 16, 1, 0, {0, 1, 64, 1, 1, 1, 64, 1, 1, 8, 0, 0, 0, 0, 16, 2}},
    {"cpu 32x8 narrow", true, 0, 1, 0, {0, 1, 16, 1, 1, 1, 32, 1, 1, 8, 0, 0, 0, 0, 8, 2}},
};

enum { SETS = sizeof sets / sizeof sets[0] };

static bool runs_groups(const struct wg_device *device)
{
    return !wg_device_is_cpu(device) && device->info.work_group_size >= sets[0].group &&
           device->info.local_memory >= sets[0].local_memory;
}

static bool suits(const struct wg_device *device, const struct wg_blas_set *set)
{
    const struct wg_device_info *info = &device->info;
    if (set->is_cpu == runs_groups(device))
        return false;
    if (set->is_cpu)
        return set->vector_width <= info->vector_width &&
               (set->vector_width > 0 || info->vector_width < 16);
    return set->group <= info->work_group_size && set->local_memory <= info->local_memory;
}

int wg_blas_sets(const struct wg_device *device, const char *ret_names[WG_BLAS_SETS_MAX])
{
    int count = 0;
    for (int i = 0; i < SETS && count < WG_BLAS_SETS_MAX; i++)
        if (suits(device, &sets[i]))
            ret_names[count++] = sets[i].name;
    return count;
}

static const struct wg_blas_set *find_set(const struct wg_device *device, const char *name)
{
    const struct wg_blas_set *found = NULL;
    for (int i = 0; i < SETS; i++)
        if (suits(device, &sets[i]) && (!found || strcmp(sets[i].name, name) == 0))
            found = &sets[i];
    return found;
}

struct wg_gemm_size wg_blas_tile(const struct wg_device *device)
{
    enum { KWG = 2, MWG = 6, NWG = 9 };
    const struct wg_blas_set *set = device->blas ? device->blas : find_set(device, "");
    const size_t *value = set->value;
    return (struct wg_gemm_size){.m = value[MWG], .n = value[NWG], .k = value[KWG]};
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

bool wg_blas_use(struct wg_device *device, const char *name)
{
    const struct wg_blas_set *set = find_set(device, name);
    if (set == device->blas)
        return true;
    // Small products go through the same kernel as large ones: the other one copies nothing
    // either, but is slower at every size a padded, tight operand can have.
    const char *const threshold[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    const size_t always[] = {1};
    device->blas = set;
    return override(device, "Xgemm", PARAMETERS, names, set->value) &&
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
