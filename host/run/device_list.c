/*
 * The device list as JSON.
 */
#include "host/files/json.h"
#include "include/wgan_cl.h"

static struct wg_json *device_json(const struct wg_device_info *d)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_integer(json, "index", d->index) &&
        wg_json_set_integer(json, "platform", d->platform) &&
        wg_json_set_integer(json, "index_in_platform", d->index_in_platform) &&
        wg_json_set_string(json, "name", d->name) &&
        wg_json_set_string(json, "platform_name", d->platform_name) &&
        wg_json_set_string(json, "type", wg_device_type_name(d->type)) &&
        wg_json_set_string(json, "vendor", d->vendor) &&
        wg_json_set_string(json, "driver_version", d->driver_version) &&
        wg_json_set_string(json, "opencl_version", d->opencl_version) &&
        wg_json_set_string(json, "opencl_c_version", d->opencl_c_version) &&
        wg_json_set_integer(json, "compute_units", d->compute_units) &&
        wg_json_set_integer(json, "clock_mhz", d->clock_mhz) &&
        wg_json_set_integer(json, "vector_width", d->vector_width) &&
        wg_json_set_uint64(json, "work_group_size", d->work_group_size) &&
        wg_json_set_uint64(json, "global_memory", d->global_memory) &&
        wg_json_set_uint64(json, "largest_buffer", d->largest_buffer) &&
        wg_json_set_uint64(json, "local_memory", d->local_memory) &&
        wg_json_set_bool(json, "usable", d->usable) &&
        wg_json_set_string(json, "unusable_because", d->unusable_because) &&
        wg_json_set_bool(json, "is_default", d->is_default))
        return json;
    wg_json_destroy(json);
    return NULL;
}

char *wg_device_list_json(const struct wg_device_list *list)
{
    struct wg_json *json = wg_json_create_object();
    struct wg_json *devices = wg_json_create_array(), *notes = wg_json_create_array();
    char *text = NULL;
    bool ok = json && devices && notes;
    for (int i = 0; ok && i < list->count; i++)
        ok = wg_json_append(devices, device_json(&list->devices[i]));
    for (int i = 0; ok && i < list->note_count; i++)
        ok = wg_json_append(notes, wg_json_create_string(list->notes[i]));
    if (!ok) {
        wg_json_destroy(devices);
        wg_json_destroy(notes);
    } else if (wg_json_set(json, "devices", devices)) { // which takes it, also on failure
        ok = wg_json_set(json, "notes", notes);
        text = ok ? wg_json_text(json, 2) : NULL;
    } else {
        wg_json_destroy(notes);
    }
    wg_json_destroy(json);
    return text;
}
