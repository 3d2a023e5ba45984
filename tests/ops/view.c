/*
 * reshape, slice and assign: the same numbers elsewhere or under another shape.
 */
#include "host/graph/autodiff.h"
#include "tests/ops/oplib.h"

#include <string.h>

START_TEST(reshape_copies_nothing)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(3, 4, 5));
    struct wg_node *y =
        wg_reshape(rig.graph, wg_reshape(rig.graph, x, wg_shape(60)), wg_shape(4, 15));
    ck_assert_ptr_eq(y->storage, x);
    rig_run(&rig, NULL, &y, 1);
    ck_assert_int_eq(wg_exec_launch_count(rig.exec, 0), 0);
    ck_assert_mem_eq(rig_result(&rig, y), rig_values(&rig, x), 60 * sizeof(float));
    rig_finish(&rig);
}
END_TEST

/* A view of a computed tensor is a target like any other. */
START_TEST(reshape_of_a_result_can_be_read)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, 6));
    struct wg_node *y = wg_reshape(rig.graph, wg_add(rig.graph, x, x), wg_shape(3, 4));
    rig_run(&rig, NULL, &y, 1);
    const float *before = rig_values(&rig, x), *after = rig_result(&rig, y);
    for (int i = 0; i < 12; i++)
        ck_assert_float_eq(after[i], 2 * before[i]);
    rig_finish(&rig);
}
END_TEST

START_TEST(gradient_of_reshape_has_the_shape_of_its_input)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(2, 3, 2, 1)), *dx;
    struct wg_node *r = rig_variable(&rig, "r", wg_shape(4, 3));
    struct wg_node *y = wg_reshape(rig.graph, x, wg_shape(4, 3));
    wg_gradient(rig.graph, rig_inner(&rig, y, r), &x, 1, &dx);
    ck_assert(wg_shape_equal(&dx->shape, &x->shape));
    rig_run(&rig, NULL, &dx, 1);
    ck_assert_mem_eq(rig_result(&rig, dx), rig_values(&rig, r), 12 * sizeof(float));
    rig_finish(&rig);
}
END_TEST

/* _i: the row */
START_TEST(slice_is_a_row)
{
    enum { ROWS = 3, C = 33 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(ROWS, C));
    struct wg_node *y = wg_slice(rig.graph, x, (size_t)_i);
    ck_assert(wg_shape_equal(&y->shape, &wg_shape(C)));
    rig_run(&rig, NULL, &y, 1);
    const float *values = rig_values(&rig, x);
    ck_assert_mem_eq(rig_result(&rig, y), values + _i * C, C * sizeof(float));
    rig_finish(&rig);
}
END_TEST

/* The pure nodes see the variable as it was before any effect. */
START_TEST(assign_comes_after_every_reader)
{
    enum { COUNT = 67 };
    struct rig rig;
    rig_init(&rig);
    struct wg_node *to = rig_variable(&rig, "to", wg_shape(COUNT));
    struct wg_node *from = rig_variable(&rig, "from", wg_shape(COUNT, 1));
    struct wg_node *twice = wg_add(rig.graph, to, to);
    struct wg_node *targets[] = {wg_assign(rig.graph, to, from), twice};
    rig_run(&rig, NULL, targets, 2);
    const float *before = rig_values(&rig, to), *doubled = rig_result(&rig, twice);
    ck_assert_mem_eq(rig_result(&rig, to), rig_values(&rig, from), COUNT * sizeof(float));
    for (int i = 0; i < COUNT; i++)
        ck_assert_float_eq(doubled[i], 2 * before[i]);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    struct wg_node *dx;
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(3, 4));
    rig_check_refused(&rig, wg_reshape(rig.graph, x, wg_shape(3, 5)), "reshape");
    rig_check_refused(&rig, wg_reshape(rig.graph, NULL, wg_shape(1)), "reshape");

    x = rig_variable(&rig, "x", wg_shape(3, 4));
    rig_check_refused(&rig, wg_slice(rig.graph, x, 3), "slice");

    x = rig_variable(&rig, "x", wg_shape(3, 1));
    wg_gradient(rig.graph, wg_slice(rig.graph, x, 0), &x, 1, &dx);
    rig_check_refused(&rig, dx, "slice"); // has no gradient

    x = rig_variable(&rig, "x", wg_shape(3, 4));
    struct wg_node *y = rig_variable(&rig, "y", wg_shape(13));
    rig_check_refused(&rig, wg_assign(rig.graph, x, y), "assign");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("view");
    tcase_add_test(tests, reshape_copies_nothing);
    tcase_add_test(tests, reshape_of_a_result_can_be_read);
    tcase_add_test(tests, gradient_of_reshape_has_the_shape_of_its_input);
    tcase_add_loop_test(tests, slice_is_a_row, 0, 3);
    tcase_add_test(tests, assign_comes_after_every_reader);
    tcase_add_test(tests, refusals_name_the_op);

    Suite *suite = suite_create("view");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
