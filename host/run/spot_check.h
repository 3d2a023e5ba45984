/*
 * Whether a device draws what the formulas say: one image of a generator, computed again on the
 * host in double precision. It takes a tenth of a second and sees the very kernels and weights
 * that are used, so nothing has to be remembered about the device.
 */
#ifndef WG_RUN_SPOT_CHECK_H
#define WG_RUN_SPOT_CHECK_H

#include "host/device/device.h"
#include "host/run/checkpoint.h"

/*
 * `image` is what the device made of number `index` of the samples of `seed`. Fails with
 * WG_ERROR_DEVICE if it is further off than roundings lead. Says nothing of a checkpoint whose
 * training has diverged: what is not a number can't be compared.
 */
bool wg_spot_check(const struct wg_device *device, const struct wg_checkpoint *checkpoint,
                   uint64_t seed, size_t index, const float image[WG_IMAGE_PIXELS]);

#endif
