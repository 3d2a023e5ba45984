/*
 * A run, from within: what train.c, run_losses.c and run_files.c share.
 */
#ifndef WG_RUN_RUN_H
#define WG_RUN_RUN_H

#include "host/gan/trainer.h"
#include "host/run/folder.h"
#include "host/run/history.h"

struct wg_run {
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
    float *sample_noise;          // [WG_SAMPLE_BATCH, noise]
    int lock;                     // of the folder; -1: there is none
};

/* For the caller; `user` is the run. */
void wg_run_message(void *user, const char *text);

/* Of training, earlier sessions included. */
double wg_run_seconds(const struct wg_run *run);

/* Waits for the device, takes the losses of all steps done since the last look, and reports. */
bool wg_run_read_losses(struct wg_run *run);

/* Ends a message of what shows that the training diverged. */
bool wg_run_fail_diverged(const struct wg_run *run);

bool wg_run_write_samples(struct wg_run *run);
bool wg_run_write_real(const struct wg_run *run); // images of the data
bool wg_run_write_checkpoint(struct wg_run *run);

/* `failure`: what ended the run; NULL: nothing did. */
bool wg_run_write_manifest(const struct wg_run *run, const char *status, const char *failure);

/* Everything but the log and the sample grids, which are written as they come. */
bool wg_run_save(struct wg_run *run, const char *status);

/* What went wrong stays the error, whether or not the file that says so can be written. */
void wg_run_record_failure(const struct wg_run *run);

#endif
