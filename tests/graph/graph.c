/*
 * The graph itself: shapes, geometries, nodes made once, and errors that stick. No device.
 */
#include "host/graph/graph.h"

#include "host/gan/model.h"
#include "host/graph/autodiff.h"
#include "host/graph/bind.h"
#include "host/graph/exec.h"
#include "host/graph/op.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <string.h>

START_TEST(shapes_count_their_elements)
{
    struct wg_shape image = wg_shape(5, 7, 9, 3), vector = wg_shape(11);
    ck_assert_int_eq(image.rank, 4);
    ck_assert_uint_eq(wg_shape_count(&image), 945);
    ck_assert_uint_eq(wg_shape_last(&image), 3);
    ck_assert_uint_eq(wg_shape_rows(&image), 315);
    ck_assert_uint_eq(wg_shape_count(&vector), 11);
    ck_assert_uint_eq(wg_shape_rows(&vector), 1);
    ck_assert(wg_shape_equal(&image, &wg_shape(5, 7, 9, 3)));
    ck_assert(!wg_shape_equal(&image, &wg_shape(5, 7, 3, 9)));
    ck_assert(!wg_shape_equal(&vector, &wg_shape(11, 1))); // of equal count, but not of one shape
}
END_TEST

/* Keras' "same": out = ceil(in / s), the padding in all max((out - 1) s + k - in, 0). */
START_TEST(same_padding_by_hand)
{
    static const struct {
        size_t side, k, stride, out, pad;
    } cases[] = {
        {28, 4, 2, 14, 1}, // of 2
        {14, 4, 2, 7, 1},  // of 2
        {7, 4, 1, 7, 1},   // of 3: the smaller half in front
        {28, 4, 1, 28, 1}, // of 3
        {7, 3, 2, 4, 1},   // of 2
        {8, 3, 2, 4, 0},   // of 1: all of it behind
        {9, 5, 3, 3, 1},   // of 2
        {5, 1, 1, 5, 0},   // none
        {5, 1, 2, 3, 0},   // none: the kernel does not reach the next pixel
        {1, 4, 1, 1, 1},   // of 3
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wg_shape x = wg_shape(2, cases[i].side, cases[i].side, 3);
        struct wg_conv conv = wg_conv_same(&x, 5, cases[i].k, cases[i].stride);
        ck_assert_uint_eq(conv.oh, cases[i].out);
        ck_assert_uint_eq(conv.ow, cases[i].out);
        ck_assert_uint_eq(conv.pad, cases[i].pad);
        ck_assert(conv.n == 2 && conv.c == 3 && conv.oc == 5 && conv.k == cases[i].k);
    }
}
END_TEST

static struct wg_graph *new_graph(void)
{
    struct wg_graph *g = wg_graph_create();
    ck_assert_ptr_nonnull(g);
    return g;
}

static void check_failure_of(struct wg_graph *g, enum wg_status status, const char *message)
{
    ck_assert(!wg_graph_ok(g));
    ck_assert_int_eq(wg_error_status(), status);
    ck_assert_str_eq(wg_error_message(), message);
    wg_graph_destroy(g);
}

static void check_failure(struct wg_graph *g, const char *message)
{
    check_failure_of(g, WG_ERROR_ARGUMENT, message);
}

START_TEST(equal_pure_nodes_are_made_once)
{
    struct wg_graph *g = new_graph();
    struct wg_node *a = wg_variable(g, "a", WG_F32, wg_shape(6, 6));
    struct wg_node *b = wg_variable(g, "b", WG_F32, wg_shape(6));
    struct wg_node *y = wg_bias(g, a, b, WG_ACTIVATION_LEAKY_RELU, 0.2f);
    int count = wg_graph_count(g);
    ck_assert_ptr_eq(wg_bias(g, a, b, WG_ACTIVATION_LEAKY_RELU, 0.2f), y);
    ck_assert_int_eq(wg_graph_count(g), count);
    // Anything that differs makes another node.
    ck_assert_ptr_ne(wg_bias(g, a, b, WG_ACTIVATION_LEAKY_RELU, 0.1f), y);
    ck_assert_ptr_ne(wg_bias(g, a, b, WG_ACTIVATION_TANH, 0.2f), y);
    ck_assert_ptr_ne(wg_matmul(g, a, false, a, false), wg_matmul(g, a, true, a, false));
    ck_assert_ptr_ne(wg_matmul(g, a, false, y, false), wg_matmul(g, y, false, a, false));
    ck_assert_ptr_ne(wg_fill(g, 1.0f, wg_shape(4)), wg_fill(g, 1.0f, wg_shape(2, 2)));
    ck_assert_ptr_ne(wg_slice(g, a, 0), wg_slice(g, a, 1));
    struct wg_node *clock = wg_variable(g, "clock", WG_U32, wg_shape(2));
    ck_assert_ptr_ne(wg_normal(g, clock, 1, 0, wg_shape(4)),
                     wg_normal(g, clock, 1, 1, wg_shape(4)));
    ck_assert_ptr_ne(wg_normal(g, clock, 1, 0, wg_shape(4)),
                     wg_normal(g, clock, 1 + (UINT64_C(1) << 32), 0, wg_shape(4)));
    ck_assert(wg_graph_ok(g));
    wg_graph_destroy(g);
}
END_TEST

START_TEST(effects_are_never_shared)
{
    struct wg_graph *g = new_graph();
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(6));
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(6));
    struct wg_node *first = wg_assign(g, w, x), *second = wg_assign(g, w, x);
    ck_assert_ptr_ne(first, second);
    ck_assert_ptr_eq(first->storage, w);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(nodes_come_after_their_inputs)
{
    struct wg_graph *g = new_graph();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(3, 3));
    for (int i = 0; i < 200; i++) // more than one growth of the list
        x = wg_bias(g, x, wg_slice(g, x, 0), WG_ACTIVATION_NONE, 0.0f);
    for (int n = 0; n < wg_graph_count(g); n++) {
        const struct wg_node *node = wg_graph_node(g, n);
        ck_assert_int_eq(node->index, n);
        for (int i = 0; i < node->in_count; i++)
            ck_assert_int_lt(node->in[i]->index, n);
    }
    ck_assert_int_eq(wg_graph_count(g), 401);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(variables_have_unique_names_of_their_own)
{
    char name[] = "weight";
    struct wg_graph *g = new_graph();
    struct wg_node *w = wg_variable(g, name, WG_F32, wg_shape(2));
    strcpy(name, "other");
    ck_assert_str_eq(w->name, "weight");
    ck_assert_ptr_null(wg_variable(g, "weight", WG_F32, wg_shape(3)));
    check_failure(g, "graph: weight: there is a variable of this name already");

    g = new_graph();
    ck_assert_ptr_null(wg_variable(g, "empty", WG_F32, wg_shape(3, 0)));
    check_failure(g, "graph: empty: a dimension is zero");
}
END_TEST

/* After the first mistake every builder passes NULL on, and the first reason stays. */
/* _i: by assign, by rmsprop, and by that its accumulator. */
START_TEST(only_variables_can_be_changed)
{
    const struct wg_update update = {.rate = 1.0f};
    struct wg_graph *g = new_graph();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(3)), *made;
    struct wg_node *constant = wg_fill(g, 1.0f, wg_shape(3));
    if (_i == 0)
        made = wg_assign(g, constant, x);
    else if (_i == 1)
        made = wg_rmsprop(g, 1, &constant, &x, &x, &update);
    else
        made = wg_rmsprop(g, 1, &x, &constant, &x, &update);
    ck_assert_ptr_null(made);
    check_failure(g, _i == 0 ? "graph: assign: only a variable can be changed"
                             : "graph: rmsprop: only a variable can be changed");
}
END_TEST

START_TEST(errors_stick)
{
    struct wg_graph *g = new_graph();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(3, 4));
    struct wg_node *wrong = wg_reshape(g, x, wg_shape(13)); // the mistake
    struct wg_node *y = wg_bias(g, wrong, wrong, WG_ACTIVATION_NONE, 0.0f);
    struct wg_shape image = wg_shape(1, 3, 4, 1);
    struct wg_conv conv = wg_conv_same(&image, 1, 3, 1);
    ck_assert_ptr_null(y);
    ck_assert_ptr_null(wg_conv2d(g, y, y, &conv));
    ck_assert_ptr_null(wg_moments(g, y));
    ck_assert_ptr_null(wg_batch_norm(g, x, NULL, y, y, 1e-3f, true, WG_ACTIVATION_NONE, 0.0f));
    ck_assert_ptr_null(wg_mean(g, y, 1.0f));
    ck_assert_ptr_null(wg_rmsprop(g, 1, &x, &x, &y, &(struct wg_update){.rate = 1.0f}));
    ck_assert_ptr_null(wg_assign(g, x, y));
    ck_assert_ptr_null(wg_record(g, y, y, y, 1, 0));
    ck_assert_ptr_null(wg_slice(g, y, 0));
    ck_assert_ptr_null(wg_sum_rows(g, y));
    ck_assert_ptr_null(wg_add(g, x, y));
    ck_assert_ptr_null(wg_broadcast(g, y, 1.0f, wg_shape(2)));
    ck_assert_ptr_null(wg_activation_gradient(g, x, y, WG_ACTIVATION_TANH, 0.0f));
    ck_assert_ptr_null(wg_moving_average(g, x, y, 0.8f, 1.0f));
    ck_assert_ptr_null(wg_batch(g, y, x, 1, 0, 4));
    ck_assert_ptr_null(wg_normal(g, y, 1, 0, wg_shape(4)));
    check_failure(g, "graph: reshape: the element counts differ");
    wg_graph_destroy(NULL);
}
END_TEST

/* _i: which allocation fails: of a name, of the list of nodes, of a node, of what a gradient needs.
 */
START_TEST(a_lack_of_memory_is_nobodys_mistake)
{
    static const char *const of[] = {"w", "fill", "mean", "gradient"};
    char message[64];
    struct wg_graph *g = new_graph();
    struct wg_node *x = _i >= 2 ? wg_variable(g, "x", WG_F32, wg_shape(3)) : NULL;
    struct wg_node *y = _i == 3 ? wg_mean(g, x, 1.0f) : NULL, *made = NULL;
    test_exhaust_memory();
    if (_i == 0)
        made = wg_variable(g, "w", WG_F32, wg_shape(3));
    else if (_i == 1)
        made = wg_fill(g, 1.0f, wg_shape(3));
    else if (_i == 2)
        made = wg_mean(g, x, 1.0f);
    else
        wg_gradient(g, y, &x, 1, &made);
    wg_mean(g, NULL, 1.0f); // the first failure stays
    test_return_memory();
    ck_assert_ptr_null(made);
    snprintf(message, sizeof message, "graph: %s: out of memory on the host", of[_i]);
    check_failure_of(g, WG_ERROR_MEMORY, message);
}
END_TEST

/* Builders take what wg_graph_create gives if there is no memory. */
START_TEST(a_missing_graph_is_an_error_that_sticks)
{
    const struct wg_update update = {1e-3f, 0.9f, 1e-7f, 0};
    struct wg_model model;
    wg_model_init(&model, NULL, &wg_widths_default);
    struct wg_node *clock = wg_variable(NULL, "clock", WG_U32, wg_shape(2));
    struct wg_node *z = wg_normal(NULL, clock, 1, 0, wg_shape(3, 100));
    struct wg_node *score = wg_critic(&model, NULL, wg_generator(&model, NULL, z, true, NULL));
    struct wg_node *loss = wg_mean(NULL, score, 1.0f);
    ck_assert_ptr_null(wg_network_update(&model.critic, NULL, loss, &update));
    ck_assert_ptr_null(wg_fill(NULL, 1.0f, wg_shape(4)));
    ck_assert(!wg_graph_ok(NULL));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
}
END_TEST

/* The widest vector that divides a row, up to the device's own, and 4 where that is not a CPU. */
START_TEST(vectors_divide_the_row)
{
    struct wg_device cpu = {.info = {.type = WG_DEVICE_CPU, .vector_width = 8}};
    struct wg_device gpu = {.info = {.type = WG_DEVICE_GPU, .vector_width = 1}};
    static const struct {
        size_t length;
        unsigned on_cpu, on_gpu;
    } cases[] = {{1, 1, 1}, {2, 2, 2}, {3, 1, 1}, {12, 4, 4}, {64, 8, 4}, {31, 1, 1}, {33, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_uint_eq(wg_vector_width(&cpu, cases[i].length), cases[i].on_cpu);
        ck_assert_uint_eq(wg_vector_width(&gpu, cases[i].length), cases[i].on_gpu);
    }
}
END_TEST

/* ---- choosing an implementation ---- */

static bool suits_nothing(const struct wg_node *node, const struct wg_device *device)
{
    (void)node, (void)device;
    return false;
}

static bool needs_measuring(const struct wg_node *node, const struct wg_device *device)
{
    (void)node, (void)device;
    return true;
}

START_TEST(what_needs_measuring_must_be_asked_for)
{
    const struct wg_op op = {
        .name = "made up",
        .implementations = {WG_BY(.name = "unsure", .needs_measuring = needs_measuring),
                            WG_BY(.name = "ref")},
    };
    struct wg_node node = {.op = &op};
    const struct wg_device device = {0};
    ck_assert_str_eq(wg_op_choose(&node, &device, NULL)->name, "ref");
    ck_assert_str_eq(wg_op_choose(&node, &device, "unsure")->name, "unsure");
    node.choice.by = op.implementations[0];
    ck_assert_str_eq(wg_op_choose(&node, &device, NULL)->name, "unsure");
}
END_TEST

START_TEST(the_first_implementation_that_suits_is_taken)
{
    const struct wg_op op = {
        .name = "made up",
        .implementations = {WG_BY(.name = "picky", .suits = suits_nothing), WG_BY(.name = "good"),
                            WG_BY(.name = "ref")},
    };
    const struct wg_node node = {.op = &op};
    const struct wg_device device = {0};
    ck_assert_str_eq(wg_op_choose(&node, &device, NULL)->name, "good");
    ck_assert_str_eq(wg_op_choose(&node, &device, "ref")->name, "ref");
    ck_assert_str_eq(wg_op_choose(&node, &device, "picky")->name, "good");
    ck_assert_str_eq(wg_op_choose(&node, &device, "unheard of")->name, "good");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("graph");
    tcase_add_test(tests, shapes_count_their_elements);
    tcase_add_test(tests, same_padding_by_hand);
    tcase_add_test(tests, equal_pure_nodes_are_made_once);
    tcase_add_test(tests, effects_are_never_shared);
    tcase_add_test(tests, nodes_come_after_their_inputs);
    tcase_add_test(tests, variables_have_unique_names_of_their_own);
    tcase_add_test(tests, errors_stick);
    tcase_add_loop_test(tests, only_variables_can_be_changed, 0, 3);
    tcase_add_loop_test(tests, a_lack_of_memory_is_nobodys_mistake, 0, 4);
    tcase_add_test(tests, a_missing_graph_is_an_error_that_sticks);
    tcase_add_test(tests, vectors_divide_the_row);
    tcase_add_test(tests, the_first_implementation_that_suits_is_taken);
    tcase_add_test(tests, what_needs_measuring_must_be_asked_for);

    Suite *suite = suite_create("graph");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
