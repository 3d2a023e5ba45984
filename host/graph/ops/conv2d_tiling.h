/*
 * How a product of matrices is cut for a GPU: the tiles of its groups and items, and parts of its
 * sums. Nothing is launched here; ops/conv2d_tiled.c does.
 */
#ifndef WG_GRAPH_OPS_CONV2D_TILING_H
#define WG_GRAPH_OPS_CONV2D_TILING_H

#include "host/device/device.h"

#include <stdbool.h>
#include <stddef.h>

/* The sizes of products A [rows, length] B [length, columns] = C [rows, columns]. */
struct wg_extent {
    size_t rows, columns, length;
    size_t phases;  // how many products there are
    size_t results; // floats of C, of all products together
    bool merges;    // whether a launch of its own adds up the parts of sums
    double fetch;   // instructions of an item to fetch a vector of four floats of A or B
};

/* The results that a group computes, tm rows x tn columns, and of these an item rm x rn: TM, TN,
 * RM, RN of the kernels. */
struct wg_group_tile {
    size_t tm, tn, rm, rn;
};

/* How products are cut: macros of the kernels. */
struct wg_tiling {
    struct wg_group_tile tile;
    size_t tk;     // TK: products of a sum in each step of a group
    size_t stages; // STAGES of conv2d_tensor: steps whose factors lie in local memory at a time
    size_t parts;  // PARTS that each sum is split into
};

/* A kernel that multiplies by tiles, and what it costs. */
struct wg_tile_kernel {
    const char *name;                  // of the file and its kernel
    bool is_local;                     // tiles lie in local memory
    bool is_tensor;                    // NVIDIA's tensor cores multiply them
    double multiply;                   // instructions for a multiply-add
    double copy;                       // instructions to copy such a vector to local memory
    double wait;                       // cycles that a group waits in each step
    size_t registers;                  // of an item without its results
    size_t registers_of_8;             // of eight results
    const struct wg_group_tile *tiles; // to choose from; one of zeros ends them
};

extern const struct wg_tile_kernel wg_kernel_tensor, wg_kernel_tiled, wg_kernel_blocked;

/* What a tiling must keep to. */
struct wg_tiling_limits {
    size_t group;  // work items of a group, at most
    size_t tm, tn; // of the tile; 0: any
    size_t parts;  // 0: any
};

/* Work items of a group. */
static inline size_t wg_group_tile_items(const struct wg_group_tile *tile)
{
    return tile->tm / tile->rm * (tile->tn / tile->rn);
}

/* The tiling by which this kernel should compute products of this extent in the least time; false:
 * there is none within the limits. */
bool wg_choose_tiling(const struct wg_tile_kernel *kernel, const struct wg_extent *extent,
                      const struct wg_tiling_limits *limits, const struct wg_device *device,
                      struct wg_tiling *ret_tiling);

#endif
