#include "tests/testlib.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

struct wg_device *test_device(void)
{
    static struct wg_device *device;
    if (!device && !wg_device_open(getenv("WGAN_CL_DEVICE"), &device)) {
        fprintf(stderr, "no device to test on: %s\n", wg_error_message());
        exit(1);
    }
    return device;
}

int test_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

void test_fill(float *values, size_t count, unsigned seed)
{
    uint32_t state = seed * 2654435761u + 12345u;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(state >> 8) * 0x1p-23f - 1.0f;
    }
}

double test_rounding(const float *got, const double *expected, const double *magnitude,
                     size_t count, size_t *ret_index)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        double unit = 0x1p-24 * (magnitude[i] > 0x1p-100 ? magnitude[i] : 0x1p-100);
        double error = fabs((double)got[i] - expected[i]) / unit;
        if (!(error <= worst)) { // a NaN is the worst
            worst = isnan(error) ? INFINITY : error;
            *ret_index = i;
        }
    }
    return worst;
}

/* ---- no memory ---- */

struct block {
    struct block *next;
};

static struct block *hoard;

static struct rlimit memory_limit; // before

/* The stack could not grow either. */
static void grow_stack(void)
{
    volatile char pages[256 * 1024];
    for (size_t i = 0; i < sizeof pages; i += 1024)
        pages[i] = 0;
}

void test_exhaust_memory(void)
{
    grow_stack();
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &memory_limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = memory_limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    // What was freed is kept by its size, so every small one is asked for.
    for (size_t size = 1 << 20; size > 0; size -= size > 4096 ? size / 2 : 16)
        for (struct block *block; (block = malloc(size)) != NULL; hoard = block)
            block->next = hoard;
}

void test_return_memory(void)
{
    setrlimit(RLIMIT_AS, &memory_limit);
    for (struct block *next; hoard; hoard = next) {
        next = hoard->next;
        free(hoard);
    }
}
