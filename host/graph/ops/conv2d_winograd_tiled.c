/*
 * The three convolution forms by F(4, 2) for GPUs: where the kernel is twice the stride. What the
 * kernels compute stands in cl/conv2d_winograd_tiles.cl; here is how the work is cut.
 *
 * The transforms go through memory, a chunk of images at a time: V, then for a filter Y, then a
 * batch of products by a kernel of ops/conv2d_tiled.c, then the output. For a filter every chunk
 * adds to the same sums, of which w is made in the end. All sums have a fixed order.
 *
 * It saves products and moves more memory. Which weighs more is known, by measurement on an H100,
 * for GPUs of large tensor cores and fast memory; elsewhere `tune` finds out.
 */
#include "host/graph/ops/conv2d_tiled.h"

/* Elements of a transformed tile of 4 x 4, and VW. */
enum { ELEMENTS = 25, WIDTH = 4 };

/* Bytes of V, Y and M of a chunk. Chunks that would stay in the last cache of an H100, 50 MB, take
 * a third longer than one of all images: its launches are short then, and are three for each chunk.
 */
enum { CHUNK_BYTES = 400 << 20 };

/* How a node is cut, and the parts of its scratch. */
struct sizes {
    size_t images;                // of a chunk
    size_t parts;                 // of each sum; 0: the device can't
    struct wg_argument a, b, out; // V; U, of a filter Y; M
    size_t bytes;
};

static size_t planes_of(const struct wg_node *node)
{
    return node->attr.conv.stride * node->attr.conv.stride;
}

/* The batch of products of so many images: its rows are tiles, and an axis of any length has a tile
 * for every 4 pixels and for the rest (cl/winograd.cl). */
static struct wg_product product_of(const struct wg_node *node, size_t images)
{
    const struct wg_conv *v = &node->attr.conv;
    bool data = wg_form_of(node) == WG_FORM_DATA;
    size_t pixels_y = data ? wg_divide_up(v->h, v->stride) : v->oh;
    size_t pixels_x = data ? wg_divide_up(v->w, v->stride) : v->ow;
    size_t tiles = wg_divide_up(pixels_y, 4) * wg_divide_up(pixels_x, 4);
    return (struct wg_product){
        .form = wg_form_of(node),
        .conv = wg_conv_one_pixel(images * tiles, data ? v->c : planes_of(node) * v->c, v->oc),
        .batch = {.count = data ? planes_of(node) * ELEMENTS : ELEMENTS,
                  .images = images,
                  .pixels_y = pixels_y,
                  .pixels_x = pixels_x},
    };
}

/* Bytes of the matrices of a batch. */
struct matrices {
    size_t a, b, out;
};

static struct matrices matrices_of(const struct wg_product *product)
{
    const struct wg_conv *v = &product->conv;
    size_t bytes = product->batch.count * sizeof(float);
    size_t x = bytes * v->n * v->c, y = bytes * v->n * v->oc, w = bytes * v->c * v->oc;
    switch (product->form) {
    case WG_FORM_DATA:
        return (struct matrices){y, w, x};
    case WG_FORM_FILTER:
        return (struct matrices){x, y, w};
    default:
        return (struct matrices){x, w, y};
    }
}

/* All, or halves of that, until CHUNK_BYTES hold them, and a quarter of the device's largest
 * buffer: a power of two fills the rows of tiles. */
static size_t choose_images(const struct wg_node *node, const struct wg_device *device)
{
    struct wg_product product = product_of(node, 1);
    struct matrices image = matrices_of(&product);
    size_t bytes = image.a + (product.form == WG_FORM_FILTER ? image.b : image.out);
    size_t most = wg_smaller(CHUNK_BYTES, device->info.largest_buffer / 4) / bytes;
    size_t images = node->attr.conv.n;
    while (images > wg_larger(most, 1))
        images = wg_divide_up(images, 2);
    return (size_t)wg_knob(node, wg_batch_knobs, WG_BATCH_KNOB_IMAGES, (int)images);
}

static struct sizes sizes_of(const struct wg_node *node, const struct wg_device *device)
{
    size_t images = choose_images(node, device);
    struct wg_product product = product_of(node, images);
    struct matrices bytes = matrices_of(&product);
    size_t parts = wg_batch_parts(&product, node, device);
    size_t b = wg_scratch_align(device, bytes.a), out = b + wg_scratch_align(device, bytes.b);
    return (struct sizes){
        .images = images,
        .parts = parts,
        .a = WG_SCRATCH(0, bytes.a),
        .b = WG_SCRATCH(b, bytes.b),
        .out = WG_SCRATCH(out, parts * bytes.out),
        .bytes = out + parts * bytes.out,
    };
}

/* ---- the transforms ---- */

/* A kernel of conv2d_winograd_taps. */
static bool bind_weights(struct wg_binder *binder, const struct wg_node *node, struct wg_call call)
{
    const struct wg_conv *v = &node->attr.conv;
    struct wg_defines defines = {0};
    wg_define_int(&defines, "VW", WIDTH);
    call.file = "conv2d_winograd_taps";
    call.defines = &defines;
    call.global[0] = planes_of(node) * v->c * v->oc / WIDTH;
    return wg_bind_kernel(binder, &call);
}

/* U from w */
static bool bind_points(struct wg_binder *binder, const struct wg_node *node,
                        const struct sizes *sizes)
{
    const struct wg_conv *v = &node->attr.conv;
    bool data = wg_form_of(node) == WG_FORM_DATA;
    return bind_weights(
        binder, node,
        (struct wg_call){.kernel = "conv2d_winograd_points",
                         .arguments = {WG_NODE(node->in[1]), sizes->b, WG_INT(v->c), WG_INT(v->oc),
                                       WG_INT(v->stride), WG_INT(data)}});
}

/* w from M */
static bool bind_taps(struct wg_binder *binder, const struct wg_node *node,
                      const struct sizes *sizes)
{
    const struct wg_conv *v = &node->attr.conv;
    return bind_weights(
        binder, node,
        (struct wg_call){.kernel = "conv2d_winograd_taps",
                         .arguments = {sizes->out, WG_NODE(node), WG_INT(sizes->parts),
                                       WG_INT(v->c), WG_INT(v->oc), WG_INT(v->stride)}});
}

/* A chunk's images from `first` on. */
struct chunk {
    const struct wg_node *node;
    const struct sizes *sizes;
    size_t first;
    struct wg_product product;
};

/* A kernel of conv2d_winograd_tiles for so many channels of each tile. */
static bool bind_tiles(struct wg_binder *binder, const struct chunk *chunk, struct wg_call call,
                       size_t channels, size_t planes)
{
    const struct wg_product *product = &chunk->product;
    struct wg_conv geometry = chunk->node->attr.conv;
    struct wg_defines defines = {0};
    geometry.n = 0; // the kernels do not ask, and programs of equal macros are shared
    wg_define_int(&defines, "VW", WIDTH);
    wg_define_conv(&defines, &geometry);
    wg_define_int(&defines, "FORM", product->form);
    wg_define_int(&defines, "IMAGES", (long long)product->batch.images);
    wg_define_int(&defines, "PARTS", (long long)chunk->sizes->parts);
    wg_define_epilogue(&defines, chunk->node);
    call.file = "conv2d_winograd_tiles";
    call.defines = &defines;
    call.global[0] = product->conv.n * channels / WIDTH;
    call.global[1] = planes;
    return wg_bind_kernel(binder, &call);
}

/* V */
static bool bind_interpolate(struct wg_binder *binder, const struct chunk *chunk)
{
    const struct wg_node *node = chunk->node;
    const struct wg_conv *v = &node->attr.conv;
    return bind_tiles(binder, chunk,
                      (struct wg_call){.kernel = "conv2d_winograd_interpolate",
                                       .arguments = {WG_NODE(node->in[0]), WG_INT(chunk->first),
                                                     chunk->sizes->a}},
                      chunk->product.form == WG_FORM_DATA ? v->oc : v->c, planes_of(node));
}

/* Y */
static bool bind_spread(struct wg_binder *binder, const struct chunk *chunk)
{
    const struct wg_node *node = chunk->node;
    return bind_tiles(binder, chunk,
                      (struct wg_call){.kernel = "conv2d_winograd_spread",
                                       .arguments = {WG_NODE(node->in[1]), WG_INT(chunk->first),
                                                     chunk->sizes->b}},
                      node->attr.conv.oc, 1);
}

/* The output, from M. */
static bool bind_evaluate(struct wg_binder *binder, const struct chunk *chunk)
{
    const struct wg_node *node = chunk->node;
    bool data = chunk->product.form == WG_FORM_DATA;
    struct wg_call call = {.kernel = "conv2d_winograd_evaluate", .arguments = {chunk->sizes->out}};
    int count = wg_put_arguments(call.arguments, 1, node, WG_NODE(node));
    call.arguments[count] = WG_INT(chunk->first);
    return bind_tiles(binder, chunk, call, data ? node->attr.conv.c : node->attr.conv.oc,
                      data ? planes_of(node) : 1);
}

static bool bind_chunk(struct wg_binder *binder, const struct wg_node *node,
                       const struct sizes *sizes, size_t first)
{
    size_t images = wg_smaller(sizes->images, node->attr.conv.n - first);
    struct chunk chunk = {node, sizes, first, product_of(node, images)};
    struct wg_product *product = &chunk.product;
    bool filter = product->form == WG_FORM_FILTER;
    product->a = sizes->a;
    product->b = sizes->b;
    product->out = sizes->out;
    product->batch.adds = filter && first > 0;
    return bind_interpolate(binder, &chunk) && (!filter || bind_spread(binder, &chunk)) &&
           wg_batch_bind(binder, product, node, sizes->parts) &&
           (filter || bind_evaluate(binder, &chunk));
}

/* ---- the implementation ---- */

static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    if (wg_device_is_cpu(device) || !device->has_local_memory || v->k != 2 * v->stride ||
        v->c % WIDTH > 0 || v->oc % WIDTH > 0)
        return false;
    struct sizes sizes = sizes_of(node, device);
    return sizes.parts > 0 && sizes.images <= v->n && wg_scratch_fits(sizes.bytes, device);
}

/*
 * On an H100 conv2d_tensor makes some 50 TFLOP/s of the direct form, a byte of V, Y and M costs
 * what 20 of these operations do, written and read, and each of three launches more what 3e8 do.
 */
static bool needs_measuring(const struct wg_node *node, const struct wg_device *device)
{
    enum { PER_BYTE = 20, LAUNCHES = 3 };
    const double per_launch = 3e8;
    const struct wg_conv *v = &node->attr.conv;
    struct wg_product product = product_of(node, v->n);
    struct matrices bytes = matrices_of(&product);
    const struct wg_conv *p = &product.conv;
    double products = (double)(v->n * v->oh * v->ow) * (double)(v->k * v->k * v->c * v->oc);
    double left = (double)product.batch.count * (double)(p->n * p->c) * (double)p->oc;
    double moved = (double)(bytes.a + bytes.b + bytes.out);
    return !wg_has_fast_tf32(device) ||
           2 * (products - left) < PER_BYTE * moved + LAUNCHES * per_launch;
}

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    return sizes_of(node, device).bytes;
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    struct sizes sizes = sizes_of(node, wg_binder_device(binder));
    bool filter = wg_form_of(node) == WG_FORM_FILTER;
    bool ok = filter || bind_points(binder, node, &sizes);
    for (size_t first = 0; ok && first < node->attr.conv.n; first += sizes.images)
        ok = bind_chunk(binder, node, &sizes, first);
    return ok && (!filter || bind_taps(binder, node, &sizes));
}

const struct wg_implementation wg_conv2d_winograd_tiled = {
    .name = "winograd_tiled",
    .is_winograd = true,
    .suits = suits,
    .needs_measuring = needs_measuring,
    .scratch = scratch,
    .knobs = wg_batch_knobs,
    .bind = bind,
};
