/*
 * What a run says about itself before the first step: plain text, one message after the other.
 */
#ifndef WG_RUN_REPORT_H
#define WG_RUN_REPORT_H

#include "host/base/error.h"
#include "host/gan/trainer.h"

typedef void wg_message_function(void *user, const char *text);

/* A message to the callbacks, if they want any. */
void wg_report(const struct wg_train_callbacks *callbacks, const char *format, ...) WG_PRINTF(2, 3);

void wg_report_settings(const struct wg_train_settings *settings, const struct wg_dataset *dataset,
                        const struct wg_device *device, wg_message_function *message, void *user);
void wg_report_network(const struct wg_network *network, wg_message_function *message, void *user);
void wg_report_memory(const struct wg_trainer *trainer, wg_message_function *message, void *user);

#endif
