/*
 * The self-test of the trainings to come: of the kernels that one of them would take.
 */
#include "host/selftest/selftest.h"

#include "host/base/error.h"
#include "host/gan/trainer.h"
#include "host/run/tuning.h"
#include "host/tune/store.h"

#include <stdio.h>

/* How many images a training has changes nothing that matters here. */
static const struct wg_dataset images = {
    .count = 1, .height = WG_IMAGE_SIDE, .width = WG_IMAGE_SIDE};

bool wg_selftest_run(struct wg_device *device, int batch, bool quick,
                     const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test)
{
    static const struct wg_train_callbacks none;
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_trainer_params params = {.settings = &settings, .dataset = &images};
    callbacks = callbacks ? callbacks : &none;
    if (batch < 0)
        return wg_fail(WG_ERROR_ARGUMENT, "batch is %d, expected 0 at least", batch);
    if (batch > 0)
        settings.batch = batch;
    // The tuning first: it is the kernels that train which must fit.
    if (!wg_run_follow_tuning(device, settings.batch, callbacks) ||
        (batch > 0 && !wg_trainer_fits(device, &params)) ||
        !(quick ? wg_selftest_quick : wg_selftest_full)(device, &settings, callbacks, ret_test))
        return false;
    snprintf((*ret_test)->tuning, sizeof(*ret_test)->tuning, "%s", wg_tuning_name(device));
    return true;
}
