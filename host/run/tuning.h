/*
 * Which tuning a run follows. A new run takes what was measured on the device; one that goes on
 * keeps what it began with, since another order of summation gives other bits.
 */
#ifndef WG_RUN_TUNING_H
#define WG_RUN_TUNING_H

#include "host/device/tuning.h"

/*
 * Puts the tuning for a new run (`folder` NULL), or for one that goes on in its folder, on the
 * device. A device other than a CPU that was never tuned for this batch is tuned for some seconds,
 * if there are children (base/child.h); a CPU's heuristics are good enough to begin at once. Where
 * a tuning can't be had heuristics decide and a message says why. Fails if CLBlast does.
 */
bool wg_run_choose_tuning(struct wg_device *device, int batch, const char *folder,
                          const struct wg_train_callbacks *callbacks);

/* The same for what only looks at the kernels of a new run, and tunes nothing: the device gets what
 * the cache has for this batch, unless the callbacks say untuned. */
bool wg_run_follow_tuning(struct wg_device *device, int batch,
                          const struct wg_train_callbacks *callbacks);

/* Writes FOLDER/tuning.json if the device has a tuning that changes anything. */
bool wg_run_keep_tuning(const struct wg_device *device, int batch, const char *folder);

#endif
