/*
 * A run: the loop around the trainer, how it begins, goes on and ends.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/base/pages.h"
#include "host/run/checkpoint.h"
#include "host/run/leftovers.h"
#include "host/run/manifest.h"
#include "host/run/report.h"
#include "host/run/run.h"
#include "host/run/settings.h"
#include "host/run/tuning.h"
#include "host/run/verify.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Steps between two Wasserstein estimates. */
enum { ESTIMATE_EVERY = 10 };

/* The host looks at the losses about this often; between, it only enqueues. */
#define READ_SECONDS 0.25

/* ---- the loop ---- */

static bool is_multiple(uint32_t step, int interval)
{
    return interval > 0 && step % (uint32_t)interval == 0;
}

/* How many steps to enqueue between two looks, from how fast the last ones were. */
static void adapt_burst(struct wg_run *run, int steps, double seconds)
{
    double fitting = seconds > 0 ? READ_SECONDS * steps / seconds : WG_LOSS_HISTORY;
    run->burst = fitting < 1                     ? 1
                 : fitting > WG_LOSS_HISTORY / 2 ? WG_LOSS_HISTORY / 2
                                                 : (int)fitting;
}

/* Enqueues steps up to the next look, sample, checkpoint or end, and takes their losses. */
static bool advance(struct wg_run *run)
{
    double start = wg_clock_seconds();
    int count = 0;
    const struct wg_train_settings *s = &run->settings;
    for (bool due = false; !due && count < run->burst; count++) {
        uint32_t step = wg_trainer_steps_done(run->trainer) + 1;
        if (!wg_trainer_step(run->trainer, is_multiple(step, ESTIMATE_EVERY)))
            return false;
        due = is_multiple(step, s->sample_every) || is_multiple(step, s->checkpoint_every) ||
              step == (uint32_t)s->steps;
    }
    if (!wg_run_read_losses(run))
        return false;
    adapt_burst(run, count, wg_clock_seconds() - start);
    return true;
}

static bool asked_to_stop(const struct wg_run *run)
{
    return run->callbacks->stop && run->callbacks->stop(run->callbacks->user);
}

static bool loop(struct wg_run *run, bool *ret_stopped)
{
    const struct wg_train_settings *s = &run->settings;
    bool stopped = false;
    run->clock_start = wg_clock_seconds();
    run->burst = 1;
    uint32_t step = wg_trainer_steps_done(run->trainer);
    while (step < (uint32_t)s->steps && !(stopped = asked_to_stop(run))) {
        if (!advance(run))
            return false;
        step = wg_trainer_steps_done(run->trainer);
        bool is_last = step == (uint32_t)s->steps;
        if ((is_multiple(step, s->sample_every) || is_last) && !wg_run_write_samples(run))
            return false;
        if (is_multiple(step, s->checkpoint_every) && !is_last && !wg_run_save(run, "running"))
            return false;
    }
    *ret_stopped = stopped;
    return wg_run_save(run, stopped ? "interrupted" : "finished");
}

/* ---- beginning and end ---- */

static bool draw_sample_noise(struct wg_run *run)
{
    const size_t size = wg_trainer_model(run->trainer)->widths.noise;
    run->sample_noise = malloc(WG_SAMPLE_BATCH * size * sizeof *run->sample_noise);
    if (!run->sample_noise)
        return wg_fail_memory("noise");
    wg_sample_noise(run->settings.seed, 0, WG_SAMPLE_BATCH, size, run->sample_noise);
    return true;
}

/* `goes_on`: in its folder. */
static bool create_trainer(struct wg_run *run, bool goes_on)
{
    const char *folder = goes_on ? run->folder : NULL;
    const struct wg_trainer_params params = {
        .settings = &run->settings,
        .dataset = run->dataset,
        .progress = run->callbacks->building,
        .user = run->callbacks->user,
    };
    wg_report_settings(&run->settings, run->dataset, run->device, wg_run_message, run);
    // The tuning first: it is the kernels that train which must fit and are tested.
    if (!wg_run_choose_tuning(run->device, run->settings.batch, folder, run->callbacks) ||
        !wg_trainer_fits(run->device, &params) ||
        !wg_verify_device(run->device, &run->settings, run->callbacks) ||
        !wg_trainer_create(run->device, &params, &run->trainer))
        return false;
    const struct wg_model *model = wg_trainer_model(run->trainer);
    wg_report_network(&model->generator, wg_run_message, run);
    wg_report_network(&model->critic, wg_run_message, run);
    wg_report_memory(run->trainer, wg_run_message, run);
    return draw_sample_noise(run);
}

/* So far there is nothing to save, so to stop is to fail, whatever else may have failed by it. */
static bool prepare(struct wg_run *run, bool goes_on)
{
    run->device->stop = run->callbacks->stop;
    run->device->stop_user = run->callbacks->user;
    wg_pages_keep(); // the self-test's memory becomes the training's
    bool ok = create_trainer(run, goes_on);
    wg_pages_drop();
    run->device->stop = NULL;
    if (!asked_to_stop(run))
        return ok;
    return wg_fail(WG_ERROR_STOPPED, "stopped before a step was done; %s",
                   goes_on ? "the run is as it was" : "there is no run folder");
}

static bool keep_tuning(const struct wg_run *run)
{
    return wg_run_keep_tuning(run->device, run->settings.batch, run->folder);
}

/* The folder is there, and the run begins in it. */
static void announce(struct wg_run *run)
{
    char text[WG_PATH_MAX + 128];
    if (run->lock < 0) {
        snprintf(text, sizeof text,
                 "warning: %s can't be locked, so nothing keeps another training out of it",
                 run->folder);
        wg_run_message(run, text);
    }
    snprintf(text, sizeof text, "run folder %s\n", run->folder);
    wg_run_message(run, text);
    wg_manifest_started(run->folder, run->started);
    run->clock_start = wg_clock_seconds();
}

static void init(struct wg_run *run, struct wg_device *device, const struct wg_dataset *dataset,
                 const struct wg_train_settings *settings,
                 const struct wg_train_callbacks *callbacks)
{
    static const struct wg_train_callbacks none;
    *run = (struct wg_run){
        .device = device,
        .dataset = dataset,
        .settings = *settings,
        .callbacks = callbacks ? callbacks : &none,
        .data_hash = wg_hash(WG_HASH_START, dataset->pixels,
                             dataset->count * (size_t)dataset->height * (size_t)dataset->width),
        .wasserstein = NAN,
        .lock = -1,
    };
}

static void fill_result(const struct wg_run *run, bool stopped, struct wg_train_result *ret_result)
{
    *ret_result = (struct wg_train_result){
        .steps_done = (int)run->history.count,
        .stopped = stopped,
    };
    snprintf(ret_result->folder, sizeof ret_result->folder, "%s", run->folder);
    snprintf(ret_result->checkpoint, sizeof ret_result->checkpoint, "%s", run->checkpoint);
}

/* `ok`: the result is filled; else what was begun is marked as failed. */
static void finish(struct wg_run *run, bool ok, bool stopped, struct wg_train_result *ret_result)
{
    if (ok)
        fill_result(run, stopped, ret_result);
    else if (run->started[0])
        wg_run_record_failure(run);
    wg_history_finish(&run->history);
    wg_trainer_destroy(run->trainer);
    free(run->sample_noise);
}

/* The folder is made last of all that can be refused, so that a refusal leaves nothing behind. The
 * first checkpoint is the initial state: others can start from it, and a full disk shows now. */
static bool begin(struct wg_run *run, const char *folder)
{
    char path[WG_PATH_MAX];
    if (!prepare(run, false) || !wg_folder_create(folder, run->dataset->name, run->folder) ||
        !wg_folder_lock(run->folder, &run->lock))
        return false;
    announce(run);
    return wg_folder_path(path, run->folder, "log.csv") && wg_history_create(&run->history, path) &&
           keep_tuning(run) && wg_run_write_manifest(run, "running", NULL) &&
           wg_run_write_real(run) && wg_run_write_samples(run) &&
           (!is_multiple(0, run->settings.checkpoint_every) || wg_run_write_checkpoint(run));
}

bool wg_train(struct wg_device *device, const struct wg_dataset *dataset,
              const struct wg_train_settings *settings, const char *folder,
              const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result)
{
    struct wg_run run;
    bool stopped = false;
    if (!wg_settings_check(settings) || !wg_folder_check(folder))
        return false;
    init(&run, device, dataset, settings, callbacks);
    bool ok = begin(&run, folder) && loop(&run, &stopped);
    finish(&run, ok, stopped, ret_result);
    wg_folder_unlock(run.lock);
    return ok;
}

/* ---- going on ---- */

static bool continue_history(struct wg_run *run, uint32_t step)
{
    char path[WG_PATH_MAX];
    if (!wg_folder_path(path, run->folder, "log.csv") ||
        !wg_history_continue(&run->history, path, step))
        return false;
    for (size_t i = 0; i < run->history.count; i++)
        if (!isnan(run->history.rows[i].wasserstein))
            run->wasserstein = run->history.rows[i].wasserstein;
    run->first_step = step;
    run->seconds_before = step > 0 ? run->history.rows[step - 1].seconds : 0;
    return true;
}

static bool resume(struct wg_run *run, const struct wg_checkpoint *checkpoint, const char *path)
{
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    char text[WG_PATH_MAX + 64];
    if (run->data_hash != info->data_hash)
        return wg_fail(WG_ERROR_DATA, "%s: not the data this run was trained on, which was %s",
                       run->dataset->source, info->data_source);
    snprintf(run->checkpoint, sizeof run->checkpoint, "%s", path);
    if (!prepare(run, true) || !wg_checkpoint_load_trainer(checkpoint, run->trainer) ||
        !continue_history(run, info->step) || !wg_folder_complete(run->folder))
        return false;
    announce(run);
    snprintf(text, sizeof text, "resuming   after step %u from %s", (unsigned)info->step, path);
    wg_run_message(run, text);
    // The picture may be gone with its folder, and that another can be drawn there shows now.
    return keep_tuning(run) && wg_run_write_manifest(run, "running", NULL) &&
           wg_run_write_real(run);
}

/* A checkpoint file is no place to go on in: its log and pictures are beside its folder. */
static bool check_folder(const char *folder)
{
    struct stat status;
    return stat(folder, &status) != 0 || S_ISDIR(status.st_mode) ||
           wg_fail(WG_ERROR_FILE,
                   "%s: not a run folder (a run goes on in its folder, from the newest checkpoint "
                   "there)",
                   folder);
}

static bool check_resumable(const struct wg_checkpoint_info *info, const char *folder, int steps)
{
    if (info->step < (uint32_t)steps)
        return true;
    return wg_fail(WG_ERROR_ARGUMENT,
                   "%s: %u steps are done already, %d were asked for; --steps takes the number of "
                   "steps in all",
                   folder, (unsigned)info->step, steps);
}

/* Known before kernels are built. */
static bool check_writable(const char *folder)
{
    return access(folder, W_OK | X_OK) == 0 ||
           wg_fail(WG_ERROR_FILE, "%s: the run can't go on there: %s", folder, strerror(errno));
}

static bool open_data(const char *data, const struct wg_checkpoint_info *info,
                      struct wg_dataset **ret_dataset)
{
    return wg_dataset_open(data ? data : info->data_source, ret_dataset) ||
           (!data &&
            wg_fail(wg_error_status(), "%s (the data of this run; --data says where it is now)",
                    wg_error_message()));
}

/* The folder is held by this process: what is found there is the newest. */
static bool resume_held(struct wg_device *device, const char *folder, int lock, const char *data,
                        int steps, const struct wg_train_callbacks *callbacks,
                        struct wg_train_result *ret_result)
{
    struct wg_run run;
    struct wg_checkpoint *checkpoint;
    struct wg_dataset *dataset = NULL;
    char path[WG_PATH_MAX];
    bool stopped = false, ok = false;
    if (!wg_folder_find_checkpoint(folder, path) || !wg_checkpoint_open(path, &checkpoint))
        return false;
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    struct wg_train_settings settings = info->settings;
    if (steps > 0)
        settings.steps = steps;
    if (check_resumable(info, folder, settings.steps) && open_data(data, info, &dataset)) {
        init(&run, device, dataset, &settings, callbacks);
        run.lock = lock;
        snprintf(run.folder, sizeof run.folder, "%s", folder);
        for (size_t n = strlen(run.folder); n > 1 && run.folder[n - 1] == '/'; n--)
            run.folder[n - 1] = '\0';
        ok = resume(&run, checkpoint, path) && loop(&run, &stopped);
        finish(&run, ok, stopped, ret_result);
    }
    wg_dataset_close(dataset);
    wg_checkpoint_close(checkpoint);
    return ok;
}

bool wg_resume(struct wg_device *device, const char *folder, const char *data, int steps,
               const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result)
{
    char path[WG_PATH_MAX];
    int lock;
    // Only what is a run is held: another one may be about to begin here.
    if (!check_folder(folder) || !wg_folder_find_checkpoint(folder, path) ||
        !check_writable(folder) || !wg_folder_lock(folder, &lock))
        return false;
    // Without the lock they may belong to a training that runs.
    int left = lock >= 0 ? wg_leftovers_remove(folder) : 0;
    if (left > 0 && callbacks)
        wg_report(callbacks, "removed    %d file%s that a killed training had not finished", left,
                  left > 1 ? "s" : "");
    bool ok = resume_held(device, folder, lock, data, steps, callbacks, ret_result);
    wg_folder_unlock(lock);
    return ok;
}
