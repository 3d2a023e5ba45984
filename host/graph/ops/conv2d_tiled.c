/*
 * The three convolution forms, and products of matrices, for GPUs: as products whose left factor is
 * not made ("implicit GEMM": Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning",
 * 2014). What the kernels do stands in cl/conv2d_operands.cl, conv2d_tiled.cl and
 * conv2d_blocked.cl; here is how the work is cut.
 *
 *   tiled    with local memory
 *   blocked  without, where it is no faster than other memory or too small
 *   batched  the first, of a batch whose factors are made (ops/conv2d_winograd_tiled.c)
 *
 * Where a product has fewer tiles than the device can work on, the sums are split into parts, in
 * scratch, which conv2d_merge adds up. A conv2d_data of few channels (the image's side of the
 * networks) has hardly any columns: its product is made for all taps, [n, oh, ow] x [k, k, c], in
 * scratch, and col2im adds up what belongs to one pixel; so y is read once.
 */
#include "host/graph/ops/conv2d_tiled.h"

#include "host/base/error.h"

#include <math.h>

enum { KNOB_TILE_M, KNOB_TILE_N, KNOB_PARTS };

const struct wg_knob wg_tiled_knobs[] = {
    {"tile_m", {16, 32, 64, 128}},
    {"tile_n", {16, 32, 64, 128}},
    {"parts", {1, 2, 3, 4, 6, 8, 16, 64}},
    {0},
};
const struct wg_knob wg_blocked_knobs[] = {
    {"tile_m", {4, 16, 32, 64}},
    {"tile_n", {4, 16, 32, 64}},
    {"parts", {1, 2, 3, 4, 6, 8, 16, 64}},
    {0},
};
const struct wg_knob wg_batch_knobs[] = {
    {"tile_m", {16, 32, 64, 128}},
    {"tile_n", {16, 32, 64, 128}},
    {"parts", {1, 2, 3, 4, 6, 8}},
    {"images", {4, 8, 16, 32, 64, 128}},
    {0},
};

/* The sizes of a product. */
struct extent {
    size_t rows, columns, length;
    size_t phases;
    size_t results;
    double fetch; // instructions to fetch a vector of four
};

/* The work of a group, tm x tn results, and of an item, rm x rn of them: TM, TN, RM, RN. */
struct tile {
    size_t tm, tn, rm, rn;
};

/* The parameters of a kernel call. */
struct tiling {
    struct tile tile;
    size_t tk;    // TK
    size_t parts; // PARTS
};

/* Tiles an item of which stays within some 190 registers, as the compiler of CUDA 13 counts them
 * for compute capability 9.0, the largest first. */
static const struct tile tiled_tiles[] = {{128, 64, 8, 8},
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
static const struct tile blocked_tiles[] = {{64, 64, 8, 8}, {64, 32, 8, 4}, {32, 32, 4, 4},
                                            {16, 16, 4, 4}, {4, 4, 4, 4},   {0}};

struct variant {
    const char *name; // of the file and its kernel
    const struct wg_knob *knobs;
    bool is_local;
    const struct tile *tiles; // one of zeros ends them
};

static const struct variant tiled = {"conv2d_tiled", wg_tiled_knobs, true, tiled_tiles};
static const struct variant batched = {"conv2d_tiled", wg_batch_knobs, true, tiled_tiles};
static const struct variant blocked = {"conv2d_blocked", wg_blocked_knobs, false, blocked_tiles};

static size_t items_of(const struct tile *tile)
{
    return tile->tm / tile->rm * (tile->tn / tile->rn);
}

/* ---- the product of a node ---- */

/* Few channels of x: a table of all taps is small against y. */
static bool is_thin(const struct wg_conv *v, const struct wg_device *device)
{
    size_t taps = v->k * v->k * v->c, table = v->n * v->oh * v->ow * taps;
    return v->k > 1 && v->c < 8 && taps <= 64 && table <= INT32_MAX &&
           table * sizeof(float) <= device->info.largest_buffer;
}

static struct wg_argument table_of(const struct wg_conv *v)
{
    return WG_SCRATCH(0, v->n * v->oh * v->ow * v->k * v->k * v->c * sizeof(float));
}

static bool is_folded(const struct wg_node *node, const struct wg_device *device)
{
    return node->op == &wg_op_conv2d_data && is_thin(&node->attr.conv, device);
}

static struct wg_product product_of(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    if (is_folded(node, device))
        return (struct wg_product){
            .form = WG_FORM_DATA,
            .conv = wg_conv_one_pixel(v->n * v->oh * v->ow, v->k * v->k * v->c, v->oc),
            .a = WG_NODE(node->in[0]),
            .b = WG_NODE(node->in[1]),
            .out = table_of(v),
            .at = wg_scratch_align(device, table_of(v).bytes),
        };
    bool is_matmul = node->op == &wg_op_matmul;
    return (struct wg_product){
        .form = is_matmul ? wg_matmul_form(node) : wg_conv2d_form(node),
        .conv = is_matmul ? wg_matmul_conv(node) : *v,
        .a = WG_NODE(node->in[0]),
        .b = WG_NODE(node->in[1]),
        .out = WG_NODE(node),
        .epilogue = is_matmul ? NULL : node,
    };
}

/* Counted in the code for compute capability 9.0. */
enum { FETCH = 12, FETCH_BY_PIXEL = 20 };

static struct extent extent_of_form(enum wg_form form, const struct wg_conv *v)
{
    size_t pixels = v->n * v->oh * v->ow, taps = wg_divide_up(v->k, v->stride);
    switch (form) {
    case WG_FORM_DATA:
        return (struct extent){.rows = v->n * wg_divide_up(v->h, v->stride) *
                                       wg_divide_up(v->w, v->stride),
                               .columns = v->c,
                               .length = taps * taps * v->oc,
                               .phases = v->stride * v->stride,
                               .results = v->n * v->h * v->w * v->c,
                               .fetch = FETCH};
    case WG_FORM_FILTER:
        return (struct extent){.rows = v->k * v->k * v->c,
                               .columns = v->oc,
                               .length = pixels,
                               .phases = 1,
                               .results = v->k * v->k * v->c * v->oc,
                               .fetch = FETCH_BY_PIXEL};
    default:
        return (struct extent){.rows = pixels,
                               .columns = v->oc,
                               .length = v->k * v->k * v->c,
                               .phases = 1,
                               .results = pixels * v->oc,
                               .fetch = FETCH};
    }
}

/* ROWS, COLUMNS, LENGTH, PHASES squared or BATCH, and RESULTS of cl/conv2d_operands.cl */
static struct extent extent_of(const struct wg_product *product)
{
    struct extent e = extent_of_form(product->form, &product->conv);
    if (product->batch.count > 0) {
        e.phases = product->batch.count;
        e.results *= product->batch.count;
    }
    return e;
}

/* ---- how it is cut ---- */

/*
 * k at a time: TK rows of both factors lie in local memory twice, each row with four floats more
 * (PITCH_A, PITCH_B of cl/conv2d_tiled.cl). 0: even the fewest do not fit. Two steps at least: with
 * one the compiler for NVIDIA's interleaves fetching, multiplying and writing until registers
 * spill.
 */
static size_t choose_tk(const struct variant *variant, const struct tile *tile, size_t length,
                        const struct wg_device *device)
{
    if (!variant->is_local)
        return 4;
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
 * cycle, by a further launch whose items read one after the other. Only ratios matter. Instructions
 * and registers are those of the code for NVIDIA's compute capability 9.0; the waits, the launch
 * and the bytes are guesses.
 */
enum { LANES = 128, WARP = 32, COUNT = 25, WAIT = 150, BEGIN = 1500, LAUNCH = 4000 };
enum { BYTES_CACHED = 32, BYTES = 16, READ = 100, BARRIER = 80 };
enum { REGISTERS = 65536, REGISTERS_OF_ITEM = 100 }; // of an item: besides its sums

static size_t resident_groups(const struct tile *tile)
{
    size_t registers = items_of(tile) * (tile->rm * tile->rn + REGISTERS_OF_ITEM);
    return wg_larger(REGISTERS / registers, 1);
}

/* So many groups on a unit at once, from their first step to the last. */
static double estimate_round(const struct extent *e, const struct tiling *t, size_t groups)
{
    const struct tile *tile = &t->tile;
    double items = (double)items_of(tile), together = (double)groups;
    double steps = (double)wg_divide_up(e->length, t->tk * t->parts);
    double results = (double)(tile->rm * tile->rn), reads = (double)(tile->rm + tile->rn) / 4;
    double fetched = (double)((tile->tm + tile->tn) * t->tk); // floats
    double alone = (double)t->tk * (results + reads) + COUNT + fetched / 4 / items * e->fetch;
    double share = together * (double)wg_round_up(items_of(tile), WARP) / LANES;
    double bytes = together * fetched * sizeof(float);
    double step = fmax(fmax(share * alone, bytes / BYTES_CACHED), alone + WAIT);
    return BEGIN + share * (2 * results + 200) + steps * (step + BARRIER / together);
}

static double estimate(const struct extent *e, const struct tiling *t, size_t units)
{
    const struct tile *tile = &t->tile;
    size_t groups =
        wg_divide_up(e->rows, tile->tm) * wg_divide_up(e->columns, tile->tn) * e->phases * t->parts;
    size_t of_unit = wg_divide_up(groups, units), resident = resident_groups(tile);
    double cycles = 0;
    if (of_unit >= resident)
        cycles = (double)(of_unit / resident) * estimate_round(e, t, resident);
    if (of_unit % resident > 0)
        cycles += estimate_round(e, t, of_unit % resident);
    if (t->parts == 1)
        return cycles;
    return cycles + LAUNCH + (double)t->parts * READ +
           (double)(e->results * (t->parts + 1) * sizeof(float)) / (double)(units * BYTES);
}

enum { PARTS_MAX = 256 };

/* What decides on a tiling besides the product. */
struct limits {
    size_t group;  // work items at most
    size_t tm, tn; // 0: any
    size_t parts;  // 0: any
};

static bool allows(const struct limits *limits, const struct tile *tile)
{
    return items_of(tile) <= limits->group && (!limits->tm || tile->tm == limits->tm) &&
           (!limits->tn || tile->tn == limits->tn);
}

static bool allows_parts(const struct limits *limits, const struct extent *e, size_t tk,
                         size_t parts, const struct wg_device *device)
{
    if (limits->parts)
        return parts == limits->parts;
    size_t sums = parts * e->results;
    return parts == 1 ||
           (parts <= PARTS_MAX && parts * 4 * tk <= e->length && sums <= WG_PARTIAL_SUMS &&
            sums * sizeof(float) <= device->info.largest_buffer);
}

/* The best tiling of a product; false: there is none. */
static bool choose_tiling(const struct variant *variant, const struct extent *e,
                          const struct limits *limits, const struct wg_device *device,
                          struct tiling *ret_tiling)
{
    size_t units = wg_larger(device->info.compute_units, 1);
    double best = 0;
    for (const struct tile *tile = variant->tiles; tile->tm; tile++) {
        struct tiling now = {*tile, choose_tk(variant, tile, e->length, device), 1};
        if (!now.tk || !allows(limits, &now.tile))
            continue;
        for (now.parts = limits->parts ? limits->parts : 1;
             allows_parts(limits, e, now.tk, now.parts, device); now.parts++) {
            double cycles = estimate(e, &now, units);
            if (best == 0 || cycles < best) {
                best = cycles;
                *ret_tiling = now;
            }
        }
    }
    return best > 0;
}

static struct limits limits_of(const struct variant *variant, const struct wg_node *node,
                               const struct wg_device *device)
{
    return (struct limits){
        .group = wg_smaller(device->info.work_group_size, device->work_item_sizes[0]),
        .tm = (size_t)wg_knob(node, variant->knobs, KNOB_TILE_M, 0),
        .tn = (size_t)wg_knob(node, variant->knobs, KNOB_TILE_N, 0),
        .parts = (size_t)wg_knob(node, variant->knobs, KNOB_PARTS, 0),
    };
}

static size_t parts_bytes(const struct extent *e, const struct tiling *tiling)
{
    return tiling->parts > 1 ? tiling->parts * e->results * sizeof(float) : 0;
}

/* ---- the members of struct wg_implementation ---- */

/* Below some 64,000 multiplications a product of matrices is best done plainly. */
static bool is_worth_it(const struct wg_node *node, const struct extent *e)
{
    return node->op != &wg_op_matmul || (!(node->attr.transpose_a && node->attr.transpose_b) &&
                                         e->rows * e->columns * e->length >= (size_t)1 << 16);
}

static bool suits(const struct variant *variant, const struct wg_node *node,
                  const struct wg_device *device)
{
    struct wg_product product = product_of(node, device);
    struct extent e = extent_of(&product);
    struct limits limits = limits_of(variant, node, device);
    struct tiling tiling;
    if (wg_device_is_cpu(device) || !is_worth_it(node, &e) ||
        !choose_tiling(variant, &e, &limits, device, &tiling))
        return false;
    size_t scratch = product.at + parts_bytes(&e, &tiling);
    return scratch <= device->info.largest_buffer && scratch / sizeof(float) <= INT32_MAX;
}

static size_t scratch(const struct variant *variant, const struct wg_node *node,
                      const struct wg_device *device)
{
    struct wg_product product = product_of(node, device);
    struct extent e = extent_of(&product);
    struct limits limits = limits_of(variant, node, device);
    struct tiling tiling;
    return choose_tiling(variant, &e, &limits, device, &tiling)
               ? product.at + parts_bytes(&e, &tiling)
               : 0;
}

/* out from the sums of its parts */
static bool bind_merge(struct wg_binder *binder, const struct wg_product *product,
                       const struct extent *e, struct wg_argument partial, size_t parts)
{
    unsigned width = wg_vector_width(wg_binder_device(binder), e->columns);
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = "conv2d_merge",
        .kernel = "conv2d_merge",
        .defines = &defines,
        .arguments = {partial, WG_INT(parts), WG_INT(e->results), WG_INT(e->columns)},
        .global = {e->results / width},
    };
    wg_define_int(&defines, "VW", width);
    if (product->epilogue)
        wg_define_epilogue(&defines, product->epilogue);
    wg_put_arguments(call.arguments, 4, product->epilogue, product->out);
    return wg_bind_kernel(binder, &call);
}

static void define_tiling(struct wg_defines *defines, const struct wg_product *product,
                          const struct extent *e, const struct tiling *t)
{
    const struct wg_batch *batch = &product->batch;
    wg_define_conv(defines, &product->conv);
    wg_define_int(defines, "FORM", product->form);
    if (batch->count > 0) {
        wg_define_int(defines, "BATCH", (long long)batch->count);
        wg_define_int(defines, "IMAGES", (long long)batch->images);
        wg_define_int(defines, "PIXELS_Y", (long long)batch->pixels_y);
        wg_define_int(defines, "PIXELS_X", (long long)batch->pixels_x);
    }
    if (batch->adds)
        wg_define_flag(defines, "ADD");
    wg_define_int(defines, "TM", (long long)t->tile.tm);
    wg_define_int(defines, "TN", (long long)t->tile.tn);
    wg_define_int(defines, "TK", (long long)t->tk);
    wg_define_int(defines, "RM", (long long)t->tile.rm);
    wg_define_int(defines, "RN", (long long)t->tile.rn);
    wg_define_int(defines, "PARTS", (long long)t->parts);
    wg_define_int(defines, "STEPS", (long long)wg_divide_up(e->length, t->tk * t->parts));
}

/* Binds the product with this tiling; if the kernel turns out too large for its groups, binds
 * nothing and says how large they may be. */
static bool bind_tiling(const struct variant *variant, struct wg_binder *binder,
                        const struct wg_product *product, const struct tiling *t,
                        size_t *ret_largest)
{
    struct extent e = extent_of(product);
    struct wg_argument partial = WG_SCRATCH(product->at, parts_bytes(&e, t));
    bool is_whole = t->parts == 1 || product->batch.count > 0;
    const struct tile *tile = &t->tile;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = variant->name,
        .kernel = variant->name,
        .defines = &defines,
        .arguments = {product->a, product->b},
        .global = {wg_divide_up(e.rows, tile->tm) * wg_divide_up(e.columns, tile->tn) *
                       items_of(tile),
                   e.phases * t->parts},
        .local = {items_of(tile)},
    };
    define_tiling(&defines, product, &e, t);
    const struct wg_node *epilogue = is_whole ? product->epilogue : NULL;
    if (epilogue)
        wg_define_epilogue(&defines, epilogue);
    wg_put_arguments(call.arguments, 2, epilogue, is_whole ? product->out : partial);
    if (!wg_binder_largest_group(binder, &call, ret_largest))
        return false;
    if (*ret_largest < items_of(tile))
        return true;
    return wg_bind_kernel(binder, &call) &&
           (is_whole || bind_merge(binder, product, &e, partial, t->parts));
}

/* With tiles whose groups the kernel can be run in. The scratch was asked for with the first
 * tiling's parts, so later ones keep these. */
static bool bind_product(const struct variant *variant, struct wg_binder *binder,
                         const struct wg_product *product, struct limits limits)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct extent e = extent_of(product);
    struct tiling tiling;
    size_t largest = 0;
    do {
        if (!choose_tiling(variant, &e, &limits, device, &tiling))
            return wg_fail(WG_ERROR_DEVICE,
                           "kernel '%s': this device runs groups of %zu work items, too few",
                           variant->name, largest);
        if (!bind_tiling(variant, binder, product, &tiling, &largest))
            return false;
        limits = (struct limits){.group = largest, .parts = tiling.parts};
    } while (largest < items_of(&tiling.tile));
    return true;
}

/* x, with its bias and activation, from the table of what each tap adds */
static bool bind_fold(struct wg_binder *binder, const struct wg_node *x)
{
    const struct wg_conv *v = &x->attr.conv;
    unsigned width = wg_vector_width(wg_binder_device(binder), v->c);
    struct wg_defines defines = {0};
    struct wg_conv geometry = *v;
    geometry.n = geometry.oc = 0; // col2im does not ask, and programs of equal macros are shared
    wg_define_int(&defines, "VW", width);
    wg_define_conv(&defines, &geometry);
    wg_define_epilogue(&defines, x);
    struct wg_call call = {
        .file = "col2im",
        .kernel = "col2im",
        .defines = &defines,
        .arguments = {table_of(v), WG_INT(v->k * v->k * v->c)},
        .global = {v->n * v->h * v->w * (v->c / width)},
    };
    int next = wg_put_arguments(call.arguments, 2, x, WG_NODE(x));
    call.arguments[next++] = WG_INT(0);
    call.arguments[next++] = WG_INT(v->n);
    return wg_bind_kernel(binder, &call);
}

static bool bind(const struct variant *variant, const struct wg_node *node,
                 struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_product product = product_of(node, device);
    return bind_product(variant, binder, &product, limits_of(variant, node, device)) &&
           (!is_folded(node, device) || bind_fold(binder, node));
}

bool wg_tiled_suits(const struct wg_node *node, const struct wg_device *device)
{
    return device->has_local_memory && suits(&tiled, node, device);
}

size_t wg_tiled_scratch(const struct wg_node *node, const struct wg_device *device)
{
    return scratch(&tiled, node, device);
}

bool wg_tiled_bind(const struct wg_node *node, struct wg_binder *binder)
{
    return bind(&tiled, node, binder);
}

bool wg_blocked_suits(const struct wg_node *node, const struct wg_device *device)
{
    return suits(&blocked, node, device);
}

size_t wg_blocked_scratch(const struct wg_node *node, const struct wg_device *device)
{
    return scratch(&blocked, node, device);
}

bool wg_blocked_bind(const struct wg_node *node, struct wg_binder *binder)
{
    return bind(&blocked, node, binder);
}

size_t wg_batch_parts(const struct wg_product *product, const struct wg_node *node,
                      const struct wg_device *device)
{
    struct extent e = extent_of(product);
    struct limits limits = limits_of(&batched, node, device);
    struct tiling tiling;
    return choose_tiling(&batched, &e, &limits, device, &tiling) ? tiling.parts : 0;
}

bool wg_batch_bind(struct wg_binder *binder, const struct wg_product *product,
                   const struct wg_node *node, size_t parts)
{
    struct limits limits = limits_of(&batched, node, wg_binder_device(binder));
    limits.parts = parts;
    return bind_product(&batched, binder, product, limits);
}
