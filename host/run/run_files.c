/*
 * The files of a run, but for its log.
 */
#include "host/base/error.h"
#include "host/files/npy.h"
#include "host/run/checkpoint.h"
#include "host/run/manifest.h"
#include "host/run/pictures.h"
#include "host/run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool wg_run_write_samples(struct wg_run *run)
{
    char path[WG_PATH_MAX];
    static const size_t pixels = (size_t)WG_SAMPLE_BATCH * WG_IMAGE_PIXELS;
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
bool wg_run_write_real(const struct wg_run *run)
{
    char path[WG_PATH_MAX];
    size_t count = run->dataset->count < WG_SAMPLE_BATCH ? run->dataset->count : WG_SAMPLE_BATCH;
    return wg_folder_path(path, run->folder, "imgs/real.png") &&
           wg_picture_write_grid(path, run->dataset->pixels, count, WG_GRID_COLUMNS);
}

static bool write_column(const struct wg_run *run, const char *name, size_t offset)
{
    char path[WG_PATH_MAX];
    double *values = wg_history_column(&run->history, offset);
    bool ok = values && wg_folder_path(path, run->folder, "%s", name) &&
              wg_npy_write(path, WG_NPY_F64, values, 1, &run->history.count);
    free(values);
    return ok;
}

bool wg_run_write_manifest(const struct wg_run *run, const char *status, const char *failure)
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
                                              .seconds = wg_run_seconds(run),
                                              .started = run->started,
                                          });
}

static bool write_losses(const struct wg_run *run)
{
    char title[256];
    snprintf(title, sizeof title, "WGAN on %s, batch %d, seed %" PRIu64, run->dataset->name,
             run->settings.batch, run->settings.seed);
    return wg_picture_write_losses(run->folder, title, &run->history);
}

bool wg_run_write_checkpoint(struct wg_run *run)
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
        return wg_error_status() == WG_ERROR_DATA ? wg_run_fail_diverged(run) : false;
    memcpy(run->checkpoint, path, sizeof path);
    return true;
}

/* The checkpoint first: it is what can't be made again. */
bool wg_run_save(struct wg_run *run, const char *status)
{
    return wg_run_write_checkpoint(run) && wg_run_write_manifest(run, status, NULL) &&
           wg_export(run->checkpoint, WG_EXPORT_H5, run->folder, NULL) &&
           write_column(run, "discriminator_loss.npy", offsetof(struct wg_history_row, d_loss)) &&
           write_column(run, "generator_loss.npy", offsetof(struct wg_history_row, g_loss)) &&
           write_losses(run) && wg_picture_write_animation(run->folder, wg_run_message, run);
}

void wg_run_record_failure(const struct wg_run *run)
{
    enum wg_status status = wg_error_status();
    char *failure = strdup(wg_error_message());
    if (!failure)
        return;
    wg_run_write_manifest(run, "failed", failure);
    wg_fail(status, "%s", failure);
    free(failure);
}
