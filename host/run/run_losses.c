/*
 * What a run learns of its steps and tells: losses, into its history, and progress.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/run/run.h"

#include <math.h>

void wg_run_message(void *user, const char *text)
{
    struct wg_run *run = user;
    if (run->callbacks->message)
        run->callbacks->message(run->callbacks->user, text);
}

double wg_run_seconds(const struct wg_run *run)
{
    return run->seconds_before + (wg_clock_seconds() - run->clock_start);
}

/* Steps per second since the first look: a driver may build kernels at their first launch, which
 * says nothing about the steps to come. */
static double measure_rate(struct wg_run *run, uint32_t step, double seconds)
{
    if (run->rate_seconds > 0 && step > run->rate_step)
        return (step - run->rate_step) / (seconds - run->rate_seconds);
    run->rate_step = step;
    run->rate_seconds = seconds;
    return seconds > 0 ? (step - run->first_step) / seconds : 0;
}

static void report_progress(struct wg_run *run)
{
    if (!run->callbacks->progress || run->history.count == 0)
        return;
    const struct wg_history_row *row = &run->history.rows[run->history.count - 1];
    double seconds = wg_clock_seconds() - run->clock_start;
    double rate = measure_rate(run, row->step, seconds);
    const struct wg_progress progress = {
        .step = (int)row->step,
        .steps = run->settings.steps,
        .d_loss = row->d_loss,
        .d_loss_real = row->d_loss_real,
        .d_loss_fake = row->d_loss_fake,
        .g_loss = row->g_loss,
        .wasserstein = run->wasserstein,
        .seconds = seconds,
        .steps_per_second = rate,
        .seconds_left = rate > 0 ? (run->settings.steps - (int)row->step) / rate : 0,
    };
    run->callbacks->progress(run->callbacks->user, &progress);
}

bool wg_run_fail_diverged(const struct wg_run *run)
{
    return wg_fail(WG_ERROR_DATA,
                   "%s; %s is the last good state; a smaller learning rate or clip may help",
                   wg_error_message(), run->checkpoint[0] ? run->checkpoint : "the beginning");
}

static bool add_losses(struct wg_run *run, uint32_t step, const struct wg_losses *losses)
{
    const struct wg_history_row row = {
        .step = step,
        .d_loss = 0.5 * ((double)losses->d_real + (double)losses->d_fake),
        .d_loss_real = (double)losses->d_real,
        .d_loss_fake = (double)losses->d_fake,
        .g_loss = (double)losses->generator,
        .wasserstein = (double)losses->estimate,
        .seconds = wg_run_seconds(run),
    };
    if (!isnan(row.wasserstein))
        run->wasserstein = row.wasserstein;
    if (!wg_history_add(&run->history, &row))
        return false;
    if (isfinite(row.d_loss) && isfinite(row.g_loss))
        return true;
    wg_fail(WG_ERROR_DATA, "training diverged: at step %u d_loss is %g and g_loss %g",
            (unsigned)step, row.d_loss, row.g_loss);
    return wg_run_fail_diverged(run);
}

bool wg_run_read_losses(struct wg_run *run)
{
    struct wg_losses losses[WG_LOSS_HISTORY];
    uint32_t known = (uint32_t)run->history.count, done = wg_trainer_steps_done(run->trainer);
    if (done == known)
        return true;
    if (!wg_trainer_read_losses(run->trainer, known, (int)(done - known), losses))
        return false;
    for (uint32_t i = 0; i < done - known; i++)
        if (!add_losses(run, known + i + 1, &losses[i]))
            return false;
    report_progress(run);
    return true;
}
