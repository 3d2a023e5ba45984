/*
 * Execution: the same plan gives the same bytes every time, schedules share one arena, and every
 * mistake of a caller has a message.
 */
#include "host/graph/exec.h"

#include "host/graph/autodiff.h"
#include "host/graph/bind.h"
#include "host/graph/fuse.h"
#include "tests/ops/oplib.h"

#include <stdlib.h>
#include <string.h>

static const struct wg_conv conv = {3, 9, 8, 5, 9, 8, 7, 4, 1, 1};

/* A layer with its gradients; four targets. */
static void build_layer(struct rig *rig, struct wg_node *ret_targets[4])
{
    struct wg_node *in[] = {rig_variable(rig, "x", wg_shape(conv.n, conv.h, conv.w, conv.c)),
                            rig_variable(rig, "w", wg_shape(conv.k, conv.k, conv.c, conv.oc)),
                            rig_variable(rig, "b", wg_shape(conv.oc))};
    struct wg_node *sum = wg_conv2d(rig->graph, in[0], in[1], &conv);
    struct wg_node *y = wg_bias(rig->graph, sum, in[2], WG_ACTIVATION_LEAKY_RELU, 0.2f);
    wg_gradient(rig->graph, wg_mean(rig->graph, y, 1.0f), in, 3, ret_targets + 1);
    ck_assert(wg_fuse(rig->graph, test_device()));
    ret_targets[0] = y;
}

START_TEST(the_same_plan_gives_the_same_bytes)
{
    struct rig rig, other;
    struct wg_node *targets[4], *others[4];
    rig_init(&rig);
    rig_init(&other);
    build_layer(&rig, targets);
    build_layer(&other, others);
    rig_run(&rig, NULL, targets, 4);
    rig_run(&other, NULL, others, 4); // in other buffers
    for (int i = 0; i < 4; i++) {
        float *first = rig_result(&rig, targets[i]);
        ck_assert_mem_eq(rig_result(&other, others[i]), first, wg_node_bytes(targets[i]));
        ck_assert(wg_exec_run(rig.exec, 0)); // and over what the first run left
        ck_assert_mem_eq(rig_result(&rig, targets[i]), first, wg_node_bytes(targets[i]));
    }
    rig_finish(&rig);
    rig_finish(&other);
}
END_TEST

/* ---- without the rig ---- */

/* Two schedules over one variable of 5 bytes and one of 6 numbers. */
struct pair {
    struct wg_graph *graph;
    struct wg_node *bytes, *x, *twice, *four;
    struct wg_plan *plan;
    struct wg_exec *exec;
};

static int last_done, last_total;

static void count_progress(void *user, int done, int total)
{
    ck_assert_ptr_eq(user, &last_done);
    ck_assert_int_eq(done, last_done + 1);
    last_done = done;
    last_total = total;
}

static void create_pair(struct pair *p)
{
    p->graph = wg_graph_create();
    p->bytes = wg_variable(p->graph, "bytes", WG_U8, wg_shape(5));
    p->x = wg_variable(p->graph, "x", WG_F32, wg_shape(6));
    p->twice = wg_add(p->graph, p->x, p->x);
    p->four = wg_add(p->graph, p->twice, p->twice);
    const struct wg_targets targets[] = {{"first", &p->twice, 1}, {"second", &p->four, 1}};
    last_done = last_total = 0;
    ck_assert_msg(wg_plan_create(p->graph, test_device(), targets, 2, NULL, &p->plan) &&
                      wg_exec_create(test_device(), p->plan, count_progress, &last_done, &p->exec),
                  "%s", wg_error_message());
}

static void destroy_pair(struct pair *p)
{
    wg_exec_destroy(p->exec);
    wg_plan_destroy(p->plan);
    wg_graph_destroy(p->graph);
}

START_TEST(progress_counts_every_program)
{
    struct pair p;
    wg_programs_release(test_device());
    create_pair(&p);
    ck_assert_int_eq(last_total, 1); // of three launches
    ck_assert_int_eq(last_done, 1);
    ck_assert_int_eq(wg_exec_launch_count(p.exec, 0), 1);
    ck_assert_int_eq(wg_exec_launch_count(p.exec, 1), 2);
    destroy_pair(&p);
}
END_TEST

START_TEST(variables_start_as_zeros_and_keep_what_is_written)
{
    struct pair p;
    const uint8_t bytes[5] = {1, 2, 3, 254, 255};
    const float x[6] = {1, 2, 3, 4, 5, 6};
    uint8_t bytes_back[6] = {9, 9, 9, 9, 9, 9};
    float x_back[6];
    create_pair(&p);
    ck_assert(wg_exec_read(p.exec, p.x, x_back));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(x_back[i], 0.0f);
    ck_assert(wg_exec_write(p.exec, p.bytes, bytes) && wg_exec_write(p.exec, p.x, x));
    ck_assert(wg_exec_read(p.exec, p.bytes, bytes_back) && wg_exec_read(p.exec, p.x, x_back));
    ck_assert_mem_eq(bytes_back, bytes, 5);
    ck_assert_int_eq(bytes_back[5], 9); // five bytes, no more
    ck_assert_mem_eq(x_back, x, sizeof x);
    destroy_pair(&p);
}
END_TEST

/* So a kernel that does nothing shows. */
START_TEST(what_nothing_has_computed_is_no_number)
{
    struct pair p;
    float twice[6];
    create_pair(&p);
    ck_assert(wg_exec_read_target(p.exec, 0, p.twice, twice));
    for (int i = 0; i < 6; i++)
        ck_assert_float_nan(twice[i]);
    destroy_pair(&p);
}
END_TEST

START_TEST(schedules_run_on_their_own)
{
    struct pair p;
    const float x[6] = {1, 2, 3, 4, 5, 6};
    float result[6];
    create_pair(&p);
    ck_assert(wg_exec_write(p.exec, p.x, x));
    ck_assert(wg_exec_run(p.exec, 1) && wg_exec_read_target(p.exec, 1, p.four, result));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(result[i], 4 * x[i]);
    ck_assert(wg_exec_run(p.exec, 0) && wg_exec_read_target(p.exec, 0, p.twice, result));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(result[i], 2 * x[i]);
    ck_assert(wg_exec_read_target(p.exec, 0, p.x, result)); // a variable belongs to all
    ck_assert_mem_eq(result, x, sizeof x);
    destroy_pair(&p);
}
END_TEST

START_TEST(reading_what_a_schedule_does_not_compute_fails)
{
    struct pair p;
    float result[6] = {7, 7, 7, 7, 7, 7};
    create_pair(&p);
    ck_assert(!wg_exec_read_target(p.exec, 0, p.four, result));
    ck_assert_str_eq(wg_error_message(), "schedule 'first' does not compute 'add'");
    ck_assert_float_eq(result[0], 7.0f);
    destroy_pair(&p);
    wg_exec_destroy(NULL);
}
END_TEST

/* ---- an op that breaks the rules ---- */

static enum { TOO_MUCH_SCRATCH, TOO_FEW_ARGUMENTS, NO_SUCH_KERNEL, GROUP_TOO_LARGE } mistake;

static size_t little_scratch(const struct wg_node *node, const struct wg_device *device)
{
    (void)node, (void)device;
    return 64;
}

static bool bind_wrongly(const struct wg_node *y, struct wg_binder *binder)
{
    size_t bytes = mistake == TOO_MUCH_SCRATCH ? 65 : 64;
    struct wg_call call = {
        .file = "copy",
        .kernel = mistake == NO_SUCH_KERNEL ? "nosuch" : "copy",
        .arguments = {WG_NODE(y->in[0]), WG_SCRATCH(0, bytes), WG_INT(0), WG_INT(1)},
        .global = {1},
    };
    if (mistake == TOO_FEW_ARGUMENTS)
        call.arguments[3].kind = WG_ARGUMENT_END;
    if (mistake == GROUP_TOO_LARGE)
        call.local[0] = (size_t)1 << 20;
    return wg_bind_kernel(binder, &call);
}

static const struct wg_op wrong_op = {
    .name = "wrong",
    .implementations = {WG_BY(.name = "ref", .scratch = little_scratch, .bind = bind_wrongly)},
};

/* _i: the mistake */
START_TEST(mistakes_of_an_op_are_caught_while_binding)
{
    static const char *const messages[] = {
        [TOO_MUCH_SCRATCH] = "op 'wrong' uses more scratch than it asked for",
        [TOO_FEW_ARGUMENTS] = "kernel 'copy' of 'copy' takes 4 arguments, got 3",
        [NO_SUCH_KERNEL] = "kernel 'nosuch' of program 'copy'",
        [GROUP_TOO_LARGE] = "kernel 'copy' of 'copy' needs groups of 1048576 x 1 x 1 work items",
    };
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(4));
    struct wg_node *y = wg_node_add(
        g, &(struct wg_node){.op = &wrong_op, .shape = x->shape, .in = {x}, .in_count = 1});
    const struct wg_targets targets = {"wrong", &y, 1};
    struct wg_plan *plan;
    struct wg_exec *exec = NULL;
    mistake = _i;
    ck_assert(wg_plan_create(g, test_device(), &targets, 1, NULL, &plan));
    ck_assert(!wg_exec_create(test_device(), plan, NULL, NULL, &exec));
    ck_assert_ptr_null(exec);
    ck_assert_msg(strstr(wg_error_message(), messages[_i]) != NULL, "%s", wg_error_message());
    wg_plan_destroy(plan);
    wg_graph_destroy(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("exec");
    tcase_add_test(tests, the_same_plan_gives_the_same_bytes);
    tcase_add_test(tests, progress_counts_every_program);
    tcase_add_test(tests, variables_start_as_zeros_and_keep_what_is_written);
    tcase_add_test(tests, what_nothing_has_computed_is_no_number);
    tcase_add_test(tests, schedules_run_on_their_own);
    tcase_add_test(tests, reading_what_a_schedule_does_not_compute_fails);
    tcase_add_loop_test(tests, mistakes_of_an_op_are_caught_while_binding, 0, 4);

    Suite *suite = suite_create("exec");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
