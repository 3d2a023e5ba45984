/*
 * What is right for nodes of a size that the formulas on the host are too slow for: what one
 * implementation computes on the device, which was itself held against the formula, or is "ref".
 */
#ifndef WG_TUNE_YARDSTICK_H
#define WG_TUNE_YARDSTICK_H

#include "host/selftest/case.h"

/* Draws the inputs of a case and lets this implementation compute what is expected. Fails with
 * WG_ERROR_DATA if it is wrong itself ("ref" is not asked), with WG_ERROR_MEMORY and the device's
 * own words. */
bool wg_yardstick_prepare(struct wg_case *c, struct wg_device *device, const char *implementation);

#endif
