/*
 * What the device can do at best is measured, whatever its largest group.
 */
#include "host/device/peak.h"
#include "tests/testlib.h"

static void check_peaks(void)
{
    double gflops = 0, gbytes = 0;
    ck_assert_msg(wg_device_measure_peak(test_device(), &gflops), "%s", wg_error_message());
    ck_assert_msg(wg_device_measure_bandwidth(test_device(), &gbytes), "%s", wg_error_message());
    ck_assert_double_gt(gflops, 0);
    ck_assert_double_gt(gbytes, 0);
}

START_TEST(a_device_has_its_peaks)
{
    check_peaks();
}
END_TEST

/* That of a GPU: its groups are as large as they may be. */
START_TEST(the_largest_group_need_not_be_a_power_of_two)
{
    static const size_t groups[] = {100, 24};
    struct wg_device_info *info = &test_device()->info, before = *info;
    info->type = WG_DEVICE_GPU;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (groups[i] <= before.work_group_size) {
            info->work_group_size = groups[i];
            check_peaks();
        }
    *info = before;
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("peak");
    tcase_add_test(tests, a_device_has_its_peaks);
    tcase_add_test(tests, the_largest_group_need_not_be_a_power_of_two);

    Suite *suite = suite_create("peak");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
