/*
 * The three convolution forms for CPU devices where one side has few channels; what the kernels do
 * stands in cl/thin.cl and conv2d_thin.cl. Theirs are the networks' ends, where the image is.
 */
#include "host/graph/ops/conv2d_thin.h"

enum { TAPS_MAX = 64 };

/* Partial sums of weights: more parts balance better and round less, and cost memory. */
enum { PARTS_MOST = 256 };

bool wg_thin_suits(const struct wg_conv *v, const struct wg_device *device)
{
    size_t width = wg_register_tile_of(device).width, taps = v->k * v->k * v->c;
    return wg_device_is_cpu(device) && v->k > 1 && v->c < width / 2 && taps <= TAPS_MAX &&
           taps % width == 0 && v->oc % width == 0;
}

/* Pixels of a tile that leave the fewest of a row's last one unused; the larger if equal. */
static size_t choose_pixels(size_t row, size_t most)
{
    size_t best = most;
    for (size_t p = most; p > most / 2; p--)
        if (wg_round_up(row, p) < wg_round_up(row, best))
            best = p;
    return best;
}

/* PIXELS x NV, which fill half of 32 registers, or most of 16, and GROUP x NV beside them. Square,
 * where nothing is left over, they take memory in longer runs, and leave registers for sums of two
 * taps. */
static void choose_tile(struct wg_thin *thin, const struct wg_conv *v, size_t width)
{
    bool is_wide = width >= 16; // 32 registers
    if (is_wide && v->ow % 4 == 0 && v->oc % (4 * width) == 0) {
        thin->pixels = thin->vectors = 4;
        thin->group = 2;
        return;
    }
    thin->pixels = choose_pixels(v->ow, is_wide ? 8 : 5);
    thin->vectors = v->oc % (2 * width) == 0 ? 2 : 1;
    thin->group = is_wide ? 4 : 2;
}

struct wg_thin wg_thin_of(const struct wg_conv *v, const struct wg_device *device)
{
    struct wg_register_tile tile = wg_register_tile_of(device);
    size_t taps = v->k * v->k * v->c, sent = taps / tile.width;
    struct wg_thin thin = {
        .taps = taps,
        .pixels_in = choose_pixels(
            v->ow, wg_larger(wg_smaller(tile.pixels, tile.pixels * tile.vectors / sent), 1)),
        .bands = wg_smaller(v->oh, wg_divide_up(wg_wanted_items(device), v->n)),
    };
    choose_tile(&thin, v, tile.width);
    thin.images = wg_divide_up(v->n, wg_larger(PARTS_MOST / thin.bands, 1));
    thin.images_in = wg_divide_up(v->n, wg_divide_up(wg_wanted_items(device), thin.bands));
    thin.items = v->n * thin.bands;
    thin.items_in = wg_divide_up(v->n, thin.images_in) * thin.bands;
    thin.parts = wg_divide_up(v->n, thin.images) * thin.bands;
    return thin;
}

void wg_define_thin(struct wg_defines *defines, const struct wg_conv *v,
                    const struct wg_device *device)
{
    struct wg_thin thin = wg_thin_of(v, device);
    wg_define_conv(defines, v);
    wg_define_int(defines, "VW", (long long)wg_register_tile_of(device).width);
    wg_define_int(defines, "NV", (long long)thin.vectors);
    wg_define_int(defines, "PIXELS", (long long)thin.pixels);
    wg_define_int(defines, "PIXELS_IN", (long long)thin.pixels_in);
    wg_define_int(defines, "GROUP", (long long)thin.group);
    wg_define_int(defines, "BANDS", (long long)thin.bands);
    wg_define_int(defines, "IMAGES", (long long)thin.images);
    wg_define_int(defines, "IMAGES_IN", (long long)thin.images_in);
}

/* ---- x ---- */

/* DATA_ITEM of the kernel */
static size_t data_item(const struct wg_conv *v, const struct wg_thin *thin)
{
    size_t reach = wg_divide_up(v->k, v->stride);
    size_t rows = (wg_divide_up(v->h, thin->bands) + v->stride - 2) / v->stride + reach;
    size_t columns = reach - 1 + wg_larger(v->ow, (v->w - 1 + v->pad) / v->stride + 1);
    return v->oc * thin->taps + 2 * thin->pixels_in * v->oc + rows * columns * thin->taps +
           3 * v->oc;
}

size_t wg_thin_data_scratch(const struct wg_node *x, const struct wg_device *device)
{
    struct wg_thin thin = wg_thin_of(&x->attr.conv, device);
    return thin.items_in * data_item(&x->attr.conv, &thin) * sizeof(float);
}

bool wg_thin_suits_data(const struct wg_node *x, const struct wg_device *device)
{
    return wg_thin_suits(&x->attr.conv, device) &&
           wg_scratch_fits(wg_thin_data_scratch(x, device), device);
}

bool wg_bind_thin_data(struct wg_binder *binder, const struct wg_node *x,
                       const struct wg_defines *own)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_thin thin = wg_thin_of(&x->attr.conv, device);
    struct wg_defines defines = *own;
    struct wg_call call = {
        .file = "conv2d_thin",
        .kernel = "thin_data",
        .defines = &defines,
        .global = {thin.items_in},
        .local = {1},
    };
    wg_define_thin(&defines, &x->attr.conv, device);
    wg_define_int(&defines, "ITEM_FLOATS", (long long)data_item(&x->attr.conv, &thin));
    wg_conv_arguments(x, call.arguments);
    call.arguments[x->in_count + 1] = WG_SCRATCH(0, wg_thin_data_scratch(x, device));
    return wg_bind_kernel(binder, &call);
}

/* ---- sums ---- */

static struct wg_row_split split_of(const struct wg_node *sums, const struct wg_device *device)
{
    return wg_row_split_chunks(wg_thin_of(&sums->attr.conv, device).parts, device);
}

size_t wg_thin_sums_scratch(const struct wg_node *sums, const struct wg_device *device)
{
    struct wg_row_split split = split_of(sums, device);
    return wg_row_scratch(&split, wg_shape_count(&sums->shape), device);
}

bool wg_thin_suits_sums(const struct wg_node *sums, const struct wg_device *device)
{
    return wg_thin_suits(&sums->attr.conv, device) &&
           wg_scratch_fits(wg_thin_sums_scratch(sums, device), device);
}

bool wg_bind_thin_sums(struct wg_binder *binder, const struct wg_node *sums,
                       const struct wg_defines *own, struct wg_call call)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_row_split split = split_of(sums, device);
    size_t count = wg_shape_count(&sums->shape);
    struct wg_defines defines = *own;
    wg_define_thin(&defines, &sums->attr.conv, device);
    call.arguments[wg_call_count(&call)] = wg_row_sums(&split, count, WG_NODE(sums));
    call.defines = &defines;
    call.global[0] = split.chunks;
    call.local[0] = 1;
    return wg_bind_kernel(binder, &call) && wg_bind_row_sums(binder, &split, count, WG_NODE(sums));
}

/* ---- the implementation ---- */

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    switch (wg_form_of(node)) {
    case WG_FORM_DATA:
        return wg_thin_data_scratch(node, device);
    case WG_FORM_FILTER:
        return wg_thin_sums_scratch(node, device);
    default:
        return 0;
    }
}

static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    return wg_thin_suits(&node->attr.conv, device) &&
           wg_scratch_fits(scratch(node, device), device);
}

static bool bind_conv2d(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_thin",
        .kernel = "thin_conv2d",
        .defines = &defines,
        .global = {wg_thin_of(&y->attr.conv, device).items},
        .local = {1},
    };
    wg_define_thin(&defines, &y->attr.conv, device);
    wg_define_epilogue(&defines, y);
    wg_define_stream(&defines, device, WG_STREAM_PIECES * wg_node_bytes(y));
    wg_conv_arguments(y, call.arguments);
    return wg_bind_kernel(binder, &call);
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_thin",
        .kernel = "thin_filter",
        .arguments = {WG_NODE(node->in[0]), WG_NODE(node->in[1])},
    };
    switch (wg_form_of(node)) {
    case WG_FORM_DATA:
        wg_define_epilogue(&defines, node);
        return wg_bind_thin_data(binder, node, &defines);
    case WG_FORM_FILTER:
        return wg_bind_thin_sums(binder, node, &defines, call);
    default:
        return bind_conv2d(node, binder);
    }
}

const struct wg_implementation wg_conv2d_thin = {
    .name = "thin",
    .suits = suits,
    .scratch = scratch,
    .bind = bind,
};
