/*
 * record and advance: the ring of losses and the clock of a run.
 */
#include "tests/ops/oplib.h"

#include <string.h>

START_TEST(record_writes_one_cell_of_the_ring)
{
    enum { ROWS = 5, COLUMNS = 3 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *ring = rig_variable(&rig, "ring", wg_shape(ROWS, COLUMNS));
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, 2));
    uint32_t *now = rig_values(&rig, clock);
    now[WG_CLOCK_STEP] = 2 * ROWS + 3;
    now[WG_CLOCK_ITERATION] = 1;
    memcpy(rig_values(&rig, x), (float[]){40, 41, 44, 45}, 4 * sizeof(float));
    struct wg_node *record = wg_record(rig.graph, ring, clock, x, -2, 2);
    rig_run(&rig, NULL, &record, 1);
    rig_check_node(&rig, record);
    const float *before = rig_values(&rig, ring), *after = rig_result(&rig, ring);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        ck_assert_float_eq(after[i], i == 3 * COLUMNS + 2 ? -85.0f : before[i]);
    rig_finish(&rig);
}
END_TEST

START_TEST(advance_counts_steps_and_iterations)
{
    static const struct {
        uint32_t step, iteration;
        int counter;
        uint32_t step_after, iteration_after;
    } cases[] = {
        {0, 0, WG_CLOCK_STEP, 1, 0},          {7, 2, WG_CLOCK_STEP, 8, 2},
        {UINT32_MAX, 0, WG_CLOCK_STEP, 0, 0}, {7, 1, WG_CLOCK_ITERATION, 7, 2},
        {7, 2, WG_CLOCK_ITERATION, 7, 0}, // of three
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        rig_init(&rig);
        struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
        uint32_t *now = rig_values(&rig, clock);
        now[WG_CLOCK_STEP] = cases[i].step;
        now[WG_CLOCK_ITERATION] = cases[i].iteration;
        struct wg_node *advance = wg_advance(rig.graph, clock, (uint32_t)cases[i].counter, 3);
        rig_run(&rig, NULL, &advance, 1);
        const uint32_t *then = (const uint32_t *)(const void *)rig_result(&rig, clock);
        ck_assert_uint_eq(then[WG_CLOCK_STEP], cases[i].step_after);
        ck_assert_uint_eq(then[WG_CLOCK_ITERATION], cases[i].iteration_after);
        rig_finish(&rig);
    }
}
END_TEST

/* Three records and three advances, in the order they are asked for. */
START_TEST(effects_run_in_the_order_of_the_targets)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *ring = rig_variable(&rig, "ring", wg_shape(4, 1));
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    struct wg_node *targets[6];
    for (int i = 0; i < 3; i++) {
        struct wg_node *x = wg_fill(rig.graph, (float)(i + 1), wg_shape(1));
        targets[2 * i] = wg_record(rig.graph, ring, clock, x, 1, 0);
        targets[2 * i + 1] = wg_advance(rig.graph, clock, WG_CLOCK_STEP, 0);
    }
    rig_run(&rig, NULL, targets, 6);
    const float *cells = rig_result(&rig, ring);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq(cells[i], (float)(i + 1));
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(1));
    struct wg_node *ring = rig_variable(&rig, "ring", wg_shape(4, 2));
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    rig_check_refused(&rig, wg_record(rig.graph, ring, clock, x, 1, 2), "record");

    ring = rig_variable(&rig, "ring", wg_shape(4, 2));
    rig_check_refused(&rig, wg_record(rig.graph, ring, NULL, NULL, 1, 0), "record");

    clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    rig_check_refused(&rig, wg_advance(rig.graph, clock, WG_CLOCK_COUNT, 1), "advance");

    clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    rig_check_refused(&rig, wg_advance(rig.graph, clock, WG_CLOCK_ITERATION, 0), "advance");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("state");
    tcase_add_test(tests, record_writes_one_cell_of_the_ring);
    tcase_add_test(tests, advance_counts_steps_and_iterations);
    tcase_add_test(tests, effects_run_in_the_order_of_the_targets);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("state");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
