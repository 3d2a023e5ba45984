/*
 * Whether a device draws what the formulas say: some of a generator's images, computed again on the
 * host in double precision. It takes some tenths of a second and sees the very kernels and weights
 * that are used, so nothing has to be remembered about the device.
 */
#ifndef WG_RUN_SPOT_CHECK_H
#define WG_RUN_SPOT_CHECK_H

#include "host/device/device.h"
#include "host/run/checkpoint.h"

/*
 * `images` are what the device made of the first `count` samples of `seed`, `count` >= 1. Up to
 * eight of them are drawn again, the first and the last among them, and one of each quarter of the
 * device's batches. Fails with WG_ERROR_DEVICE if one is further off than roundings lead. Says
 * nothing of a checkpoint whose training has diverged, so that the formulas have no numbers.
 */
bool wg_spot_check(const struct wg_device *device, const struct wg_checkpoint *checkpoint,
                   uint64_t seed, const float *images, size_t count);

#endif
