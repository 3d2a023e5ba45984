/* Ticks of an axis: their places and their names. */
#include "host/files/ticks.h"

#include <math.h>

#include "tests/files/scratch.h"

#define MINUS "\xe2\x88\x92"

START_TEST(places_and_names)
{
    static const struct {
        double low, high;
        int most;
        double step_min;
        int count;
        const char *first, *second, *last;
    } cases[] = {
        {0, 1, 5, 0, 6, "0", "0.2", "1.0"},
        {-1.2, 0.3, 6, 0, 3, MINUS "1.0", MINUS "0.5", "0"},
        {1, 20000, 10, 1, 10, "2,000", "4,000", "20,000"},
        {0, 1234567, 5, 1, 3, "0", "500,000", "1,000,000"},
        {0, 1, 10, 1, 2, "0", "1", "1"},
        {-2.5e-7, 1e-7, 4, 0, 4, MINUS "2e" MINUS "7", MINUS "1e" MINUS "7", "1e" MINUS "7"},
        {0.9e9, 1.1e9, 5, 0, 5, "0.90e9", "0.95e9", "1.10e9"},
        {0.0012, 0.0034, 5, 0, 4, "0.0015", "0.0020", "0.0030"},
        {-1e99, 1e99, 4, 0, 5, MINUS "1.0e99", MINUS "0.5e99", "1.0e99"},
    };
    for (size_t c = 0; c < countof(cases); c++) {
        char label[WG_TICKS_LABEL_ROOM];
        const struct wg_ticks ticks =
            wg_ticks_choose(cases[c].low, cases[c].high, cases[c].most, cases[c].step_min);
        ck_assert_int_eq(ticks.count, cases[c].count);
        wg_ticks_label(&ticks, 0, label);
        ck_assert_str_eq(label, cases[c].first);
        wg_ticks_label(&ticks, 1, label);
        ck_assert_str_eq(label, cases[c].second);
        wg_ticks_label(&ticks, ticks.count - 1, label);
        ck_assert_str_eq(label, cases[c].last);
    }
}
END_TEST

/* Whatever the range: some ticks, not too many, all inside, zero exactly zero. */
START_TEST(any_range)
{
    for (int power = -90; power <= 90; power++)
        for (int i = 1; i < 60; i++) {
            const double size = pow(10, power) * i / 7.0;
            const double low = size * (i % 5 - 3), high = low + size * (1 + i % 3);
            const struct wg_ticks ticks = wg_ticks_choose(low, high, 8, 0);
            ck_assert_int_ge(ticks.count, 2);
            ck_assert_int_le(ticks.count, 9);
            for (int t = 0; t < ticks.count; t++) {
                char label[WG_TICKS_LABEL_ROOM];
                const double value = wg_ticks_at(&ticks, t);
                ck_assert(value >= low - 1e-6 * size && value <= high + 1e-6 * size);
                ck_assert(value == 0 || fabs(value) > 1e-3 * ticks.step);
                wg_ticks_label(&ticks, t, label);
                ck_assert_uint_le(strlen(label), 16);
            }
        }
}
END_TEST

START_TEST(step_wider_than_the_range)
{
    ck_assert_int_eq(wg_ticks_choose(0.2, 0.8, 5, 1).count, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {places_and_names, any_range, step_wider_than_the_range};
    return run_tests("ticks", tests, countof(tests));
}
