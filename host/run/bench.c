/*
 * The benchmark: whole training steps against the device's own peak.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/data/digits.h"
#include "host/device/peak.h"
#include "host/files/json.h"
#include "host/gan/trainer.h"
#include "host/run/profile.h"
#include "host/run/settings.h"
#include "host/run/tuning.h"
#include "host/tune/store.h"

#include <stdlib.h>

enum { IMAGES = 1024 }; // a step's time does not depend on how many there are

enum { WIDTHS_MAX = 16 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool timed_step(struct wg_trainer *trainer, struct wg_device *device, double *ret_seconds)
{
    double start = wg_clock_seconds();
    if (!wg_trainer_step(trainer, false) || !wg_device_finish(device))
        return false;
    *ret_seconds = wg_clock_seconds() - start;
    return true;
}

/* `steps` measured ones; one to warm up came before. */
static bool measure(struct wg_trainer *trainer, struct wg_device *device, int steps,
                    struct wg_bench_result *result)
{
    double *seconds = malloc((size_t)steps * sizeof *seconds);
    if (!seconds)
        return wg_fail_memory("the measurements");
    bool ok = true;
    for (int i = 0; ok && i < steps; i++)
        ok = timed_step(trainer, device, &seconds[i]);
    if (ok) {
        qsort(seconds, (size_t)steps, sizeof *seconds, compare);
        int middle = steps / 2;
        result->seconds_per_step =
            steps % 2 ? seconds[middle] : 0.5 * (seconds[middle - 1] + seconds[middle]);
        result->seconds_per_step_min = seconds[0];
        result->seconds_per_step_max = seconds[steps - 1];
        result->steps = steps;
    }
    free(seconds);
    return ok;
}

static void describe(const struct wg_trainer *trainer, struct wg_bench_result *result)
{
    result->gflop_per_step = wg_trainer_flops(trainer) * 1e-9;
    result->gflops = result->gflop_per_step / result->seconds_per_step;
    result->peak_share = result->gflops / result->peak_gflops;
    result->device_bytes = wg_trainer_memory(trainer)->total_bytes;
    result->kernel_launches = wg_trainer_launches(trainer);
}

static bool run(struct wg_device *device, const struct wg_trainer_params *params, int steps,
                bool profile, struct wg_bench_result *result)
{
    struct wg_trainer *trainer;
    double first, before, start = wg_clock_seconds();
    if (!wg_trainer_create(device, params, &trainer))
        return false;
    bool ok = timed_step(trainer, device, &first);
    result->seconds_to_first_step = wg_clock_seconds() - start;
    // The peak on both sides of the steps: the clock of a device follows its load.
    ok = ok && wg_device_measure_peak(device, &before) && measure(trainer, device, steps, result) &&
         wg_device_measure_peak(device, &result->peak_gflops);
    if (ok) {
        if (before > result->peak_gflops)
            result->peak_gflops = before;
        describe(trainer, result);
    }
    if (ok && profile)
        ok = wg_device_measure_bandwidth(device, &result->peak_gbytes) &&
             wg_profile(trainer, result);
    wg_trainer_destroy(trainer);
    return ok;
}

/* All but the noise, which is no layer. */
static struct wg_widths widen(int factor)
{
    struct wg_widths widths = wg_widths_default;
    size_t *const layers[] = {&widths.base,  &widths.up1,   &widths.up2,
                              &widths.down1, &widths.down2, &widths.down3};
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        *layers[i] *= (size_t)factor;
    return widths;
}

bool wg_bench(struct wg_device *device, const struct wg_train_settings *settings, int widths,
              int steps, bool profile, const struct wg_train_callbacks *callbacks,
              struct wg_bench_result *ret_result)
{
    static const struct wg_train_callbacks none;
    struct wg_bench_result result = {
        .batch = settings->batch, .critic_steps = settings->critic_steps, .widths = widths};
    const struct wg_widths layers = widen(widths);
    callbacks = callbacks ? callbacks : &none;
    if (!wg_settings_check(settings))
        return false;
    if (widths < 1 || widths > WIDTHS_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "widths is %d, expected 1 to %d", widths, WIDTHS_MAX);
    if (steps < 1)
        return wg_fail(WG_ERROR_ARGUMENT, "steps is %d, expected at least 1", steps);
    if (!wg_run_follow_tuning(device, settings->batch, callbacks))
        return false;
    snprintf(result.device, sizeof result.device, "%s", device->info.name);
    snprintf(result.tuning, sizeof result.tuning, "%s", wg_tuning_name(device));
    struct wg_dataset dataset = {.count = IMAGES, .height = WG_IMAGE_SIDE, .width = WG_IMAGE_SIDE};
    dataset.pixels = malloc((size_t)IMAGES * WG_IMAGE_PIXELS);
    dataset.labels = malloc(IMAGES);
    const struct wg_trainer_params params = {
        .settings = settings,
        .dataset = &dataset,
        .widths = &layers,
        .progress = callbacks->building,
        .user = callbacks->user,
    };
    bool ok = (dataset.pixels && dataset.labels) || wg_fail_memory("images");
    ok = ok && wg_digits_draw(1, IMAGES, dataset.pixels, dataset.labels) &&
         run(device, &params, steps, profile, &result);
    free(dataset.pixels);
    free(dataset.labels);
    if (ok)
        *ret_result = result;
    else
        wg_bench_finish(&result);
    return ok;
}

bool wg_bench_check_same(const struct wg_bench_result *result,
                         const struct wg_train_settings *settings, int widths)
{
    int iterations = result->critic_steps > 0 ? result->critic_steps : settings->critic_steps;
    return (result->batch == settings->batch && iterations == settings->critic_steps &&
            result->widths == widths) ||
           wg_fail(WG_ERROR_ARGUMENT,
                   "batch %d, critic steps %d and widths %d can't be compared with batch %d, "
                   "critic steps %d and widths %d: other work takes other times",
                   settings->batch, settings->critic_steps, widths, result->batch, iterations,
                   result->widths);
}

void wg_bench_finish(struct wg_bench_result *result)
{
    free(result->nodes);
    result->nodes = NULL;
    result->node_count = 0;
}

/* ---- JSON ---- */

char *wg_bench_json(const struct wg_bench_result *r)
{
    struct wg_json *json = wg_json_create_object();
    char *text = NULL;
    if (json && wg_json_set_string(json, "program", wg_version()) &&
        wg_json_set_string(json, "device", r->device) &&
        wg_json_set_string(json, "tuning", r->tuning) &&
        wg_json_set_integer(json, "batch", r->batch) &&
        wg_json_set_integer(json, "critic_steps", r->critic_steps) &&
        wg_json_set_integer(json, "widths", r->widths) &&
        wg_json_set_integer(json, "steps", r->steps) &&
        wg_json_set_real(json, "seconds_per_step", r->seconds_per_step) &&
        wg_json_set_real(json, "seconds_per_step_min", r->seconds_per_step_min) &&
        wg_json_set_real(json, "seconds_per_step_max", r->seconds_per_step_max) &&
        wg_json_set_real(json, "seconds_to_first_step", r->seconds_to_first_step) &&
        wg_json_set_real(json, "gflop_per_step", r->gflop_per_step) &&
        wg_json_set_real(json, "gflops", r->gflops) &&
        wg_json_set_real(json, "peak_gflops", r->peak_gflops) &&
        wg_json_set_real(json, "peak_share", r->peak_share) &&
        wg_json_set_uint64(json, "device_bytes", r->device_bytes) &&
        wg_json_set_integer(json, "kernel_launches", r->kernel_launches) &&
        (!r->nodes ||
         (wg_json_set_real(json, "peak_gbytes", r->peak_gbytes) && wg_profile_set_json(json, r))))
        text = wg_json_text(json, 2);
    wg_json_destroy(json);
    return text;
}

static bool parse(const struct wg_json *json, struct wg_bench_result *r)
{
    const char *device, *tuning = "";
    int64_t batch, iterations = 0, widths = 1, steps, launches; // older files do not know of all
    if (!wg_json_get_string(json, "device", &device) ||
        !wg_json_get_integer(json, "batch", &batch) ||
        (wg_json_find(json, "critic_steps") &&
         !wg_json_get_integer(json, "critic_steps", &iterations)) ||
        (wg_json_find(json, "widths") && !wg_json_get_integer(json, "widths", &widths)) ||
        !wg_json_get_integer(json, "steps", &steps) ||
        !wg_json_get_real(json, "seconds_per_step", &r->seconds_per_step) ||
        !wg_json_get_real(json, "seconds_per_step_min", &r->seconds_per_step_min) ||
        !wg_json_get_real(json, "seconds_per_step_max", &r->seconds_per_step_max) ||
        !wg_json_get_real(json, "seconds_to_first_step", &r->seconds_to_first_step) ||
        !wg_json_get_real(json, "gflop_per_step", &r->gflop_per_step) ||
        !wg_json_get_real(json, "gflops", &r->gflops) ||
        !wg_json_get_real(json, "peak_gflops", &r->peak_gflops) ||
        !wg_json_get_real(json, "peak_share", &r->peak_share) ||
        !wg_json_get_uint64(json, "device_bytes", &r->device_bytes) ||
        !wg_json_get_integer(json, "kernel_launches", &launches) ||
        (wg_json_find(json, "tuning") && !wg_json_get_string(json, "tuning", &tuning)) ||
        (wg_json_find(json, "nodes") && !wg_json_get_real(json, "peak_gbytes", &r->peak_gbytes)))
        return false;
    if (!(r->seconds_per_step > 0 && r->seconds_to_first_step > 0 && r->peak_gflops > 0))
        return wg_fail(WG_ERROR_DATA, "times and the peak are not all above zero");
    snprintf(r->device, sizeof r->device, "%s", device);
    snprintf(r->tuning, sizeof r->tuning, "%s", tuning);
    r->batch = (int)batch;
    r->critic_steps = (int)iterations;
    r->widths = (int)widths;
    r->steps = (int)steps;
    r->kernel_launches = (int)launches;
    return wg_profile_get_json(json, r);
}

bool wg_bench_read(const char *path, struct wg_bench_result *ret_result)
{
    struct wg_json *json;
    struct wg_bench_result result = {0};
    if (!wg_json_read(path, &json))
        return false;
    bool ok = parse(json, &result);
    wg_json_destroy(json);
    if (!ok) {
        wg_bench_finish(&result);
        return wg_fail(WG_ERROR_DATA, "%s: not a result of wgan-cl bench --json: %s", path,
                       wg_error_message());
    }
    *ret_result = result;
    return true;
}
