/*
 * conv2d and conv2d_filter for GPU devices where x has few channels; what the kernels do stands in
 * cl/lanes.cl and conv2d_lanes.cl. Theirs are the networks' ends, where the image is; conv2d_data
 * there is a product with a table (ops/conv2d_tiled.c).
 */
#include "host/graph/ops/conv2d_lanes.h"

#include "host/base/error.h"
#include "host/graph/ops/rows.h"

/* Weights and sums of so many taps, two channels of each, still find registers; with fewer channels
 * a group's lanes would be too few. */
enum { TAPS_MAX = 16, CHANNELS_MIN = 16, WIDTH = 2, LANES_MAX = 128 };

/* Groups for each compute unit. Where each has sums of its own, as few as hide the latency of
 * memory. */
enum { GROUPS = 16, GROUPS_OF_SUMS = 4 };

/* AHEAD: how many pixels of a row are read before the first is used, a divisor of the row if there
 * is a good one: the pixels left over wait for memory one by one. */
static size_t pixels_ahead(const struct wg_conv *v)
{
    enum { MOST = 14, FEWEST = 4, ELSE = 8 };
    for (size_t ahead = MOST; ahead >= FEWEST; ahead--)
        if (v->ow % ahead == 0)
            return ahead;
    return ELSE;
}

/* ROW_SEEN, twice, in bytes */
static size_t local_bytes(const struct wg_conv *v)
{
    return 2 * v->ow * wg_round_up(v->k * v->k * v->c, 4) * sizeof(float);
}

bool wg_lanes_suit(const struct wg_conv *v, const struct wg_device *device)
{
    return !wg_device_is_cpu(device) && device->has_local_memory && v->k > 1 &&
           v->k * v->k * v->c <= TAPS_MAX && v->oc >= CHANNELS_MIN && v->oc % WIDTH == 0 &&
           local_bytes(v) <= device->info.local_memory / GROUPS_OF_SUMS;
}

/* LANES: as many as there are channels for, at most `most`. */
static size_t count_lanes(const struct wg_conv *v, size_t most)
{
    return wg_smaller(wg_smaller(v->oc / WIDTH, LANES_MAX), most);
}

static size_t largest_group(const struct wg_device *device)
{
    return wg_smaller(device->info.work_group_size, device->work_item_sizes[0]);
}

/* ROWS_OF_PART; nothing but the device and the geometry decide on it, so that scratch does. */
static size_t rows_of_part(const struct wg_conv *v, const struct wg_device *device, size_t groups)
{
    size_t lanes = count_lanes(v, largest_group(device));
    size_t wanted = groups * wg_larger(device->info.compute_units, 1);
    size_t across = wg_divide_up(v->oc / WIDTH, lanes);
    return wg_divide_up(v->n * v->oh, wg_larger(wanted / across, 1));
}

static size_t count_parts(const struct wg_conv *v, const struct wg_device *device, size_t groups)
{
    return wg_divide_up(v->n * v->oh, rows_of_part(v, device, groups));
}

/* With as many lanes as the device runs the kernel with. */
static bool bind_groups(struct wg_binder *binder, const struct wg_conv *v, size_t groups,
                        const struct wg_defines *own, struct wg_call call)
{
    const struct wg_device *device = wg_binder_device(binder);
    size_t lanes, largest = largest_group(device);
    do {
        struct wg_defines defines = *own;
        lanes = count_lanes(v, largest);
        wg_define_conv(&defines, v);
        wg_define_int(&defines, "VW", WIDTH);
        wg_define_int(&defines, "LANES", (long long)lanes);
        wg_define_int(&defines, "ROWS_OF_PART", (long long)rows_of_part(v, device, groups));
        wg_define_int(&defines, "AHEAD", (long long)pixels_ahead(v));
        call.defines = &defines;
        call.global[0] = wg_divide_up(v->oc / WIDTH, lanes) * lanes;
        call.global[1] = count_parts(v, device, groups);
        call.local[0] = lanes;
        if (!wg_binder_largest_group(binder, &call, &largest))
            return false;
        if (largest >= lanes)
            return wg_bind_kernel(binder, &call);
    } while (largest > 0);
    return wg_fail(WG_ERROR_DEVICE, "kernel '%s': this device runs no group of it", call.kernel);
}

bool wg_bind_lanes(struct wg_binder *binder, const struct wg_conv *v,
                   const struct wg_defines *defines, struct wg_call call)
{
    return bind_groups(binder, v, GROUPS, defines, call);
}

/* ---- sums ---- */

static struct wg_row_split split_of(const struct wg_node *sums, const struct wg_device *device)
{
    return wg_row_split_chunks(count_parts(&sums->attr.conv, device, GROUPS_OF_SUMS), device);
}

size_t wg_lanes_scratch(const struct wg_node *sums, const struct wg_device *device)
{
    struct wg_row_split split = split_of(sums, device);
    return wg_row_scratch(&split, wg_shape_count(&sums->shape), device);
}

bool wg_lanes_suit_sums(const struct wg_node *sums, const struct wg_device *device)
{
    return wg_lanes_suit(&sums->attr.conv, device) &&
           wg_scratch_fits(wg_lanes_scratch(sums, device), device);
}

bool wg_bind_lanes_sums(struct wg_binder *binder, const struct wg_node *sums,
                        const struct wg_defines *defines, struct wg_call call)
{
    struct wg_row_split split = split_of(sums, wg_binder_device(binder));
    size_t count = wg_shape_count(&sums->shape);
    call.arguments[wg_call_count(&call)] = wg_row_sums(&split, count, WG_NODE(sums));
    return bind_groups(binder, &sums->attr.conv, GROUPS_OF_SUMS, defines, call) &&
           wg_bind_row_sums(binder, &split, count, WG_NODE(sums));
}

/* ---- the implementation ---- */

static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    switch (wg_form_of(node)) {
    case WG_FORM_DATA:
        return false;
    case WG_FORM_FILTER:
        return wg_lanes_suit_sums(node, device);
    default:
        return wg_lanes_suit(&node->attr.conv, device);
    }
}

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    return wg_form_of(node) == WG_FORM_FILTER ? wg_lanes_scratch(node, device) : 0;
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    bool is_filter = wg_form_of(node) == WG_FORM_FILTER;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_lanes",
        .kernel = is_filter ? "lanes_filter" : "lanes_conv2d",
        .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1])},
    };
    if (is_filter)
        return wg_bind_lanes_sums(binder, node, &defines, call);
    wg_define_epilogue(&defines, node);
    wg_put_arguments(call.arguments, 2, node, WG_NODE(node));
    return wg_bind_lanes(binder, &node->attr.conv, &defines, call);
}

const struct wg_implementation wg_conv2d_lanes = {
    .name = "lanes",
    .suits = suits,
    .scratch = scratch,
    .bind = bind,
};
