/*
 * Choices: which are made, which are left to heuristics, and that planning follows them. On a
 * made-up device, with a made-up op of three implementations.
 */
#include "host/graph/choices.h"

#include "host/device/tuning.h"
#include "host/graph/plan.h"
#include "tests/testlib.h"

#include <stdlib.h>
#include <string.h>

enum { TILE, PARTS };

static const struct wg_knob knobs[] = {{"tile", {32, 64, 0}}, {"parts", {1, 2, 4, 0}}, {0}};
static const struct wg_knob other_knobs[] = {{"tile", {7, 0}}, {0}};

/* No tile of 64 for fewer than 64 columns. */
static bool suits_tiled(const struct wg_node *node, const struct wg_device *device)
{
    (void)device;
    return wg_shape_last(&node->shape) >= (size_t)wg_knob(node, knobs, TILE, 32);
}

static size_t scratch_tiled(const struct wg_node *node, const struct wg_device *device)
{
    (void)device;
    return 1000 * (size_t)wg_knob(node, knobs, PARTS, 3);
}

static const struct wg_op op = {
    .name = "tiling",
    .implementations = {WG_BY(.name = "whole", .knobs = other_knobs),
                        WG_BY(.name = "tiled", .suits = suits_tiled, .scratch = scratch_tiled,
                              .knobs = knobs),
                        WG_BY(.name = "ref")},
};

static const int nothing[WG_KNOBS_MAX];

static struct wg_device made_up(void)
{
    return (struct wg_device){
        .info = {.type = WG_DEVICE_GPU, .global_memory = 1 << 30, .largest_buffer = 1 << 30},
        .buffer_alignment = 64,
    };
}

static struct wg_node *add(struct wg_graph *g, size_t columns, float rate)
{
    struct wg_node *x =
        wg_graph_count(g) ? wg_graph_node(g, 0) : wg_variable(g, "x", WG_F32, wg_shape(columns));
    return wg_node_add(g, &(struct wg_node){.op = &op,
                                            .shape = wg_shape(columns),
                                            .in = {x},
                                            .in_count = 1,
                                            .attr = {.update = {.rate = rate}}});
}

START_TEST(heuristics_take_the_first_that_suits)
{
    struct wg_device device = made_up();
    struct wg_graph *g = wg_graph_create();
    const struct wg_node *node = add(g, 48, 0);
    ck_assert_str_eq(wg_op_choose(node, &device, NULL)->name, "whole");
    ck_assert_int_eq(wg_knob(node, knobs, TILE, 5), 5);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(a_choice_is_followed_with_its_knobs)
{
    struct wg_device device = made_up();
    struct wg_graph *g = wg_graph_create();
    struct wg_node *node = add(g, 64, 0);
    ck_assert(wg_choose(node, &device, "tiled", (int[WG_KNOBS_MAX]){[TILE] = 64}));
    ck_assert_str_eq(wg_op_choose(node, &device, NULL)->name, "tiled");
    ck_assert_int_eq(wg_knob(node, knobs, TILE, 5), 64);
    ck_assert_int_eq(wg_knob(node, knobs, PARTS, 5), 5); // left to its heuristic
    // Another implementation is not misled by them.
    ck_assert_int_eq(wg_knob(node, other_knobs, TILE, 5), 5);
    ck_assert_str_eq(wg_op_choose(node, &device, "ref")->name, "ref");
    wg_graph_destroy(g);
}
END_TEST

START_TEST(what_does_not_fit_is_no_choice)
{
    static const struct {
        const char *implementation;
        int knob[WG_KNOBS_MAX];
    } wrong[] = {
        {"gone", {0}},               // no such implementation
        {"tiled", {[TILE] = 33}},    // no such value
        {"tiled", {[3] = 1}},        // no such knob
        {"ref", {[TILE] = 32}},      // no knobs at all
        {"tiled", {[TILE] = 64}},    // not on this node
        {"whole", {[TILE] = 32, 0}}, // a value of another's knob
    };
    struct wg_device device = made_up();
    struct wg_graph *g = wg_graph_create();
    struct wg_node *node = add(g, 48, 0);
    ck_assert(wg_choose(node, &device, "tiled", nothing));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(!wg_choose(node, &device, wrong[i].implementation, wrong[i].knob),
                      "choice %zu was made", i);
        ck_assert_str_eq(wg_op_choose(node, &device, NULL)->name, "tiled");
    }
    wg_graph_destroy(g);
}
END_TEST

START_TEST(planning_follows_the_devices_tuning)
{
    struct wg_tuned_node rows[] = {
        {.key = "tiling 64 of 64", .implementation = "tiled", .knob = {64, 2}},
        {.key = "tiling 48 of 48", .implementation = "tiled", .knob = {64, 2}},
    };
    struct wg_tuning tuning = {.nodes = rows, .count = 2};
    struct wg_device device = made_up();
    for (int i = 0; i < 2; i++) {
        struct wg_graph *g = wg_graph_create();
        struct wg_node *node = add(g, i ? 48 : 64, 1);
        const struct wg_targets targets = {.name = "test", .nodes = &node, .count = 1};
        struct wg_plan *plan;
        device.tuning = &tuning;
        ck_assert(wg_plan_create(g, &device, &targets, 1, NULL, &plan));
        // The second row does not suit its node: heuristics decide, silently.
        ck_assert_str_eq(plan->schedules[0].tasks[0].implementation->name, i ? "whole" : "tiled");
        ck_assert_uint_eq(plan->schedules[0].tasks[0].scratch.bytes, i ? 0 : 2000);
        wg_plan_destroy(plan);
        ck_assert(wg_plan_create(g, &device, &targets, 1, "ref", &plan));
        ck_assert_str_eq(plan->schedules[0].tasks[0].implementation->name, "ref");
        wg_plan_destroy(plan);
        wg_graph_destroy(g);
    }
}
END_TEST

START_TEST(a_choice_makes_no_nodes_differ)
{
    struct wg_device device = made_up();
    struct wg_graph *g = wg_graph_create();
    struct wg_node *node = add(g, 64, 0);
    ck_assert(wg_choose(node, &device, "tiled", nothing));
    ck_assert_ptr_eq(add(g, 64, 0), node);
    ck_assert_ptr_ne(add(g, 64, 1), node);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(keys_hold_what_decides_on_speed)
{
    char key[WG_NODE_KEY_MAX], same[WG_NODE_KEY_MAX];
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(2, 28, 28, 3));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(4, 4, 3, 5));
    struct wg_conv conv = wg_conv_same(&x->shape, 5, 4, 2);
    wg_node_key(wg_conv2d(g, x, w, &conv), key);
    ck_assert_str_eq(key, "conv2d 2x14x14x5 of 2x28x28x3, 4x4x3x5; stride 2 pad 1");
    struct wg_node *a = wg_variable(g, "a", WG_F32, wg_shape(8, 6));
    wg_node_key(wg_matmul(g, a, true, a, false), key);
    ck_assert_str_eq(key, "matmul 6x6 of 8x6, 8x6; transposed a");
    wg_node_key(wg_mean(g, a, 0.5f), key);
    wg_node_key(wg_mean(g, a, 0.25f), same);
    ck_assert_str_eq(key, same);
    struct wg_node *all[] = {a, x};
    wg_node_key(wg_rmsprop(g, 2, all, all, all, &(struct wg_update){0}), key);
    ck_assert_str_eq(key, "rmsprop 4752");
    ck_assert(wg_graph_ok(g));
    wg_graph_destroy(g);
}
END_TEST

/* Less scratch, more chunks. */
START_TEST(im2col_has_a_knob)
{
    struct wg_device device = made_up();
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(64, 28, 28, 32));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(4, 4, 32, 64));
    struct wg_conv conv = wg_conv_same(&x->shape, 64, 4, 2);
    struct wg_node *node = wg_conv2d(g, x, w, &conv);
    const struct wg_implementation *gemm = wg_op_find(node->op, "gemm");
    device.info.work_group_size = 256;
    device.info.local_memory = 32 << 10;
    size_t before = gemm->scratch(node, &device);
    ck_assert(wg_choose(node, &device, "gemm", (int[WG_KNOBS_MAX]){4}));
    size_t after = gemm->scratch(node, &device);
    ck_assert_uint_le(after, 4 << 20);
    ck_assert_uint_gt(before, 4 << 20);
    wg_graph_destroy(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("choices");
    tcase_add_test(tests, heuristics_take_the_first_that_suits);
    tcase_add_test(tests, a_choice_is_followed_with_its_knobs);
    tcase_add_test(tests, what_does_not_fit_is_no_choice);
    tcase_add_test(tests, planning_follows_the_devices_tuning);
    tcase_add_test(tests, a_choice_makes_no_nodes_differ);
    tcase_add_test(tests, keys_hold_what_decides_on_speed);
    tcase_add_test(tests, im2col_has_a_knob);

    Suite *suite = suite_create("choices");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
