/*
 * The three convolution forms as matrix products by CLBlast, over the table of what each tap sees
 * ("im2col": Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for
 * Document Processing", 2006).
 *
 * With P = n * oh * ow pixels and T = k * k * c taps, in wg_blas_gemm's terms, C[n, m] = sum over k
 * of B[k, n] * A[k, m]:
 *
 *                    A [k, m]                B [k, n]                  C [n, m]
 *   conv2d           w [T, oc]               im2col of x [T, P]        y [P, oc]
 *   conv2d_data      w transposed [oc, T]    y transposed [oc, P]      what col2im sums up [P, T]
 *   conv2d_filter    y [P, oc]               im2row of x [P, T]        w [T, oc]
 *
 * What already is a node of sizes that the tile divides is used where it lies, the rest is made in
 * scratch, padded with zeros. The table is k * k / stride^2 times x, so it is made for some images
 * at a time: conv2d_filter adds the chunks up, the others write a part of the result each.
 */
#include "host/graph/ops/conv2d.h"

/* MiB of scratch that are not exceeded unless one image needs more: large products are faster,
 * smaller ones may stay in a cache. */
enum { KNOB_SCRATCH };
enum { SCRATCH_WANTED = 96 };

static const struct wg_knob knobs[] = {{"scratch", {4, 12, 32, 256}}, {0}};

/* Padding may multiply the work by this; beyond, the plain kernel is taken. An image of one channel
 * is a factor of 4 already: 16 taps in a GPU's tile of 64. */
enum { PADDING_LIMIT = 8 };

struct matrix {
    struct wg_argument at;
    size_t rows;
    size_t columns;
};

/* The operands of one chunk's product and where they lie. What outlives a chunk lies first, so
 * that it stays where it is when the last chunk is a smaller one. */
struct product {
    struct wg_gemm_size size;
    struct matrix a, b, c;
    size_t scratch; // bytes
};

/* Weights are a matrix of one image. */
static const struct wg_chunk one_image = {.images = 1};

static size_t count_taps(const struct wg_conv *v)
{
    return v->k * v->k * v->c;
}

static size_t count_pixels(const struct wg_conv *v)
{
    return v->oh * v->ow;
}

/* A matrix of its own in scratch. */
static struct matrix add_matrix(struct product *product, const struct wg_device *device,
                                size_t rows, size_t columns)
{
    size_t at = wg_scratch_align(device, product->scratch);
    size_t bytes = rows * columns * sizeof(float);
    product->scratch = at + bytes;
    return (struct matrix){WG_SCRATCH(at, bytes), rows, columns};
}

/* A node [rows, columns] where it lies if it has the padded size, else a matrix in scratch. */
static struct matrix add_node(struct product *product, const struct wg_device *device,
                              const struct wg_node *node, size_t rows, size_t columns)
{
    if (wg_shape_count(&node->shape) == rows * columns && wg_shape_last(&node->shape) == columns)
        return (struct matrix){WG_NODE(node), rows, columns};
    return add_matrix(product, device, rows, columns);
}

static bool in_scratch(const struct matrix *matrix)
{
    return matrix->at.kind == WG_ARGUMENT_SCRATCH;
}

static struct wg_gemm_size padded(const struct wg_device *device, size_t m, size_t n, size_t k)
{
    struct wg_gemm_size tile = wg_blas_tile(device);
    return (struct wg_gemm_size){wg_round_up(m, tile.m), wg_round_up(n, tile.n),
                                 wg_round_up(k, tile.k)};
}

/* ---- planning ---- */

static bool has_epilogue(const struct wg_node *node)
{
    return wg_bias_of(node) || node->attr.activation != WG_ACTIVATION_NONE;
}

static struct product lay_conv2d(const struct wg_node *y, const struct wg_device *device,
                                 size_t images)
{
    const struct wg_conv *v = &y->attr.conv;
    struct wg_gemm_size s = padded(device, v->oc, images * count_pixels(v), count_taps(v));
    struct product product = {.size = s};
    product.a = add_node(&product, device, y->in[1], s.k, s.m);
    product.b = add_matrix(&product, device, s.k, s.n);
    product.c = images == v->n && !has_epilogue(y) ? add_node(&product, device, y, s.n, s.m)
                                                   : add_matrix(&product, device, s.n, s.m);
    return product;
}

static struct product lay_data(const struct wg_node *x, const struct wg_device *device,
                               size_t images)
{
    const struct wg_conv *v = &x->attr.conv;
    struct wg_gemm_size s = padded(device, count_taps(v), images * count_pixels(v), v->oc);
    struct product product = {.size = s};
    product.a = add_matrix(&product, device, s.k, s.m);
    product.b = add_matrix(&product, device, s.k, s.n);
    product.c = add_matrix(&product, device, s.n, s.m);
    return product;
}

static struct product lay_filter(const struct wg_node *w, const struct wg_device *device,
                                 size_t images)
{
    const struct wg_conv *v = &w->attr.conv;
    struct wg_gemm_size s = padded(device, v->oc, count_taps(v), images * count_pixels(v));
    struct product product = {.size = s};
    product.c = add_node(&product, device, w, s.n, s.m);
    product.a = images == v->n ? add_node(&product, device, w->in[1], s.k, s.m)
                               : add_matrix(&product, device, s.k, s.m);
    product.b = add_matrix(&product, device, s.k, s.n);
    return product;
}

static struct product lay_out(const struct wg_node *node, const struct wg_device *device,
                              size_t images)
{
    switch (wg_form_of(node)) {
    case WG_FORM_DATA:
        return lay_data(node, device, images);
    case WG_FORM_FILTER:
        return lay_filter(node, device, images);
    default:
        return lay_conv2d(node, device, images);
    }
}

static bool fits(const struct wg_node *node, const struct wg_device *device, size_t images,
                 size_t limit)
{
    return lay_out(node, device, images).scratch <= limit;
}

/* Images of a chunk: as many as scratch allows, in chunks of equal size. */
static size_t chunk_images(const struct wg_node *node, const struct wg_device *device)
{
    size_t n = node->attr.conv.n, images = n;
    size_t wanted = (size_t)wg_knob(node, knobs, KNOB_SCRATCH, SCRATCH_WANTED) << 20;
    size_t limit = wg_smaller(wanted, device->info.largest_buffer);
    for (size_t chunks = 2; images > 1 && !fits(node, device, images, limit); chunks++)
        images = wg_divide_up(n, chunks);
    return images;
}

/* The chunk after this one; false if there is none. */
static bool next_chunk(const struct wg_node *node, struct wg_chunk *chunk, size_t images)
{
    size_t n = node->attr.conv.n;
    chunk->first += chunk->images;
    chunk->images = wg_smaller(images, n - chunk->first);
    return chunk->images > 0;
}

/* ---- the kernels around the product ---- */

/* What im2col and its like see in matrices of rows x columns, one an image. */
static struct wg_conv as_matrix(size_t rows, size_t columns)
{
    return (struct wg_conv){
        .h = 1, .w = rows, .c = columns, .oh = 1, .ow = rows, .k = 1, .stride = 1};
}

/* The geometry between one image and its table; the kernels do not ask for the rest, and programs
 * of equal macros are shared. */
static struct wg_conv as_taps(const struct wg_conv *conv)
{
    struct wg_conv v = *conv;
    v.n = v.oc = 0;
    return v;
}

/* table [k, p] = what each tap sees of the chunk */
static bool bind_im2col(struct wg_binder *binder, struct wg_conv v, const struct wg_node *x,
                        struct wg_chunk chunk, const struct matrix *table)
{
    struct wg_defines defines = {0};
    unsigned width = wg_common_width(wg_binder_device(binder), v.c, table->rows);
    wg_define_int(&defines, "VW", width);
    wg_define_conv(&defines, &v);
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "im2col",
                              .kernel = "im2col",
                              .defines = &defines,
                              .arguments = {WG_NODE(x), WG_INT(chunk.first), WG_INT(chunk.images),
                                            table->at, WG_INT(table->rows), WG_INT(table->columns)},
                              .global = {table->columns, table->rows / width},
                          });
}

/* table [p, k] = what each tap sees of the chunk */
static bool bind_im2row(struct wg_binder *binder, struct wg_conv v, const struct wg_node *x,
                        struct wg_chunk chunk, const struct matrix *table)
{
    struct wg_defines defines = {0};
    unsigned width = wg_common_width(wg_binder_device(binder), v.c, table->columns);
    wg_define_int(&defines, "VW", width);
    wg_define_conv(&defines, &v);
    return wg_bind_kernel(binder,
                          &(struct wg_call){
                              .file = "im2col",
                              .kernel = "im2row",
                              .defines = &defines,
                              .arguments = {WG_NODE(x), WG_INT(chunk.first), WG_INT(chunk.images),
                                            table->at, WG_INT(table->rows), WG_INT(table->columns)},
                              .global = {table->rows * (table->columns / width)},
                          });
}

static bool bind_product(struct wg_binder *binder, const struct product *product, bool accumulate)
{
    return wg_bind_gemm(binder, product->size, accumulate, product->a.at, product->b.at,
                        product->c.at);
}

/* ---- conv2d ---- */

static bool bind_conv2d(const struct wg_node *y, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv *v = &y->attr.conv;
    const struct wg_node *x = y->in[0], *w = y->in[1];
    const size_t images = chunk_images(y, device);
    struct product p = lay_conv2d(y, device, images);
    if (in_scratch(&p.a) &&
        !bind_im2row(binder, as_matrix(count_taps(v), v->oc), w, one_image, &p.a))
        return false;
    for (struct wg_chunk chunk = {0}; next_chunk(y, &chunk, images);) {
        p = lay_conv2d(y, device, chunk.images);
        if (!bind_im2col(binder, as_taps(v), x, chunk, &p.b) || !bind_product(binder, &p, false))
            return false;
        if (in_scratch(&p.c) && !wg_bind_col2im(binder, as_matrix(count_pixels(v), v->oc), p.c.at,
                                                p.c.columns, y, chunk))
            return false;
    }
    return true;
}

/* ---- conv2d_data ---- */

static bool bind_data(const struct wg_node *x, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv *v = &x->attr.conv;
    const struct wg_node *y = x->in[0], *w = x->in[1];
    const size_t images = chunk_images(x, device);
    struct product p = lay_data(x, device, images);
    if (!bind_im2col(binder, as_matrix(count_taps(v), v->oc), w, one_image, &p.a))
        return false;
    for (struct wg_chunk chunk = {0}; next_chunk(x, &chunk, images);) {
        p = lay_data(x, device, chunk.images);
        if (!bind_im2col(binder, as_matrix(count_pixels(v), v->oc), y, chunk, &p.b) ||
            !bind_product(binder, &p, false) ||
            !wg_bind_col2im(binder, as_taps(v), p.c.at, p.c.columns, x, chunk))
            return false;
    }
    return true;
}

/* ---- conv2d_filter ---- */

static bool bind_filter(const struct wg_node *w, struct wg_binder *binder)
{
    const struct wg_device *device = wg_binder_device(binder);
    const struct wg_conv *v = &w->attr.conv;
    const struct wg_node *x = w->in[0], *y = w->in[1];
    const size_t images = chunk_images(w, device);
    struct product p = lay_filter(w, device, images);
    for (struct wg_chunk chunk = {0}; next_chunk(w, &chunk, images);) {
        p = lay_filter(w, device, chunk.images);
        if (in_scratch(&p.a) &&
            !bind_im2row(binder, as_matrix(count_pixels(v), v->oc), y, chunk, &p.a))
            return false;
        if (!bind_im2row(binder, as_taps(v), x, chunk, &p.b) ||
            !bind_product(binder, &p, chunk.first > 0))
            return false;
    }
    return !in_scratch(&p.c) || wg_bind_col2im(binder, as_matrix(count_taps(v), v->oc), p.c.at,
                                               p.c.columns, w, one_image);
}

/* ---- the implementation ---- */

/* Whether one image at least fits the device and kernels that count in int, and the padding is
 * bearable. */
static bool suits(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_conv *v = &node->attr.conv;
    struct wg_gemm_size size = lay_out(node, device, v->n).size;
    size_t limit = wg_smaller(INT32_MAX, device->info.largest_buffer);
    double useful = (double)(v->n * count_pixels(v)) * (double)count_taps(v) * (double)v->oc;
    double work = (double)size.m * (double)size.n * (double)size.k;
    return work <= PADDING_LIMIT * useful && fits(node, device, 1, limit);
}

static size_t scratch(const struct wg_node *node, const struct wg_device *device)
{
    return lay_out(node, device, chunk_images(node, device)).scratch;
}

static bool bind(const struct wg_node *node, struct wg_binder *binder)
{
    switch (wg_form_of(node)) {
    case WG_FORM_DATA:
        return bind_data(node, binder);
    case WG_FORM_FILTER:
        return bind_filter(node, binder);
    default:
        return bind_conv2d(node, binder);
    }
}

const struct wg_implementation wg_conv2d_gemm = {
    .name = "gemm",
    .uses_blas = true,
    .suits = suits,
    .scratch = scratch,
    .knobs = knobs,
    .bind = bind,
};
