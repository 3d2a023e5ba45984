/*
 * The tests of the yardstick itself, in TAP; the cases are in test_*.c.
 */
#include "tests/reference/test.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

void test_randomise(size_t count, double *x)
{
    static uint64_t state = 1;

    for (size_t i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        x[i] = (double)(state >> 11) * 0x1p-52 - 1.0;
    }
}

void test_check_all(size_t count, const double *got, const double *expected, double tolerance)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(got[i] - expected[i]) <= tolerance, "[%zu]: %.17g, expected %.17g", i,
                      got[i], expected[i]);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*add)(TCase *tcase);
    } cases[] = {
        {"ops", test_add_ops}, {"philox_draws", test_add_philox_draws}, {"wgan", test_add_wgan}};
    Suite *suite = suite_create("reference");

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        TCase *tcase = tcase_create(cases[i].name);

        cases[i].add(tcase);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);

    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
