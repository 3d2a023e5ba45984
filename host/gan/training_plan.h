/*
 * What a run that is only planned takes, and whether that fits the device.
 */
#ifndef WG_GAN_TRAINING_PLAN_H
#define WG_GAN_TRAINING_PLAN_H

#include "host/gan/training_graph.h"

/* wg_training_init for a device that has the memory. Else it fails with WG_ERROR_MEMORY; the
 * message says what is needed, what is there, and which batch would fit. */
bool wg_training_init_fitting(struct wg_training *training, const struct wg_device *device,
                              const struct wg_trainer_params *params, struct wg_memory *ret_memory);

/* How often a step runs a schedule, but for the estimate, which few do. */
int wg_training_runs(const struct wg_train_settings *settings, int schedule);

#endif
