/*
 * What the tests of the yardstick share: random inputs, comparison, and the list of cases.
 */
#ifndef TESTS_REFERENCE_TEST_H
#define TESTS_REFERENCE_TEST_H

#include <check.h>
#include <stddef.h>

/* Uniform in (-1, 1), by a plain congruential generator: nothing of what is under test. */
void test_randomise(size_t count, double *x);

/* Fails the test at the first element that is off by more than the tolerance. */
void test_check_all(size_t count, const double *got, const double *expected, double tolerance);

void test_add_ops(TCase *tcase);
void test_add_philox_draws(TCase *tcase);
void test_add_wgan(TCase *tcase);

#endif
