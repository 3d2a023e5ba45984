/* The generator against the known answers that Random123 ships (its file kat_vectors). */
#include "host/base/philox.h"

#include "tests/testlib.h"

static const struct {
    uint32_t counter[4];
    uint32_t key[2];
    uint32_t expected[4];
} known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(gives_the_known_answers)
{
    struct wg_philox_block x = wg_philox(known_answers[_i].counter, known_answers[_i].key);
    for (int word = 0; word < 4; word++)
        ck_assert_uint_eq(x.v[word], known_answers[_i].expected[word]);
}
END_TEST

START_TEST(uniform_stays_inside_0_and_1)
{
    ck_assert_float_eq(wg_uniform_float(0), 0x1p-24f);
    ck_assert_float_eq(wg_uniform_float(0xffffffff), 1.0f - 0x1p-24f);
    ck_assert_float_eq(wg_uniform_float(0x80000000), 0.5f + 0x1p-24f);
    ck_assert_float_gt(wg_uniform_float(0), 0.0f);
    ck_assert_float_lt(wg_uniform_float(0xffffffff), 1.0f);
}
END_TEST

START_TEST(uniform_has_mean_a_half_and_variance_a_twelfth)
{
    enum { BLOCKS = 25000 };
    double sum = 0.0;
    double sum_of_squares = 0.0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        struct wg_philox_block x =
            wg_philox((const uint32_t[4]){i, 0, 0, 0}, (const uint32_t[2]){1, 2});
        for (int word = 0; word < 4; word++) {
            double u = wg_uniform_float(x.v[word]);
            sum += u;
            sum_of_squares += u * u;
        }
    }
    double mean = sum / (4.0 * BLOCKS);
    double variance = sum_of_squares / (4.0 * BLOCKS) - mean * mean;
    // Five standard deviations of the mean of 100,000 draws are 0.0046, of the variance 0.0012.
    ck_assert_double_eq_tol(mean, 0.5, 0.0046);
    ck_assert_double_eq_tol(variance, 1.0 / 12.0, 0.0012);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("philox");
    tcase_add_loop_test(tests, gives_the_known_answers, 0,
                        sizeof known_answers / sizeof known_answers[0]);
    tcase_add_test(tests, uniform_stays_inside_0_and_1);
    tcase_add_test(tests, uniform_has_mean_a_half_and_variance_a_twelfth);

    Suite *suite = suite_create("philox");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
