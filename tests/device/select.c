/*
 * Selecting a device by text, over a made-up list; no OpenCL.
 */
#include "host/device/select.h"

#include "tests/testlib.h"

#include <stdio.h>
#include <string.h>

enum { DEVICES = 6 };

/* Two platforms: a weak and a strong GPU, an accelerator, two CPUs, and a GPU that is too old. */
static struct wg_device_info devices[DEVICES];
static struct wg_device_list list;

static void add(const char *name, enum wg_device_type type, int platform, int index_in_platform,
                unsigned units)
{
    struct wg_device_info *device = &devices[list.count];
    *device = (struct wg_device_info){.index = list.count,
                                      .platform = platform,
                                      .index_in_platform = index_in_platform,
                                      .type = type,
                                      .compute_units = units,
                                      .clock_mhz = 1000,
                                      .usable = true};
    snprintf(device->name, sizeof device->name, "%s", name);
    list.count++;
}

static void make_list(void)
{
    list = (struct wg_device_list){.devices = devices};
    add("Acme Processor 4", WG_DEVICE_CPU, 0, 0, 4);
    add("Globex Arc 100", WG_DEVICE_GPU, 1, 0, 8);
    add("Globex Arc 300", WG_DEVICE_GPU, 1, 1, 32);
    add("Acme Processor 64", WG_DEVICE_CPU, 1, 2, 64);
    add("Initech Antique", WG_DEVICE_GPU, 1, 3, 1000);
    add("Hooli Board", WG_DEVICE_ACCELERATOR, 1, 4, 2);
    devices[4].usable = false;
    strcpy(devices[4].unusable_because, "OpenCL 1.1, 1.2 or newer is needed");
    wg_device_mark_default(&list);
}

/* The index of what the selector means. */
static int selected(const char *selector)
{
    const struct wg_device_info *device = wg_device_select(&list, selector);
    ck_assert_msg(device != NULL, "'%s': %s", selector ? selector : "(null)", wg_error_message());
    return device->index;
}

static void check_refused(const char *selector, const char *message)
{
    ck_assert_msg(!wg_device_select(&list, selector), "'%s' should have been refused", selector);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DEVICE);
    ck_assert_msg(strstr(wg_error_message(), message) != NULL, "'%s' gives '%s'", selector,
                  wg_error_message());
}

START_TEST(numbers_are_indices)
{
    for (int i = 0; i < DEVICES; i++) {
        char selector[16];
        snprintf(selector, sizeof selector, "%d", i);
        if (devices[i].usable)
            ck_assert_int_eq(selected(selector), i);
    }
    ck_assert_int_eq(selected("0:0"), 0);
    ck_assert_int_eq(selected("1:0"), 1);
    ck_assert_int_eq(selected("1:2"), 3);
}
END_TEST

START_TEST(cpu_and_gpu_take_the_best_of_their_type)
{
    ck_assert_int_eq(selected("gpu"), 2);
    ck_assert_int_eq(selected("GPU"), 2);
    ck_assert_int_eq(selected("cpu"), 3);
    ck_assert_int_eq(selected("Cpu"), 3);
}
END_TEST

START_TEST(part_of_a_name_in_any_case)
{
    ck_assert_int_eq(selected("Arc 100"), 1);
    ck_assert_int_eq(selected("arc 300"), 2);
    ck_assert_int_eq(selected("HOOLI"), 5);
    ck_assert_int_eq(selected("r 64"), 3);
}
END_TEST

START_TEST(a_name_that_several_have_is_ambiguous)
{
    check_refused("acme", "ambiguous");
    check_refused("acme", "0: Acme Processor 4, 3: Acme Processor 64");
    ck_assert_ptr_null(strstr(wg_error_message(), "Globex")); // those that match, no others
    check_refused("arc", "1: Globex Arc 100, 2: Globex Arc 300");
    check_refused(" ", "ambiguous");
}
END_TEST

START_TEST(what_matches_nothing_is_refused_with_the_list)
{
    static const char *const unknown[] = {
        "6",          "-1",           "0:1",        "2:0",    "1:",
        ":1",         "1:2:",         "1:2:3",      "0x1",    "99999999999999999999",
        "+1",         "1 ",           "gpu0",       "nosuch", "1:99999999999999999999",
        "4294967296", "0:4294967296", "2147483648",
    };
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        check_refused(unknown[i], unknown[i]);
        for (int d = 0; d < DEVICES; d++)
            check_refused(unknown[i], devices[d].name);
    }
}
END_TEST

START_TEST(an_unusable_device_is_refused_with_its_reason)
{
    check_refused("4", "device 4 (Initech Antique) cannot be used: OpenCL 1.1");
    check_refused("1:3", "OpenCL 1.1");
    check_refused("antique", "OpenCL 1.1");
}
END_TEST

START_TEST(one_device_is_kept)
{
    struct wg_device_info kept[DEVICES];
    struct wg_device_list copy = {.devices = kept, .count = DEVICES, .note_count = 1};
    memcpy(kept, devices, sizeof devices);
    ck_assert(!wg_device_list_keep(&copy, "acme")); // ambiguous
    ck_assert_int_eq(copy.count, DEVICES);
    ck_assert_int_eq(copy.note_count, 1);
    ck_assert(wg_device_list_keep(&copy, "1:2"));
    ck_assert_int_eq(copy.count, 1);
    ck_assert_int_eq(copy.note_count, 0);
    ck_assert_str_eq(copy.devices[0].name, "Acme Processor 64");
    ck_assert_int_eq(copy.devices[0].index, 3);
}
END_TEST

/* ---- the default ---- */

static int default_index(void)
{
    int found = -1;
    for (int i = 0; i < list.count; i++)
        if (devices[i].is_default) {
            ck_assert_int_eq(found, -1); // one at most
            found = i;
        }
    return found;
}

START_TEST(nothing_chosen_takes_the_default)
{
    ck_assert_int_eq(selected(NULL), 2);
    ck_assert_int_eq(selected(""), 2);
}
END_TEST

/* Taking the default away each time: GPUs by speed, the accelerator, then CPUs by speed. */
START_TEST(the_default_goes_by_type_then_speed)
{
    static const int order[] = {2, 1, 5, 3, 0};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(default_index(), order[i]);
        devices[order[i]].usable = false;
        wg_device_mark_default(&list);
    }
    ck_assert_int_eq(default_index(), -1);
    strcpy(devices[0].unusable_because, "it is on fire");
    check_refused(NULL, "none of the 6 OpenCL devices can be used: it is on fire");
    check_refused("gpu", "no usable device 'gpu'");
}
END_TEST

START_TEST(of_equals_the_first_is_the_default)
{
    devices[1].compute_units = devices[2].compute_units;
    wg_device_mark_default(&list);
    ck_assert_int_eq(default_index(), 1);
    ck_assert_int_eq(selected("gpu"), 1);
    devices[2].clock_mhz++; // units times clock decides
    wg_device_mark_default(&list);
    ck_assert_int_eq(default_index(), 2);
}
END_TEST

/* 64 names of 255 characters do not fit a message; what fits is shown. */
START_TEST(long_lists_are_cut)
{
    static struct wg_device_info many[64];
    struct wg_device_list crowd = {.devices = many, .count = 64};
    for (int i = 0; i < 64; i++) {
        many[i] = (struct wg_device_info){.index = i, .usable = true};
        memset(many[i].name, 'a' + i % 26, sizeof many[i].name - 1);
    }
    ck_assert_ptr_null(wg_device_select(&crowd, "7:7"));
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "no usable device '7:7'; there is 0: aaa"));
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("select");
    tcase_add_checked_fixture(tests, make_list, NULL);
    tcase_add_test(tests, numbers_are_indices);
    tcase_add_test(tests, cpu_and_gpu_take_the_best_of_their_type);
    tcase_add_test(tests, part_of_a_name_in_any_case);
    tcase_add_test(tests, a_name_that_several_have_is_ambiguous);
    tcase_add_test(tests, what_matches_nothing_is_refused_with_the_list);
    tcase_add_test(tests, an_unusable_device_is_refused_with_its_reason);
    tcase_add_test(tests, one_device_is_kept);
    tcase_add_test(tests, nothing_chosen_takes_the_default);
    tcase_add_test(tests, the_default_goes_by_type_then_speed);
    tcase_add_test(tests, of_equals_the_first_is_the_default);
    tcase_add_test(tests, long_lists_are_cut);

    Suite *suite = suite_create("select");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
