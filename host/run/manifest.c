#include "host/run/manifest.h"

#include "host/base/error.h"
#include "host/device/blas.h"
#include "host/run/folder.h"
#include "host/run/pictures.h"
#include "host/run/settings.h"
#include "host/tune/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void format_now(char text[32])
{
    time_t now = time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        snprintf(text, 32, "unknown");
}

static struct wg_json *data_json(const struct wg_manifest *m)
{
    char hash[32];
    struct wg_json *json = wg_json_create_object();
    snprintf(hash, sizeof hash, "%016" PRIx64, m->data_hash);
    if (json && wg_json_set_string(json, "name", m->dataset->name) &&
        wg_json_set_string(json, "source", m->dataset->source) &&
        wg_json_set_uint64(json, "images", m->dataset->count) &&
        wg_json_set_integer(json, "height", m->dataset->height) &&
        wg_json_set_integer(json, "width", m->dataset->width) &&
        wg_json_set_string(json, "fnv1a", hash))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *device_json(const struct wg_device *device)
{
    const struct wg_device_info *info = &device->info;
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_integer(json, "index", info->index) &&
        wg_json_set_string(json, "name", info->name) &&
        wg_json_set_string(json, "platform", info->platform_name) &&
        wg_json_set_string(json, "type", wg_device_type_name(info->type)) &&
        wg_json_set_string(json, "vendor", info->vendor) &&
        wg_json_set_string(json, "driver", info->driver_version) &&
        wg_json_set_string(json, "opencl", info->opencl_version) &&
        wg_json_set_integer(json, "compute_units", info->compute_units))
        return json;
    wg_json_destroy(json);
    return NULL;
}

/* How to cut a grid picture into images again. */
static struct wg_json *grid_json(void)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_integer(json, "columns", WG_GRID_COLUMNS) &&
        wg_json_set_integer(json, "rows", WG_SAMPLE_BATCH / WG_GRID_COLUMNS) &&
        wg_json_set_integer(json, "scale", WG_GRID_SCALE) &&
        wg_json_set_integer(json, "border", WG_GRID_BORDER))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *manifest_json(const struct wg_manifest *m, const char *updated)
{
    struct wg_json *json = wg_json_create_object();
    const struct wg_memory *memory = wg_trainer_memory(m->trainer);
    if (json && wg_json_set_string(json, "program", "wgan-cl") &&
        wg_json_set_string(json, "version", wg_version()) &&
        wg_json_set_string(json, "clblast", wg_blas_version()) &&
        wg_json_set_string(json, "status", m->status) &&
        (!m->failure || wg_json_set_string(json, "failure", m->failure)) &&
        wg_json_set_string(json, "started", m->started) &&
        wg_json_set_string(json, "updated", updated) &&
        wg_json_set_integer(json, "steps_done", m->steps_done) &&
        wg_json_set_real(json, "seconds", m->seconds) &&
        wg_json_set(json, "settings", wg_settings_to_json(m->settings)) &&
        wg_json_set(json, "data", data_json(m)) &&
        wg_json_set(json, "device", device_json(m->device)) &&
        wg_json_set_string(json, "tuning", wg_tuning_name(m->device)) &&
        wg_json_set(json, "grid", grid_json()) &&
        wg_json_set_uint64(json, "device_bytes", memory->total_bytes) &&
        wg_json_set_real(json, "gflop_per_step", wg_trainer_flops(m->trainer) * 1e-9))
        return json;
    wg_json_destroy(json);
    return NULL;
}

bool wg_manifest_write(const char *folder, const struct wg_manifest *manifest)
{
    char path[WG_PATH_MAX], updated[32];
    if (!wg_folder_path(path, folder, "run.json"))
        return false;
    format_now(updated);
    struct wg_json *json = manifest_json(manifest, updated);
    bool ok = json && wg_json_write(path, json);
    wg_json_destroy(json);
    return ok;
}

void wg_manifest_started(const char *folder, char ret_started[32])
{
    char path[WG_PATH_MAX];
    struct wg_json *json;
    const char *started;
    format_now(ret_started);
    if (!wg_folder_path(path, folder, "run.json") || !wg_json_read(path, &json))
        return;
    if (wg_json_get_string(json, "started", &started))
        snprintf(ret_started, 32, "%s", started);
    wg_json_destroy(json);
}
