/*
 * matmul: C[m, n] = sum over k of op(A)[m, k] * op(B)[k, n], then a bias, if the fusing pass put
 * one
 *
 * dot     for a C of one column: on CPUs a work item for each row of A, on GPUs a group
 * direct  the kernels of conv2d, for large products on CPUs: as fast as CLBlast there, without its
 *         start, which on pocl is twenty seconds of building kernels
 * tiled   the same of GPUs, with local memory and without (blocked), which also sum few long dot
 * blocked products in parts
 * gemm    CLBlast, on operands brought into its copy-free form in scratch: k outermost, padded with
 *         zeros to multiples of its tile. For the products large enough to be worth it.
 * ref     one work item per row and a vector of columns.
 */
#include "host/graph/ops/conv2d.h"
#include "host/graph/ops/rows.h"

enum { A, B };

struct sizes {
    size_t m, n, k;
};

static struct sizes sizes(const struct wg_node *c)
{
    const struct wg_shape *a = &c->in[A]->shape;
    return (struct sizes){
        .m = c->shape.dim[0], .n = c->shape.dim[1], .k = a->dim[c->attr.transpose_a ? 0 : 1]};
}

/* Below some two million multiplications the copies cost more than the product. */
static bool is_large(const struct wg_node *c)
{
    struct sizes s = sizes(c);
    return s.m >= 16 && s.n >= 16 && s.k >= 16 && s.m * s.n * s.k >= (size_t)1 << 21;
}

static double flops(const struct wg_node *c)
{
    struct sizes s = sizes(c);
    return 2.0 * (double)s.m * (double)s.n * (double)s.k;
}

/* ---- ref ---- */

/* The product as the kernel gets it, so that neighbours of a row of B, and so of C, are neighbours
 * in memory, if they can be. */
struct plain {
    int a, b; // which of the inputs
    bool transpose_a, transpose_b;
    struct sizes sizes;
};

static struct plain plain_of(const struct wg_node *c)
{
    struct sizes s = sizes(c);
    struct plain plain = {A, B, c->attr.transpose_a, c->attr.transpose_b, s};
    if (s.n == 1 && plain.transpose_a) // a column is as well a row: C^T = B^T A^T; no bias here
        plain = (struct plain){B, A, !plain.transpose_b, false, {s.n, s.m, s.k}};
    if (s.k == 1) // so are the factors of an outer product
        plain.transpose_b = false;
    return plain;
}

static bool bind_ref(const struct wg_node *c, struct wg_binder *binder)
{
    struct wg_defines defines = {0};
    struct plain p = plain_of(c);
    struct wg_call call = {.file = "matmul",
                           .kernel = "matmul",
                           .defines = &defines,
                           .arguments = {WG_NODE(c->in[p.a]), WG_NODE(c->in[p.b])}};
    unsigned width = p.transpose_b ? 1 : wg_vector_width(wg_binder_device(binder), p.sizes.n);
    wg_define_int(&defines, "VW", width);
    wg_define_int(&defines, "TRANSPOSE_A", p.transpose_a);
    wg_define_int(&defines, "TRANSPOSE_B", p.transpose_b);
    wg_define_epilogue(&defines, c);
    int count = wg_put_arguments(call.arguments, 2, c, WG_NODE(c));
    call.arguments[count] = WG_INT(p.sizes.m);
    call.arguments[count + 1] = WG_INT(p.sizes.n);
    call.arguments[count + 2] = WG_INT(p.sizes.k);
    call.global[0] = p.sizes.n / width;
    call.global[1] = p.sizes.m;
    return wg_bind_kernel(binder, &call);
}

/* ---- dot ---- */

enum { DOT_GROUP = 64 };

static bool suits_dot(const struct wg_node *c, const struct wg_device *device)
{
    bool has_groups = device->has_local_memory && device->info.work_group_size >= DOT_GROUP &&
                      device->work_item_sizes[0] >= DOT_GROUP;
    return (wg_device_is_cpu(device) || has_groups) && sizes(c).n == 1 && !c->attr.transpose_a;
}

/* A row of A for each work item, or for each group if there are groups. */
static bool bind_dot_by(const struct wg_node *c, struct wg_binder *binder, bool groups,
                        bool *ret_bound)
{
    enum { TOGETHER = 4 }; // a sum waits for its last addition
    const struct wg_device *device = wg_binder_device(binder);
    struct wg_defines defines = {0};
    struct sizes s = sizes(c);
    struct wg_call call = {
        .file = "matmul",
        .kernel = groups ? "matmul_dot_group" : "matmul_dot",
        .defines = &defines,
        .arguments = {WG_NODE(c->in[A]), WG_NODE(c->in[B])},
        .global = {groups ? s.m * DOT_GROUP : s.m},
        .local = {groups ? DOT_GROUP : 1},
    };
    size_t width = wg_vector_width(device, s.k), largest;
    wg_define_int(&defines, "VW", (long long)width);
    if (groups) {
        wg_define_int(&defines, "ACROSS", 1);
        wg_define_int(&defines, "DOWN", DOT_GROUP);
        wg_define_ahead(&defines, device);
    } else {
        wg_define_int(&defines, "NV", s.k / width % TOGETHER == 0 ? TOGETHER : 1);
    }
    wg_define_epilogue(&defines, c);
    int count = wg_put_arguments(call.arguments, 2, c, WG_NODE(c));
    call.arguments[count] = WG_INT(s.m);
    call.arguments[count + 1] = WG_INT(s.k);
    if (!wg_binder_largest_group(binder, &call, &largest))
        return false;
    *ret_bound = largest >= call.local[0];
    return !*ret_bound || wg_bind_kernel(binder, &call);
}

/* By groups where the device has them, and can run the kernel in them. */
static bool bind_dot(const struct wg_node *c, struct wg_binder *binder)
{
    bool is_bound = false;
    if (!wg_device_is_cpu(wg_binder_device(binder)) && !bind_dot_by(c, binder, true, &is_bound))
        return false;
    return is_bound || bind_dot_by(c, binder, false, &is_bound);
}

/* ---- direct ---- */

bool wg_matmul_is_for_direct(const struct wg_node *c)
{
    return is_large(c) && !(c->attr.transpose_a && c->attr.transpose_b);
}

/* ---- gemm ---- */

/* The product as wg_blas_gemm sees it, and where its operands lie in scratch. */
struct gemm {
    struct wg_gemm_size size; // padded
    struct wg_argument a;     // [k, n of C], from B
    struct wg_argument b;     // [k, m of C], from A
    struct wg_argument c;     // [m of C, n of C]
    size_t scratch;
};

static struct gemm gemm_of(const struct wg_node *c, const struct wg_device *device)
{
    struct sizes s = sizes(c);
    struct wg_gemm_size tile = wg_blas_tile(device);
    struct gemm gemm = {.size = {.m = wg_round_up(s.n, tile.m),
                                 .n = wg_round_up(s.m, tile.n),
                                 .k = wg_round_up(s.k, tile.k)}};
    size_t a_bytes = gemm.size.k * gemm.size.m * sizeof(float);
    size_t b_bytes = gemm.size.k * gemm.size.n * sizeof(float);
    size_t c_bytes = gemm.size.m * gemm.size.n * sizeof(float);
    size_t b_at = wg_scratch_align(device, a_bytes);
    size_t c_at = b_at + wg_scratch_align(device, b_bytes);
    gemm.a = WG_SCRATCH(0, a_bytes);
    gemm.b = WG_SCRATCH(b_at, b_bytes);
    gemm.c = WG_SCRATCH(c_at, c_bytes);
    gemm.scratch = c_at + c_bytes;
    return gemm;
}

static size_t scratch_gemm(const struct wg_node *c, const struct wg_device *device)
{
    return gemm_of(c, device).scratch;
}

static bool suits_gemm(const struct wg_node *c, const struct wg_device *device)
{
    return is_large(c) && wg_scratch_fits(scratch_gemm(c, device), device);
}

/* to [rows, columns] = the matrix, or its transpose, zeros around it */
static bool bind_pad(struct wg_binder *binder, const struct wg_node *from, bool transpose,
                     struct wg_argument to, size_t rows, size_t columns)
{
    return wg_bind_kernel(
        binder, &(struct wg_call){
                    .file = "pad",
                    .kernel = transpose ? "pad_transposed" : "pad",
                    .arguments = {WG_NODE(from), WG_INT(from->shape.dim[0]),
                                  WG_INT(from->shape.dim[1]), to, WG_INT(rows), WG_INT(columns)},
                    .global = {columns, rows},
                });
}

/* C from what it was padded to, and what follows the product. */
static bool bind_cut(struct wg_binder *binder, const struct gemm *gemm, const struct wg_node *c)
{
    struct wg_defines defines = {0};
    struct sizes s = sizes(c);
    struct wg_call call = {
        .file = "pad",
        .kernel = "pad",
        .defines = &defines,
        .arguments = {gemm->c, WG_INT(gemm->size.n), WG_INT(gemm->size.m)},
        .global = {s.n, s.m},
    };
    wg_define_epilogue(&defines, c);
    int count = wg_put_arguments(call.arguments, 3, c, WG_NODE(c));
    call.arguments[count] = WG_INT(s.m);
    call.arguments[count + 1] = WG_INT(s.n);
    return wg_bind_kernel(binder, &call);
}

static bool bind_gemm(const struct wg_node *c, struct wg_binder *binder)
{
    const struct wg_node *a = c->in[A], *b = c->in[B];
    struct gemm gemm = gemm_of(c, wg_binder_device(binder));
    return bind_pad(binder, b, c->attr.transpose_b, gemm.a, gemm.size.k, gemm.size.m) &&
           bind_pad(binder, a, !c->attr.transpose_a, gemm.b, gemm.size.k, gemm.size.n) &&
           wg_bind_gemm(binder, gemm.size, false, gemm.a, gemm.b, gemm.c) &&
           bind_cut(binder, &gemm, c);
}

/* ---- the op ---- */

static struct wg_node *gradient(struct wg_graph *g, struct wg_node *c, struct wg_node *dc, int i)
{
    struct wg_node *a = c->in[A], *b = c->in[B];
    bool ta = c->attr.transpose_a, tb = c->attr.transpose_b;
    if (i == A)
        return ta ? wg_matmul(g, b, tb, dc, true) : wg_matmul(g, dc, false, b, !tb);
    return tb ? wg_matmul(g, dc, true, a, ta) : wg_matmul(g, a, !ta, dc, false);
}

const struct wg_op wg_op_matmul = {
    .name = "matmul",
    .gradient = gradient,
    .flops = flops,
    .implementations = {WG_BY(.name = "dot", .suits = suits_dot, .bind = bind_dot),
                        &wg_conv2d_direct, &wg_conv2d_tiled, &wg_conv2d_blocked,
                        WG_BY(.name = "gemm", .uses_blas = true, .suits = suits_gemm,
                              .scratch = scratch_gemm, .bind = bind_gemm),
                        WG_BY(.name = "ref", .bind = bind_ref)},
};

struct wg_node *wg_matmul(struct wg_graph *g, struct wg_node *a, bool transpose_a,
                          struct wg_node *b, bool transpose_b)
{
    if (!a || !b || a->shape.rank != 2 || b->shape.rank != 2)
        return wg_node_refuse(g, "matmul", "both factors must be there and of rank 2");
    size_t m = a->shape.dim[transpose_a ? 1 : 0], k = a->shape.dim[transpose_a ? 0 : 1];
    size_t n = b->shape.dim[transpose_b ? 0 : 1];
    if (b->shape.dim[transpose_b ? 1 : 0] != k)
        return wg_node_refuse(g, "matmul", "the inner dimensions differ");
    return wg_node_add(
        g, &(struct wg_node){.op = &wg_op_matmul,
                             .shape = wg_shape(m, n),
                             .in = {a, b},
                             .in_count = 2,
                             .attr = {.transpose_a = transpose_a, .transpose_b = transpose_b}});
}
