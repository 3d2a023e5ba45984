/*
 * Fusing: what disappears into a convolution, what must not, and that the numbers stay.
 */
#include "host/graph/fuse.h"

#include "host/base/size.h"
#include "host/graph/autodiff.h"
#include "host/graph/inputs.h"
#include "host/graph/op.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <string.h>

static const struct wg_conv conv = {2, 6, 5, 3, 6, 5, 4, 4, 1, 1};

/* x, w, b of `conv`, and a second vector as long as b */
static void add_variables(struct rig *rig, struct wg_node *ret_in[4])
{
    ret_in[0] = rig_variable(rig, "x", wg_shape(conv.n, conv.h, conv.w, conv.c));
    ret_in[1] = rig_variable(rig, "w", wg_shape(conv.k, conv.k, conv.c, conv.oc));
    ret_in[2] = rig_variable(rig, "b", wg_shape(conv.oc));
    ret_in[3] = rig_variable(rig, "b2", wg_shape(conv.oc));
}

START_TEST(a_bias_after_a_convolution_becomes_its_third_input)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *y = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_LEAKY_RELU, 0.2f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_conv2d);
    ck_assert_str_eq(y->name, "conv2d");
    ck_assert_int_eq(y->in_count, 3);
    ck_assert(y->in[0] == in[0] && y->in[1] == in[1] && y->in[2] == in[2]);
    ck_assert_uint_eq(y->attr.conv.oc, conv.oc);
    ck_assert_int_eq(y->attr.activation, WG_ACTIVATION_LEAKY_RELU);
    ck_assert(wg_fuse(rig.graph, test_device())); // nothing is left to do
    ck_assert_int_eq(y->in_count, 3);

    rig_run(&rig, NULL, &y, 1); // and the sum is not computed any more
    ck_assert_int_eq(rig.plan->schedules[0].count, 1);
    rig_finish(&rig);
}
END_TEST

START_TEST(a_transposed_convolution_takes_a_bias_too)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(conv.n, conv.oh, conv.ow, conv.oc));
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(conv.k, conv.k, conv.c, conv.oc));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(conv.c));
    struct wg_node *y =
        wg_bias(rig.graph, wg_conv2d_data(rig.graph, x, w, &conv), b, WG_ACTIVATION_TANH, 0.0f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_conv2d_data);
    rig_finish(&rig);
}
END_TEST

START_TEST(what_somebody_else_reads_is_left_alone)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *y = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_NONE, 0.0f);
    wg_mean(rig.graph, sum, 1.0f); // the other reader
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

/* The first of two biases is fused; the second would be a fourth input. */
START_TEST(a_convolution_carries_one_bias)
{
    struct rig rig;
    struct wg_node *in[4];
    rig_init(&rig);
    add_variables(&rig, in);
    struct wg_node *sum = wg_conv2d(rig.graph, in[0], in[1], &conv);
    struct wg_node *first = wg_bias(rig.graph, sum, in[2], WG_ACTIVATION_TANH, 0.0f);
    struct wg_node *second = wg_bias(rig.graph, first, in[3], WG_ACTIVATION_NONE, 0.0f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(first->op, &wg_op_conv2d);
    ck_assert_ptr_eq(second->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

START_TEST(a_product_takes_a_bias_too)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", wg_shape(3, 3));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(3));
    struct wg_node *y =
        wg_bias(rig.graph, wg_matmul(rig.graph, a, false, a, true), b, WG_ACTIVATION_TANH, 0.0f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_matmul);
    ck_assert_ptr_eq(y->in[CONV_BIAS], b);
    ck_assert(y->attr.transpose_b && y->attr.activation == WG_ACTIVATION_TANH);
    rig_run(&rig, NULL, &y, 1);
    rig_check_node(&rig, y);
    rig_finish(&rig);
}
END_TEST

START_TEST(other_biases_stay)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *a = rig_variable(&rig, "a", wg_shape(3, 3));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(3));
    struct wg_node *product = wg_matmul(rig.graph, a, true, a, false); // a gradient of weights
    struct wg_node *y = wg_bias(rig.graph, product, b, WG_ACTIVATION_NONE, 0.0f);
    struct wg_node *again = wg_bias(rig.graph, a, b, WG_ACTIVATION_NONE, 0.0f);
    ck_assert(wg_fuse(rig.graph, test_device()));
    ck_assert_ptr_eq(y->op, &wg_op_bias);
    ck_assert_ptr_eq(again->op, &wg_op_bias);
    rig_finish(&rig);
}
END_TEST

/* The values and all gradients of a layer, as [0] and fused [1]. */
static void run_layer(struct rig *rig, bool fuse, struct wg_node *ret_results[4])
{
    struct wg_node *in[4], *dx[3];
    rig_init(rig);
    add_variables(rig, in);
    struct wg_node *y = wg_bias(rig->graph, wg_conv2d(rig->graph, in[0], in[1], &conv), in[2],
                                WG_ACTIVATION_LEAKY_RELU, 0.2f);
    wg_gradient(rig->graph, wg_mean(rig->graph, y, 1.0f), in, 3, dx);
    if (fuse)
        ck_assert(wg_fuse(rig->graph, test_device()));
    ret_results[0] = y;
    for (int i = 0; i < 3; i++)
        ret_results[1 + i] = dx[i];
    rig_run(rig, NULL, ret_results, 4);
}

/* Both forms add the same 48 products and a bias, of at most 1 each: 2 * 50 units of 49. */
START_TEST(results_stay_the_same_up_to_rounding)
{
    struct rig plain, fused;
    struct wg_node *results[4], *fused_results[4];
    run_layer(&plain, false, results);
    run_layer(&fused, true, fused_results);
    for (int i = 0; i < 4; i++) {
        const float *before = rig_result(&plain, results[i]);
        const float *after = rig_result(&fused, fused_results[i]);
        for (size_t k = 0; k < wg_shape_count(&results[i]->shape); k++)
            ck_assert_float_eq_tol(after[k], before[k], 100 * 49 * 0x1p-24f);
    }
    rig_finish(&plain);
    rig_finish(&fused);
}
END_TEST

/* ---- batch norms and activations, decided for made-up devices ---- */

static const struct wg_conv thin = {3, 6, 7, 1, 6, 7, 32, 4, 1, 1};

static const struct wg_device cpu = {
    .info = {.type = WG_DEVICE_CPU,
             .compute_units = 2,
             .vector_width = 8,
             .work_group_size = 64,
             .largest_buffer = 1 << 30},
    .buffer_alignment = 128,
};
static const struct wg_device gpu = {
    .info = {.type = WG_DEVICE_GPU,
             .compute_units = 2,
             .vector_width = 1,
             .work_group_size = 64,
             .largest_buffer = 1 << 30},
    .buffer_alignment = 128,
};

static bool schedule_has(const struct rig *rig, const char *op)
{
    const struct wg_schedule *schedule = &rig->plan->schedules[0];
    for (int t = 0; t < schedule->count; t++)
        if (strcmp(schedule->tasks[t].node->name, op) == 0)
            return true;
    return false;
}

/* An end of a network with the gradients of all its inputs. */
struct end {
    struct wg_node *in[6], *dx[6], *r, *y;
    int count;
};

/* u, bias, batch norm by its moments, ReLU, transposed convolution, bias, tanh: the generator's */
static void build_generator_end(struct rig *rig, struct end *e)
{
    struct wg_graph *g = rig->graph;
    const struct wg_conv *v = &thin;
    e->count = 6;
    e->in[0] = rig_variable(rig, "u", wg_shape(v->n, v->oh, v->ow, v->oc));
    e->in[1] = rig_variable(rig, "bias before", wg_shape(v->oc));
    e->in[2] = rig_variable(rig, "gamma", wg_shape(v->oc));
    e->in[3] = rig_variable(rig, "beta", wg_shape(v->oc));
    e->in[4] = rig_variable(rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    e->in[5] = rig_variable(rig, "b", wg_shape(v->c));
    struct wg_node *u = wg_bias(g, e->in[0], e->in[1], WG_ACTIVATION_NONE, 0.0f);
    e->r = wg_batch_norm(g, u, wg_moments(g, u), e->in[2], e->in[3], 1e-3f, true,
                         WG_ACTIVATION_LEAKY_RELU, 0.0f);
    e->y = wg_bias(g, wg_conv2d_data(g, e->r, e->in[4], v), e->in[5], WG_ACTIVATION_TANH, 0.0f);
    wg_gradient(g, wg_mean(g, e->y, 100.0f), e->in, e->count, e->dx);
}

/* convolution, bias, leaky ReLU: the critic's */
static void build_critic_end(struct rig *rig, struct end *e)
{
    struct wg_graph *g = rig->graph;
    const struct wg_conv *v = &thin;
    e->count = 3;
    e->in[0] = rig_variable(rig, "x", wg_shape(v->n, v->h, v->w, v->c));
    e->in[1] = rig_variable(rig, "w", wg_shape(v->k, v->k, v->c, v->oc));
    e->in[2] = rig_variable(rig, "b", wg_shape(v->oc));
    e->y =
        wg_bias(g, wg_conv2d(g, e->in[0], e->in[1], v), e->in[2], WG_ACTIVATION_LEAKY_RELU, 0.2f);
    struct wg_node *r = rig_variable(rig, "r", wg_shape(v->n, v->oh, v->ow, v->oc));
    wg_gradient(g, rig_inner(rig, e->y, r), e->in, e->count, e->dx);
}

START_TEST(a_norm_is_computed_by_its_readers)
{
    struct rig rig;
    struct end e;
    rig_init(&rig);
    build_generator_end(&rig, &e);
    ck_assert(wg_fuse(rig.graph, &cpu));
    ck_assert_ptr_eq(e.y->op, &wg_op_norm_up);
    ck_assert_ptr_eq(e.y->in[0]->op, &wg_op_bias);
    ck_assert(e.y->in[4] == e.in[4] && e.y->in[5] == e.in[5]);
    ck_assert_int_eq(e.y->attr.activation, WG_ACTIVATION_TANH);
    const struct wg_node *sums = e.dx[4]->in[0];
    ck_assert_ptr_eq(sums->op, &wg_op_norm_up_sums);
    ck_assert_uint_eq(sums->shape.dim[0], 18);
    for (int i = 2; i <= 4; i++)
        ck_assert(e.dx[i]->op == &wg_op_slice && e.dx[i]->in[0] == sums);
    ck_assert_uint_eq(e.dx[4]->attr.row, 0);
    ck_assert_uint_eq(e.dx[3]->attr.row, 16);
    ck_assert_uint_eq(e.dx[2]->attr.row, 17);
    ck_assert_ptr_eq(e.dx[0]->op, &wg_op_norm_up_gradient);
    ck_assert_ptr_eq(e.dx[0]->in[6], sums);
    for (int n = 0; n < wg_graph_count(rig.graph); n++) { // everything stands behind what it reads
        const struct wg_node *node = wg_graph_node(rig.graph, n);
        ck_assert_int_eq(node->index, n);
        for (int i = 0; i < node->in_count; i++)
            ck_assert_int_lt(node->in[i]->index, n);
    }
    rig_finish(&rig);
}
END_TEST

/* _i: another device, another reader of the norm, one of the gradient to it */
START_TEST(a_norm_that_somebody_misses_is_left_alone)
{
    struct rig rig;
    struct end e;
    rig_init(&rig);
    build_generator_end(&rig, &e);
    if (_i == 1)
        wg_mean(rig.graph, wg_mean(rig.graph, e.r, 1.0f), 1.0f);
    if (_i == 2) {
        struct wg_node *d =
            wg_activation_gradient(rig.graph, e.y, e.dx[4]->in[0]->in[1], WG_ACTIVATION_TANH, 0.0f);
        wg_mean(rig.graph, wg_mean(rig.graph, wg_conv2d(rig.graph, d, e.in[4], &thin), 1), 1);
    }
    ck_assert(wg_fuse(rig.graph, _i == 0 ? &gpu : &cpu));
    ck_assert_ptr_eq(e.y->op, &wg_op_conv2d_data);
    ck_assert_ptr_eq(e.dx[4]->op, &wg_op_conv2d_filter);
    ck_assert_ptr_eq(e.dx[0]->op, &wg_op_batch_norm_data);
    rig_finish(&rig);
}
END_TEST

START_TEST(a_bias_before_a_norm_learns_nothing)
{
    struct rig rig;
    struct end e;
    rig_init(&rig);
    build_generator_end(&rig, &e);
    ck_assert_ptr_eq(e.dx[1]->op, &wg_op_sum_rows);
    ck_assert(wg_fuse(rig.graph, &gpu));
    ck_assert_ptr_eq(e.dx[1]->op, &wg_op_fill);
    rig_run(&rig, NULL, &e.dx[1], 1);
    const float *learnt = rig_result(&rig, e.dx[1]);
    for (size_t i = 0; i < thin.oc; i++)
        ck_assert(learnt[i] == 0);
    rig_finish(&rig);
}
END_TEST

/* _i: on a device that has the kernels, on one that has not */
START_TEST(the_gradient_before_an_activation_is_computed_by_its_readers)
{
    struct rig rig;
    struct end e;
    rig_init(&rig);
    build_critic_end(&rig, &e);
    ck_assert(wg_fuse(rig.graph, _i ? &gpu : &cpu));
    ck_assert_ptr_eq(e.y->op, &wg_op_conv2d);
    if (_i) {
        ck_assert_ptr_eq(e.dx[0]->op, &wg_op_conv2d_data);
        ck_assert_ptr_eq(e.dx[1]->op, &wg_op_conv2d_filter);
        ck_assert_ptr_eq(e.dx[2]->op, &wg_op_sum_rows);
    } else {
        ck_assert_ptr_eq(e.dx[0]->op, &wg_op_layer_data);
        ck_assert_ptr_eq(e.dx[1]->op, &wg_op_slice);
        ck_assert_ptr_eq(e.dx[2]->op, &wg_op_slice);
        ck_assert_ptr_eq(e.dx[1]->in[0]->op, &wg_op_layer_filter);
        ck_assert_ptr_eq(e.dx[2]->in[0], e.dx[1]->in[0]);
        ck_assert_uint_eq(e.dx[2]->attr.row, 16);
    }
    rig_finish(&rig);
}
END_TEST

/* _i: for CPUs; for another device; those of a conv2d; twice. */
START_TEST(moments_are_left_where_a_fast_kernel_can)
{
    const struct wg_conv v = {16, 14, 14, 32, 7, 7, 16, 4, 2, 1};
    struct rig rig;
    rig_init(&rig);
    struct wg_graph *g = rig.graph;
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(4, 4, v.c, v.oc));
    struct wg_node *u =
        _i == 2 ? wg_conv2d(g, rig_variable(&rig, "x", wg_shape(v.n, 14, 14, v.c)), w, &v)
                : wg_conv2d_data(g, rig_variable(&rig, "y", wg_shape(v.n, 7, 7, v.oc)), w, &v);
    struct wg_node *m = wg_moments(g, u);
    for (int times = 0; times < (_i == 3 ? 2 : 1); times++)
        ck_assert(wg_fuse(g, _i == 1 ? &gpu : &cpu));
    bool is_left = _i == 0 || _i == 3;
    ck_assert_ptr_eq(u->moments, is_left ? m : NULL);
    ck_assert_str_eq(m->name, is_left ? "moments_left" : "moments");
    ck_assert_ptr_eq(m->in[0], u);
    rig_finish(&rig);
}
END_TEST

/* The values and gradients of an end [_i], as they are and fused, agree to what 32 * 42 roundings
 * of terms of at most some hundred may make. */
START_TEST(ends_compute_the_same)
{
    struct rig rigs[2];
    struct end ends[2];
    for (int fused = 0; fused < 2; fused++) {
        struct end *e = &ends[fused];
        rig_init(&rigs[fused]);
        (_i ? build_critic_end : build_generator_end)(&rigs[fused], e);
        if (fused)
            ck_assert(wg_fuse(rigs[fused].graph, test_device()));
        struct wg_node *targets[7] = {e->y};
        memcpy(targets + 1, e->dx, (size_t)e->count * sizeof *targets);
        rig_run(&rigs[fused], NULL, targets, e->count + 1);
    }
    if (wg_device_is_cpu(test_device()))
        ck_assert(schedule_has(&rigs[1], _i ? "layer_filter" : "norm_up_sums"));
    for (int i = -1; i < ends[0].count; i++) {
        const struct wg_node *before = i < 0 ? ends[0].y : ends[0].dx[i];
        const struct wg_node *after = i < 0 ? ends[1].y : ends[1].dx[i];
        const float *a = rig_result(&rigs[0], before), *b = rig_result(&rigs[1], after);
        float largest = 1.0f;
        for (size_t k = 0; k < wg_shape_count(&before->shape); k++)
            largest = fmaxf(largest, fabsf(a[k]));
        for (size_t k = 0; k < wg_shape_count(&before->shape); k++)
            ck_assert_float_eq_tol(b[k], a[k], 4e-5f * largest);
    }
    rig_finish(&rigs[0]);
    rig_finish(&rigs[1]);
}
END_TEST

/* A layer at inference: transposed convolution, bias, batch norm by `m`, ReLU. */
static struct wg_node *build_inference(struct rig *rig, size_t n, struct wg_node **ret_sum)
{
    struct wg_graph *g = rig->graph;
    const struct wg_conv v = {n, 6, 5, 4, 3, 3, 7, 4, 2, 1};
    struct wg_node *m = rig_variable(rig, "m", wg_shape(2, v.c));
    float *values = rig_values(rig, m);
    for (size_t i = v.c; i < 2 * v.c; i++)
        values[i] = fabsf(values[i]);
    *ret_sum = wg_bias(g,
                       wg_conv2d_data(g, rig_variable(rig, "x", wg_shape(n, v.oh, v.ow, v.oc)),
                                      rig_variable(rig, "w", wg_shape(v.k, v.k, v.c, v.oc)), &v),
                       rig_variable(rig, "b", wg_shape(v.c)), WG_ACTIVATION_NONE, 0.0f);
    return wg_batch_norm(g, *ret_sum, m, rig_variable(rig, "gamma", wg_shape(v.c)),
                         rig_variable(rig, "beta", wg_shape(v.c)), 1e-3f, false,
                         WG_ACTIVATION_LEAKY_RELU, 0.0f);
}

START_TEST(a_norm_by_constants_goes_into_the_weights)
{
    struct rig plain, fused;
    struct wg_node *sum;
    rig_init(&plain);
    rig_init(&fused);
    struct wg_node *before = build_inference(&plain, 5, &sum);
    struct wg_node *after = build_inference(&fused, 5, &sum);
    ck_assert(wg_fuse(fused.graph, &gpu));
    ck_assert_ptr_eq(after->op, &wg_op_conv2d_data);
    ck_assert_ptr_eq(after->in[1]->op, &wg_op_norm_kernel);
    ck_assert_ptr_eq(after->in[2]->op, &wg_op_norm_bias);
    ck_assert_int_eq(after->attr.activation, WG_ACTIVATION_LEAKY_RELU);
    rig_run(&plain, "ref", &before, 1);
    rig_run(&fused, "ref", &after, 1);
    ck_assert(!schedule_has(&fused, "batch_norm"));
    // 28 products of at most 1, a factor of at most 1 / sqrt(0.001) = 32
    const float *a = rig_result(&plain, before), *b = rig_result(&fused, after);
    for (size_t k = 0; k < wg_shape_count(&before->shape); k++)
        ck_assert_float_eq_tol(b[k], a[k], 2 * 32 * 30 * 40 * 0x1p-24f);
    rig_finish(&plain);
    rig_finish(&fused);
}
END_TEST

/* _i: weights that outnumber what they make, another reader of the sum */
START_TEST(a_norm_stays_where_it_costs_less)
{
    struct rig rig;
    struct wg_node *sum;
    rig_init(&rig);
    struct wg_node *y = build_inference(&rig, _i ? 5 : 3, &sum);
    if (_i)
        wg_mean(rig.graph, sum, 1.0f);
    ck_assert(wg_fuse(rig.graph, &cpu));
    ck_assert_ptr_eq(y->op, &wg_op_batch_norm);
    rig_finish(&rig);
}
END_TEST

/* Rows of 128 bytes; _i: whether the device asks for more. */
START_TEST(a_row_of_a_result_is_a_view_where_a_buffer_may_begin)
{
    enum { ROWS = 6, C = 32 };
    struct rig rig;
    struct wg_device device = gpu;
    struct wg_node *row[ROWS], *twice[ROWS];
    rig_init(&rig);
    device.buffer_alignment = wg_larger(test_device()->buffer_alignment, _i ? 512 : 128);
    size_t apart = device.buffer_alignment / (C * sizeof(float));
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(ROWS, C));
    struct wg_node *of_x = wg_slice(rig.graph, x, 0), *sum = wg_add(rig.graph, x, x);
    for (size_t i = 0; i < ROWS; i++) {
        row[i] = wg_reshape(rig.graph, wg_slice(rig.graph, sum, i), wg_shape(4, C / 4));
        twice[i] = wg_add(rig.graph, row[i], row[i]);
    }
    ck_assert(wg_fuse(rig.graph, &device));
    ck_assert_ptr_eq(of_x->storage, of_x); // a variable changes, what was read of it does not
    for (size_t i = 0; i < ROWS; i++) {
        ck_assert_ptr_eq(row[i]->storage, i % apart == 0 ? sum : row[i]->in[0]);
        ck_assert_uint_eq(row[i]->storage_at, i % apart == 0 ? i * C : 0);
    }
    rig_run(&rig, NULL, twice, ROWS);
    size_t copies = ROWS - wg_divide_up(ROWS, apart);
    ck_assert_int_eq(wg_exec_launch_count(rig.exec, 0), 1 + (int)copies + ROWS);
    const float *values = rig_values(&rig, x);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t c = 0; c < C; c++)
            ck_assert_float_eq(rig_result(&rig, twice[i])[c], 4 * values[i * C + c]);
    rig_finish(&rig);
}
END_TEST

/* _i: the fusing that makes nodes, into weights, of a norm, of an activation */
START_TEST(a_lack_of_memory_is_reported)
{
    struct rig rig;
    struct end e;
    struct wg_node *sum;
    rig_init(&rig);
    if (_i == 0)
        build_inference(&rig, 5, &sum);
    else
        (_i == 1 ? build_generator_end : build_critic_end)(&rig, &e);
    test_exhaust_memory();
    bool ok = wg_fuse(rig.graph, &cpu);
    test_return_memory();
    ck_assert(!ok);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
    rig_finish(&rig);
}
END_TEST

START_TEST(a_graph_that_failed_is_not_fused)
{
    struct rig rig;
    rig_init(&rig);
    wg_mean(rig.graph, NULL, 1.0f);
    ck_assert(!wg_fuse(rig.graph, &cpu));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_ARGUMENT);
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("fuse");
    tcase_add_test(tests, a_bias_after_a_convolution_becomes_its_third_input);
    tcase_add_test(tests, a_transposed_convolution_takes_a_bias_too);
    tcase_add_test(tests, what_somebody_else_reads_is_left_alone);
    tcase_add_test(tests, a_convolution_carries_one_bias);
    tcase_add_test(tests, a_product_takes_a_bias_too);
    tcase_add_test(tests, other_biases_stay);
    tcase_add_test(tests, results_stay_the_same_up_to_rounding);
    tcase_add_test(tests, a_norm_is_computed_by_its_readers);
    tcase_add_loop_test(tests, a_norm_that_somebody_misses_is_left_alone, 0, 3);
    tcase_add_test(tests, a_bias_before_a_norm_learns_nothing);
    tcase_add_loop_test(tests, the_gradient_before_an_activation_is_computed_by_its_readers, 0, 2);
    tcase_add_loop_test(tests, moments_are_left_where_a_fast_kernel_can, 0, 4);
    tcase_add_loop_test(tests, ends_compute_the_same, 0, 2);
    tcase_add_test(tests, a_norm_by_constants_goes_into_the_weights);
    tcase_add_loop_test(tests, a_norm_stays_where_it_costs_less, 0, 2);
    tcase_add_loop_test(tests, a_row_of_a_result_is_a_view_where_a_buffer_may_begin, 0, 2);
    tcase_add_loop_test(tests, a_lack_of_memory_is_reported, 0, 3);
    tcase_add_test(tests, a_graph_that_failed_is_not_fused);

    Suite *suite = suite_create("fuse");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
