/*
 * What the fusing pass makes of layers: layer_filter and layer_data, norm_up and its gradients,
 * norm_kernel and norm_bias; all implementations against the reference. That they are what they
 * stand for, gradients included, is seen in tests/graph/fuse.c.
 */
#include "host/graph/op.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <string.h>

/* Every second suits the kernels for few channels on any CPU. */
static const struct wg_conv cases[] = {
    // {n, h, w, c, oh, ow, oc, k, stride, pad}
    {2, 5, 4, 3, 3, 2, 17, 3, 2, 1},         // what only the plain kernels do
    {2, 8, 6, 1, 4, 3, 32, 4, 2, 1},         // the critic's first
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0},          // one product
    {3, 5, 13, 1, 5, 13, 32, 4, 1, 1},       // the generator's last; rows that no tile divides
    {2, 9, 11, 2, 3, 4, 3, 5, 3, 1},         // stride 3
    {2, 9, 8, 1, 3, 3, 16, 4, 3, 1},         // which does not divide the kernel
    {1, 3, 2, 2, 6, 5, 3, 4, 1, 3},          // padding on all sides as far as it can go
    {2, 6, 7, 1, 3, 3, 320, 4, 2, 1},        // more channels than a group has lanes for
    {3, 5, 6, 2, 3, 3, 34, 2, 2, 0},         // two channels, and lanes that nothing divides
    {3, 7, 8, 1, 7, 8, 64, 4, 1, 1},         // square tiles of vectors
    {1, 4, 9, 1, 4, 9, 64, 4, 1, 2},         // as many channels, but rows that no square divides
    {300, 1, 2, 1, 1, 2, 16, 4, 1, 3},       // more images than there are parts
    {1, 520, 520, 1, 260, 260, 16, 4, 2, 1}, // more pixels than there may be groups along an axis
};
enum { LARGE = 11, CASES = sizeof cases / sizeof cases[0] };

static const struct {
    enum wg_activation activation;
    float slope;
} activations[] = {
    {WG_ACTIVATION_LEAKY_RELU, 0.2f},
    {WG_ACTIVATION_TANH, 0.0f},
    {WG_ACTIVATION_LEAKY_RELU, 0.0f},
};

/* Whether the device has what it should of more than the plain kernel for a node of few channels;
 * a GPU without local memory has nothing. */
static bool has_fast(const struct wg_node *node)
{
    if (wg_device_is_cpu(test_device()))
        return rig_suits(node, "thin");
    return !test_device()->has_local_memory || rig_suits(node, "lanes") || rig_suits(node, "tiled");
}

/* Runs a node of variables by each implementation that suits it. */
static void check(struct rig *rig, const struct wg_node *draft, bool is_thin)
{
    struct wg_node *node = wg_node_add(rig->graph, draft);
    ck_assert_ptr_nonnull(node);
    ck_assert(!is_thin || has_fast(node));
    const struct wg_implementation *const *list = node->op->implementations;
    for (; *list; list++) {
        if (!rig_suits(node, (*list)->name))
            continue;
        rig_run(rig, (*list)->name, &node, 1);
        ck_assert_str_eq(rig_implementation(rig, node), (*list)->name);
        rig_check_node(rig, node);
    }
}

/* [n, h, w, c], [n, oh, ow, oc], [k, k, c, oc] of a geometry */
static struct wg_shape image_of(const struct wg_conv *v)
{
    return wg_shape(v->n, v->h, v->w, v->c);
}

static struct wg_shape features_of(const struct wg_conv *v)
{
    return wg_shape(v->n, v->oh, v->ow, v->oc);
}

static struct wg_shape kernel_of(const struct wg_conv *v)
{
    return wg_shape(v->k, v->k, v->c, v->oc);
}

START_TEST(a_layers_gradients_agree_with_the_reference)
{
    const struct wg_conv *v = &cases[_i];
    const struct wg_attributes attr = {.conv = *v,
                                       .activation = activations[_i % 3].activation,
                                       .slope = activations[_i % 3].slope};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", image_of(v));
    struct wg_node *out = rig_variable(&rig, "out", features_of(v));
    struct wg_node *gradient = rig_variable(&rig, "gradient", features_of(v));
    struct wg_node *w = rig_variable(&rig, "w", kernel_of(v));
    check(&rig,
          &(struct wg_node){.op = &wg_op_layer_filter,
                            .shape = wg_shape(v->k * v->k * v->c + 1, v->oc),
                            .in = {x, out, gradient},
                            .in_count = 3,
                            .attr = attr},
          _i % 2);
    check(&rig,
          &(struct wg_node){.op = &wg_op_layer_data,
                            .shape = image_of(v),
                            .in = {out, gradient, w},
                            .in_count = 3,
                            .attr = attr},
          _i % 2);
    rig_finish(&rig);
}
END_TEST

/* mean and variance [2, c] */
static struct wg_node *moments_variable(struct rig *rig, size_t c)
{
    struct wg_node *m = rig_variable(rig, "m", wg_shape(2, c));
    float *values = rig_values(rig, m);
    for (size_t i = c; i < 2 * c; i++)
        values[i] = fabsf(values[i]);
    return m;
}

START_TEST(norm_up_agrees_with_the_reference)
{
    const struct wg_conv *v = &cases[_i];
    struct wg_attributes attr = {
        .conv = *v, .epsilon = 1e-3f, .slope_in = _i % 4 < 2 ? 0.0f : 0.3f};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *u = rig_variable(&rig, "u", features_of(v));
    struct wg_node *m = moments_variable(&rig, v->oc);
    struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(v->oc));
    struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(v->oc));
    struct wg_node *d = rig_variable(&rig, "d", image_of(v));
    struct wg_node *w = rig_variable(&rig, "w", kernel_of(v));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(v->c));
    struct wg_node *sums = rig_variable(&rig, "sums", wg_shape(v->k * v->k * v->c + 2, v->oc));
    check(&rig,
          &(struct wg_node){.op = &wg_op_norm_up_sums,
                            .shape = sums->shape,
                            .in = {u, m, gamma, beta, d, w},
                            .in_count = 6,
                            .attr = attr},
          _i % 2);
    check(&rig,
          &(struct wg_node){.op = &wg_op_norm_up_gradient,
                            .shape = features_of(v),
                            .in = {u, m, gamma, beta, d, w, sums},
                            .in_count = 7,
                            .attr = attr},
          _i % 2);
    attr.activation = activations[(_i + 1) % 3].activation;
    attr.slope = activations[(_i + 1) % 3].slope;
    check(&rig,
          &(struct wg_node){.op = &wg_op_norm_up,
                            .shape = image_of(v),
                            .in = {u, m, gamma, beta, w, b},
                            .in_count = 6,
                            .attr = attr},
          _i % 2);
    rig_finish(&rig);
}
END_TEST

/* A training that has left the numbers is to be seen as such: an activation must not make one of
 * what is none. _i: by ReLU, or not */
START_TEST(what_is_no_number_stays_none)
{
    const struct wg_conv v = {2, 7, 8, 1, 7, 8, 64, 4, 1, 1};
    const struct wg_attributes attr = {.conv = v,
                                       .epsilon = 1e-3f,
                                       .slope_in = _i ? 0.3f : 0.0f,
                                       .activation = WG_ACTIVATION_TANH};
    struct rig rig;
    rig_init(&rig);
    struct wg_node *u = rig_variable(&rig, "u", features_of(&v));
    struct wg_node *m = moments_variable(&rig, v.oc);
    struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(v.oc));
    struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(v.oc));
    struct wg_node *w = rig_variable(&rig, "w", kernel_of(&v));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(v.c));
    struct wg_node *x = wg_node_add(rig.graph, &(struct wg_node){.op = &wg_op_norm_up,
                                                                 .shape = image_of(&v),
                                                                 .in = {u, m, gamma, beta, w, b},
                                                                 .in_count = 6,
                                                                 .attr = attr});
    float *values = rig_values(&rig, u);
    values[7] = NAN; // a channel of the first pixel, which some pixels of the first image see
    for (const struct wg_implementation *const *by = x->op->implementations; *by; by++) {
        if (!rig_suits(x, (*by)->name))
            continue;
        rig_run(&rig, (*by)->name, &x, 1);
        const float *result = rig_result(&rig, x);
        ck_assert_msg(isnan(result[0]), "by %s %g", (*by)->name, (double)result[0]);
        ck_assert(!isnan(result[v.h * v.w - 1]) && !isnan(result[v.h * v.w]));
    }
    rig_finish(&rig);
}
END_TEST

/* _i: the channels are the last dimension but one, the last one */
START_TEST(weights_take_a_norm)
{
    enum { K = 3, C = 5, OC = 7 };
    size_t channels = _i ? OC : C;
    struct rig rig;
    rig_init(&rig);
    struct wg_node *w = rig_variable(&rig, "w", wg_shape(K, K, C, OC));
    struct wg_node *b = rig_variable(&rig, "b", wg_shape(channels));
    struct wg_node *m = moments_variable(&rig, channels);
    struct wg_node *gamma = rig_variable(&rig, "gamma", wg_shape(channels));
    struct wg_node *beta = rig_variable(&rig, "beta", wg_shape(channels));
    check(&rig,
          &(struct wg_node){.op = &wg_op_norm_kernel,
                            .shape = w->shape,
                            .in = {w, m, gamma},
                            .in_count = 3,
                            .attr = {.epsilon = 1e-3f, .inner = _i ? 1 : OC}},
          false);
    check(&rig,
          &(struct wg_node){.op = &wg_op_norm_bias,
                            .shape = b->shape,
                            .in = {b, m, gamma, beta},
                            .in_count = 4,
                            .attr = {.epsilon = 1e-3f}},
          false);
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("layer");
    tcase_add_loop_test(tests, a_layers_gradients_agree_with_the_reference, 0, LARGE);
    tcase_add_loop_test(tests, norm_up_agrees_with_the_reference, 0, LARGE);
    tcase_add_loop_test(tests, what_is_no_number_stays_none, 0, 2);
    tcase_add_loop_test(tests, weights_take_a_norm, 0, 2);

    TCase *large = tcase_create("large"); // too much for a simulated device
    tcase_set_tags(large, "large");
    tcase_add_loop_test(large, a_layers_gradients_agree_with_the_reference, LARGE, CASES);
    tcase_add_loop_test(large, norm_up_agrees_with_the_reference, LARGE, CASES);

    Suite *suite = suite_create("layer");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, large);
    return test_run(suite);
}
