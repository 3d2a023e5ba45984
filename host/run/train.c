/*
 * A run: the loop around the trainer, and the files it leaves in the run folder.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/files/npy.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"
#include "host/run/history.h"
#include "host/run/manifest.h"
#include "host/run/pictures.h"
#include "host/run/report.h"
#include "host/run/settings.h"
#include "host/run/tuning.h"
#include "host/run/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Steps between two Wasserstein estimates. */
enum { ESTIMATE_EVERY = 10 };

/* The host looks at the losses about this often; between, it only enqueues. */
#define READ_SECONDS 0.25

enum { PIXELS = 28 * 28 };

struct run {
    struct wg_device *device;
    const struct wg_dataset *dataset;
    struct wg_train_settings settings;
    const struct wg_train_callbacks *callbacks;
    struct wg_trainer *trainer;
    struct wg_history history;
    uint64_t data_hash;
    char folder[WG_PATH_MAX];
    char started[32];             // empty: nothing has been
    char checkpoint[WG_PATH_MAX]; // the newest
    uint32_t first_step;          // done when this session began
    uint32_t rate_step;           // done at the first look of this session,
    double rate_seconds;          // and when that was; 0 before
    double seconds_before;        // of training in earlier sessions
    double clock_start;           // of this session's first step
    double wasserstein;           // newest estimate
    int burst;                    // steps enqueued between two looks
    float sample_noise[WG_SAMPLE_BATCH * 128];
};

/* ---- callbacks ---- */

static void message(void *user, const char *text)
{
    struct run *run = user;
    if (run->callbacks->message)
        run->callbacks->message(run->callbacks->user, text);
}

static bool asked_to_stop(const struct run *run)
{
    return run->callbacks->stop && run->callbacks->stop(run->callbacks->user);
}

static double seconds_now(const struct run *run)
{
    return run->seconds_before + (wg_clock_seconds() - run->clock_start);
}

/* Steps per second since the first look: a driver may build kernels at their first launch, which
 * says nothing about the steps to come. */
static double measure_rate(struct run *run, uint32_t step, double seconds)
{
    if (run->rate_seconds > 0 && step > run->rate_step)
        return (step - run->rate_step) / (seconds - run->rate_seconds);
    run->rate_step = step;
    run->rate_seconds = seconds;
    return seconds > 0 ? (step - run->first_step) / seconds : 0;
}

static void report_progress(struct run *run)
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

/* ---- losses ---- */

/* Ends a message of what shows that the training diverged. */
static bool fail_diverged(const struct run *run)
{
    return wg_fail(WG_ERROR_DATA,
                   "%s; %s is the last good state; a smaller learning rate or clip may help",
                   wg_error_message(), run->checkpoint[0] ? run->checkpoint : "the beginning");
}

static bool add_losses(struct run *run, uint32_t step, const struct wg_losses *losses)
{
    const struct wg_history_row row = {
        .step = step,
        .d_loss = 0.5 * ((double)losses->d_real + (double)losses->d_fake),
        .d_loss_real = (double)losses->d_real,
        .d_loss_fake = (double)losses->d_fake,
        .g_loss = (double)losses->generator,
        .wasserstein = (double)losses->estimate,
        .seconds = seconds_now(run),
    };
    if (!isnan(row.wasserstein))
        run->wasserstein = row.wasserstein;
    if (!wg_history_add(&run->history, &row))
        return false;
    if (isfinite(row.d_loss) && isfinite(row.g_loss))
        return true;
    wg_fail(WG_ERROR_DATA, "training diverged: at step %u d_loss is %g and g_loss %g",
            (unsigned)step, row.d_loss, row.g_loss);
    return fail_diverged(run);
}

/* Waits for the device and takes the losses of all steps done since the last look. */
static bool read_losses(struct run *run)
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

/* ---- files ---- */

static bool write_samples(struct run *run)
{
    char path[WG_PATH_MAX];
    static const size_t pixels = (size_t)WG_SAMPLE_BATCH * PIXELS;
    float *images = malloc(pixels * sizeof *images);
    uint8_t *bytes = malloc(pixels);
    bool ok = (images && bytes) || wg_fail_memory("sample images");
    ok = ok && wg_trainer_sample(run->trainer, run->sample_noise, images) &&
         wg_folder_image_path(path, run->folder, wg_trainer_steps_done(run->trainer));
    if (ok) {
        wg_images_to_bytes(images, pixels, bytes);
        ok = wg_picture_write_grid(path, bytes, WG_SAMPLE_BATCH, WG_GRID_COLUMNS);
    }
    free(images);
    free(bytes);
    return ok;
}

/* The first images of the data set: what the samples should come to look like. */
static bool write_real(const struct run *run)
{
    char path[WG_PATH_MAX];
    size_t count = run->dataset->count < WG_SAMPLE_BATCH ? run->dataset->count : WG_SAMPLE_BATCH;
    return wg_folder_path(path, run->folder, "imgs/real.png") &&
           wg_picture_write_grid(path, run->dataset->pixels, count, WG_GRID_COLUMNS);
}

static bool write_column(const struct run *run, const char *name, size_t offset)
{
    char path[WG_PATH_MAX];
    double *values = wg_history_column(&run->history, offset);
    bool ok = values && wg_folder_path(path, run->folder, "%s", name) &&
              wg_npy_write(path, WG_NPY_F64, values, 1, &run->history.count);
    free(values);
    return ok;
}

/* `failure`: what ended the run; NULL: nothing did. */
static bool write_manifest(const struct run *run, const char *status, const char *failure)
{
    return wg_manifest_write(run->folder, &(struct wg_manifest){
                                              .status = status,
                                              .failure = failure,
                                              .settings = &run->settings,
                                              .dataset = run->dataset,
                                              .data_hash = run->data_hash,
                                              .device = run->device,
                                              .trainer = run->trainer,
                                              .steps_done = (uint32_t)run->history.count,
                                              .seconds = seconds_now(run),
                                              .started = run->started,
                                          });
}

static bool write_losses(const struct run *run)
{
    char title[256];
    snprintf(title, sizeof title, "WGAN on %s, batch %d, seed %" PRIu64, run->dataset->name,
             run->settings.batch, run->settings.seed);
    return wg_picture_write_losses(run->folder, title, &run->history);
}

static bool write_checkpoint(struct run *run)
{
    struct wg_checkpoint_info info = {
        .step = wg_trainer_steps_done(run->trainer),
        .settings = run->settings,
        .data_hash = run->data_hash,
    };
    char path[WG_PATH_MAX];
    snprintf(info.data_source, sizeof info.data_source, "%s", run->dataset->source);
    if (!wg_folder_checkpoint_path(path, run->folder, info.step))
        return false;
    if (!wg_checkpoint_write(path, run->trainer, &info))
        return wg_error_status() == WG_ERROR_DATA ? fail_diverged(run) : false;
    memcpy(run->checkpoint, path, sizeof path);
    return true;
}

/* Everything but the log and the sample grids, which are written as they come. The checkpoint
 * first: it is what can't be made again. */
static bool save(struct run *run, const char *status)
{
    return write_checkpoint(run) && write_manifest(run, status, NULL) &&
           wg_export(run->checkpoint, WG_EXPORT_H5, run->folder, NULL) &&
           write_column(run, "discriminator_loss.npy", offsetof(struct wg_history_row, d_loss)) &&
           write_column(run, "generator_loss.npy", offsetof(struct wg_history_row, g_loss)) &&
           write_losses(run) && wg_picture_write_animation(run->folder, message, run);
}

/* ---- the loop ---- */

static bool is_multiple(uint32_t step, int interval)
{
    return interval > 0 && step % (uint32_t)interval == 0;
}

/* How many steps to enqueue between two looks, from how fast the last ones were. */
static void adapt_burst(struct run *run, int steps, double seconds)
{
    double fitting = seconds > 0 ? READ_SECONDS * steps / seconds : WG_LOSS_HISTORY;
    run->burst = fitting < 1                     ? 1
                 : fitting > WG_LOSS_HISTORY / 2 ? WG_LOSS_HISTORY / 2
                                                 : (int)fitting;
}

/* Enqueues steps up to the next look, sample, checkpoint or end, and takes their losses. */
static bool advance(struct run *run)
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
    if (!read_losses(run))
        return false;
    adapt_burst(run, count, wg_clock_seconds() - start);
    return true;
}

static bool loop(struct run *run, bool *ret_stopped)
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
        if ((is_multiple(step, s->sample_every) || is_last) && !write_samples(run))
            return false;
        if (is_multiple(step, s->checkpoint_every) && !is_last && !save(run, "running"))
            return false;
    }
    *ret_stopped = stopped;
    return save(run, stopped ? "interrupted" : "finished");
}

/* ---- beginning and end ---- */

/* `goes_on`: in its folder. */
static bool create_trainer(struct run *run, bool goes_on)
{
    const char *folder = goes_on ? run->folder : NULL;
    const struct wg_trainer_params params = {
        .settings = &run->settings,
        .dataset = run->dataset,
        .progress = run->callbacks->building,
        .user = run->callbacks->user,
    };
    wg_report_settings(&run->settings, run->dataset, run->device, message, run);
    // The tuning first: it is the kernels that train which are tested.
    if (!wg_run_choose_tuning(run->device, run->settings.batch, folder, run->callbacks) ||
        !wg_verify_device(run->device, &run->settings, run->callbacks) ||
        !wg_trainer_create(run->device, &params, &run->trainer))
        return false;
    const struct wg_model *model = wg_trainer_model(run->trainer);
    wg_report_network(&model->generator, message, run);
    wg_report_network(&model->critic, message, run);
    wg_report_memory(run->trainer, message, run);
    wg_sample_noise(run->settings.seed, 0, WG_SAMPLE_BATCH, model->widths.noise, run->sample_noise);
    return true;
}

static bool keep_tuning(const struct run *run)
{
    return wg_run_keep_tuning(run->device, run->settings.batch, run->folder);
}

static void announce(struct run *run)
{
    char text[WG_PATH_MAX + 32];
    snprintf(text, sizeof text, "run folder %s\n", run->folder);
    message(run, text);
}

static void init(struct run *run, struct wg_device *device, const struct wg_dataset *dataset,
                 const struct wg_train_settings *settings,
                 const struct wg_train_callbacks *callbacks)
{
    static const struct wg_train_callbacks none;
    *run = (struct run){
        .device = device,
        .dataset = dataset,
        .settings = *settings,
        .callbacks = callbacks ? callbacks : &none,
        .data_hash = wg_hash(WG_HASH_START, dataset->pixels,
                             dataset->count * (size_t)dataset->height * (size_t)dataset->width),
        .wasserstein = NAN,
    };
}

/* What went wrong stays the error, whether or not the file that says so can be written. */
static void record_failure(const struct run *run)
{
    enum wg_status status = wg_error_status();
    char *failure = strdup(wg_error_message());
    if (!failure)
        return;
    write_manifest(run, "failed", failure);
    wg_fail(status, "%s", failure);
    free(failure);
}

static void fill_result(const struct run *run, bool stopped, struct wg_train_result *ret_result)
{
    *ret_result = (struct wg_train_result){
        .steps_done = (int)run->history.count,
        .stopped = stopped,
    };
    snprintf(ret_result->folder, sizeof ret_result->folder, "%s", run->folder);
    snprintf(ret_result->checkpoint, sizeof ret_result->checkpoint, "%s", run->checkpoint);
}

/* `ok`: the result is filled; else what was begun is marked as failed. */
static void finish(struct run *run, bool ok, bool stopped, struct wg_train_result *ret_result)
{
    if (ok)
        fill_result(run, stopped, ret_result);
    else if (run->started[0])
        record_failure(run);
    wg_history_finish(&run->history);
    wg_trainer_destroy(run->trainer);
}

/* The folder is made last of all that can be refused, so that a refusal leaves nothing behind. The
 * first checkpoint is the initial state: others can start from it, and a full disk shows now. */
static bool begin(struct run *run, const char *folder)
{
    char path[WG_PATH_MAX];
    if (!create_trainer(run, false) || !wg_folder_create(folder, run->dataset->name, run->folder))
        return false;
    announce(run);
    wg_manifest_started(run->folder, run->started);
    run->clock_start = wg_clock_seconds();
    return wg_folder_path(path, run->folder, "log.csv") && wg_history_create(&run->history, path) &&
           keep_tuning(run) && write_manifest(run, "running", NULL) && write_real(run) &&
           write_samples(run) &&
           (!is_multiple(0, run->settings.checkpoint_every) || write_checkpoint(run));
}

bool wg_train(struct wg_device *device, const struct wg_dataset *dataset,
              const struct wg_train_settings *settings, const char *folder,
              const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result)
{
    struct run run;
    bool stopped = false;
    if (!wg_settings_check(settings) || !wg_folder_check(folder))
        return false;
    init(&run, device, dataset, settings, callbacks);
    bool ok = begin(&run, folder) && loop(&run, &stopped);
    finish(&run, ok, stopped, ret_result);
    return ok;
}

/* ---- going on ---- */

static bool continue_history(struct run *run, uint32_t step)
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

static bool resume(struct run *run, const struct wg_checkpoint *checkpoint, const char *path)
{
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    char text[WG_PATH_MAX + 64];
    if (run->data_hash != info->data_hash)
        return wg_fail(WG_ERROR_DATA, "%s: not the data this run was trained on, which was %s",
                       run->dataset->source, info->data_source);
    snprintf(run->checkpoint, sizeof run->checkpoint, "%s", path);
    if (!create_trainer(run, true) || !wg_checkpoint_load_trainer(checkpoint, run->trainer) ||
        !continue_history(run, info->step))
        return false;
    announce(run);
    snprintf(text, sizeof text, "resuming   after step %u from %s", (unsigned)info->step, path);
    message(run, text);
    wg_manifest_started(run->folder, run->started);
    run->clock_start = wg_clock_seconds();
    return keep_tuning(run) && write_manifest(run, "running", NULL);
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

bool wg_resume(struct wg_device *device, const char *folder, const char *data, int steps,
               const struct wg_train_callbacks *callbacks, struct wg_train_result *ret_result)
{
    struct run run;
    struct wg_checkpoint *checkpoint;
    struct wg_dataset *dataset = NULL;
    char path[WG_PATH_MAX];
    bool stopped = false, ok = false;
    if (!check_folder(folder) || !wg_folder_find_checkpoint(folder, path) ||
        !wg_checkpoint_open(path, &checkpoint))
        return false;
    const struct wg_checkpoint_info *info = wg_checkpoint_info(checkpoint);
    struct wg_train_settings settings = info->settings;
    if (steps > 0)
        settings.steps = steps;
    if (check_resumable(info, folder, settings.steps) &&
        wg_dataset_open(data ? data : info->data_source, &dataset)) {
        init(&run, device, dataset, &settings, callbacks);
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
