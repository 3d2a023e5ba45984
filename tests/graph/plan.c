/*
 * The plan: order, and memory that is shared by no two tensors alive together. On a made-up device;
 * planning needs no OpenCL.
 */
#include "host/graph/plan.h"

#include "host/gan/model.h"
#include "host/graph/fuse.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 128 };

static struct wg_device made_up(uint64_t largest_buffer)
{
    return (struct wg_device){
        .info = {.name = "made up",
                 .type = WG_DEVICE_CPU,
                 .compute_units = 2,
                 .vector_width = 8,
                 .work_group_size = 4096,
                 .global_memory = UINT64_C(1) << 40,
                 .largest_buffer = largest_buffer},
        .buffer_alignment = ALIGNMENT,
        .work_item_sizes = {4096, 4096, 4096},
    };
}

static struct wg_plan *must_plan(const struct wg_graph *g, const struct wg_device *device,
                                 const struct wg_targets *targets, int count)
{
    struct wg_plan *plan = NULL;
    ck_assert_msg(wg_graph_ok(g), "%s", wg_error_message());
    ck_assert_msg(wg_plan_create(g, device, targets, count, NULL, &plan), "%s", wg_error_message());
    return plan;
}

/* ---- lifetimes, computed anew ---- */

struct life {
    const struct wg_placement *place;
    int birth, death; // tasks
};

/* The last task that reads the memory of `node`, or the end if it is a target. */
static int last_use(const struct wg_schedule *s, const struct wg_targets *targets,
                    const struct wg_node *node, int birth)
{
    int last = birth;
    for (int t = 0; t < s->count; t++)
        for (int i = 0; i < s->tasks[t].node->in_count; i++)
            if (s->tasks[t].node->in[i]->storage == node)
                last = t;
    for (int t = 0; t < targets->count; t++)
        if (targets->nodes[t]->storage == node)
            last = s->count;
    return last;
}

static int list_lives(const struct wg_schedule *s, const struct wg_targets *targets,
                      struct life *lives)
{
    int count = 0;
    for (int t = 0; t < s->count; t++) {
        const struct wg_task *task = &s->tasks[t];
        const struct wg_node *node = task->node;
        if (node->storage == node)
            lives[count++] =
                (struct life){&s->placement[node->index], t, last_use(s, targets, node, t)};
        if (node->moments)
            lives[count++] = (struct life){&s->placement[node->moments->index], t,
                                           last_use(s, targets, node->moments, t)};
        if (task->scratch.bank >= 0)
            lives[count++] = (struct life){&task->scratch, t, t};
    }
    return count;
}

static void check_pair(const struct life *a, const struct life *b)
{
    bool together = a->birth <= b->death && b->birth <= a->death;
    bool overlap = a->place->bank == b->place->bank &&
                   a->place->offset < b->place->offset + b->place->bytes &&
                   b->place->offset < a->place->offset + a->place->bytes;
    ck_assert_msg(!together || !overlap,
                  "bank %d: [%zu, +%zu) of tasks %d to %d and [%zu, +%zu) of %d to %d",
                  a->place->bank, a->place->offset, a->place->bytes, a->birth, a->death,
                  b->place->offset, b->place->bytes, b->birth, b->death);
}

static uint64_t padded(const struct wg_placement *place)
{
    return (place->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* Bytes of the tensors alive during a task. */
static uint64_t alive_during(int task, const struct life *lives, int count)
{
    uint64_t sum = 0;
    for (int i = 0; i < count; i++)
        if (lives[i].birth <= task && task <= lives[i].death)
            sum += padded(lives[i].place);
    return sum;
}

/* What all tensors of a schedule take: together, and at one time at most. */
struct sizes {
    uint64_t sum, alive;
};

/* All that a placement must obey. */
static struct sizes check_placements(const struct wg_plan *plan, const struct wg_targets *targets,
                                     int schedule)
{
    const struct wg_schedule *s = &plan->schedules[schedule];
    struct life *lives = calloc(3 * (size_t)s->count + 1, sizeof *lives);
    ck_assert_ptr_nonnull(lives);
    int count = list_lives(s, &targets[schedule], lives);
    struct sizes sizes = {0};
    for (int i = 0; i < count; i++) {
        const struct wg_placement *place = lives[i].place;
        ck_assert_int_ge(place->bank, 0);
        ck_assert_int_lt(place->bank, plan->bank_count);
        ck_assert_uint_eq(place->offset % ALIGNMENT, 0);
        ck_assert_uint_gt(place->bytes, 0);
        ck_assert_uint_le(place->offset + place->bytes, plan->bank_bytes[place->bank]);
        sizes.sum += padded(place);
        for (int k = 0; k < i; k++)
            check_pair(&lives[i], &lives[k]);
    }
    for (int t = 0; t < s->count; t++) {
        uint64_t alive = alive_during(t, lives, count);
        sizes.alive = alive > sizes.alive ? alive : sizes.alive;
    }
    free(lives);
    return sizes;
}

/* Every task after those it reads from, effects last and in the order asked for. */
static void check_order(const struct wg_schedule *s, const struct wg_targets *targets)
{
    int next_effect = 0;
    for (int t = 0; t < s->count; t++) {
        const struct wg_node *node = s->tasks[t].node;
        ck_assert_ptr_nonnull(s->tasks[t].implementation);
        for (int later = t; later < s->count; later++)
            for (int i = 0; i < node->in_count; i++)
                ck_assert_ptr_ne(s->tasks[later].node, node->in[i]->storage);
        if (!node->op->is_effect) {
            ck_assert_int_eq(next_effect, 0);
            continue;
        }
        while (!targets->nodes[next_effect]->op->is_effect)
            next_effect++;
        ck_assert_ptr_eq(node, targets->nodes[next_effect++]);
    }
}

/* ---- a training of both networks ---- */

struct training {
    struct wg_graph *graph;
    struct wg_node *nodes[3];
    struct wg_targets targets[2];
};

static const struct wg_widths widths = {5, 3, 8, 5, 4, 7, 2};
enum { BATCH = 3 };

static void init_training(struct training *t)
{
    struct wg_model model;
    struct wg_node *moments[3];
    const struct wg_update update = {1e-3f, 0.9f, 1e-7f, 0};
    struct wg_graph *g = t->graph = wg_graph_create();
    wg_model_init(&model, g, &widths);
    struct wg_node *z = wg_variable(g, "z", WG_F32, wg_shape(BATCH, widths.noise));
    struct wg_node *images = wg_generator(&model, g, z, true, moments);
    struct wg_node *loss = wg_mean(g, wg_critic(&model, g, images), -1.0f);
    t->nodes[0] = wg_network_update(&model.generator, g, loss, &update);
    t->nodes[1] = loss;
    t->nodes[2] = wg_generator(&model, g, z, false, NULL);
    const struct wg_device device = made_up(1 << 30);
    ck_assert(wg_fuse(g, &device));
    t->targets[0] = (struct wg_targets){"update", t->nodes, 2};
    t->targets[1] = (struct wg_targets){"sample", &t->nodes[2], 1};
}

/* _i: with small buffers, that need several banks */
START_TEST(no_two_tensors_alive_together_overlap)
{
    struct training t;
    init_training(&t);
    struct wg_device device = made_up(_i ? 64 << 10 : 1 << 30);
    struct wg_plan *plan = must_plan(t.graph, &device, t.targets, 2);
    uint64_t largest_sum = 0, alive = 0;
    for (int s = 0; s < 2; s++) {
        struct sizes sizes = check_placements(plan, t.targets, s);
        largest_sum = sizes.sum > largest_sum ? sizes.sum : largest_sum;
        alive = sizes.alive > alive ? sizes.alive : alive;
        check_order(&plan->schedules[s], &t.targets[s]);
    }
    uint64_t banks = 0;
    for (int b = 0; b < plan->bank_count; b++) {
        ck_assert_uint_gt(plan->bank_bytes[b], 0);
        ck_assert_uint_le(plan->bank_bytes[b], device.info.largest_buffer);
        banks += plan->bank_bytes[b];
    }
    ck_assert_uint_eq(plan->arena_bytes, banks);
    ck_assert_uint_eq(plan->alive_bytes, alive);
    if (_i) {
        ck_assert_int_gt(plan->bank_count, 1);
    } else {
        ck_assert_int_eq(plan->bank_count, 1);
        ck_assert_uint_le(plan->arena_bytes, plan->alive_bytes + plan->alive_bytes / 10);
    }
    // Both schedules share the arena, and most tensors of the longer one die on the way.
    ck_assert_uint_lt(plan->arena_bytes, largest_sum * 3 / 4);
    wg_plan_destroy(plan);
    wg_graph_destroy(t.graph);
}
END_TEST

START_TEST(variables_lie_outside_the_arena)
{
    struct training t;
    init_training(&t);
    struct wg_device device = made_up(1 << 30);
    struct wg_plan *plan = must_plan(t.graph, &device, t.targets, 2);
    uint64_t bytes = 0;
    for (int n = 0; n < wg_graph_count(t.graph); n++) {
        const struct wg_node *node = wg_graph_node(t.graph, n);
        if (node->op && !node->op->is_constant)
            continue;
        bytes += wg_shape_count(&node->shape) * sizeof(float);
        for (int s = 0; s < 2; s++)
            ck_assert_int_eq(plan->schedules[s].placement[n].bank, -1);
    }
    ck_assert_uint_eq(plan->variable_bytes, bytes);
    wg_plan_destroy(plan);
    wg_graph_destroy(t.graph);
}
END_TEST

/* A byproduct is alive from its input's task on, for its own readers; and has a place where there
 * are none. */
START_TEST(moments_have_a_place_of_their_own)
{
    const struct wg_conv v = {16, 14, 14, 32, 7, 7, 16, 4, 2, 1};
    struct wg_graph *g = wg_graph_create();
    struct wg_device device = made_up(1 << 30);
    struct wg_node *y = wg_variable(g, "y", WG_F32, wg_shape(v.n, v.oh, v.ow, v.oc));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(v.k, v.k, v.c, v.oc));
    struct wg_node *moving = wg_variable(g, "moving", WG_F32, wg_shape(2, v.c));
    struct wg_node *u = wg_conv2d_data(g, y, w, &v), *m = wg_moments(g, u);
    struct wg_node *later = wg_add(g, wg_add(g, u, u), u);
    struct wg_node *updated[] = {later, wg_moving_average(g, moving, m, 0.5f, 1.0f)};
    ck_assert(wg_fuse(g, &device));
    ck_assert_ptr_eq(u->moments, m);
    const struct wg_targets targets[] = {{"update", updated, 2}, {"u", &u, 1}, {"m", &m, 1}};
    struct wg_plan *plan = must_plan(g, &device, targets, 3);
    for (int s = 0; s < 3; s++) {
        check_placements(plan, targets, s);
        ck_assert_int_ge(plan->schedules[s].placement[m->index].bank, 0);
    }
    ck_assert_int_eq(plan->schedules[0].count, 4);
    ck_assert_int_eq(plan->schedules[2].count, 1);
    ck_assert_double_eq(
        wg_schedule_moved_bytes(&plan->schedules[1]),
        (double)(wg_node_bytes(y) + wg_node_bytes(w) + wg_node_bytes(u) + wg_node_bytes(m)));
    wg_plan_destroy(plan);
    wg_graph_destroy(g);
}
END_TEST

/* ---- chains, where the best plan is known ---- */

/* y = x + b + b + ..., `length` times, each of `rows` * 32 numbers */
static struct wg_node *chain(struct wg_graph *g, size_t rows, int length)
{
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(rows, 32));
    struct wg_node *b = wg_variable(g, "b", WG_F32, wg_shape(32));
    for (int i = 0; i < length; i++)
        x = wg_bias(g, x, b, WG_ACTIVATION_NONE, 0.0f);
    return x;
}

START_TEST(a_chain_goes_back_and_forth_between_two_places)
{
    enum { ROWS = 10, BYTES = ROWS * 32 * 4 }; // a multiple of the alignment
    struct wg_graph *g = wg_graph_create();
    struct wg_node *y = chain(g, ROWS, 9);
    const struct wg_targets targets = {"chain", &y, 1};
    struct wg_device device = made_up(1 << 30);
    struct wg_plan *plan = must_plan(g, &device, &targets, 1);
    ck_assert_int_eq(plan->schedules[0].count, 9);
    ck_assert_uint_eq(plan->arena_bytes, 2 * BYTES);
    check_placements(plan, &targets, 0);
    wg_plan_destroy(plan);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(what_is_not_asked_for_is_not_computed)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *y = chain(g, 4, 3);
    struct wg_node *mean = wg_mean(g, y, 1.0f);
    wg_mean(g, mean, 2.0f); // nobody asks for this one
    const struct wg_targets targets[] = {{"mean", &mean, 1}, {"nothing", NULL, 0}};
    struct wg_device device = made_up(1 << 30);
    struct wg_plan *plan = must_plan(g, &device, targets, 2);
    ck_assert_int_eq(plan->schedules[0].count, 4);
    ck_assert_int_eq(plan->schedules[1].count, 0);
    wg_plan_destroy(plan);
    wg_graph_destroy(g);
}
END_TEST

/* Banks take one tensor each if the buffers are that small, but a tensor is never cut. */
START_TEST(buffers_as_large_as_one_tensor_are_enough)
{
    enum { ROWS = 10, BYTES = ROWS * 32 * 4 };
    struct wg_graph *g = wg_graph_create();
    struct wg_node *y = chain(g, ROWS, 3);
    const struct wg_targets targets = {"chain", &y, 1};
    struct wg_device device = made_up(BYTES);
    struct wg_plan *plan = must_plan(g, &device, &targets, 1);
    ck_assert_int_eq(plan->bank_count, 2);
    check_placements(plan, &targets, 0);
    wg_plan_destroy(plan);

    device = made_up(BYTES - 1);
    plan = NULL;
    ck_assert(!wg_plan_create(g, &device, &targets, 1, NULL, &plan));
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "largest this device gives"));
    wg_graph_destroy(g);
}
END_TEST

/* Kernels count in int: 2^31 bytes are too many for a data set, whatever the device says. */
START_TEST(tensors_beyond_the_reach_of_int_are_refused)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *huge = wg_variable(g, "huge", WG_U8, wg_shape((size_t)1 << 20, 32, 64));
    struct wg_node *clock = wg_variable(g, "clock", WG_U32, wg_shape(2));
    struct wg_node *y = wg_batch(g, huge, clock, 1, 0, 2);
    const struct wg_targets targets = {"batch", &y, 1};
    struct wg_device device = made_up(UINT64_C(1) << 40);
    struct wg_plan *plan = NULL;
    ck_assert(!wg_plan_create(g, &device, &targets, 1, NULL, &plan));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "2147483648 elements"));
    wg_graph_destroy(g);
}
END_TEST

START_TEST(flops_count_multiplications_and_additions)
{
    struct wg_graph *g = wg_graph_create();
    const struct wg_conv conv = {2, 6, 5, 3, 3, 3, 4, 4, 2, 1};
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(2, 6, 5, 3));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(4, 4, 3, 4));
    struct wg_node *a = wg_variable(g, "a", WG_F32, wg_shape(7, 5));
    struct wg_node *nodes[] = {wg_conv2d(g, x, w, &conv), wg_matmul(g, a, true, a, false)};
    const struct wg_targets targets = {"both", nodes, 2};
    struct wg_device device = made_up(1 << 30);
    struct wg_plan *plan = must_plan(g, &device, &targets, 1);
    // every output of every tap, also where it meets padding: 2 * (2 * 9 * 4) * (16 * 3) and
    // 2 * 5 * 5 * 7
    ck_assert_double_eq(wg_schedule_flops(&plan->schedules[0]), 6912 + 350);
    wg_plan_destroy(plan);
    wg_plan_destroy(NULL);
    wg_graph_destroy(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("plan");
    tcase_add_loop_test(tests, no_two_tensors_alive_together_overlap, 0, 2);
    tcase_add_test(tests, moments_have_a_place_of_their_own);
    tcase_add_test(tests, variables_lie_outside_the_arena);
    tcase_add_test(tests, a_chain_goes_back_and_forth_between_two_places);
    tcase_add_test(tests, what_is_not_asked_for_is_not_computed);
    tcase_add_test(tests, buffers_as_large_as_one_tensor_are_enough);
    tcase_add_test(tests, tensors_beyond_the_reach_of_int_are_refused);
    tcase_add_test(tests, flops_count_multiplications_and_additions);

    Suite *suite = suite_create("plan");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
