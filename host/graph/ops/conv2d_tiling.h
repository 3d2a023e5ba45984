/*
 * How a product of matrices is cut for a GPU: the tiles of its groups and items, and parts of its
 * sums. Nothing is launched here; ops/conv2d_tiled.c does.
 */
#ifndef WG_GRAPH_OPS_CONV2D_TILING_H
#define WG_GRAPH_OPS_CONV2D_TILING_H

#include "host/device/device.h"

#include <stdbool.h>
#include <stddef.h>

/* The sizes of a product: C [rows, columns] is a sum over `length` products. */
struct wg_extent {
    size_t rows, columns, length;
    size_t phases;  // so many products of these sizes
    size_t results; // floats of all
    bool merges;    // parts are added up by a launch of their own
    double fetch;   // instructions to fetch a vector of four
};

/* The work of a group, tm x tn results, and of an item, rm x rn of them: TM, TN, RM, RN. */
struct wg_group_tile {
    size_t tm, tn, rm, rn;
};

/* The parameters of a kernel call. */
struct wg_tiling {
    struct wg_group_tile tile;
    size_t tk;     // TK
    size_t stages; // STAGES, of conv2d_tensor
    size_t parts;  // PARTS
};

/* A kernel that multiplies by tiles, and what it costs. */
struct wg_tile_kernel {
    const char *name; // of the file and its kernel
    bool is_local;    // tiles lie in local memory
    bool is_tensor;   // NVIDIA's tensor cores multiply them
    double multiply;  // of one multiply-add, in cycles of an instruction
    double copy;      // of a vector to local memory, besides finding it
    double wait;      // of a group in each step, in cycles
    size_t registers; // of an item, and more for each eight of its results
    size_t registers_of_8;
    const struct wg_group_tile *tiles; // one of zeros ends them
};

extern const struct wg_tile_kernel wg_kernel_tensor, wg_kernel_tiled, wg_kernel_blocked;

/* What decides on a tiling besides the product. */
struct wg_tiling_limits {
    size_t group;  // work items at most
    size_t tm, tn; // 0: any
    size_t parts;  // 0: any
};

static inline size_t wg_group_tile_items(const struct wg_group_tile *tile)
{
    return tile->tm / tile->rm * (tile->tn / tile->rn);
}

/* The tiling that should take the least time; false: there is none within the limits. */
bool wg_choose_tiling(const struct wg_tile_kernel *kernel, const struct wg_extent *extent,
                      const struct wg_tiling_limits *limits, const struct wg_device *device,
                      struct wg_tiling *ret_tiling);

#endif
