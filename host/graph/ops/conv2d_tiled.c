/*
 * The three convolution forms, and products of matrices, for GPUs: as products whose left factor is
 * not made ("implicit GEMM": Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning",
 * 2014). What the kernels do stands in cl/conv2d_operands.cl, conv2d_tensor.cl, conv2d_tiled.cl and
 * conv2d_blocked.cl, how the work is cut in ops/conv2d_tiling.c.
 *
 *   tensor   by the tensor cores of NVIDIA's GPUs, in single precision all the same
 *   tiled    with local memory
 *   blocked  without, where it is no faster than other memory or too small
 *
 * The first two also multiply batches whose factors are made (ops/conv2d_winograd_tiled.c).
 *
 * Where a product has fewer tiles than the device can work on, the sums are split into parts, in
 * scratch, which conv2d_merge adds up. A conv2d_data of few channels (the image's side of the
 * networks) has hardly any columns: its product is made for all taps, [n, oh, ow] x [k, k, c], in
 * scratch, and col2im adds up what belongs to one pixel; so y is read once.
 */
#include "host/graph/ops/conv2d_tiled.h"

#include "host/base/error.h"
#include "host/graph/ops/conv2d_tiling.h"
#include "host/graph/ops/rows.h"

enum { KNOB_TILE_M, KNOB_TILE_N, KNOB_PARTS };

static const struct wg_knob tensor_knobs[] = {
    {"tile_m", {32, 64, 128}},
    {"tile_n", {32, 64, 128}},
    {"parts", {1, 2, 3, 4, 6, 8, 16, 64}},
    {0},
};
static const struct wg_knob tiled_knobs[] = {
    {"tile_m", {16, 32, 64, 128}},
    {"tile_n", {16, 32, 64, 128}},
    {"parts", {1, 2, 3, 4, 6, 8, 16, 64}},
    {0},
};
static const struct wg_knob blocked_knobs[] = {
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

struct variant {
    const struct wg_tile_kernel *kernel;
    const struct wg_knob *knobs;
};

static const struct variant tensor = {&wg_kernel_tensor, tensor_knobs};
static const struct variant tiled = {&wg_kernel_tiled, tiled_knobs};
static const struct variant blocked = {&wg_kernel_blocked, blocked_knobs};
static const struct variant batched = {&wg_kernel_tiled, wg_batch_knobs};
static const struct variant batched_tensor = {&wg_kernel_tensor, wg_batch_knobs};

/* ---- the product of a node ---- */

/* Ops that are a conv2d_data of what they compute of their inputs while it reads them. */
static bool has_prologue(const struct wg_node *node)
{
    return node->op == &wg_op_norm_up || node->op == &wg_op_layer_data;
}

/* Whether a conv2d_data of few channels goes through a table of all taps, small against y. */
static bool is_folded(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    return (node->op == &wg_op_conv2d_data || has_prologue(node)) && v->k > 1 && v->c < 8 &&
           v->k * v->k * v->c <= 64 && wg_scratch_fits(wg_conv_table(v).bytes, device);
}

static const struct wg_node *weights_of(const struct wg_node *node)
{
    return node->op == &wg_op_norm_up      ? node->in[UP_W]
           : node->op == &wg_op_layer_data ? node->in[LAYER_W]
                                           : node->in[CONV_W];
}

/* What norm_columns makes for norm_up, behind the table; of others nothing. */
static struct wg_argument norm_columns(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    size_t columns = node->op == &wg_op_norm_up ? 3 * v->oc : 0;
    return WG_SCRATCH(wg_scratch_align(device, wg_conv_table(v).bytes), columns * sizeof(float));
}

static struct wg_product product_of(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    struct wg_argument norm = norm_columns(node, device);
    if (is_folded(node, device))
        return (struct wg_product){
            .form = WG_FORM_DATA,
            .conv = wg_conv_by_table(v),
            .a = WG_NODE(node->in[0]),
            .b = WG_NODE(weights_of(node)),
            .out = wg_conv_table(v),
            .prologue = has_prologue(node) ? node : NULL,
            .read_with = node->op == &wg_op_norm_up ? norm : WG_NODE(node->in[LAYER_GRADIENT]),
            .at = norm.offset + wg_scratch_align(device, norm.bytes),
        };
    return (struct wg_product){
        .form = wg_form_of(node),
        .conv = wg_conv_of(node),
        .a = WG_NODE(node->in[0]),
        .b = WG_NODE(node->in[1]),
        .out = WG_NODE(node),
        .epilogue = node,
    };
}

/* Counted in the code for compute capability 9.0. */
enum { FETCH = 12, FETCH_BY_PIXEL = 20 };

static struct wg_extent extent_of_form(enum wg_form form, const struct wg_conv *v)
{
    size_t pixels = v->n * v->oh * v->ow, taps = wg_divide_up(v->k, v->stride);
    switch (form) {
    case WG_FORM_DATA:
        return (struct wg_extent){.rows = v->n * wg_divide_up(v->h, v->stride) *
                                          wg_divide_up(v->w, v->stride),
                                  .columns = v->c,
                                  .length = taps * taps * v->oc,
                                  .phases = v->stride * v->stride,
                                  .results = v->n * v->h * v->w * v->c,
                                  .fetch = FETCH};
    case WG_FORM_FILTER:
        return (struct wg_extent){.rows = v->k * v->k * v->c,
                                  .columns = v->oc,
                                  .length = pixels,
                                  .phases = 1,
                                  .results = v->k * v->k * v->c * v->oc,
                                  .fetch = FETCH_BY_PIXEL};
    default:
        return (struct wg_extent){.rows = pixels,
                                  .columns = v->oc,
                                  .length = v->k * v->k * v->c,
                                  .phases = 1,
                                  .results = pixels * v->oc,
                                  .fetch = FETCH};
    }
}

/* ROWS, COLUMNS, LENGTH, PHASES squared or BATCH, and RESULTS of cl/conv2d_operands.cl */
static struct wg_extent extent_of(const struct wg_product *product)
{
    struct wg_extent e = extent_of_form(product->form, &product->conv);
    e.merges = product->batch.count == 0;
    if (product->batch.count > 0) {
        e.phases = product->batch.count;
        e.results *= product->batch.count;
        e.fetch = FETCH; // no image is looked at
    }
    return e;
}

/* ---- the calls ---- */

static struct wg_tiling_limits limits_of(const struct variant *variant, const struct wg_node *node,
                                         const struct wg_device *device)
{
    return (struct wg_tiling_limits){
        .group = wg_smaller(device->info.work_group_size, device->work_item_sizes[0]),
        .tm = (size_t)wg_knob(node, variant->knobs, KNOB_TILE_M, 0),
        .tn = (size_t)wg_knob(node, variant->knobs, KNOB_TILE_N, 0),
        .parts = (size_t)wg_knob(node, variant->knobs, KNOB_PARTS, 0),
    };
}

static size_t parts_bytes(const struct wg_extent *e, const struct wg_tiling *tiling)
{
    return tiling->parts > 1 ? tiling->parts * e->results * sizeof(float) : 0;
}

/* ---- what the implementations share ---- */

/* Below some 64,000 multiplications a product of matrices is best done plainly. */
static bool is_worth_it(const struct wg_node *node)
{
    const struct wg_conv v = wg_conv_of(node);
    bool is_form = !(node->attr.transpose_a && node->attr.transpose_b);
    return node->op != &wg_op_matmul || (is_form && v.n * v.c * v.oc >= (size_t)1 << 16);
}

/* Bytes of scratch by the best tiling; false: there is none. */
static bool size_scratch(const struct variant *variant, const struct wg_node *node,
                         const struct wg_device *device, size_t *ret_bytes)
{
    struct wg_product product = product_of(node, device);
    struct wg_extent e = extent_of(&product);
    struct wg_tiling_limits limits = limits_of(variant, node, device);
    struct wg_tiling tiling;
    if (!wg_choose_tiling(variant->kernel, &e, &limits, device, &tiling))
        return false;
    *ret_bytes = product.at + parts_bytes(&e, &tiling);
    return true;
}

static bool suits(const struct variant *variant, const struct wg_node *node,
                  const struct wg_device *device)
{
    size_t bytes;
    return !wg_device_is_cpu(device) && is_worth_it(node) &&
           (!has_prologue(node) || is_folded(node, device)) &&
           size_scratch(variant, node, device, &bytes) && wg_scratch_fits(bytes, device);
}

static size_t scratch(const struct variant *variant, const struct wg_node *node,
                      const struct wg_device *device)
{
    size_t bytes;
    return size_scratch(variant, node, device, &bytes) ? bytes : 0;
}

/* out from the sums of its parts */
static bool bind_merge(struct wg_binder *binder, const struct wg_product *product,
                       const struct wg_extent *e, struct wg_argument partial, size_t parts)
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
    wg_define_ahead(&defines, wg_binder_device(binder));
    if (product->epilogue)
        wg_define_epilogue(&defines, product->epilogue);
    wg_put_arguments(call.arguments, 4, product->epilogue, product->out);
    return wg_bind_kernel(binder, &call);
}

/* What becomes of A as it is read. */
static void define_prologue(struct wg_defines *defines, const struct wg_node *node)
{
    if (node->op == &wg_op_norm_up) {
        wg_define_norm_in(defines, node);
    } else {
        wg_define_flag(defines, "FROM_GRADIENT");
        wg_define_activation(defines, node);
    }
}

/* A, what it is read with, and B. Returns how many there are. */
static int put_factors(struct wg_argument *arguments, const struct wg_product *product)
{
    int count = 0;
    arguments[count++] = product->a;
    if (product->prologue)
        arguments[count++] = product->read_with;
    arguments[count++] = product->b;
    return count;
}

static bool bind_norm_columns(const struct wg_node *node, struct wg_binder *binder)
{
    size_t channels = node->attr.conv.oc;
    struct wg_defines defines = {0};
    wg_define_int(&defines, "INNER", 1); // as for norm_bias, whose program it is
    wg_define_float(&defines, "EPSILON", node->attr.epsilon);
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "norm_weights",
                    .kernel = "norm_columns",
                    .defines = &defines,
                    .arguments = {WG_NODE(node->in[MOMENTS]), WG_NODE(node->in[GAMMA]),
                                  WG_NODE(node->in[BETA]),
                                  norm_columns(node, wg_binder_device(binder)), WG_INT(channels)},
                    .global = {channels},
                });
}

static void define_tiling(struct wg_defines *defines, const struct variant *variant,
                          const struct wg_product *product, const struct wg_extent *e,
                          const struct wg_tiling *t)
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
    if (product->prologue)
        define_prologue(defines, product->prologue);
    wg_define_int(defines, "TM", (long long)t->tile.tm);
    wg_define_int(defines, "TN", (long long)t->tile.tn);
    wg_define_int(defines, "TK", (long long)t->tk);
    wg_define_int(defines, "RM", (long long)t->tile.rm);
    wg_define_int(defines, "RN", (long long)t->tile.rn);
    wg_define_int(defines, "PARTS", (long long)t->parts);
    wg_define_int(defines, "STEPS", (long long)wg_divide_up(e->length, t->tk * t->parts));
    if (variant->kernel->is_tensor) {
        wg_define_flag(defines, "TENSOR");
        wg_define_int(defines, "STAGES", (long long)t->stages);
    }
}

/* Binds the product with this tiling; if the kernel turns out too large for its groups, binds
 * nothing and says how large they may be. */
static bool bind_tiling(const struct variant *variant, struct wg_binder *binder,
                        const struct wg_product *product, const struct wg_tiling *t,
                        size_t *ret_largest)
{
    struct wg_extent e = extent_of(product);
    struct wg_argument partial = WG_SCRATCH(product->at, parts_bytes(&e, t));
    bool is_whole = t->parts == 1 || product->batch.count > 0;
    const struct wg_group_tile *tile = &t->tile;
    struct wg_defines defines = {0};
    struct wg_call call = {
        .file = variant->kernel->name,
        .kernel = variant->kernel->name,
        .defines = &defines,
        .global = {wg_divide_up(e.rows, tile->tm) * wg_divide_up(e.columns, tile->tn) *
                       wg_group_tile_items(tile),
                   e.phases * t->parts},
        .local = {wg_group_tile_items(tile)},
    };
    define_tiling(&defines, variant, product, &e, t);
    const struct wg_node *epilogue = is_whole ? product->epilogue : NULL;
    if (epilogue)
        wg_define_epilogue(&defines, epilogue);
    wg_put_arguments(call.arguments, put_factors(call.arguments, product), epilogue,
                     is_whole ? product->out : partial);
    if (!wg_binder_largest_group(binder, &call, ret_largest))
        return false;
    if (*ret_largest < wg_group_tile_items(tile))
        return true;
    return wg_bind_kernel(binder, &call) &&
           (is_whole || bind_merge(binder, product, &e, partial, t->parts));
}

/* With tiles whose groups the kernel can be run in. The scratch was asked for with the first
 * tiling's parts, so later ones keep these. */
static bool bind_product(const struct variant *variant, struct wg_binder *binder,
                         const struct wg_product *product, struct wg_tiling_limits limits)
{
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_extent e = extent_of(product);
    struct wg_tiling tiling;
    size_t largest = 0;
    do {
        if (!wg_choose_tiling(variant->kernel, &e, &limits, device, &tiling))
            return wg_fail(WG_ERROR_DEVICE,
                           "kernel '%s': this device runs groups of %zu work items, too few",
                           variant->kernel->name, largest);
        if (!bind_tiling(variant, binder, product, &tiling, &largest))
            return false;
        limits = (struct wg_tiling_limits){.group = largest, .parts = tiling.parts};
    } while (largest < wg_group_tile_items(&tiling.tile));
    return true;
}

static bool bind(const struct variant *variant, const struct wg_node *node,
                 struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv *v = &node->attr.conv;
    struct wg_product product = product_of(node, device);
    return (node->op != &wg_op_norm_up || bind_norm_columns(node, binder)) &&
           bind_product(variant, binder, &product, limits_of(variant, node, device)) &&
           (!is_folded(node, device) || wg_bind_col2im(binder, *v, wg_conv_table(v), product.conv.c,
                                                       node, (struct wg_chunk){.images = v->n}));
}

/* A100 and H100, and their like: their tensor cores multiply TF32 eight times as fast as the items
 * single precision. Others lose by three products for one. */
bool wg_has_fast_tf32(const struct wg_device *device)
{
    return device->has_local_memory &&
           (device->compute_capability == 80 || device->compute_capability == 90);
}

/* Short sums would be less exact than in single precision, which long ones are not; few columns or
 * rows leave most of a tile empty. A batch is not asked for the axis along its images, so that all
 * chunks of a node are treated alike. */
static bool suits_tensor(const struct wg_product *product, const struct wg_device *device)
{
    enum { LENGTH_MIN = 64, TILE_MIN = 32 };
    struct wg_extent e = extent_of(product);
    bool is_filter = product->form == WG_FORM_FILTER, is_batch = product->batch.count > 0;
    bool is_long = e.length >= LENGTH_MIN || (is_batch && is_filter);
    bool has_rows = e.rows >= TILE_MIN || (is_batch && !is_filter);
    return wg_has_fast_tf32(device) && product->conv.c % 4 == 0 && product->conv.oc % 4 == 0 &&
           is_long && has_rows && e.columns >= TILE_MIN;
}

/* ---- the implementations ---- */

static bool tensor_suits(const struct wg_node *node, const struct wg_device *device)
{
    struct wg_product product = product_of(node, device);
    return suits_tensor(&product, device) && suits(&tensor, node, device);
}

static size_t tensor_scratch(const struct wg_node *node, const struct wg_device *device)
{
    return scratch(&tensor, node, device);
}

static bool tensor_bind(const struct wg_node *node, struct wg_binder *binder)
{
    return bind(&tensor, node, binder);
}

const struct wg_implementation wg_conv2d_tensor = {
    .name = "tensor",
    .suits = tensor_suits,
    .scratch = tensor_scratch,
    .knobs = tensor_knobs,
    .bind = tensor_bind,
};

static bool tiled_suits(const struct wg_node *node, const struct wg_device *device)
{
    return device->has_local_memory && suits(&tiled, node, device);
}

static size_t tiled_scratch(const struct wg_node *node, const struct wg_device *device)
{
    return scratch(&tiled, node, device);
}

static bool tiled_bind(const struct wg_node *node, struct wg_binder *binder)
{
    return bind(&tiled, node, binder);
}

const struct wg_implementation wg_conv2d_tiled = {
    .name = "tiled",
    .suits = tiled_suits,
    .scratch = tiled_scratch,
    .knobs = tiled_knobs,
    .bind = tiled_bind,
};

static bool blocked_suits(const struct wg_node *node, const struct wg_device *device)
{
    return suits(&blocked, node, device);
}

static size_t blocked_scratch(const struct wg_node *node, const struct wg_device *device)
{
    return scratch(&blocked, node, device);
}

static bool blocked_bind(const struct wg_node *node, struct wg_binder *binder)
{
    return bind(&blocked, node, binder);
}

const struct wg_implementation wg_conv2d_blocked = {
    .name = "blocked",
    .suits = blocked_suits,
    .scratch = blocked_scratch,
    .knobs = blocked_knobs,
    .bind = blocked_bind,
};

/* ---- batches ---- */

static const struct variant *batch_variant(const struct wg_product *product,
                                           const struct wg_device *device)
{
    return suits_tensor(product, device) ? &batched_tensor : &batched;
}

size_t wg_batch_parts(const struct wg_product *product, const struct wg_node *node,
                      const struct wg_device *device)
{
    const struct variant *variant = batch_variant(product, device);
    struct wg_extent e = extent_of(product);
    struct wg_tiling_limits limits = limits_of(variant, node, device);
    struct wg_tiling tiling;
    return wg_choose_tiling(variant->kernel, &e, &limits, device, &tiling) ? tiling.parts : 0;
}

bool wg_batch_bind(struct wg_binder *binder, const struct wg_product *product,
                   const struct wg_node *node, size_t parts)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct variant *variant = batch_variant(product, device);
    struct wg_tiling_limits limits = limits_of(variant, node, device);
    limits.parts = parts;
    return bind_product(variant, binder, product, limits);
}
