/*
 * Training settings: their ranges, and as JSON.
 */
#ifndef WG_RUN_SETTINGS_H
#define WG_RUN_SETTINGS_H

#include "host/files/json.h"
#include "include/wgan_cl.h"

/* WG_ERROR_ARGUMENT, naming the setting, if one is out of its range. */
bool wg_settings_check(const struct wg_train_settings *settings);

/* NULL if out of memory. */
struct wg_json *wg_settings_to_json(const struct wg_train_settings *settings);

/* WG_ERROR_DATA, naming the setting, if one is missing or out of its range. */
bool wg_settings_from_json(const struct wg_json *json, struct wg_train_settings *ret_settings);

#endif
