/*
 * The three convolution forms, and products of matrices, for CPU devices: without CLBlast, and but
 * for thin layers straight from the tensors. What the kernels do, and why it is fast, stands in
 * cl/conv2d_direct.cl, conv2d_filter_direct.cl, conv2d_pack.cl and conv2d_fold.cl; here are the
 * sizes of their tiles, shares and scratch.
 *
 * conv2d and conv2d_data are one kernel, a "gather"; conv2d_filter is another. A layer of few
 * channels (the images' side of the networks) goes through a table of what each tap sees, on whose
 * other side stands a flat convolution, i.e. a matrix product: K * K * C channels, 1 x 1 taps and
 * each output pixel an image of its own.
 */
#include "host/graph/ops/conv2d_cpu.h"

/* Pixels whose taps conv2d_filter_direct picks at a time: LISTED of that kernel, and it copies
 * about as many pixels of y at a time if C lets it. */
enum { PIXELS_PICKED = 256 };

/* Floats of a block of x that conv2d_filter_direct copies: 200 KB stay in a second-level cache. */
enum { COPIED_X = 50000 };

/* Floats of the rows that conv2d_direct copies: 400 KB, and as much is left of a second-level cache
 * for the weights. */
enum { COPIED_ROWS = 100000 };

/* Images of a unit of that kernel: rows of 7 pixels are 9 tiles of 12 and a third, whose sums
 * stay in L1. */
enum { UNIT_IMAGES = 16 };

/* How a gather is cut into work items, its packed weights, and what each works with. */
struct gather_sizes {
    size_t images; // IMAGES
    size_t shares; // SHARES
    size_t items;  // ITEMS
    size_t item;   // ITEM_FLOATS
    size_t pack_items;
    size_t packed_bytes;
    size_t scratch_bytes;
};

/* The same for a filter. */
struct filter_sizes {
    size_t parts;    // PARTS
    size_t shares;   // SHARES
    size_t images;   // IMAGES
    size_t channels; // CHANNELS
    size_t item;     // ITEM_FLOATS
    size_t scratch_bytes;
};

/* ---- layers of few channels ---- */

static bool has_table(const struct wg_conv *v, const struct wg_device *device)
{
    return v->k > 1 && v->c < wg_register_tile_of(device).width / 2 && v->k * v->k * v->c <= 64;
}

/* Where scratch goes on after the table, if there is one. */
static size_t after_table(const struct wg_conv *v, const struct wg_device *device)
{
    return has_table(v, device) ? wg_scratch_align(device, wg_conv_table(v).bytes) : 0;
}

/* What is left to be computed. */
static struct wg_conv besides_table(const struct wg_conv *v, const struct wg_device *device)
{
    return has_table(v, device) ? wg_conv_by_table(v) : *v;
}

/* ---- sizes ---- */

static struct gather_sizes size_gather(const struct wg_conv *v, bool data,
                                       const struct wg_device *device)
{
    struct wg_register_tile tile = wg_register_tile_of(device);
    size_t columns = wg_register_tile_columns(tile), wanted = wg_wanted_items(device);
    size_t width = data ? v->c : v->oc, depth = data ? v->oc : v->c;
    size_t phases = data ? v->stride : 1, step = data ? 1 : v->stride;
    size_t taps = wg_divide_up(v->k, phases), panels = wg_divide_up(width, columns);

    // Of a row of an image: floats that are copied, and outputs of a phase.
    size_t pitch = wg_pitch(depth);
    size_t pixels = step * wg_divide_up(data ? v->ow : v->w, step);
    size_t outputs = wg_divide_up(data ? v->w : v->ow, phases);

    // One pixel an image: more images, that the weights be read less often.
    size_t images = v->h * v->w == 1 && v->n >= 768 ? 96 : UNIT_IMAGES;
    size_t fewest = pixels == 1 ? tile.pixels : 1; // that fill a register tile
    images = wg_larger(wg_smaller(images, COPIED_ROWS / (taps * pixels * pitch)), fewest);
    size_t rows = wg_divide_up(data ? v->h : v->oh, phases);
    size_t units = wg_divide_up(v->n, images) * phases * phases * rows;
    size_t shares = wg_smaller(panels, wg_divide_up(wanted, units));
    size_t items = wg_smaller(units * shares, wanted);

    // COPY and SUMS of the kernel.
    size_t copy = taps * (pixels * images + tile.pixels) * pitch;
    size_t sums = (outputs * images + tile.pixels) * columns;
    size_t pack_items = phases * phases * panels * taps * taps;
    return (struct gather_sizes){
        .images = images,
        .shares = shares,
        .items = items,
        .item = copy + sums,
        .pack_items = pack_items,
        .packed_bytes = pack_items * depth * columns * sizeof(float),
        .scratch_bytes = items * (copy + sums) * sizeof(float),
    };
}

/* All scratch of a gather: packed weights, then what the work items use. */
static size_t gather_bytes(const struct wg_conv *v, bool data, const struct wg_device *device)
{
    struct gather_sizes sizes = size_gather(v, data, device);
    return wg_scratch_align(device, sizes.packed_bytes) + sizes.scratch_bytes;
}

/* Channels of x a filter copies at a time: what fits the cache, in chunks of about equal size. */
static size_t chunk_channels(const struct wg_conv *v, size_t images, size_t multiple)
{
    size_t fitting = COPIED_X / (images * v->h * v->w) / multiple * multiple;
    size_t most = wg_smaller(wg_larger(fitting, multiple), wg_round_up(v->c, multiple));
    return wg_round_up(wg_divide_up(v->c, wg_divide_up(v->c, most)), multiple);
}

static struct filter_sizes size_filter(const struct wg_conv *v, const struct wg_device *device)
{
    struct wg_register_tile tile = wg_register_tile_of(device);
    size_t pitch = wg_round_up(v->oc, wg_register_tile_columns(tile)),
           sums = v->k * v->k * v->c * pitch;
    size_t threads = wg_threads(device);
    size_t parts = wg_smaller(wg_larger(threads, 8), 32);
    while (parts > 1 && parts * sums > WG_PARTIAL_SUMS)
        parts /= 2;
    parts = wg_smaller(parts, v->n);

    size_t images = wg_smaller(wg_larger(PIXELS_PICKED / (v->oh * v->ow), 1), v->n);
    size_t channels = chunk_channels(v, images, tile.pixels);
    size_t shares = wg_smaller(wg_divide_up(v->c, channels), wg_divide_up(threads, parts));

    // BLOCK of the kernel: its copies of x and y, and what it picks from x.
    size_t rows = wg_round_up(tile.pixels, tile.width);
    size_t pitch_x = wg_pitch(channels + rows);
    size_t block = images * (v->h * v->w * pitch_x + v->oh * v->ow * pitch) +
                   channels / tile.pixels * (PIXELS_PICKED * rows + 16);
    return (struct filter_sizes){
        .parts = parts,
        .shares = shares,
        .images = images,
        .channels = channels,
        .item = block,
        .scratch_bytes = (parts * sums + parts * shares * block) * sizeof(float),
    };
}

/* ---- kernel calls ---- */

/* The programs that copy need no more than the width. */
static void define_width(struct wg_defines *defines, const struct wg_device *device)
{
    wg_define_int(defines, "VW", (long long)wg_register_tile_of(device).width);
}

/* One gather: `out` from `in` and the weights, with scratch from `at` on. The bias and activation
 * are those of `epilogue`; NULL: none. */
struct gather {
    struct wg_conv conv;
    bool data;
    struct wg_argument in;
    struct wg_argument weights;
    struct wg_argument out;
    const struct wg_node *epilogue;
    size_t at;
};

/* packed from w */
static bool bind_pack(struct wg_binder *binder, const struct gather *gather,
                      struct wg_argument packed, size_t items)
{
    const struct wg_conv *v = &gather->conv;
    struct wg_defines defines = {0};
    define_width(&defines, wg_binder_device(binder));
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "conv2d_pack",
                              .kernel = "conv2d_pack",
                              .defines = &defines,
                              .arguments = {gather->weights, packed, WG_INT(v->c), WG_INT(v->oc),
                                            WG_INT(v->k), WG_INT(v->stride), WG_INT(v->pad),
                                            WG_INT(wg_register_tile_columns(
                                                wg_register_tile_of(wg_binder_device(binder)))),
                                            WG_INT(gather->data)},
                              .global = {items},
                              .local = {1},
                          });
}

static bool bind_gather(struct wg_binder *binder, const struct gather *gather)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct gather_sizes sizes = size_gather(&gather->conv, gather->data, device);
    struct wg_argument packed = WG_SCRATCH(gather->at, sizes.packed_bytes);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_direct",
        .kernel = "conv2d_direct",
        .defines = &defines,
        .arguments = {gather->in, packed},
        .global = {sizes.items},
        .local = {1},
    };
    wg_define_register_tile(&defines, wg_register_tile_of(device));
    wg_define_conv(&defines, &gather->conv);
    wg_define_int(&defines, "IMAGES", (long long)sizes.images);
    wg_define_int(&defines, "SHARES", (long long)sizes.shares);
    wg_define_int(&defines, "ITEMS", (long long)sizes.items);
    wg_define_int(&defines, "ITEM_FLOATS", (long long)sizes.item);
    if (gather->data)
        wg_define_flag(&defines, "DATA");
    if (gather->epilogue)
        wg_define_epilogue(&defines, gather->epilogue);
    int count = wg_put_arguments(call.arguments, 2, gather->epilogue, gather->out);
    call.arguments[count] =
        WG_SCRATCH(gather->at + wg_scratch_align(device, sizes.packed_bytes), sizes.scratch_bytes);
    return bind_pack(binder, gather, packed, sizes.pack_items) && wg_bind_kernel(binder, &call);
}

/* table from x */
static bool bind_unfold(struct wg_binder *binder, const struct wg_conv *v, const struct wg_node *x)
{
    struct wg_defines defines = {0};
    wg_define_conv(&defines, v);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "conv2d_fold",
                                      .kernel = "conv2d_unfold",
                                      .defines = &defines,
                                      .arguments = {WG_NODE(x), wg_conv_table(v)},
                                      .global = {v->n * v->oh},
                                      .local = {1},
                                  });
}

/* x, with its bias and activation, from table */
static bool bind_fold(struct wg_binder *binder, const struct wg_node *x)
{
    const struct wg_conv *v = &x->attr.conv;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_fold",
        .kernel = "conv2d_fold",
        .defines = &defines,
        .arguments = {wg_conv_table(v)},
        .global = {v->n * v->h},
        .local = {1},
    };
    wg_define_conv(&defines, v);
    wg_define_epilogue(&defines, x);
    wg_put_arguments(call.arguments, 1, x, WG_NODE(x));
    return wg_bind_kernel(binder, &call);
}

/* One filter: `w` from x and y, with its parts at `at` of scratch. */
struct filter {
    struct wg_conv conv;
    struct wg_argument x;
    struct wg_argument y;
    struct wg_argument w;
    size_t at;
};

/* w from the sums of each part */
static bool bind_unpack(struct wg_binder *binder, const struct filter *filter,
                        struct wg_argument parts, size_t count)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv *v = &filter->conv;
    size_t rows = v->k * v->k * v->c,
           pitch = wg_round_up(v->oc, wg_register_tile_columns(wg_register_tile_of(device)));
    struct wg_defines defines = {0};
    define_width(&defines, device);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "conv2d_pack",
                                      .kernel = "conv2d_unpack",
                                      .defines = &defines,
                                      .arguments = {parts, filter->w, WG_INT(count), WG_INT(rows),
                                                    WG_INT(pitch), WG_INT(v->oc)},
                                      .global = {rows},
                                      .local = {1},
                                  });
}

static bool bind_filter(struct wg_binder *binder, const struct filter *filter)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct filter_sizes sizes = size_filter(&filter->conv, device);
    struct wg_argument scratch = WG_SCRATCH(filter->at, sizes.scratch_bytes);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_filter_direct",
        .kernel = "conv2d_filter_direct",
        .defines = &defines,
        .arguments = {filter->x, filter->y, scratch},
        .global = {sizes.parts * sizes.shares},
        .local = {1},
    };
    wg_define_register_tile(&defines, wg_register_tile_of(device));
    wg_define_conv(&defines, &filter->conv);
    wg_define_int(&defines, "PARTS", (long long)sizes.parts);
    wg_define_int(&defines, "SHARES", (long long)sizes.shares);
    wg_define_int(&defines, "IMAGES", (long long)sizes.images);
    wg_define_int(&defines, "CHANNELS", (long long)sizes.channels);
    wg_define_int(&defines, "ITEM_FLOATS", (long long)sizes.item);
    return wg_bind_kernel(binder, &call) && bind_unpack(binder, filter, scratch, sizes.parts);
}

/* ---- the implementation ---- */

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv v = wg_conv_of(node), inner = besides_table(&v, device);
    enum wg_form form = wg_form_of(node);
    size_t bytes = form == WG_FORM_FILTER ? size_filter(&inner, device).scratch_bytes
                                          : gather_bytes(&inner, form == WG_FORM_DATA, device);
    return after_table(&v, device) + bytes;
}

static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    return wg_device_is_cpu(device) &&
           (node->op != &wg_op_matmul || wg_matmul_is_for_direct(node)) &&
           wg_scratch_fits(scratch(node, device), device);
}

/* conv2d or conv2d_data */
static bool bind_gather_of(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv v = wg_conv_of(node);
    bool data = wg_form_of(node) == WG_FORM_DATA, table = has_table(&v, device);
    bool unfolds = table && !data, folds = table && data;
    const struct gather gather = {
        .conv = besides_table(&v, device),
        .data = data,
        .in = unfolds ? wg_conv_table(&v) : WG_NODE(node->in[0]),
        .weights = WG_NODE(node->in[1]),
        .out = folds ? wg_conv_table(&v) : WG_NODE(node),
        .epilogue = folds ? NULL : node,
        .at = after_table(&v, device),
    };
    return (!unfolds || bind_unfold(binder, &v, node->in[0])) && bind_gather(binder, &gather) &&
           (!folds || bind_fold(binder, node));
}

static bool bind_filter_of(const struct wg_node *w, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv v = wg_conv_of(w);
    bool unfolds = has_table(&v, device);
    const struct filter filter = {
        .conv = besides_table(&v, device),
        .x = unfolds ? wg_conv_table(&v) : WG_NODE(w->in[0]),
        .y = WG_NODE(w->in[1]),
        .w = WG_NODE(w),
        .at = after_table(&v, device),
    };
    return (!unfolds || bind_unfold(binder, &v, w->in[0])) && bind_filter(binder, &filter);
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    return wg_form_of(node) == WG_FORM_FILTER ? bind_filter_of(node, binder)
                                              : bind_gather_of(node, binder);
}

const struct wg_implementation wg_conv2d_direct = {
    .name = "direct",
    .suits = suits,
    .scratch = scratch,
    .bind = bind,
};
