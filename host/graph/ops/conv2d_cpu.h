/*
 * What the convolutions for CPU devices share: the register tile of their inner loops and how many
 * work items there should be. A work item is a thread's work for some milliseconds and a group of
 * its own.
 */
#ifndef WG_GRAPH_OPS_CONV2D_CPU_H
#define WG_GRAPH_OPS_CONV2D_CPU_H

#include "host/graph/ops/conv2d.h"

/* Work items there should be for a thread, so that the last to finish is not long alone; but one,
 * where each has sums of its own, which cost memory and are to be added up. */
enum { WG_ITEMS_PER_THREAD = 8 };

/* The sums that an inner loop holds in registers: of `pixels` pixels, `vectors` vectors of `width`
 * channels each. */
struct wg_register_tile {
    size_t width;   // VW
    size_t pixels;  // MR
    size_t vectors; // NV
};

/* 12 x 2 accumulators where there are 32 registers (AVX-512), 6 x 2 where there are 16. */
static inline struct wg_register_tile wg_register_tile_of(const struct wg_device *device)
{
    unsigned width = device->info.vector_width;
    return (struct wg_register_tile){
        .width = width >= 16  ? 16
                 : width >= 8 ? 8
                              : 4,
        .pixels = width >= 16 ? 12 : 6,
        .vectors = 2,
    };
}

/* Channels of a pixel. */
static inline size_t wg_register_tile_columns(struct wg_register_tile tile)
{
    return tile.vectors * tile.width;
}

/* Macros VW, MR, NV. */
static inline void wg_define_register_tile(struct wg_defines *defines, struct wg_register_tile tile)
{
    wg_define_int(defines, "VW", (long long)tile.width);
    wg_define_int(defines, "MR", (long long)tile.pixels);
    wg_define_int(defines, "NV", (long long)tile.vectors);
}

/* PITCH, PITCH_X and PITCH_V of the kernels: how many floats after one copied pixel, which has so
 * many, the next begins. An odd number of cache lines, that few share the sets of a cache. */
static inline size_t wg_pitch(size_t floats)
{
    return (floats + 15) / 32 * 32 + 16;
}

/* Threads that the device works with; 1 where it does not say. */
static inline size_t wg_threads(const struct wg_device *device)
{
    return wg_larger(device->info.compute_units, 1);
}

/* Work items that a kernel should have. */
static inline size_t wg_wanted_items(const struct wg_device *device)
{
    return WG_ITEMS_PER_THREAD * wg_threads(device);
}

#endif
