#include "host/graph/ops/rows.h"

#include "host/base/size.h"

/* Rows that an item of a GPU fetches before it adds the first. */
enum { AHEAD = 8 };

/* Chunks that one work item merges without help: on CPUs a launch takes longer. */
enum { FEW_CHUNKS = 32, FEW_CHUNKS_CPU = 512 };

/* The groups of a launch are at most as many. */
enum { CHUNKS_MAX = WG_GROUPS_MAX / 2 };

/* Two sums of so many vectors, and what they need, still find registers where there are 32. */
enum { VECTORS_MAX = 16, VECTORS_MAX_NARROW = 4 };

struct wg_row_split wg_row_split_chunks(size_t chunks, const struct wg_device *device)
{
    struct wg_row_split split = {.chunks = chunks, .chunks_per_group = chunks};
    size_t few = device && !wg_device_is_cpu(device) ? FEW_CHUNKS : FEW_CHUNKS_CPU;
    if (chunks > few) { // about as many groups as chunks in each
        split.chunks_per_group = FEW_CHUNKS / 2;
        while (split.chunks_per_group * split.chunks_per_group < chunks)
            split.chunks_per_group++;
    }
    split.groups = wg_divide_up(chunks, split.chunks_per_group);
    return split;
}

/* 32 KiB of a tensor stay in a core's first-level cache while they are visited twice. On GPUs, many
 * items add at a time, each waiting for memory: as many in a row as there are chunks in a group and
 * groups take the least time, and none left over of AHEAD. */
static size_t choose_rows(size_t columns, size_t rows, const struct wg_device *device)
{
    size_t fitting = 8192 / columns, cube_root = 4;
    size_t chunk = fitting < 32 ? 32 : fitting > 1024 ? 1024 : fitting;
    while (cube_root * cube_root * cube_root < rows)
        cube_root++;
    if (device && !wg_device_is_cpu(device) && cube_root < chunk)
        chunk = wg_round_up(cube_root, AHEAD);
    return chunk;
}

struct wg_row_split wg_row_split(const struct wg_shape *x, const struct wg_device *device)
{
    return wg_row_split_by(x, choose_rows(wg_shape_last(x), wg_shape_rows(x), device), device);
}

struct wg_row_split wg_row_split_by(const struct wg_shape *x, size_t rows_per_chunk,
                                    const struct wg_device *device)
{
    size_t columns = wg_shape_last(x), rows = wg_shape_rows(x);
    size_t fewest = wg_divide_up(rows, CHUNKS_MAX);
    if (rows_per_chunk < fewest)
        rows_per_chunk = fewest;
    struct wg_row_split split = wg_row_split_chunks(wg_divide_up(rows, rows_per_chunk), device);
    split.columns = columns;
    split.rows = rows;
    split.rows_per_chunk = rows_per_chunk;
    return split;
}

size_t wg_row_vectors(const struct wg_device *device, size_t columns, size_t width)
{
    size_t all = columns / width, vectors = 1;
    size_t most = width >= 16 ? VECTORS_MAX : VECTORS_MAX_NARROW;
    for (size_t v = 2; wg_device_is_cpu(device) && v <= most; v++)
        if (all % v == 0)
            vectors = v;
    return vectors;
}

void wg_define_ahead(struct wg_defines *defines, const struct wg_device *device)
{
    if (!wg_device_is_cpu(device))
        wg_define_int(defines, "AHEAD", AHEAD);
}

/* Of a group that gathers. */
enum { ACROSS = 4, DOWN = 64 };

static bool can_gather(const struct wg_device *device)
{
    return !wg_device_is_cpu(device) && device->has_local_memory &&
           device->info.work_group_size >= ACROSS * DOWN &&
           device->work_item_sizes[0] >= ACROSS * DOWN;
}

void wg_define_gather(struct wg_defines *defines, const struct wg_device *device)
{
    if (!can_gather(device))
        return;
    wg_define_int(defines, "ACROSS", ACROSS);
    wg_define_int(defines, "DOWN", DOWN);
}

bool wg_bind_gather(struct wg_binder *binder, const struct wg_row_split *split, size_t vectors,
                    struct wg_call call, bool *ret_bound)
{
    size_t largest;
    *ret_bound = false;
    if (split->groups == 1 || !can_gather(wg_binder_device(binder)))
        return true;
    call.local[0] = ACROSS * DOWN;
    call.global[0] = wg_divide_up(vectors, ACROSS) * call.local[0];
    if (!wg_binder_largest_group(binder, &call, &largest))
        return false;
    *ret_bound = largest >= call.local[0];
    return !*ret_bound || wg_bind_kernel(binder, &call);
}

size_t wg_row_lanes(const struct wg_device *device)
{
    return wg_device_is_cpu(device) ? 1 : 0;
}

struct wg_argument wg_row_partial(const struct wg_row_split *split, size_t sums)
{
    return WG_SCRATCH(0, split->chunks * sums * sizeof(float));
}

struct wg_argument wg_row_sums(const struct wg_row_split *split, size_t sums,
                               struct wg_argument result)
{
    return split->chunks == 1 ? result : wg_row_partial(split, sums);
}

static struct wg_argument group_sums(const struct wg_row_split *split, size_t sums,
                                     const struct wg_device *device)
{
    return WG_SCRATCH(wg_scratch_align(device, wg_row_partial(split, sums).bytes),
                      split->groups * sums * sizeof(float));
}

size_t wg_row_scratch(const struct wg_row_split *split, size_t sums, const struct wg_device *device)
{
    struct wg_argument groups = group_sums(split, sums, device);
    return split->groups > 1 ? groups.offset + groups.bytes : wg_row_partial(split, sums).bytes;
}

int wg_row_merges(const struct wg_row_split *split, size_t sums, struct wg_argument result,
                  const struct wg_device *device, struct wg_row_merge merges[WG_ROW_MERGES_MAX])
{
    merges[0] = (struct wg_row_merge){
        .from = wg_row_partial(split, sums),
        .to = result,
        .rows_per_chunk = split->rows_per_chunk,
        .chunks = split->chunks,
        .chunks_per_group = split->chunks_per_group,
        .groups = split->groups,
    };
    if (split->groups == 1)
        return 1;
    merges[0].to = group_sums(split, sums, device);
    merges[1] = (struct wg_row_merge){
        .from = merges[0].to,
        .to = result,
        .rows_per_chunk = split->rows_per_chunk * split->chunks_per_group,
        .chunks = split->groups,
        .chunks_per_group = split->groups,
        .groups = 1,
    };
    return 2;
}

bool wg_bind_row_sums(struct wg_binder *binder, const struct wg_row_split *split, size_t sums,
                      struct wg_argument result)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_merge merges[WG_ROW_MERGES_MAX];
    int count = wg_row_merges(split, sums, result, device, merges);
    unsigned width = wg_vector_width(device, sums);
    struct wg_defines defines = {0};
    wg_define_int(&defines, "VW", width);
    wg_define_ahead(&defines, device);
    wg_define_gather(&defines, device);
    struct wg_call gather = {
        .file = "sum_rows",
        .kernel = "sum_rows_gather",
        .defines = &defines,
        .arguments = {wg_row_partial(split, sums), result, WG_INT(sums), WG_INT(split->chunks)},
    };
    bool is_bound;
    if (split->chunks == 1)
        return true;
    if (!wg_bind_gather(binder, split, sums / width, gather, &is_bound))
        return false;
    for (int i = 0; !is_bound && i < count; i++)
        if (!wg_bind_kernel(binder, &(struct wg_call){
                                        .file = "sum_rows",
                                        .kernel = "sum_rows_merge",
                                        .defines = &defines,
                                        .arguments = {merges[i].from, merges[i].to, WG_INT(sums),
                                                      WG_INT(merges[i].chunks),
                                                      WG_INT(merges[i].chunks_per_group)},
                                        .global = {sums / width, merges[i].groups},
                                        .local = {wg_row_lanes(device)},
                                    }))
            return false;
    return true;
}
