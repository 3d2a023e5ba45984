/*
 * Tests of philox_draws.c: the published vectors, the formulas in other words, and moments.
 */
#include <math.h>
#include <stdlib.h>

#include "host/reference/ops.h"
#include "host/reference/philox_draws.h"
#include "tests/reference/test.h"

/* The known answers that come with the authors' Random123, philox 4x32, 10 rounds. */
START_TEST(philox_known_answers)
{
    static const uint32_t vectors[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1},
    };
    uint32_t bits[4];

    ref_philox4x32(vectors[_i], vectors[_i] + 4, bits);
    ck_assert_mem_eq(bits, vectors[_i] + 6, sizeof(bits));
}
END_TEST

START_TEST(draw_places_its_words)
{
    const struct ref_draw draw = {UINT64_C(0x0000000700000003), 11, 13, REF_STREAM_SAMPLES};
    const uint32_t key[2] = {3, 7};
    const uint32_t counter[4] = {2, 11, 13, 4};
    uint32_t bits[11], block[4];

    ref_draw_bits(&draw, 11, bits);
    ref_philox4x32(counter, key, block);
    ck_assert_mem_eq(&bits[8], block, 3 * sizeof(*bits)); // elements 8, 9, 10: block 2
}
END_TEST

START_TEST(draws_follow_their_formulas)
{
    const struct ref_draw draw = {42, 5, 1, REF_STREAM_INDICES};
    const struct ref_draw weights_draw = {42, 6, 0, REF_STREAM_WEIGHTS};
    uint32_t bits[6], weight_bits[6], indices[6];
    double u[6], normals[6], weights[6];

    ref_draw_bits(&draw, 6, bits);
    ref_draw_bits(&weights_draw, 6, weight_bits);
    ref_draw_indices(&draw, 60000, 6, indices);
    ref_draw_normals(&draw, 6, normals);
    ref_draw_weights(42, 6, 0.5, 6, weights);
    for (int i = 0; i < 6; i++) {
        u[i] = (bits[i] / 512 + 0.5) / 8388608.0;
        ck_assert_uint_eq(indices[i], (uint32_t)floor(bits[i] / 4294967296.0 * 60000.0));
        ck_assert_double_eq_tol(weights[i], (weight_bits[i] / 512 + 0.5) / 8388608.0 - 0.5, 1e-15);
    }
    for (int i = 0; i < 6; i += 2) {
        ck_assert_double_eq_tol(hypot(normals[i], normals[i + 1]), sqrt(-2 * log(u[i])), 1e-14);
        ck_assert_double_eq_tol(sin(atan2(normals[i + 1], normals[i]) - 8 * atan(1) * u[i + 1]), 0,
                                1e-14);
    }
}
END_TEST

START_TEST(normals_are_normal)
{
    enum { COUNT = 100000 };
    const struct ref_draw draw = {1, 0, 0, REF_STREAM_SAMPLES};
    double *x = malloc(COUNT * sizeof(*x));
    double mean, variance, fourth = 0.0;

    ck_assert_ptr_nonnull(x);
    ref_draw_normals(&draw, COUNT, x);
    ref_moments(COUNT, 1, x, &mean, &variance);
    for (int i = 0; i < COUNT; i++)
        fourth += pow(x[i], 4) / COUNT;
    ck_assert_double_eq_tol(mean, 0.0, 0.015); // five standard errors, as below
    ck_assert_double_eq_tol(variance, 1.0, 0.025);
    ck_assert_double_eq_tol(fourth, 3.0, 0.16);
    free(x);
}
END_TEST

void test_add_philox_draws(TCase *tcase)
{
    tcase_add_loop_test(tcase, philox_known_answers, 0, 3);
    tcase_add_test(tcase, draw_places_its_words);
    tcase_add_test(tcase, draws_follow_their_formulas);
    tcase_add_test(tcase, normals_are_normal);
}
