/*
 * run.json: everything needed to say what a run was.
 */
#ifndef WG_RUN_MANIFEST_H
#define WG_RUN_MANIFEST_H

#include "host/gan/trainer.h"

struct wg_manifest {
    const char *status;  // "running", "finished", "interrupted", "failed"
    const char *failure; // the message that ended it; NULL: none did
    const struct wg_train_settings *settings;
    const struct wg_dataset *dataset;
    uint64_t data_hash;
    const struct wg_device *device;
    const struct wg_trainer *trainer;
    uint32_t steps_done;
    double seconds;      // of training, all sessions together
    const char *started; // "2026-01-31T12:00:00Z", of the first session
};

/* Writes FOLDER/run.json, replacing an older one. */
bool wg_manifest_write(const char *folder, const struct wg_manifest *manifest);

/* The start of the first session as an older run.json of the folder gives it, else now. */
void wg_manifest_started(const char *folder, char ret_started[32]);

#endif
