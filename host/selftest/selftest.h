/*
 * Both forms of the self-test, by the tuning that the device has; wgan_cl.h has the one for users,
 * which finds the tuning.
 */
#ifndef WG_SELFTEST_SELFTEST_H
#define WG_SELFTEST_SELFTEST_H

#include "include/wgan_cl.h"

/* Every implementation. Of the settings only the batch matters; `tuning` of the result stays
 * empty. Otherwise as wg_selftest_run. */
bool wg_selftest_full(struct wg_device *device, const struct wg_train_settings *settings,
                      const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test);

/* The quick form, which a training does before it begins: with the kernels that a training of these
 * settings takes, which it leaves built. Fails with WG_ERROR_STOPPED if the device's `stop` says
 * so. */
bool wg_selftest_quick(struct wg_device *device, const struct wg_train_settings *settings,
                       const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test);

#endif
