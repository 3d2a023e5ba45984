/*
 * What the tests share: the device under test, closeness, and a main for Check with TAP output.
 */
#ifndef TESTS_TESTLIB_H
#define TESTS_TESTLIB_H

#include "include/wgan_cl.h"

#include <check.h>
#include <stddef.h>

/*
 * The device that WGAN_CL_DEVICE selects, else the default. A test that needs a device fails
 * without one: a suite that skips itself proves nothing.
 */
struct wg_device *test_device(void);

/* Runs the suite in this process, since an OpenCL context must not cross a fork; prints TAP,
 * returns the exit code for main. */
int test_run(Suite *suite);

/* Repeatable numbers in [-1, 1). */
void test_fill(float *values, size_t count, unsigned seed);

/*
 * The largest |got - expected| over the elements, in units of the rounding a sum allows:
 * 2^-24 * magnitude, where magnitude[i] is the sum of absolute values of the terms behind element
 * i (a plain bound: Higham, Accuracy and Stability, section 4.2, has n times that for n terms in
 * the worst case, sqrt(n) being typical). Reports the worst element through *ret_index.
 */
double test_rounding(const float *got, const double *expected, const double *magnitude,
                     size_t count, size_t *ret_index);

/*
 * From here to test_return_memory malloc finds nothing, whatever the size. Between them Check,
 * which needs memory itself, must not be called.
 */
void test_exhaust_memory(void);
void test_return_memory(void);

#endif
