/*
 * conv2d, conv2d_data and conv2d_filter: all implementations, with every epilogue, against the
 * reference; the asymmetric padding by hand; adjoints; gradients.
 *
 * Every geometry costs a compilation of three kernels for each implementation, so there are few.
 */
#include "host/graph/autodiff.h"
#include "host/graph/choices.h"
#include "host/graph/fuse.h"
#include "host/graph/ops/conv2d_tiled.h"
#include "host/reference/ops.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct epilogue {
    bool bias;
    enum wg_activation activation;
    float slope;
};

static const struct epilogue epilogues[] = {
    {false, WG_ACTIVATION_NONE, 0.0f},      {true, WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {true, WG_ACTIVATION_TANH, 0.0f},       {true, WG_ACTIVATION_NONE, 0.0f},
    {true, WG_ACTIVATION_LEAKY_RELU, 0.0f},
};

/* The geometries: case i has epilogue i for conv2d and 2 i for conv2d_data, modulo their number, so
 * every fifth is the bare trilinear form. */
static const struct wg_conv cases[] = {
    // {n, h, w, c, oh, ow, oc, k, stride, pad}
    {1, 7, 9, 16, 7, 9, 8, 4, 1, 1},       // the critic's third: one before, two behind
    {2, 28, 28, 1, 14, 14, 16, 4, 2, 1},   // its first, from one channel
    {5, 4, 12, 1, 4, 12, 31, 4, 1, 1},     // the generator's last, to one channel
    {13, 6, 4, 8, 3, 2, 33, 4, 2, 1},      // many images, stride 2
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0},        // one product
    {2, 9, 11, 33, 3, 4, 3, 5, 3, 1},      // stride 3
    {2, 8, 9, 3, 2, 3, 5, 3, 3, 0},        // rows and columns behind that no tap sees
    {3, 5, 4, 3, 3, 2, 17, 1, 2, 0},       // a stride beyond the kernel: pixels that no tap sees
    {1, 3, 2, 2, 6, 5, 3, 4, 1, 3},        // padding on all sides as far as it can go
    {3, 7, 10, 32, 4, 5, 16, 4, 2, 1},     // whole vectors of channels, half tiles of pixels
    {9, 8, 6, 16, 8, 6, 48, 2, 1, 0},      // 2 x 2 taps, more images than a block has
    {17, 28, 28, 16, 14, 14, 16, 4, 2, 1}, // on one thread more blocks than work items
    {2, 10, 10, 16, 4, 3, 32, 6, 3, 2},    // a kernel of twice the stride, 3
    {7, 7, 8, 32, 7, 8, 16, 4, 1, 1},      // of four times the stride, 1
    {2, 16, 13, 16, 8, 7, 48, 8, 2, 3},    // of four times the stride, 2
    {3, 5, 13, 1, 5, 13, 32, 4, 1, 1},     // thin and whole vectors: rows that no tile divides
    {20, 6, 5, 2, 3, 3, 64, 4, 2, 1},      // of two channels, a band an image
    {2, 9, 8, 1, 3, 3, 16, 4, 3, 1},       // stride 3, which does not divide the kernel
    {300, 1, 2, 1, 1, 2, 16, 4, 1, 3},     // more images than there are parts
    {1, 4, 4, 20, 2, 2, 36, 4, 2, 1},      // less than a tile of Winograd's, on GPUs
    {2, 13, 21, 4, 7, 11, 8, 4, 2, 1},     // its tiles of all four kinds
    {3, 7, 9, 36, 7, 9, 44, 3, 1, 1},      // for tensor cores: sums that 16 does not divide
    {3, 9, 8, 4, 9, 8, 64, 4, 1, 1},       // and the table of a thin one
    {2, 14, 13, 1, 3, 3, 16, 4, 4, 0},     // whose taps do not see all rows and columns
    {1, 3, 2, 1, 6, 5, 16, 4, 1, 3},       // with more rows of y than of x
    {1, 7, 7, 1, 3, 3, 16, 4, 5, 0},       // of a stride beyond its kernel
};
enum { CASES = sizeof cases / sizeof cases[0], EPILOGUES = sizeof epilogues / sizeof epilogues[0] };

static struct ref_conv ref_of(const struct wg_conv *v)
{
    return (struct ref_conv){.n = (int)v->n,
                             .h = (int)v->h,
                             .w = (int)v->w,
                             .c = (int)v->c,
                             .oh = (int)v->oh,
                             .ow = (int)v->ow,
                             .oc = (int)v->oc,
                             .k = (int)v->k,
                             .stride = (int)v->stride,
                             .pad = (int)v->pad};
}

/* The tensors of a geometry, and the three forms over them. */
struct forms {
    struct wg_node *x, *w, *y;
    struct wg_node *conv2d, *data, *filter; // maybe with a bias
    struct wg_node *conv2d_bias, *data_bias;
};

static struct wg_node *finish(struct rig *rig, struct wg_node *sum, struct wg_node *bias,
                              const struct epilogue *e)
{
    return e->bias ? wg_bias(rig->graph, sum, bias, e->activation, e->slope) : sum;
}

static void build(struct rig *rig, const struct wg_conv *v, const struct epilogue *e_conv2d,
                  const struct epilogue *e_data, struct forms *f)
{
    struct wg_graph *g = rig->graph;
    f->x = rig_variable(rig, "x", wg_shape(v->n, v->h, v->w, v->c));
    f->w = rig_variable(rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    f->y = rig_variable(rig, "y", wg_shape(v->n, v->oh, v->ow, v->oc));
    f->conv2d_bias = rig_variable(rig, "bias of y", wg_shape(v->oc));
    f->data_bias = rig_variable(rig, "bias of x", wg_shape(v->c));
    f->conv2d = finish(rig, wg_conv2d(g, f->x, f->w, v), f->conv2d_bias, e_conv2d);
    f->data = finish(rig, wg_conv2d_data(g, f->y, f->w, v), f->data_bias, e_data);
    f->filter = wg_conv2d_filter(g, f->x, f->y, v);
    ck_assert(wg_fuse(g, test_device()));
}

static bool is_winograd(const struct rig *rig, const struct wg_node *node)
{
    return wg_op_find(node->op, rig_implementation(rig, node))->is_winograd;
}

/* ---- adjoints ---- */

/* <conv2d(x, w), y> = <x, conv2d_data(y, w)> = <w, conv2d_filter(x, y)>, each element off by its
 * bound, so the sums by the largest number of terms times the trilinear form of magnitudes. */
static void check_adjoints(struct rig *rig, const struct forms *f, const struct wg_conv *v)
{
    struct ref_conv conv = ref_of(v);
    size_t ys = wg_shape_count(&f->y->shape);
    double by_y = rig_dot(ys, rig_wide(rig, f->conv2d), rig_doubles(rig, f->y));
    double by_x =
        rig_dot(wg_shape_count(&f->x->shape), rig_wide(rig, f->data), rig_doubles(rig, f->x));
    double by_w =
        rig_dot(wg_shape_count(&f->w->shape), rig_wide(rig, f->filter), rig_doubles(rig, f->w));
    double *y_magnitude = rig_zeros(rig, ys);
    ref_conv2d(&conv, rig_magnitudes(rig, f->x), rig_magnitudes(rig, f->w), y_magnitude);
    double terms = (double)(v->k * v->k * (v->c > v->oc ? v->c : v->oc));
    double pixels = (double)(v->n * v->oh * v->ow);
    double bound = 2 * (fmax(terms, pixels) + 1) * 0x1p-24 *
                   rig_dot(ys, y_magnitude, rig_magnitudes(rig, f->y));
    ck_assert_double_eq_tol(by_y, by_x, bound);
    ck_assert_double_eq_tol(by_y, by_w, bound);
    ck_assert_double_gt(fabs(by_y), 8 * bound); // else the comparison says nothing
}

/* ---- forward ---- */

/* How many of conv2d, conv2d_data and conv2d_filter each implementation has computed. */
static int computed[WG_IMPLEMENTATIONS_MAX][3];

/* Runs those of the three nodes that implementation `which` suits, and checks them. */
static void run_and_check(struct rig *rig, int which, const struct forms *f, int i)
{
    const struct wg_conv *v = &cases[i];
    const char *name = wg_op_conv2d.implementations[which]->name;
    struct wg_node *const nodes[3] = {f->conv2d, f->data, f->filter};
    const struct epilogue *e[3] = {&epilogues[i % EPILOGUES], &epilogues[2 * i % EPILOGUES],
                                   &epilogues[0]};
    struct wg_node *targets[3];
    int count = 0;
    for (int n = 0; n < 3; n++)
        if (rig_suits(nodes[n], name))
            targets[count++] = nodes[n];
    if (count == 0)
        return;
    rig_run(rig, name, targets, count);
    for (int n = 0; n < 3; n++) {
        if (!rig_suits(nodes[n], name))
            continue;
        ck_assert_str_eq(rig_implementation(rig, nodes[n]), name);
        ck_assert_int_eq(nodes[n]->in_count, e[n]->bias ? 3 : 2);
        rig_check_node(rig, nodes[n]);
        computed[which][n]++;
    }
    if (count == 3 && !e[0]->bias && !e[1]->bias && !is_winograd(rig, nodes[0]))
        check_adjoints(rig, f, v);
}

/* The three ops have the same implementations; a name that only one has still gets its turn. */
static void run_and_check_all(int i)
{
    const struct wg_implementation *const *list = wg_op_conv2d.implementations;
    struct rig rig;
    struct forms f;
    rig_init(&rig);
    build(&rig, &cases[i], &epilogues[i % EPILOGUES], &epilogues[2 * i % EPILOGUES], &f);
    for (int which = 0; list[which]; which++)
        run_and_check(&rig, which, &f, i);
    rig_finish(&rig);
}

START_TEST(every_implementation_agrees_with_the_reference)
{
    run_and_check_all(_i);
}
END_TEST

static bool is_there(const char *name, int form)
{
    static const char *const of_cpus[] = {"winograd", "thin", "direct", "gemm", "ref", NULL};
    static const char *const of_gpus[] = {"winograd_tiled", "lanes", "tiled", "blocked",
                                          "gemm",           "ref",   NULL};
    static const char *const without_local_memory[] = {"blocked", "gemm", "ref", NULL};
    const char *const *names = wg_device_is_cpu(test_device())   ? of_cpus
                               : test_device()->has_local_memory ? of_gpus
                                                                 : without_local_memory;
    while (*names && strcmp(*names, name) != 0)
        names++;
    if (strcmp(name, "lanes") == 0 && form == 1)
        return false; // it has no conv2d_data
    return *names || (strcmp(name, "tensor") == 0 && wg_has_fast_tf32(test_device()));
}

START_TEST(no_implementation_was_left_out)
{
    const struct wg_implementation *const *list = wg_op_conv2d.implementations;
    for (int i = 0; list[i]; i++)
        for (int form = 0; form < 3; form++)
            ck_assert_msg((computed[i][form] > 0) == is_there(list[i]->name, form),
                          "%s has computed %d cases of form %d", list[i]->name, computed[i][form],
                          form);
}
END_TEST

/* ---- small buffers ---- */

static uint64_t largest_buffer; // as the device has it

static void shrink_buffers(void)
{
    largest_buffer = test_device()->info.largest_buffer;
    test_device()->info.largest_buffer = 32 << 10;
}

static void restore_buffers(void)
{
    test_device()->info.largest_buffer = largest_buffer;
}

/* With 32 KiB at a time, of case 2 no more than its tensors fit; scratch must do with less. */
START_TEST(a_device_of_small_buffers_gets_the_same_results)
{
    run_and_check_all(2);
}
END_TEST

START_TEST(the_last_implementation_is_the_plain_one_and_always_suits)
{
    const struct wg_op *const ops[] = {&wg_op_conv2d, &wg_op_conv2d_data, &wg_op_conv2d_filter};
    for (int o = 0; o < 3; o++) {
        const struct wg_implementation *const *list = ops[o]->implementations;
        int last = 0;
        while (list[last + 1])
            last++;
        ck_assert_str_eq(list[last]->name, "ref");
        ck_assert(!list[last]->suits);
        for (int i = 0; i <= last; i++) // the loop above sees all there is
            ck_assert_str_eq(list[i]->name, wg_op_conv2d.implementations[i]->name);
    }
}
END_TEST

/* ---- the knobs ---- */

/* No size is a multiple of a tile's; one phase has fewer rows and columns than the others. */
static const struct wg_conv knobs_case = {19, 9, 7, 36, 5, 4, 40, 4, 2, 1};

static const struct {
    const struct wg_implementation *by;
    int images; // of its fourth knob: fewer than there are, so that the last chunk is smaller
} turned[] = {{&wg_conv2d_tensor, 0},
              {&wg_conv2d_tiled, 0},
              {&wg_conv2d_blocked, 0},
              {&wg_conv2d_winograd_tiled, 8}};

/* One choice for conv2d, conv2d_data and conv2d_filter; how many of them it suits. */
static int check_choice(struct rig *rig, const struct forms *f, const char *implementation,
                        const int knob[WG_KNOBS_MAX])
{
    struct wg_node *const nodes[3] = {f->conv2d, f->data, f->filter};
    struct wg_node *targets[3];
    int count = 0;
    for (int n = 0; n < 3; n++)
        if (wg_choose(nodes[n], test_device(), implementation, knob))
            targets[count++] = nodes[n];
    if (count == 0)
        return 0;
    rig_run(rig, implementation, targets, count);
    for (int n = 0; n < count; n++) {
        ck_assert_str_eq(rig_implementation(rig, targets[n]), implementation);
        rig_check_node(rig, targets[n]);
    }
    return count;
}

/* Every tile, with one to three parts in turn, and every other with chunks of images. */
START_TEST(every_tile_agrees_with_the_reference)
{
    const struct wg_knob *tile_m = &turned[_i].by->knobs[0], *tile_n = tile_m + 1;
    int checked = 0;
    for (int m = 0; m < WG_KNOB_VALUES_MAX && tile_m->values[m]; m++)
        for (int n = 0; n < WG_KNOB_VALUES_MAX && tile_n->values[n]; n++) {
            const int knob[WG_KNOBS_MAX] = {tile_m->values[m], tile_n->values[n], (m + n) % 3 + 1,
                                            (m + n) % 2 * turned[_i].images};
            struct rig rig;
            struct forms f;
            rig_init(&rig);
            build(&rig, &knobs_case, &epilogues[1], &epilogues[2], &f);
            checked += check_choice(&rig, &f, turned[_i].by->name, knob);
            rig_finish(&rig);
        }
    bool is_tensor = turned[_i].by == &wg_conv2d_tensor;
    bool is_possible = test_device()->has_local_memory || turned[_i].by == &wg_conv2d_blocked;
    if (wg_device_is_cpu(test_device()) || !is_possible ||
        (is_tensor && !wg_has_fast_tf32(test_device())))
        ck_assert_int_eq(checked, 0);
    else
        ck_assert_int_ge(checked, 3);
}
END_TEST

/* Blocks of images that divide their number and that don't; not more than there are. */
START_TEST(every_block_agrees_with_the_reference)
{
    const struct wg_conv v = {5, 7, 10, 32, 4, 5, 16, 4, 2, 1};
    const int *images = wg_conv2d_winograd.knobs[0].values;
    for (int i = 0; i < WG_KNOB_VALUES_MAX && images[i]; i++) {
        const int knob[WG_KNOBS_MAX] = {images[i]};
        struct rig rig;
        struct forms f;
        rig_init(&rig);
        build(&rig, &v, &epilogues[1], &epilogues[2], &f);
        int checked = check_choice(&rig, &f, "winograd", knob);
        ck_assert_int_eq(checked, wg_device_is_cpu(test_device()) && images[i] <= 5 ? 3 : 0);
        rig_finish(&rig);
    }
}
END_TEST

/* ---- fewer work items than the device promises ---- */

/* A kernel may need more registers than there are for the largest group. */
START_TEST(a_kernel_of_small_groups_gets_smaller_tiles)
{
    const struct wg_conv v = {4, 12, 12, 32, 12, 12, 64, 2, 1, 0};
    struct rig rig;
    struct forms f;
    rig_init(&rig);
    build(&rig, &v, &epilogues[1], &epilogues[2], &f);
    for (int i = 0; i < (int)(sizeof turned / sizeof turned[0]); i++)
        if (rig_suits(f.conv2d, turned[i].by->name))
            ck_assert_int_eq(
                check_choice(&rig, &f, turned[i].by->name, (const int[WG_KNOBS_MAX]){0, 0, 2}), 3);
    ck_assert_int_eq(rig_suits(f.conv2d, "blocked"), !wg_device_is_cpu(test_device()));
    rig_finish(&rig);
}
END_TEST

/* ---- the asymmetric padding, by hand ---- */

/*
 * An image of one line meets one line of the kernel, number 1 since one zero is in front. It holds
 * powers of ten, so each digit of a result is a pixel; the other weights must not be met.
 *
 *   conv2d       reads x[i - 1 .. i + 2]
 *   conv2d_data  is mirrored: it reads y[i - 2 .. i + 1]
 */
enum { LINE = 5 };

static const float line[LINE] = {1, 2, 3, 4, 5};
static const float line_conv2d[LINE] = {3210, 4321, 5432, 543, 54};
static const float line_data[LINE] = {12, 123, 1234, 2345, 3450};

static void fill_decades(float w[16], bool vertical)
{
    const float decades[4] = {1, 10, 100, 1000};
    for (int i = 0; i < 16; i++)
        w[i] = 1e9f;
    for (int i = 0; i < 4; i++)
        w[vertical ? i * 4 + 1 : 4 + i] = decades[i];
}

static void check_exact(struct rig *rig, const struct wg_node *node, const float *expected)
{
    const float *got = rig_result(rig, node);
    for (size_t i = 0; i < wg_shape_count(&node->shape); i++)
        ck_assert_msg(got[i] == expected[i], "%s by %s: [%zu] is %g, expected %g", node->name,
                      rig_implementation(rig, node), i, (double)got[i], (double)expected[i]);
}

/* _i: 0 along x, 1 along y */
START_TEST(k4_s1_pads_one_before_and_two_behind)
{
    struct wg_shape shape = _i ? wg_shape(1, LINE, 1, 1) : wg_shape(1, 1, LINE, 1);
    struct wg_conv conv = wg_conv_same(&shape, 1, 4, 1);
    struct rig rig;
    struct forms f;
    rig_init(&rig);
    build(&rig, &conv, &epilogues[0], &epilogues[0], &f);
    memcpy(rig_values(&rig, f.x), line, sizeof line);
    memcpy(rig_values(&rig, f.y), line, sizeof line);
    fill_decades(rig_values(&rig, f.w), _i);

    const struct wg_implementation *const *list = wg_op_conv2d.implementations;
    for (; *list; list++) {
        struct wg_node *const nodes[] = {f.conv2d, f.data};
        if (!rig_suits(f.conv2d, (*list)->name))
            continue;
        rig_run(&rig, (*list)->name, nodes, 2);
        check_exact(&rig, f.conv2d, line_conv2d);
        check_exact(&rig, f.data, line_data);
    }
    rig_finish(&rig);
}
END_TEST

/* ---- gradients ---- */

/* Each form's gradients are the other two, so they are the very nodes the builders make. */
START_TEST(gradients_are_the_other_two_forms)
{
    const struct wg_conv *v = &cases[2];
    struct rig rig;
    struct forms f;
    struct wg_node *dx[2], *in[2];
    rig_init(&rig);
    struct wg_graph *g = rig.graph;
    build(&rig, v, &epilogues[0], &epilogues[0], &f);
    struct wg_node *r_x = rig_variable(&rig, "r of x", f.x->shape);
    struct wg_node *r_w = rig_variable(&rig, "r of w", f.w->shape);
    struct wg_node *dy; // the gradient that reaches the form: r, computed

    in[0] = f.x, in[1] = f.w;
    wg_gradient(g, rig_inner(&rig, f.conv2d, f.y), in, 2, dx);
    dy = dx[0]->in[0];
    ck_assert_ptr_eq(dx[0], wg_conv2d_data(g, dy, f.w, v));
    ck_assert_ptr_eq(dx[1], wg_conv2d_filter(g, f.x, dy, v));

    in[0] = f.y, in[1] = f.w;
    wg_gradient(g, rig_inner(&rig, f.data, r_x), in, 2, dx);
    dy = dx[0]->in[0];
    ck_assert_ptr_eq(dx[0], wg_conv2d(g, dy, f.w, v));
    ck_assert_ptr_eq(dx[1], wg_conv2d_filter(g, dy, f.y, v));

    in[0] = f.x, in[1] = f.y;
    wg_gradient(g, rig_inner(&rig, f.filter, r_w), in, 2, dx);
    dy = dx[0]->in[1];
    ck_assert_ptr_eq(dx[0], wg_conv2d_data(g, f.y, dy, v));
    ck_assert_ptr_eq(dx[1], wg_conv2d(g, f.x, dy, v));
    rig_finish(&rig);
}
END_TEST

/* sum of r * leaky(conv2d(x, w) + b) */
struct layer {
    struct ref_conv conv;
    size_t count; // of y
    double *r, *y;
};

static double layer_loss(void *context, double *const x[])
{
    const struct layer *l = context;
    ref_conv2d(&l->conv, x[0], x[1], l->y);
    ref_bias_act(l->count / (size_t)l->conv.oc, l->conv.oc, l->y, x[2], REF_ACT_LEAKY_RELU,
                 (double)0.2f, l->y);
    return rig_dot(l->count, l->y, l->r);
}

START_TEST(gradient_of_a_fused_layer_meets_central_differences)
{
    const struct wg_conv v = cases[1]; // with its epilogue, so most programs are built already
    struct rig rig;
    rig_init(&rig);
    struct wg_node *in[] = {rig_variable(&rig, "x", wg_shape(v.n, v.h, v.w, v.c)),
                            rig_variable(&rig, "w", wg_shape(v.k, v.k, v.c, v.oc)),
                            rig_variable(&rig, "b", wg_shape(v.oc)), NULL};
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(v.n, v.oh, v.ow, v.oc)), *dx[3];
    struct wg_node *y = wg_bias(rig.graph, wg_conv2d(rig.graph, in[0], in[1], &v), in[2],
                                WG_ACTIVATION_LEAKY_RELU, 0.2f);
    wg_gradient(rig.graph, rig_inner(&rig, y, r), in, 3, dx);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_conv2d);
    rig_run(&rig, NULL, dx, 3);

    size_t count = wg_shape_count(&y->shape);
    struct layer layer = {ref_of(&v), count, rig_doubles(&rig, r), rig_zeros(&rig, count)};
    // No gradient has more than n oh ow = 392 terms.
    rig_check_slope(&rig, in, dx, layer_loss, &layer, 392 + 2);
    rig_finish(&rig);
}
END_TEST

/* What does not fit together, or is missing. */
START_TEST(wrong_shapes_are_refused_by_name)
{
    struct wg_conv v = cases[3];
    struct wg_node *x, *w, *y;
    struct rig rig;
    rig_init(&rig);
    for (int missing = 0; missing < 2; missing++)
        for (int form = 0; form < 3; form++) {
            struct wg_graph *g = rig.graph;
            x = rig_variable(&rig, "x", wg_shape(v.n, v.h, v.w, v.c + 1));
            w = rig_variable(&rig, "w", wg_shape(v.k, v.k, v.c, v.oc));
            y = rig_variable(&rig, "y", wg_shape(v.n, v.oh, v.ow, v.oc + 1));
            if (form == 0)
                rig_check_refused(&rig, wg_conv2d(g, missing ? NULL : x, w, &v), "conv2d");
            else if (form == 1)
                rig_check_refused(&rig, wg_conv2d_data(g, missing ? NULL : y, w, &v),
                                  "conv2d_data");
            else
                rig_check_refused(&rig, wg_conv2d_filter(g, missing ? NULL : x, y, &v),
                                  "conv2d_filter");
        }
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("conv2d");
    tcase_add_loop_test(tests, every_implementation_agrees_with_the_reference, 0, CASES);
    tcase_add_test(tests, no_implementation_was_left_out);
    tcase_add_test(tests, the_last_implementation_is_the_plain_one_and_always_suits);
    tcase_add_loop_test(tests, k4_s1_pads_one_before_and_two_behind, 0, 2);
    tcase_add_test(tests, gradients_are_the_other_two_forms);
    tcase_add_test(tests, gradient_of_a_fused_layer_meets_central_differences);
    tcase_add_test(tests, wrong_shapes_are_refused_by_name);

    TCase *small = tcase_create("small buffers");
    tcase_add_checked_fixture(small, shrink_buffers, restore_buffers);
    tcase_add_test(small, a_device_of_small_buffers_gets_the_same_results);

    TCase *knobs = tcase_create("knobs");
    tcase_add_loop_test(knobs, every_tile_agrees_with_the_reference, 0,
                        sizeof turned / sizeof turned[0]);
    tcase_add_test(knobs, every_block_agrees_with_the_reference);

    TCase *groups = tcase_create("small groups");
    tcase_add_checked_fixture(groups, rig_promise_large_groups, rig_promise_no_more);
    tcase_add_test(groups, a_kernel_of_small_groups_gets_smaller_tiles);

    Suite *suite = suite_create("conv2d");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, small);
    suite_add_tcase(suite, knobs);
    suite_add_tcase(suite, groups);
    return test_run(suite);
}
