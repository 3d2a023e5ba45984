/*
 * The three convolution forms for CPU devices with 25 instead of 64 multiplications, where the
 * kernel is a multiple of twice the stride: most of a training step. What the kernels do, and why
 * it is right, stands in cl/conv2d_winograd.cl and conv2d_filter_winograd.cl; here are the sizes of
 * their blocks, parts and scratch.
 */
#include "host/graph/ops/conv2d_cpu.h"
#include "host/graph/ops/moments.h"

#include <math.h>

/* Elements of a transformed tile of 4 x 4. */
enum { ELEMENTS = 25 };

/* Floats of V, the transformed input of a block: 1 MB stays in a second-level cache, or nearly. */
enum { TRANSFORMED = 270000 };

/* Channels summed up at a time, at most: a panel of U and some rows of V stay in a first-level
 * cache. */
enum { SLICE = 128 };

/* Rows of V, tiles of a block, at most; and where blocks are as few as AT_ONCE. */
enum { ROWS_MOST = 48, ROWS_MOST_AT_ONCE = 64 };

/* What the weights take, in rows of a block's products: transformed once for all blocks, and read
 * by each; or made by each. */
enum { PACKING = 320, READING = 40, MAKING = 80 };

/* Units of work for each thread, of which one more or less matters to nobody. */
enum { MANY_UNITS = 32 };

/* Rows of V for conv2d_filter_winograd, whose sums are as long. */
enum { FILTER_ROWS = 64 };

/* Channels of x that conv2d_filter_winograd takes at a time, about; and the least, where threads
 * are many. */
enum { CHUNK = 256, CHUNK_LEAST = 64 };

/* Transformed weights go past the caches unless these hold so many times as much: other data comes
 * by before they are read. A Xeon of 480 MB takes 0.83 of a step of batch 32 if they do not, a Zen
 * 5 of 32 MB half the time for the large ones if they do. */
enum { STREAM_FACTOR = 4 };

/* Blocks of images that each transform the weights anew, at most: more of them wait less for
 * weights transformed once, in memory. */
enum { AT_ONCE = 3 };

/* Images of a block. Their best number depends on the caches and on how fast memory is. */
enum { KNOB_IMAGES };

static const struct wg_knob knobs[] = {
    {"images", {1, 2, 3, 4, 6, 8, 12, 16}},
    {0},
};

/* How an axis is cut into tiles of 4 and 3 pixels: THREES and FOURS of cl/winograd.cl. */
struct axis {
    size_t fours, threes;
};

/* Images of a block, and the register tile that suits its rows. */
struct block {
    size_t images;                // IMAGES
    struct wg_register_tile tile; // VW, MR, NV
};

/* How a gather is cut into work items, its transformed weights, U, and its scratch. */
struct gather_sizes {
    struct block block;
    size_t blocks;
    size_t slice; // SLICE
    size_t items; // ITEMS
    size_t item;  // ITEM_FLOATS
    bool at_once; // AT_ONCE
    size_t pack_items;
    size_t u_bytes;
    // Of scratch: what the moments take, if they are to be left; the weights; the gather itself.
    size_t moments_bytes, weights_bytes, items_bytes;
};

/* The same for a filter. */
struct filter_sizes {
    size_t parts;    // PARTS
    size_t together; // TOGETHER
    size_t shares;   // SHARES
    size_t images;   // IMAGES
    size_t channels; // CHANNELS
    size_t items;
    size_t item;  // ITEM_FLOATS
    size_t pitch; // floats of a row of M
    size_t scratch_bytes;
};

/* ---- sizes ---- */

/* PAIRS of the kernels, on both axes. */
static size_t pairs_of(const struct wg_conv *v)
{
    return v->k / 2 * (v->k / 2);
}

static struct axis cut(size_t pixels)
{
    size_t threes = pixels == 5 ? 2 : pixels < 3 ? 1 : (4 - pixels % 4) % 4;
    return (struct axis){pixels > 3 * threes ? (pixels - 3 * threes) / 4 : 0, threes};
}

static size_t tiles_of(struct axis y, struct axis x)
{
    return (y.fours + y.threes) * (x.fours + x.threes);
}

/* APART of cl/winograd.cl */
static size_t apart(size_t floats)
{
    return wg_round_up(floats, 1024) + 48;
}

/* Rows of the products of a block, over all elements: 16 that all tiles have, 4 and 4 for tiles of
 * 4 pixels along one axis, one for tiles of 4 x 4. Each is filled up to whole register tiles. */
static size_t product_rows(struct axis y, struct axis x, size_t images, size_t pixels)
{
    return 16 * wg_round_up(images * tiles_of(y, x), pixels) +
           4 * wg_round_up(images * y.fours * (x.fours + x.threes), pixels) +
           4 * wg_round_up(images * x.fours * (y.fours + y.threes), pixels) +
           wg_round_up(images * y.fours * x.fours, pixels);
}

/* Rows for all threads, each with the time of the slowest, which has whole blocks only; and where
 * threads are many, the slowest may have a slow core. Where units are many the choice must not
 * depend on n: memory should grow with the batch. */
static double cost(size_t n, size_t images, size_t rows, size_t units_per_block, size_t threads)
{
    size_t blocks = wg_divide_up(n, images), units = blocks * units_per_block;
    double weights = (double)units_per_block * (blocks <= AT_ONCE ? 0 : PACKING);
    rows += blocks <= AT_ONCE ? MAKING : READING;
    if (units >= MANY_UNITS * threads)
        return weights + (double)rows * (double)n / (double)images * (double)units_per_block;
    return weights + (double)(rows * (wg_round_up(units, threads) + threads / 4));
}

/* Rows of V that fill their register tiles, units of work that fill the threads, weights that are
 * read seldom; of what is equally good the fewest images and the largest tile. Tiles of the
 * device's and less, but no fewer than 10 vectors: a multiply-add takes 4 or 5 cycles, and 2 begin
 * in each. */
static struct block choose_block(size_t n, struct axis y, struct axis x, size_t units_per_block,
                                 size_t least, size_t most, const struct wg_device *device)
{
    size_t threads = wg_threads(device), tiles = tiles_of(y, x);
    struct wg_register_tile tile = wg_register_tile_of(device);
    struct block best = {1, tile};
    double best_cost = HUGE_VAL;
    for (size_t images = least; images <= wg_smaller(n, most); images++) {
        bool at_once = wg_divide_up(n, images) <= AT_ONCE;
        if (images > least && images * tiles > (at_once ? ROWS_MOST_AT_ONCE : ROWS_MOST))
            continue;
        for (size_t pixels = wg_divide_up(10, tile.vectors); pixels <= tile.pixels; pixels++) {
            size_t rows = product_rows(y, x, images, pixels);
            double now = cost(n, images, rows, units_per_block, threads);
            if (now > best_cost || (now == best_cost && images > best.images))
                continue;
            best = (struct block){images, {tile.width, pixels, tile.vectors}};
            best_cost = now;
        }
    }
    return best;
}

/* The largest divisor of the channels that is no larger than SLICE and whole vectors. */
static size_t choose_slice(size_t channels, size_t width)
{
    size_t slice = width;
    for (size_t s = width; s <= SLICE && s <= channels; s += width)
        if (channels % s == 0)
            slice = s;
    return slice;
}

static size_t images_tuned(const struct wg_node *node)
{
    return (size_t)wg_knob(node, knobs, KNOB_IMAGES, 0);
}

static bool is_data(const struct wg_node *node)
{
    return wg_form_of(node) == WG_FORM_DATA;
}

/* The chunks of which a gather leaves moments: a phase of an image each. */
static struct wg_row_split chunks_of(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t pixels = v->h / v->stride * (v->w / v->stride);
    return wg_row_split_by(&node->shape, pixels, device);
}

static bool fills(struct axis axis, size_t pixels)
{
    return 4 * axis.fours + 3 * axis.threes == pixels;
}

/* Whether the phases are of one size and filled by tiles, and each of each image can be a chunk. */
static bool leaves_moments(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t height = v->h / v->stride, width = v->w / v->stride;
    return node->moments && is_data(node) && v->h % v->stride == 0 && v->w % v->stride == 0 &&
           fills(cut(height), height) && fills(cut(width), width) &&
           chunks_of(node, device).rows_per_chunk == height * width;
}

static size_t moments_bytes(const struct wg_node *node, const struct wg_device *device)
{
    if (!leaves_moments(node, device))
        return 0;
    struct wg_row_split chunks = chunks_of(node, device);
    return wg_scratch_align(device, wg_moments_scratch(&chunks, device));
}

static struct gather_sizes size_gather(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    bool data = is_data(node);
    struct wg_register_tile tile = wg_register_tile_of(device);
    size_t phases = data ? v->stride : 1, columns = wg_register_tile_columns(tile);
    size_t width = data ? v->c : v->oc, depth = data ? v->oc : v->c;
    size_t slice = choose_slice(depth, tile.width), pitch = slice + 16;
    size_t passes = depth / slice * pairs_of(v) / (phases * phases);
    size_t panels = wg_divide_up(width, columns);
    struct axis y = cut(wg_divide_up(data ? v->h : v->oh, phases));
    struct axis x = cut(wg_divide_up(data ? v->w : v->ow, phases));
    size_t tuned = images_tuned(node), least = wg_larger(tuned, 1);
    size_t most = tuned ? tuned : wg_larger(TRANSFORMED / (product_rows(y, x, 1, 1) * pitch), 1);
    struct block block = choose_block(v->n, y, x, phases * phases, least, most, device);
    size_t rows = block.images * tiles_of(y, x) + block.tile.pixels; // ROWS of the kernel
    size_t blocks = wg_divide_up(v->n, block.images);
    size_t items = wg_smaller(blocks * phases * phases, wg_wanted_items(device));
    size_t v_size = ELEMENTS * apart(rows * pitch);
    size_t m_size = ELEMENTS * apart(rows * columns) * (passes > 1 ? panels : 2);
    size_t u_panel = ELEMENTS * apart(slice * columns);
    bool at_once = blocks <= AT_ONCE;
    size_t item = v_size + m_size + slice + (at_once ? u_panel : 0);
    size_t u_bytes = pairs_of(v) * panels * depth / slice * u_panel * sizeof(float);
    size_t w_bytes = data ? wg_node_bytes(node->in[CONV_W]) : 0; // turned, or read as they are
    return (struct gather_sizes){
        .block = block,
        .blocks = blocks,
        .slice = slice,
        .items = items,
        .item = item,
        .at_once = at_once,
        .pack_items = pairs_of(v) * panels * depth / tile.width,
        .u_bytes = u_bytes,
        .moments_bytes = moments_bytes(node, device),
        .weights_bytes = wg_scratch_align(device, at_once ? w_bytes : u_bytes),
        .items_bytes = items * item * sizeof(float),
    };
}

static struct filter_sizes size_filter(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    struct wg_register_tile tile = wg_register_tile_of(device);
    size_t planes = pairs_of(v), threads = wg_threads(device);
    size_t pitch = wg_round_up(v->oc, wg_register_tile_columns(tile));
    size_t sums = planes * ELEMENTS * apart(v->c * pitch);

    // As few parts as deal the threads as many rows of planes.
    size_t row = v->k / 2, parts = 1;
    while (parts < v->n && parts * row % threads > 0)
        parts++;
    while (parts > 1 && parts * sums > WG_PARTIAL_SUMS)
        parts /= 2;

    // A row of planes shares Y, if that leaves items enough.
    size_t together = parts * row >= threads ? row : 1;
    size_t groups = parts * planes / together;
    size_t tiles = tiles_of(cut(v->oh), cut(v->ow));
    size_t tuned = images_tuned(node);
    size_t images = tuned ? tuned : wg_divide_up(FILTER_ROWS, tiles);
    images = wg_smaller(images, wg_divide_up(v->n, parts));
    size_t chunks = wg_larger(wg_divide_up(v->c, CHUNK),
                              wg_smaller(wg_divide_up(threads, groups), v->c / CHUNK_LEAST));
    size_t channels = wg_round_up(wg_divide_up(v->c, chunks), tile.pixels);
    while (channels < v->c && v->c % channels > 0 && v->c % channels < tile.width)
        channels += tile.pixels; // so that the last chunk holds a vector
    size_t shares = wg_smaller(wg_divide_up(v->c, channels), wg_divide_up(threads, groups));
    size_t items = groups * shares;

    // V_SIZE, Y_SIZE and ZEROS of the kernel.
    size_t pitch_v = wg_pitch(channels + tile.pixels);
    size_t rows = images * tiles;
    size_t transformed =
        ELEMENTS * (apart(rows * pitch_v) + apart(rows * pitch)) + wg_round_up(channels, 16);
    return (struct filter_sizes){
        .parts = parts,
        .together = together,
        .shares = shares,
        .images = images,
        .channels = channels,
        .items = items,
        .item = transformed,
        .pitch = pitch,
        .scratch_bytes = (parts * sums + items * transformed) * sizeof(float),
    };
}

/* ---- whether ---- */

/* Products along an axis from x's pixels to y's: of each pair of taps with the points of tiles, and
 * of the direct form, which leaves out taps that meet no pixel of x. */
static size_t products(const struct wg_conv *v, size_t pixels)
{
    struct axis axis = cut(pixels);
    return v->k / 2 * (5 * axis.fours + 4 * axis.threes);
}

static size_t products_direct(const struct wg_conv *v, size_t in, size_t out)
{
    size_t count = 0;
    for (size_t o = 0; o < out; o++)
        for (size_t at = o * v->stride; at < o * v->stride + v->k; at++)
            count += at >= v->pad && at - v->pad < in;
    return count;
}

/* The products of an image, for each pair of channels. */
struct saving {
    size_t direct, left;
};

static struct saving saving_of(const struct wg_conv *v, bool data)
{
    size_t rows = data ? wg_divide_up(v->h, v->stride) : v->oh;
    size_t columns = data ? wg_divide_up(v->w, v->stride) : v->ow;
    return (struct saving){
        .direct = products_direct(v, v->h, v->oh) * products_direct(v, v->w, v->ow),
        .left = products(v, rows) * products(v, columns),
    };
}

/* Whether a quarter of the products at least is saved, as the transforms take about as long. */
static bool pays(const struct wg_conv *v, bool data)
{
    struct saving saving = saving_of(v, data);
    return 4 * saving.left <= 3 * saving.direct;
}

/* ---- conv2d and conv2d_data ---- */

/* What conv2d_winograd_pack.cl asks for. */
static void define_panel(struct wg_defines *defines, const struct wg_device *device)
{
    struct wg_register_tile tile = wg_register_tile_of(device);
    wg_define_int(defines, "VW", (long long)tile.width);
    wg_define_int(defines, "NV", (long long)tile.vectors);
}

static bool bind_pack(struct wg_binder *binder, const struct wg_node *node,
                      struct wg_argument packed, const struct gather_sizes *sizes)
{
    const struct wg_conv *v = &node->attr.conv;
    struct wg_defines defines = {0};
    define_panel(&defines, wg_binder_device(binder));
    wg_define_stream(&defines, wg_binder_device(binder), STREAM_FACTOR * sizes->u_bytes);
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "conv2d_winograd_pack",
                                      .kernel = "conv2d_winograd_pack",
                                      .defines = &defines,
                                      .arguments = {WG_NODE(node->in[1]), packed, WG_INT(v->c),
                                                    WG_INT(v->oc), WG_INT(v->k), WG_INT(v->stride),
                                                    WG_INT(sizes->slice), WG_INT(is_data(node))},
                                      .global = {sizes->pack_items},
                                      .local = {1},
                                  });
}

/* turned from w */
static bool bind_turn(struct wg_binder *binder, const struct wg_node *node,
                      struct wg_argument turned)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t width = wg_register_tile_of(wg_binder_device(binder)).width;
    struct wg_defines defines = {0};
    define_panel(&defines, wg_binder_device(binder));
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "conv2d_winograd_pack",
                    .kernel = "conv2d_winograd_turn",
                    .defines = &defines,
                    .arguments = {WG_NODE(node->in[1]), turned, WG_INT(v->c), WG_INT(v->oc)},
                    .global = {v->oc / width, v->k * v->k},
                    .local = {1},
                });
}

/* What the gather reads of the weights, made in scratch unless it is w itself. */
static bool bind_weights(struct wg_binder *binder, const struct wg_node *node,
                         const struct gather_sizes *sizes, struct wg_argument *ret_weights)
{
    *ret_weights = WG_SCRATCH(sizes->moments_bytes, sizes->weights_bytes);
    if (!sizes->at_once)
        return bind_pack(binder, node, *ret_weights, sizes);
    if (is_data(node))
        return bind_turn(binder, node, *ret_weights);
    *ret_weights = WG_NODE(node->in[1]);
    return true;
}

static bool bind_gather(const struct wg_node *node, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct gather_sizes sizes = size_gather(node, device);
    struct wg_argument weights;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_winograd",
        .kernel = "conv2d_winograd",
        .defines = &defines,
        .global = {sizes.items},
        .local = {1},
    };
    if (!bind_weights(binder, node, &sizes, &weights))
        return false;
    wg_define_register_tile(&defines, sizes.block.tile);
    wg_define_conv(&defines, &node->attr.conv);
    wg_define_int(&defines, "SLICE", (long long)sizes.slice);
    wg_define_int(&defines, "IMAGES", (long long)sizes.block.images);
    wg_define_int(&defines, "ITEMS", (long long)sizes.items);
    wg_define_int(&defines, "ITEM_FLOATS", (long long)sizes.item);
    wg_define_int(&defines, "FORM", wg_form_of(node));
    if (sizes.at_once)
        wg_define_flag(&defines, "AT_ONCE");
    wg_define_epilogue(&defines, node);
    wg_define_stream(&defines, device, WG_STREAM_PIECES * wg_node_bytes(node));
    call.arguments[0] = WG_NODE(node->in[0]);
    call.arguments[1] = weights;
    int count = wg_put_arguments(call.arguments, 2, node, WG_NODE(node));
    struct wg_row_split chunks = {0};
    if (sizes.moments_bytes > 0) {
        chunks = chunks_of(node, device);
        wg_define_flag(&defines, "MOMENTS");
        call.arguments[count++] = wg_moments_partial(&chunks);
    }
    call.arguments[count] =
        WG_SCRATCH(sizes.moments_bytes + sizes.weights_bytes, sizes.items_bytes);
    return wg_bind_kernel(binder, &call) &&
           (chunks.chunks == 0 || wg_bind_moments_merge(node->moments, binder, &chunks));
}

/* ---- conv2d_filter ---- */

/* w from the sums of each part */
static bool bind_unpack(struct wg_binder *binder, const struct wg_node *w,
                        const struct filter_sizes *sizes, struct wg_argument parts)
{
    const struct wg_conv *v = &w->attr.conv;
    struct wg_defines defines = {0};
    define_panel(&defines, wg_binder_device(binder));
    return wg_bind_kernel(binder, &(struct wg_call){
                                      .file = "conv2d_winograd_pack",
                                      .kernel = "conv2d_winograd_unpack",
                                      .defines = &defines,
                                      .arguments = {parts, WG_NODE(w), WG_INT(sizes->parts),
                                                    WG_INT(v->c), WG_INT(v->oc), WG_INT(v->k),
                                                    WG_INT(v->stride), WG_INT(sizes->pitch)},
                                      .global = {pairs_of(v) * v->c},
                                      .local = {1},
                                  });
}

static bool bind_filter(const struct wg_node *w, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct filter_sizes sizes = size_filter(w, device);
    struct wg_argument scratch = WG_SCRATCH(0, sizes.scratch_bytes);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_filter_winograd",
        .kernel = "conv2d_filter_winograd",
        .defines = &defines,
        .arguments = {WG_NODE(w->in[0]), WG_NODE(w->in[1]), scratch},
        .global = {sizes.items},
        .local = {1},
    };
    wg_define_register_tile(&defines, wg_register_tile_of(device));
    wg_define_conv(&defines, &w->attr.conv);
    wg_define_int(&defines, "PARTS", (long long)sizes.parts);
    wg_define_int(&defines, "TOGETHER", (long long)sizes.together);
    wg_define_int(&defines, "SHARES", (long long)sizes.shares);
    wg_define_int(&defines, "IMAGES", (long long)sizes.images);
    wg_define_int(&defines, "CHANNELS", (long long)sizes.channels);
    wg_define_int(&defines, "ITEM_FLOATS", (long long)sizes.item);
    return wg_bind_kernel(binder, &call) && bind_unpack(binder, w, &sizes, scratch);
}

/* ---- the implementation ---- */

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    if (wg_form_of(node) == WG_FORM_FILTER)
        return size_filter(node, device).scratch_bytes;
    struct gather_sizes sizes = size_gather(node, device);
    return sizes.moments_bytes + sizes.weights_bytes + sizes.items_bytes;
}

static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t width = wg_register_tile_of(device).width;
    return wg_device_is_cpu(device) && v->k % (2 * v->stride) == 0 && v->c % width == 0 &&
           v->oc % width == 0 && pays(v, is_data(node)) && images_tuned(node) <= v->n &&
           wg_scratch_fits(scratch(node, device), device);
}

/*
 * The weights are transformed for each node, and few images do not save as much: a byte of U,
 * written and read, takes as long as some 12 operations on a Xeon with vectors of 16, one made and
 * used in the cache as long as 3; less where vectors are narrower, memory being as fast.
 */
static bool needs_measuring(const struct wg_node *node, const struct wg_device *device)
{
    enum { IN_MEMORY = 12, IN_CACHE = 3 };
    const struct wg_conv *v = &node->attr.conv;
    if (wg_form_of(node) == WG_FORM_FILTER)
        return false;
    struct gather_sizes sizes = size_gather(node, device);
    struct saving saving = saving_of(v, is_data(node));
    double saved = 2.0 * (double)(saving.direct - saving.left) * (double)(v->n * v->c * v->oc);
    double per_byte = (sizes.at_once ? IN_CACHE * (double)sizes.blocks : IN_MEMORY) *
                      (double)wg_register_tile_of(device).width / 16;
    return saved < per_byte * (double)sizes.u_bytes;
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    return wg_form_of(node) == WG_FORM_FILTER ? bind_filter(node, binder)
                                              : bind_gather(node, binder);
}

const struct wg_implementation wg_conv2d_winograd = {
    .name = "winograd",
    .is_winograd = true,
    .leaves_moments = leaves_moments,
    .suits = suits,
    .needs_measuring = needs_measuring,
    .scratch = scratch,
    .knobs = knobs,
    .bind = bind,
};
