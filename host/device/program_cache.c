#include "host/device/program_cache.h"

#include "host/base/array.h"
#include "host/base/hash.h"
#include "host/device/clerror.h"
#include "host/device/pocl_cache.h"
#include "host/files/input.h"
#include "host/files/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum wg_driver_cache wg_driver_cache_of(const struct wg_device_info *info)
{
    if (strcmp(info->platform_name, "Portable Computing Language") == 0)
        return WG_DRIVER_CACHES_LAUNCHES;
    return wg_driver_is_nvidia(info) ? WG_DRIVER_CACHES_PROGRAMS : WG_DRIVER_CACHES_NOTHING;
}

bool wg_program_cache_works(const struct wg_device *device)
{
    const char *pocl = getenv("POCL_KERNEL_CACHE");
    const char *nvidia = getenv("CUDA_CACHE_DISABLE");
    return device->driver_cache == WG_DRIVER_CACHES_LAUNCHES   ? !pocl || strcmp(pocl, "0") != 0
           : device->driver_cache == WG_DRIVER_CACHES_PROGRAMS ? !nvidia || strcmp(nvidia, "1") != 0
                                                               : true;
}

uint64_t wg_program_digest(const struct wg_device *device, char *const *text, size_t parts)
{
    const struct wg_device_info *info = &device->info;
    const char *const driver[] = {info->platform_name, info->name, info->driver_version,
                                  info->opencl_version};
    uint64_t hash = WG_HASH_START;
    for (size_t i = 0; i < sizeof driver / sizeof driver[0]; i++)
        hash = wg_hash(hash, driver[i], strlen(driver[i]) + 1);
    for (size_t i = 0; i < parts; i++)
        hash = wg_hash(hash, text[i], strlen(text[i]));
    return hash;
}

/* ---- binaries ---- */

static bool binary_path(const struct wg_device *device, uint64_t digest,
                        char ret_path[WG_CACHE_PATH_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "programs/%016" PRIx64 ".bin", digest);
    return device->driver_cache == WG_DRIVER_CACHES_NOTHING && wg_cache_path(ret_path, name);
}

bool wg_program_cache_load(struct wg_device *device, uint64_t digest, cl_program *ret_program)
{
    char path[WG_CACHE_PATH_MAX];
    uint8_t *binary;
    size_t size;
    cl_int code, status;
    if (!binary_path(device, digest, path) || !wg_input_read(path, &binary, &size))
        return false;
    cl_program program = clCreateProgramWithBinary(device->context, 1, &device->id, &size,
                                                   (const unsigned char **)&binary, &status, &code);
    free(binary);
    if (code != CL_SUCCESS)
        return false;
    if (status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device->id, "", NULL, NULL) == CL_SUCCESS) {
        *ret_program = program;
        return true;
    }
    clReleaseProgram(program);
    return false;
}

static void write_binary(const char *path, const void *binary, size_t size)
{
    struct wg_output *output;
    if (!wg_output_open(path, &output))
        return;
    wg_output_write(output, binary, size);
    wg_output_commit(output);
}

void wg_program_cache_save(struct wg_device *device, uint64_t digest, cl_program program)
{
    char path[WG_CACHE_PATH_MAX];
    size_t size = 0;
    if (!binary_path(device, digest, path) ||
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *binary = malloc(size);
    if (binary &&
        clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        write_binary(path, binary, size);
    free(binary);
}

/* ---- what has been built ---- */

/* Beside the programs: in pocl's folder, else ours. */
static bool built_path(const struct wg_device *device, char ret_path[WG_CACHE_PATH_MAX])
{
    char folder[WG_CACHE_PATH_MAX];
    if (device->driver_cache != WG_DRIVER_CACHES_LAUNCHES)
        return wg_cache_path(ret_path, "programs/built");
    return wg_pocl_cache_folder(folder) &&
           snprintf(ret_path, WG_CACHE_PATH_MAX, "%s/wgan-cl-built", folder) < WG_CACHE_PATH_MAX;
}

void wg_built_load(const struct wg_device *device, struct wg_built *ret_built)
{
    char path[WG_CACHE_PATH_MAX];
    *ret_built = (struct wg_built){0};
    FILE *file = built_path(device, path) ? fopen(path, "r") : NULL;
    if (!file)
        return;
    uint64_t digest;
    while (fscanf(file, "%" SCNx64, &digest) == 1) {
        uint64_t *grown =
            wg_array_grow(ret_built->digests, ret_built->count, sizeof *grown, "what is built");
        if (!grown)
            break;
        ret_built->digests = grown;
        ret_built->digests[ret_built->count++] = digest;
    }
    fclose(file);
}

void wg_built_finish(struct wg_built *built)
{
    free(built->digests);
    *built = (struct wg_built){0};
}

bool wg_built_contains(const struct wg_built *built, uint64_t digest)
{
    for (size_t i = 0; i < built->count; i++)
        if (built->digests[i] == digest)
            return true;
    return false;
}

void wg_built_add(const struct wg_device *device, const uint64_t *digests, size_t count)
{
    char path[WG_CACHE_PATH_MAX];
    FILE *file = built_path(device, path) && wg_make_parents(path) ? fopen(path, "a") : NULL;
    if (!file)
        return;
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%016" PRIx64 "\n", digests[i]);
    fclose(file);
}
