/*
 * Whether a device may be trained on: it has passed the quick self-test, now or before.
 */
#ifndef WG_RUN_VERIFY_H
#define WG_RUN_VERIFY_H

#include "include/wgan_cl.h"

/*
 * Tests the device, by the kernels of a training of these settings and the device's tuning, unless
 * the user's cache says that it passed: the device of this name and driver, this version of the
 * program, this batch and tuning, and these kernels, replaced ones included. A cache that can't be
 * used is one message, and the device is tested each time. Fails with WG_ERROR_DEVICE, naming the
 * op, if the device does, unless the callbacks say to force it.
 */
bool wg_verify_device(struct wg_device *device, const struct wg_train_settings *settings,
                      const struct wg_train_callbacks *callbacks);

#endif
