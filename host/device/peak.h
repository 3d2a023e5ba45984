/*
 * What the device can do at best: the yardstick of the benchmark.
 */
#ifndef WG_DEVICE_PEAK_H
#define WG_DEVICE_PEAK_H

#include "host/device/device.h"

/*
 * GFLOP/s of a kernel that does nothing but multiply-adds on registers, two operations each: the
 * best of several runs, about half a second in all.
 */
bool wg_device_measure_peak(struct wg_device *device, double *ret_gflops);

/*
 * GB/s (10^9 bytes, read and written both counted) of a kernel that reads a buffer and writes
 * another, each of 64 MiB, on a GPU 256, or what the device gives: the best of several runs.
 */
bool wg_device_measure_bandwidth(struct wg_device *device, double *ret_gbytes);

#endif
