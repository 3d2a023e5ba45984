/*
 * The self-test that a training does before it begins; wgan_cl.h has the other.
 */
#ifndef WG_SELFTEST_SELFTEST_H
#define WG_SELFTEST_SELFTEST_H

#include "include/wgan_cl.h"

/* The quick form, with the kernels that a training of these settings takes, which it leaves built.
 * Otherwise as wg_selftest_run; fails with WG_ERROR_STOPPED if the device's `stop` says so. */
bool wg_selftest_quick(struct wg_device *device, const struct wg_train_settings *settings,
                       const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test);

#endif
