#include "host/tune/identity.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/device/blas.h"
#include "host/device/program.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct wg_json *wg_identity_create(const struct wg_device *device)
{
    const struct wg_device_info *info = &device->info;
    char kernels[32];
    uint64_t hash;
    if (!wg_program_sources_hash(&hash))
        return NULL;
    snprintf(kernels, sizeof kernels, "%016" PRIx64, hash);
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_string(json, "device", info->name) &&
        wg_json_set_string(json, "platform", info->platform_name) &&
        wg_json_set_string(json, "driver_version", info->driver_version) &&
        wg_json_set_string(json, "opencl_version", info->opencl_version) &&
        wg_json_set_integer(json, "compute_units", info->compute_units) &&
        wg_json_set_string(json, "program", wg_version()) &&
        wg_json_set_string(json, "kernels", kernels) &&
        wg_json_set_string(json, "clblast", wg_blas_version()))
        return json;
    wg_json_destroy(json);
    return NULL;
}

bool wg_identity_equal(const struct wg_json *a, const struct wg_json *b)
{
    char *x = wg_json_text(a, 0), *y = wg_json_text(b, 0);
    bool same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

bool wg_identity_path(const struct wg_json *identity, const char *folder,
                      char ret_path[WG_CACHE_PATH_MAX])
{
    char name[64], *text = wg_json_text(identity, 0);
    if (!text)
        return wg_fail_memory("the name of a file");
    snprintf(name, sizeof name, "%s/%016" PRIx64 ".json", folder,
             wg_hash(WG_HASH_START, text, strlen(text)));
    free(text);
    return wg_cache_path(ret_path, name);
}
