/*
 * What one implementation computes, as what another one is held against.
 */
#include "host/tune/yardstick.h"

#include "host/base/child.h"
#include "host/graph/inputs.h"
#include "tests/testlib.h"

#include <stdio.h>

enum { TENSORS = WG_UPDATE_MAX };

static struct wg_node *update_many(struct wg_graph *g)
{
    struct wg_node *tensors[3][TENSORS];
    for (int i = 0; i < 3 * TENSORS; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        tensors[i % 3][i / 3] = wg_variable(g, name, WG_F32, wg_shape(10));
    }
    return wg_rmsprop(g, TENSORS, tensors[0], tensors[1], tensors[2],
                      &(struct wg_update){.rate = 0.1f, .decay = 0.9f, .epsilon = 1e-7f});
}

/* Every weight and every accumulator, down to the last tensor's; no gradient, which stays. */
START_TEST(of_an_update_it_has_all_that_changes)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_case c;
    ck_assert(wg_case_create(update_many(g), &c));
    ck_assert_msg(wg_yardstick_prepare(&c, test_device(), "ref"), "%s", wg_error_message());
    ck_assert_int_eq(c.expectation.count, 2 * TENSORS);
    for (int i = 0; i < 2 * TENSORS; i++)
        ck_assert_ptr_eq(c.expectation.outputs[i].node, c.node->in[3 * (i / 2) + i % 2]);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(of_an_effect_it_has_the_variable)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node *to = wg_variable(g, "to", WG_F32, wg_shape(10));
    struct wg_node *from = wg_variable(g, "from", WG_F32, wg_shape(10));
    struct wg_case c;
    ck_assert(wg_case_create(wg_assign(g, to, from), &c));
    ck_assert_msg(wg_yardstick_prepare(&c, test_device(), "ref"), "%s", wg_error_message());
    ck_assert_int_eq(c.expectation.count, 1);
    ck_assert_ptr_eq(c.expectation.outputs[0].node, c.node->in[0]);
    for (int i = 0; i < 10; i++)
        ck_assert_double_eq(c.expectation.outputs[0].value[i],
                            (double)((const float *)c.values[1])[i]);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

int main(int argc, char **argv)
{
    int code;
    if (wg_child_main(argc, argv, &code))
        return code;
    TCase *tests = tcase_create("yardstick");
    tcase_add_test(tests, of_an_update_it_has_all_that_changes);
    tcase_add_test(tests, of_an_effect_it_has_the_variable);
    Suite *suite = suite_create("yardstick");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
