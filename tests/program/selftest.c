/*
 * The self-test as a user meets it: the command, what a training does with a device that it has
 * not seen, and with one that computes wrong numbers.
 */
#include "tests/program/programlib.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One step of a training in the folder `out`; `force` may be NULL. */
static struct outcome train(const char *out, const char *force)
{
    return run("train", "--data", temporary_path("data"), "--batch", "2", "--steps", "1", "--out",
               out, force);
}

/* Devices and kernels that the cache remembers. */
static int remembered(void)
{
    return count_files("cache", ".json");
}

/* One file of the folder "kernels": the first `right` in it becomes `wrong`. */
static void change_kernel(const char *name, const char *right, const char *wrong)
{
    char changed[65536];
    size_t size;
    char *text = read_file(name, &size), *at = strstr(text, right);
    ck_assert_msg(at != NULL, "'%s' does not stand in %s", right, name);
    int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, wrong,
                          at + strlen(right));
    ck_assert(length > 0 && (size_t)length < sizeof changed);
    temporary_write(name, changed, (size_t)length);
    free(text);
}

START_TEST(the_device_passes)
{
    const struct outcome table = run("selftest", "--quick");
    check_done(&table);
    ck_assert_msg(contains(table.out, "\nall ") && contains(table.out, " pass, "), "%s", table.out);
    ck_assert(contains(table.out, "conv2d_data ") && !contains(table.out, "FAIL"));

    const struct outcome json = run("selftest", "--quick", "--json");
    check_done(&json);
    json_t *root = json_loads(json.out, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert(json_is_true(json_object_get(root, "passed")));
    ck_assert_int_eq(json_integer_value(json_object_get(root, "failed")), 0);
    const json_t *rows = json_object_get(root, "rows");
    ck_assert_uint_gt(json_array_size(rows), 15);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        ck_assert(json_is_string(json_object_get(row, "op")));
        ck_assert(json_is_true(json_object_get(row, "passed")));
        ck_assert_double_le(json_number_value(json_object_get(row, "error")), 1);
    }
    json_decref(root);
}
END_TEST

START_TEST(a_batch_is_tested)
{
    const struct outcome table = run("selftest", "--quick", "--batch", "2");
    check_done(&table);
    ck_assert_msg(contains(table.out, ", batch 2, tuning none\n") && contains(table.out, "\nall "),
                  "%s", table.out);
    ck_assert(contains(table.out, "  2 x 14 x 14 x 128 ") && !contains(table.out, "  128 x 14 x "));
    const struct outcome large = run("selftest", "--batch", "1000000");
    check_failed(&large, 1, "batch 1000000 does not fit", "; --batch ", " does");
    const struct outcome none = run("selftest", "--batch", "0");
    check_failed(&none, 2, "--batch '0'", "from 1 to 1000000");
    const struct outcome half = run("selftest", "--batch", "2.5");
    check_failed(&half, 2, "--batch '2.5'", "a whole number");
}
END_TEST

START_TEST(a_training_tests_a_device_once)
{
    write_images("data", 10, 1);
    program_use_cache(temporary_path("cache"));
    const struct outcome first = train("first", NULL);
    check_done(&first);
    ck_assert_int_eq(count_of(first.out, "selftest   "), 1);
    ck_assert(contains(first.out, "remembered"));
    ck_assert_int_eq(remembered(), 1);
    const struct outcome second = train("second", NULL);
    check_done(&second);
    ck_assert_int_eq(count_of(second.out, "selftest"), 0);
    const struct outcome resume = run("train", "--resume", "first", "--steps", "2");
    check_done(&resume);
    ck_assert_int_eq(count_of(resume.out, "selftest"), 0);
    ck_assert_int_eq(remembered(), 1);
}
END_TEST

START_TEST(other_kernels_are_tested_again)
{
    program_use_cache(temporary_path("cache"));
    setenv("WGAN_CL_KERNELS", copy_kernels(), 1);
    const struct outcome same = train("same", NULL); // the built-in ones under another name
    check_done(&same);
    ck_assert_int_eq(count_of(same.out, "selftest"), 0);
    change_kernel("kernels/copy.cl", "x[offset + i];", "x[offset + i] * 1.0f;");
    const struct outcome other = train("other", NULL);
    check_done(&other);
    ck_assert_int_eq(count_of(other.out, "selftest   "), 1);
    ck_assert_int_eq(remembered(), 2);
}
END_TEST

/* Goes on with the kernels of the test before. */
START_TEST(a_device_that_computes_wrong_is_refused)
{
    program_use_cache(temporary_path("cache"));
    change_kernel("kernels/moving_average.cl", "momentum * moving[i]", "1.001f * moving[i]");
    const struct outcome table = run("selftest", "--quick");
    ck_assert_int_eq(table.code, 1);
    ck_assert_str_eq(table.err, "");
    ck_assert_int_eq(count_of(table.out, " FAIL\n"), 1);
    ck_assert(contains(table.out, "FAILED: 1 of "));

    for (int again = 0; again < 2; again++) { // a failure is not remembered
        const struct outcome refused = train("wrong", NULL);
        check_failed(&refused, 1, "fails its self-test", "moving_average by ref", "expected",
                     "--force");
        ck_assert(!is_there("wrong"));
    }
    const struct outcome resume = run("train", "--resume", "first", "--steps", "3");
    check_failed(&resume, 1, "fails its self-test", "moving_average by ref");
    ck_assert(!is_there("first/checkpoints/000003.safetensors"));

    const struct outcome forced = train("wrong", "--force");
    check_done(&forced);
    ck_assert_int_eq(count_of(forced.out, "warning: "), 1);
    ck_assert(contains(forced.out, "moving_average by ref"));
    ck_assert(is_there("wrong/checkpoints/000001.safetensors"));
    ck_assert_int_eq(remembered(), 2);
    unsetenv("WGAN_CL_KERNELS");
}
END_TEST

static bool default_is_cpu(void)
{
    const struct outcome list = run("devices", "--json");
    check_done(&list);
    json_t *root = json_loads(list.out, 0, NULL), *device;
    bool is = false;
    size_t i;
    json_array_foreach(json_object_get(root, "devices"), i, device) is =
        is || (json_is_true(json_object_get(device, "is_default")) &&
               strcmp(json_string_value(json_object_get(device, "type")), "CPU") == 0);
    json_decref(root);
    return is;
}

/* These have no self-test before them, but look at what they draw. Goes on with the kernels of the
 * test before, whose mistake does not matter here. */
START_TEST(a_device_that_draws_wrong_is_refused)
{
    setenv("WGAN_CL_KERNELS", temporary_path("kernels"), 1);
    change_kernel("kernels/prelude.cl", "tanh(x)", "(1.01f * tanh(x))");
    const struct outcome sample = run("sample", "first", "--out", "wrong.png");
    check_failed(&sample, 1, "draws other images than the formulas", "of image 0 is", "selftest");
    ck_assert(!is_there("wrong.png"));
    const struct outcome eval = run("eval", "first", "--data", "digits", "-n", "10");
    check_failed(&eval, 1, "draws other images than the formulas", "of image 0 is", "selftest");
    unsetenv("WGAN_CL_KERNELS");
}
END_TEST

/* Rows of a batch alone are as wrong as all: 25 to 31 of 64, of which the 27th is looked at. Goes
 * on as well; on GPUs another kernel makes the images. */
START_TEST(a_device_that_draws_some_wrong_is_refused)
{
    if (!default_is_cpu())
        return;
    setenv("WGAN_CL_KERNELS", temporary_path("kernels"), 1);
    change_kernel("kernels/prelude.cl", "(1.01f * tanh(x))", "tanh(x)");
    change_kernel("kernels/conv2d_thin.cl", "BIAS_ARGUMENT image);",
                  "BIAS_ARGUMENT image);\n"
                  "for (int i = first * W; i < last * W && n >= 25 && n < 32; i++)\n"
                  "image[i] *= 1.1f;");
    const struct outcome few = run("sample", "first", "-n", "25", "--out", "few.png"),
                         sample = run("sample", "first", "-n", "64", "--out", "wrong.png"),
                         eval = run("eval", "first", "--data", "digits", "-n", "70");
    check_done(&few);
    check_failed(&sample, 1, "draws other images than the formulas", "of image 27 is");
    ck_assert(!is_there("wrong.png"));
    check_failed(&eval, 1, "draws other images than the formulas", "of image 27 is");
    unsetenv("WGAN_CL_KERNELS");
}
END_TEST

/* Below a file there can be no folder, not even for root. */
START_TEST(a_cache_that_cannot_be_used_is_one_warning)
{
    char cache[1024];
    snprintf(cache, sizeof cache, "%s/below", temporary_path("data"));
    program_use_cache(cache);
    const struct outcome outcome = train("uncached", NULL);
    check_done(&outcome);
    ck_assert_int_eq(count_of(outcome.out, "warning: "), 1);
    ck_assert(contains(outcome.out, cache));
    ck_assert_int_eq(count_of(outcome.out, "selftest   "), 1);
    ck_assert(!contains(outcome.out, "remembered"));
    ck_assert(is_there("uncached/checkpoints/000001.safetensors"));
}
END_TEST

START_TEST(a_damaged_cache_is_made_again)
{
    program_use_cache(temporary_path("cache"));
    ck_assert_int_eq(remembered(), 2);
    const char *folder = temporary_path("cache/wgan-cl/selftest");
    DIR *entries = opendir(folder);
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry; (entry = readdir(entries));) {
        char name[320];
        snprintf(name, sizeof name, "cache/wgan-cl/selftest/%s", entry->d_name);
        if (strstr(entry->d_name, ".json"))
            temporary_write(name, "{\"device\": \"ano", 15);
    }
    closedir(entries);
    const struct outcome outcome = train("damaged", NULL);
    check_done(&outcome);
    ck_assert_int_eq(count_of(outcome.out, "selftest   "), 1);
    ck_assert_int_eq(count_of(outcome.out, "warning: "), 1);
    ck_assert(contains(outcome.out, "warning: the device is tested again: ") &&
              contains(outcome.out, "cache/wgan-cl/selftest/"));
    ck_assert_int_eq(remembered(), 2);
    const struct outcome again = train("again", NULL);
    check_done(&again);
    ck_assert_int_eq(count_of(again.out, "selftest"), 0);
    ck_assert_int_eq(count_of(again.out, "warning: "), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_device_passes,
        a_batch_is_tested,
        a_training_tests_a_device_once,
        other_kernels_are_tested_again,
        a_device_that_computes_wrong_is_refused,
        a_device_that_draws_wrong_is_refused,
        a_device_that_draws_some_wrong_is_refused,
        a_cache_that_cannot_be_used_is_one_warning,
        a_damaged_cache_is_made_again,
    };
    return run_tests("selftest", tests, countof(tests), true);
}
