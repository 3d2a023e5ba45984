/*
 * Listing and opening real devices, with the loader of this machine.
 */
#include "host/device/device.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wg_device_list *list_devices(void)
{
    struct wg_device_list *list = NULL;
    ck_assert_msg(wg_device_list_create(&list), "%s", wg_error_message());
    return list;
}

START_TEST(at_least_one_device_is_listed_and_usable)
{
    struct wg_device_list *list = list_devices();
    int usable = 0, defaults = 0;
    ck_assert_int_ge(list->count, 1);
    for (int i = 0; i < list->count; i++) {
        const struct wg_device_info *info = &list->devices[i];
        ck_assert_int_eq(info->index, i);
        ck_assert_uint_gt(strlen(info->name), 0);
        ck_assert_uint_gt(strlen(info->platform_name), 0);
        ck_assert_int_eq(info->usable, info->unusable_because[0] == '\0');
        usable += info->usable;
        defaults += info->is_default;
        ck_assert(!info->is_default || info->usable);
        if (!info->usable)
            continue;
        ck_assert_ptr_eq(strstr(info->opencl_version, "OpenCL "), info->opencl_version);
        ck_assert_uint_gt(info->compute_units, 0);
        ck_assert_uint_gt(info->vector_width, 0);
        ck_assert_uint_gt(info->work_group_size, 0);
        ck_assert_uint_gt(info->largest_buffer, 0);
        ck_assert_uint_ge(info->global_memory, info->largest_buffer);
    }
    ck_assert_int_ge(usable, 1);
    ck_assert_int_eq(defaults, 1);
    wg_device_list_destroy(list);
    wg_device_list_destroy(NULL);
}
END_TEST

START_TEST(an_opened_device_is_the_one_listed)
{
    struct wg_device_list *list = list_devices();
    for (int i = 0; i < list->count; i++) {
        char selector[32];
        struct wg_device *device = NULL;
        if (!list->devices[i].usable)
            continue;
        snprintf(selector, sizeof selector, "%d:%d", list->devices[i].platform,
                 list->devices[i].index_in_platform);
        ck_assert_msg(wg_device_open(selector, &device), "%s", wg_error_message());
        ck_assert_int_eq(wg_device_get_info(device)->index, i);
        ck_assert_str_eq(wg_device_get_info(device)->name, list->devices[i].name);
        // A sub-buffer may start at any multiple of this, and no cache line is shared.
        ck_assert_uint_ge(device->buffer_alignment, 64);
        ck_assert_uint_eq(device->buffer_alignment & (device->buffer_alignment - 1), 0);
        ck_assert(wg_device_finish(device));
        wg_device_close(device);
    }
    wg_device_list_destroy(list);
    wg_device_close(NULL);
}
END_TEST

START_TEST(an_unknown_device_is_not_opened)
{
    struct wg_device *device = NULL;
    ck_assert(!wg_device_open("no such device", &device));
    ck_assert_ptr_null(device);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DEVICE);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "no such device"));
}
END_TEST

START_TEST(handles_of_a_device_that_has_gone)
{
    cl_platform_id platform = NULL;
    cl_device_id id = NULL;
    struct wg_device_info info = {.index = 7, .platform = 1000};
    ck_assert(!wg_device_handles(&info, &platform, &id));
    ck_assert_str_eq(wg_error_message(), "OpenCL platform 1000 has gone");
    info = test_device()->info;
    info.index_in_platform = 1000;
    ck_assert(!wg_device_handles(&info, &platform, &id));
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "has gone"));
    ck_assert(platform == NULL && id == NULL);
}
END_TEST

START_TEST(types_have_names)
{
    ck_assert_str_eq(wg_device_type_name(WG_DEVICE_CPU), "CPU");
    ck_assert_str_eq(wg_device_type_name(WG_DEVICE_GPU), "GPU");
    ck_assert_str_eq(wg_device_type_name(WG_DEVICE_ACCELERATOR), "accelerator");
    ck_assert_str_eq(wg_device_type_name(WG_DEVICE_OTHER), "other");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("devices");
    tcase_add_test(tests, at_least_one_device_is_listed_and_usable);
    tcase_add_test(tests, an_opened_device_is_the_one_listed);
    tcase_add_test(tests, an_unknown_device_is_not_opened);
    tcase_add_test(tests, handles_of_a_device_that_has_gone);
    tcase_add_test(tests, types_have_names);

    Suite *suite = suite_create("devices");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
