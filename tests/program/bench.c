/* The benchmark's account of a step: complete, readable again, and refused when it is not one. */
#include "tests/program/programlib.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bench of the other tests' batch, so that its kernels are built already. */
static json_t *profile(void)
{
    const struct outcome bench =
        run("bench", "--batch", "2", "--steps", "1", "--critic-steps", "2", "--profile", "--json");
    check_done(&bench);
    json_t *json = json_loads(bench.out, 0, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static double number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    ck_assert_msg(json_is_number(value), "no number '%s'", key);
    return json_number_value(value);
}

static double total(const json_t *json, const char *key)
{
    const json_t *nodes = json_object_get(json, "nodes");
    double sum = 0;
    for (size_t i = 0; i < json_array_size(nodes); i++)
        sum += number(json_array_get(nodes, i), key);
    return sum;
}

START_TEST(the_nodes_are_the_step)
{
    json_t *json = profile();
    ck_assert_uint_gt(json_array_size(json_object_get(json, "nodes")), 20);
    ck_assert_double_eq(total(json, "launches"), number(json, "kernel_launches"));
    // Sums of the same numbers in another order.
    double gflop = number(json, "gflop_per_step");
    ck_assert_double_eq_tol(total(json, "gflop"), gflop, 1e-9 * gflop);
    ck_assert_double_gt(total(json, "gbytes"), 0);
    ck_assert_double_gt(total(json, "seconds"), 0);
    ck_assert_double_gt(number(json, "peak_gbytes"), 0);
    ck_assert_int_eq(json_dump_file(json, temporary_path("old.json"), 0), 0);
    json_decref(json);
}
END_TEST

START_TEST(a_result_is_compared_with_an_older_one)
{
    const struct outcome bench = run("bench", "--batch", "2", "--steps", "1", "--critic-steps", "2",
                                     "--profile", "--compare", temporary_path("old.json"));
    check_done(&bench);
    ck_assert_int_gt(count_of(bench.out, "of before"), 10);
    ck_assert(contains(bench.out, "conv2d_data"));
    ck_assert(contains(bench.out, "all kernels"));
}
END_TEST

/* Twice as wide is four times the work, but for the ends of the networks and the noise. */
START_TEST(wider_layers_are_more_work)
{
    const struct outcome bench = run("bench", "--batch", "2", "--steps", "1", "--critic-steps", "2",
                                     "--widths", "2", "--json");
    check_done(&bench);
    json_t *wide = json_loads(bench.out, 0, NULL);
    json_t *plain = json_load_file(temporary_path("old.json"), 0, NULL);
    ck_assert(wide && plain);
    ck_assert_double_eq(number(wide, "widths"), 2);
    ck_assert_double_eq(number(plain, "widths"), 1);
    double ratio = number(wide, "gflop_per_step") / number(plain, "gflop_per_step");
    ck_assert_msg(ratio > 3.8 && ratio < 4, "the ratio is %g", ratio);
    json_decref(wide);
    json_decref(plain);
}
END_TEST

/* One key of a result set to another value, or taken away. */
static void check_refused(const char *key, json_t *value, int code, const char *expected)
{
    json_t *old = json_load_file(temporary_path("old.json"), 0, NULL);
    ck_assert_ptr_nonnull(old);
    ck_assert_int_eq(json_object_set_new(old, key, value), 0);
    ck_assert_int_eq(json_dump_file(old, temporary_path("changed.json"), 0), 0);
    json_decref(old);
    const struct outcome bench = run("bench", "--batch", "2", "--critic-steps", "2", "--compare",
                                     temporary_path("changed.json"));
    check_failed(&bench, code, expected);
}

START_TEST(other_work_is_not_compared)
{
    check_refused("batch", json_integer(128), 2, "batch 128");
    check_refused("critic_steps", json_integer(5), 2, "critic steps 5");
    check_refused("widths", json_integer(3), 2, "widths 3");
    check_refused("seconds_per_step", json_real(0), 1, "above zero");
    check_refused("peak_gflops", json_real(-1), 1, "above zero");
    check_refused("nodes", json_integer(5), 1, "nodes");
    const struct outcome json = run("bench", "--json", "--compare", temporary_path("old.json"));
    check_failed(&json, 2, "--compare", "--json");
}
END_TEST

START_TEST(another_device_is_named)
{
    json_t *old = json_load_file(temporary_path("old.json"), 0, NULL);
    ck_assert_ptr_nonnull(old);
    ck_assert_int_eq(json_object_set_new(old, "device", json_string("an abacus")), 0);
    ck_assert_int_eq(json_object_del(old, "critic_steps"), 0); // as older files have it
    ck_assert_int_eq(json_dump_file(old, temporary_path("changed.json"), 0), 0);
    json_decref(old);
    const struct outcome bench = run("bench", "--batch", "2", "--steps", "1", "--critic-steps", "2",
                                     "--compare", temporary_path("changed.json"));
    check_done(&bench);
    ck_assert(contains(bench.out, "(before: an abacus)"));
    ck_assert_int_ge(count_of(bench.out, "of before"), 2);
}
END_TEST

START_TEST(what_is_no_result_is_refused_before_the_work)
{
    const struct outcome missing = run("bench", "--compare", "nowhere.json");
    check_failed(&missing, 1, "nowhere.json", "No such file");
    static const char text[] = "{\"device\": \"x\", \"batch\": \"many\"}";
    temporary_write("other.json", text, sizeof text - 1);
    const struct outcome other = run("bench", "--compare", temporary_path("other.json"));
    check_failed(&other, 1, "other.json: not a result of wgan-cl bench --json", "batch");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_nodes_are_the_step,     a_result_is_compared_with_an_older_one,
        other_work_is_not_compared, another_device_is_named,
        wider_layers_are_more_work, what_is_no_result_is_refused_before_the_work};
    return run_tests("bench", tests, countof(tests), true);
}
