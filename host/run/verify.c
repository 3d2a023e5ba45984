#include "host/run/verify.h"

#include "host/base/error.h"
#include "host/run/report.h"
#include "host/selftest/selftest.h"
#include "host/tune/identity.h"
#include "host/tune/store.h"

#include <string.h>
#include <unistd.h>

/* ---- what is remembered ---- */

/* All that decides which kernels a training runs: the device and all it depends on, the batch, the
 * tuning. NULL on failure. */
static struct wg_json *identity_of(const struct wg_device *device,
                                   const struct wg_train_settings *settings)
{
    struct wg_json *json = wg_identity_create(device);
    if (json && wg_json_set_integer(json, "batch", settings->batch) &&
        wg_json_set_string(json, "tuning", wg_tuning_name(device)))
        return json;
    wg_json_destroy(json);
    return NULL;
}

/* Whether the file is there and says the same: names of files are too short to be sure. */
static bool is_known(const char *path, const struct wg_json *identity,
                     const struct wg_train_callbacks *callbacks)
{
    struct wg_json *found = NULL;
    if (access(path, F_OK) != 0)
        return false;
    bool same = wg_json_read(path, &found) &&
                (wg_identity_equal(found, identity) ||
                 wg_fail(WG_ERROR_DATA, "%s: of another device, driver or kernels", path));
    wg_json_destroy(found);
    if (!same)
        wg_report(callbacks, "warning: the device is tested again: %s", wg_error_message());
    return same;
}

/* ---- the test ---- */

/* Where a kernel does not build the compiler's log is at the end, so nothing comes after it. */
static bool judge(const struct wg_device *device, const struct wg_selftest *test,
                  const struct wg_train_callbacks *callbacks)
{
    const struct wg_selftest_row *row = test->rows;
    char more[32] = "";
    if (test->failed == 0)
        return true;
    while (row->passed)
        row++;
    if (test->failed > 1)
        snprintf(more, sizeof more, " and %d more", test->failed - 1);
    if (!callbacks->force)
        return wg_fail(
            WG_ERROR_DEVICE,
            "device %s fails its self-test (wgan-cl selftest --batch %d%s shows all; %s--force "
            "trains anyway): %s by %s%s: %s",
            device->info.name, test->batch, callbacks->untuned ? " --untuned" : "",
            device->tuning ? "a new run with --untuned takes other kernels; " : "", row->op,
            row->implementation, more, row->failure);
    wg_report(callbacks,
              "warning: this device fails its self-test, and is forced: %s by %s%s: %.*s", row->op,
              row->implementation, more, (int)strcspn(row->failure, "\n"), row->failure);
    return true;
}

/* Says why the device will be tested again, unless the user has heard of a cache by now. */
static void warn_no_cache(const struct wg_device *device,
                          const struct wg_train_callbacks *callbacks)
{
    if (!wg_device_warning(device))
        wg_report(callbacks, "warning: no cache, so the device is tested at every start: %s",
                  wg_error_message());
}

bool wg_verify_device(struct wg_device *device, const struct wg_train_settings *settings,
                      const struct wg_train_callbacks *callbacks)
{
    char path[WG_CACHE_PATH_MAX];
    struct wg_selftest *test;
    struct wg_json *known = identity_of(device, settings);
    if (!known)
        return false;
    bool has_cache = wg_identity_path(known, "selftest", path);
    if (has_cache && is_known(path, known, callbacks)) {
        wg_json_destroy(known);
        return true;
    }
    if (!has_cache)
        warn_no_cache(device, callbacks);
    bool ok = wg_selftest_quick(device, settings, callbacks, &test);
    if (ok) {
        ok = judge(device, test, callbacks);
        bool passed = test->failed == 0, remembered = passed && has_cache;
        if (remembered && !wg_json_write(path, known)) {
            remembered = false;
            warn_no_cache(device, callbacks);
        }
        if (passed)
            wg_report(callbacks, "selftest   %d kernels pass on this device (%.1f s)%s",
                      test->count, test->seconds, remembered ? "; remembered" : "");
        wg_selftest_destroy(test);
    }
    wg_json_destroy(known);
    return ok;
}
