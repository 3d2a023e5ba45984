#include "host/graph/ops/conv2d_tiling.h"

#include "host/graph/ops/conv2d.h"

#include <math.h>

/* Tiles an item of which stays within some 190 registers, as the compiler of CUDA 13 counts them
 * for compute capability 9.0, the largest first. */
static const struct wg_group_tile tiled_tiles[] = {{128, 64, 8, 8},
                                                   {64, 128, 8, 8},
                                                   {64, 64, 8, 8},
                                                   {128, 32, 8, 4},
                                                   {64, 32, 8, 4},
                                                   {128, 16, 8, 4},
                                                   {16, 128, 8, 4},
                                                   {16, 64, 4, 4},
                                                   {32, 32, 4, 4},
                                                   {16, 16, 4, 4},
                                                   {0}};
static const struct wg_group_tile tensor_tiles[] = {{128, 64, 8, 8},
                                                    {64, 128, 8, 8},
                                                    {64, 64, 4, 8},
                                                    {64, 32, 4, 8},
                                                    {32, 64, 4, 8},
                                                    {32, 32, 4, 8},
                                                    {0}};
static const struct wg_group_tile blocked_tiles[] = {{64, 64, 8, 8}, {64, 32, 8, 4}, {32, 32, 4, 4},
                                                     {16, 16, 4, 4}, {4, 4, 4, 4},   {0}};

/* What conv2d_tensor does besides, splitting factors and adding up, takes more of an item's time
 * than the multiplications. Its numbers fit what tiles and parts took on an H100, within a fifth.
 */
const struct wg_tile_kernel wg_kernel_tensor = {
    .name = "conv2d_tensor",
    .is_local = true,
    .is_tensor = true,
    .multiply = 0.5,
    .copy = 45,
    .wait = 1400,
    .registers = 83,
    .registers_of_8 = 11,
    .tiles = tensor_tiles,
};
const struct wg_tile_kernel wg_kernel_tiled = {
    .name = "conv2d_tiled",
    .is_local = true,
    .multiply = 1,
    .wait = 150,
    .registers = 100,
    .registers_of_8 = 8,
    .tiles = tiled_tiles,
};
const struct wg_tile_kernel wg_kernel_blocked = {
    .name = "conv2d_blocked",
    .multiply = 1,
    .wait = 150,
    .registers = 100,
    .registers_of_8 = 8,
    .tiles = blocked_tiles,
};

/* STAGES of cl/conv2d_tensor.cl; 0: not even two fit. More than four have nothing to wait for. */
enum { TENSOR_TK = 16, STAGES_MAX = 4 };

static size_t choose_stages(const struct wg_group_tile *tile, const struct wg_device *device)
{
    size_t stage = TENSOR_TK * (tile->tm + tile->tn) * sizeof(float);
    size_t stages = wg_smaller(device->info.local_memory / stage, STAGES_MAX);
    return stages < 2 ? 0 : stages;
}

/*
 * k at a time: TK rows of both factors lie in local memory twice, each row with four floats more
 * (PITCH_A, PITCH_B of cl/conv2d_tiled.cl). 0: even the fewest do not fit. Two steps at least: with
 * one the compiler for NVIDIA's interleaves fetching, multiplying and writing until registers
 * spill.
 */
static size_t choose_tk(const struct wg_tile_kernel *kernel, const struct wg_group_tile *tile,
                        size_t length, const struct wg_device *device)
{
    if (!kernel->is_local)
        return 4;
    if (kernel->is_tensor)
        return choose_stages(tile, device) > 0 ? TENSOR_TK : 0;
    for (size_t tk = length > 16 ? 16 : 8; tk >= 8; tk /= 2)
        if (2 * tk * (tile->tm + tile->tn + 8) * sizeof(float) <= device->info.local_memory)
            return tk;
    return 0;
}

/*
 * What a call is estimated to take, in cycles of a unit that issues 128 instructions a cycle, one
 * for each of so many items, and reads 32 bytes from the second-level cache. A step is RM * RN
 * multiply-adds for each of TK, a read of local memory for each four operands, and what it takes to
 * fetch a share of the tile; items go in warps of 32. As many groups as its 65,536 registers allow
 * share a unit, and one works while another waits at its barrier; no step is shorter than its
 * items' instructions and the wait for memory. Parts are written and read again at 16 bytes a
 * cycle, in most cases by a further launch, whose items read one after the other. Only ratios
 * matter. Instructions and registers are those of the code for NVIDIA's compute capability 9.0; the
 * launch and the bytes are guesses.
 */
enum { LANES = 128, WARP = 32, COUNT = 25, BEGIN = 1500, LAUNCH = 4000 };
enum { BYTES_CACHED = 32, BYTES = 16, READ = 100, BARRIER = 80 };
enum { REGISTERS = 65536 };

static size_t resident_groups(const struct wg_tile_kernel *kernel, const struct wg_group_tile *tile)
{
    size_t sums = tile->rm * tile->rn;
    size_t of_item = sums * kernel->registers_of_8 / 8 + kernel->registers;
    return wg_larger(REGISTERS / (wg_group_tile_items(tile) * of_item), 1);
}

/* So many groups on a unit at once, from their first step to the last. */
static double estimate_round(const struct wg_tile_kernel *kernel, const struct wg_extent *e,
                             const struct wg_tiling *t, size_t groups)
{
    const struct wg_group_tile *tile = &t->tile;
    double items = (double)wg_group_tile_items(tile), together = (double)groups;
    double steps = (double)wg_divide_up(e->length, t->tk * t->parts);
    double results = (double)(tile->rm * tile->rn) * kernel->multiply,
           reads = (double)(tile->rm + tile->rn) / 4;
    double fetched = (double)((tile->tm + tile->tn) * t->tk); // floats
    double alone =
        (double)t->tk * (results + reads) + COUNT + fetched / 4 / items * (e->fetch + kernel->copy);
    double share = together * (double)wg_round_up(wg_group_tile_items(tile), WARP) / LANES;
    double bytes = together * fetched * sizeof(float);
    double step = fmax(fmax(share * alone, bytes / BYTES_CACHED), alone + kernel->wait);
    return BEGIN + share * (2 * results + 200) + steps * (step + BARRIER / together);
}

static double estimate(const struct wg_tile_kernel *kernel, const struct wg_extent *e,
                       const struct wg_tiling *t, size_t units)
{
    const struct wg_group_tile *tile = &t->tile;
    size_t groups =
        wg_divide_up(e->rows, tile->tm) * wg_divide_up(e->columns, tile->tn) * e->phases * t->parts;
    size_t of_unit = wg_divide_up(groups, units), resident = resident_groups(kernel, tile);
    double cycles = 0;
    if (of_unit >= resident)
        cycles = (double)(of_unit / resident) * estimate_round(kernel, e, t, resident);
    if (of_unit % resident > 0)
        cycles += estimate_round(kernel, e, t, of_unit % resident);
    if (t->parts == 1)
        return cycles;
    return cycles + (e->merges ? LAUNCH : 0) + (double)t->parts * READ +
           (double)(e->results * (t->parts + 1) * sizeof(float)) / (double)(units * BYTES);
}

enum { PARTS_MAX = 256 };

static bool allows(const struct wg_tiling_limits *limits, const struct wg_group_tile *tile)
{
    return wg_group_tile_items(tile) <= limits->group && (!limits->tm || tile->tm == limits->tm) &&
           (!limits->tn || tile->tn == limits->tn);
}

static bool allows_parts(const struct wg_tiling_limits *limits, const struct wg_extent *e,
                         size_t tk, size_t parts, const struct wg_device *device)
{
    if (limits->parts)
        return parts == limits->parts;
    size_t sums = parts * e->results;
    return parts == 1 ||
           (parts <= PARTS_MAX && parts * 4 * tk <= e->length && sums <= WG_PARTIAL_SUMS &&
            sums * sizeof(float) <= device->info.largest_buffer);
}

bool wg_choose_tiling(const struct wg_tile_kernel *kernel, const struct wg_extent *e,
                      const struct wg_tiling_limits *limits, const struct wg_device *device,
                      struct wg_tiling *ret_tiling)
{
    size_t units = wg_larger(device->info.compute_units, 1);
    double best = 0;
    for (const struct wg_group_tile *tile = kernel->tiles; tile->tm; tile++) {
        struct wg_tiling now = {.tile = *tile, .tk = choose_tk(kernel, tile, e->length, device)};
        now.stages = kernel->is_tensor ? choose_stages(tile, device) : 0;
        if (!now.tk || !allows(limits, &now.tile))
            continue;
        for (now.parts = limits->parts ? limits->parts : 1;
             allows_parts(limits, e, now.tk, now.parts, device); now.parts++) {
            double cycles = estimate(kernel, e, &now, units);
            if (best == 0 || cycles < best) {
                best = cycles;
                *ret_tiling = now;
            }
        }
    }
    return best > 0;
}
