#include "host/run/tuning.h"

#include "host/base/child.h"
#include "host/base/error.h"
#include "host/files/json.h"
#include "host/run/folder.h"
#include "host/run/report.h"
#include "host/tune/store.h"

#include <stdio.h>
#include <string.h>

#define SHORT_TUNING_SECONDS 10.0

/* ---- a new run ---- */

static void tune_now(struct wg_device *device, int batch,
                     const struct wg_train_callbacks *callbacks)
{
    struct wg_tune_result result;
    const struct wg_tune_settings settings = {.batch = batch, .seconds = SHORT_TUNING_SECONDS};
    const struct wg_tune_callbacks passed = {
        .user = callbacks->user, .message = callbacks->message, .stop = callbacks->stop};
    wg_report(callbacks,
              "tuning     this device is new: measuring what is fast there, for %.0f s at most",
              SHORT_TUNING_SECONDS);
    if (!wg_tune(device, &settings, &passed, &result)) {
        wg_report(callbacks, "warning: the device can't be tuned, heuristics decide: %s",
                  wg_error_message());
        return;
    }
    // Half of it is not kept: to the next run the device would not be new.
    if (callbacks->stop && callbacks->stop(callbacks->user))
        remove(result.path);
    else
        wg_report(callbacks,
                  "tuning     %s: %.3g s of a step measured, now %.3g s; wgan-cl tune looks longer",
                  result.digest, result.step_before, result.step_after);
    wg_tune_finish(&result);
}

/* Puts the cache's tuning for this batch on the device, or takes off what is there if the cache has
 * none of use; one that is damaged is a message. Returns whether it had one. */
static bool load_tuning(struct wg_device *device, int batch,
                        const struct wg_train_callbacks *callbacks)
{
    bool is_damaged;
    struct wg_tuning *tuning = wg_tuning_find_cached(device, batch, &is_damaged);
    if (is_damaged)
        wg_report(callbacks, "warning: a tuning is ignored, wgan-cl tune makes it anew: %s",
                  wg_error_message());
    return wg_device_tune(device, tuning) && tuning;
}

bool wg_run_follow_tuning(struct wg_device *device, int batch,
                          const struct wg_train_callbacks *callbacks)
{
    if (callbacks->untuned)
        return wg_device_tune(device, NULL);
    load_tuning(device, batch, callbacks);
    return device->blas || wg_device_tune(device, NULL); // where CLBlast refused a tuning's
}

static bool choose_new(struct wg_device *device, int batch,
                       const struct wg_train_callbacks *callbacks)
{
    if (callbacks->untuned)
        return wg_device_tune(device, NULL);
    if (load_tuning(device, batch, callbacks))
        wg_report(callbacks, "tuning     %s", wg_tuning_name(device));
    else if (!wg_device_is_cpu(device) && wg_child_possible())
        tune_now(device, batch, callbacks);
    return device->blas || wg_device_tune(device, NULL); // where CLBlast refused a tuning's
}

/* ---- one that goes on ---- */

/* What run.json says. */
struct record {
    bool same_device;
    char tuning[32]; // its digest, or "none"
};

static bool is_same(const struct wg_json *json, const char *key, const char *expected)
{
    const char *text;
    return wg_json_get_string(json, key, &text) && strcmp(text, expected) == 0;
}

static bool read_record(const char *folder, const struct wg_device *device,
                        struct record *ret_record)
{
    char path[WG_PATH_MAX];
    struct wg_json *json;
    const struct wg_json *was;
    const char *tuning = "none"; // before there were any
    if (!wg_folder_path(path, folder, "run.json") || !wg_json_read(path, &json))
        return false;
    if (wg_json_find(json, "tuning"))
        wg_json_get_string(json, "tuning", &tuning);
    *ret_record =
        (struct record){.same_device = wg_json_get_object(json, "device", &was) &&
                                       is_same(was, "name", device->info.name) &&
                                       is_same(was, "driver", device->info.driver_version)};
    snprintf(ret_record->tuning, sizeof ret_record->tuning, "%s", tuning);
    wg_json_destroy(json);
    return true;
}

/* That of the folder, if it is the one of run.json. */
static bool read_kept(const char *folder, const char *digest, const struct wg_device *device,
                      int batch, struct wg_tuning **ret_tuning)
{
    char path[WG_PATH_MAX];
    struct wg_tuning *tuning;
    if (!wg_folder_path(path, folder, "tuning.json") ||
        !wg_tuning_read(path, device, batch, &tuning))
        return false;
    if (strcmp(tuning->digest, digest) == 0) {
        *ret_tuning = tuning;
        return true;
    }
    wg_tuning_destroy(tuning);
    return wg_fail(WG_ERROR_DATA, "%s: not the tuning %s of run.json", path, digest);
}

bool wg_run_choose_tuning(struct wg_device *device, int batch, const char *folder,
                          const struct wg_train_callbacks *callbacks)
{
    struct record record;
    struct wg_tuning *tuning;
    // An imported run begins now; on another device no bit stays anyway.
    if (!folder || !read_record(folder, device, &record) || !record.same_device)
        return choose_new(device, batch, callbacks);
    if (strcmp(record.tuning, "none") == 0)
        return wg_device_tune(device, NULL);
    if (read_kept(folder, record.tuning, device, batch, &tuning)) {
        if (!wg_device_tune(device, tuning))
            return false;
        wg_report(callbacks, "tuning     %s, with which this run began", wg_tuning_name(device));
        return true;
    }
    wg_report(callbacks, "warning: this run can't keep its tuning, so its bits will differ: %s",
              wg_error_message());
    return choose_new(device, batch, callbacks);
}

bool wg_run_keep_tuning(const struct wg_device *device, int batch, const char *folder)
{
    char path[WG_PATH_MAX];
    return !device->tuning || wg_tuning_changes_nothing(device->tuning) ||
           (wg_folder_path(path, folder, "tuning.json") &&
            wg_tuning_write(path, device, batch, device->tuning));
}
