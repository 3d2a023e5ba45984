/*
 * A self-test's result as JSON.
 */
#include "host/device/device.h"
#include "host/files/json.h"

static struct wg_json *row_json(const struct wg_selftest_row *row)
{
    struct wg_json *json = wg_json_create_object();
    if (json && wg_json_set_string(json, "op", row->op) &&
        wg_json_set_string(json, "implementation", row->implementation) &&
        wg_json_set_integer(json, "shapes", row->shapes) &&
        wg_json_set_string(json, "worst_shape", row->worst_shape) &&
        wg_json_set_real(json, "error", row->error) &&
        wg_json_set_bool(json, "passed", row->passed) &&
        wg_json_set_string(json, "failure", row->failure))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static bool set_rows(struct wg_json *json, const struct wg_selftest *test)
{
    struct wg_json *rows = wg_json_create_array();
    bool ok = rows != NULL;
    for (int i = 0; ok && i < test->count; i++)
        ok = wg_json_append(rows, row_json(&test->rows[i]));
    if (ok)
        return wg_json_set(json, "rows", rows);
    wg_json_destroy(rows);
    return false;
}

char *wg_selftest_json(const struct wg_selftest *test, const struct wg_device *device)
{
    struct wg_json *json = wg_json_create_object();
    char *text = NULL;
    if (json && wg_json_set_string(json, "program", wg_version()) &&
        wg_json_set_string(json, "device", device->info.name) &&
        wg_json_set_string(json, "driver_version", device->info.driver_version) &&
        wg_json_set_string(json, "opencl_version", device->info.opencl_version) &&
        wg_json_set_integer(json, "batch", test->batch) &&
        wg_json_set_string(json, "tuning", test->tuning) &&
        wg_json_set_bool(json, "passed", test->failed == 0) &&
        wg_json_set_integer(json, "failed", test->failed) &&
        wg_json_set_real(json, "seconds", test->seconds) && set_rows(json, test))
        text = wg_json_text(json, 2);
    wg_json_destroy(json);
    return text;
}
