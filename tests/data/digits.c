/* The built-in digits: the same everywhere, balanced, various, and digits. */
#include "host/data/digits.h"

#include "include/wgan_cl.h"
#include "tests/testlib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = WG_IMAGE_SIDE, PIXELS = WG_IMAGE_PIXELS, COUNT = 20000, SEED = 1998 };

static uint8_t *pixels; // [COUNT, SIDE, SIDE]
static uint8_t *labels; // [COUNT]

static void setup(void)
{
    pixels = malloc((size_t)COUNT * PIXELS);
    labels = malloc(COUNT);
    ck_assert(pixels && labels);
    ck_assert(wg_digits_draw(SEED, COUNT, pixels, labels));
}

static void teardown(void)
{
    free(pixels);
    free(labels);
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t hash(uint64_t start, const uint8_t *bytes, size_t size)
{
    uint64_t h = start;
    for (size_t i = 0; i < size; i++)
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    return h;
}

static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325);

START_TEST(are_the_same_to_the_bit_on_every_machine)
{
    uint64_t h = hash(hash(hash_start, pixels, 1000 * PIXELS), labels, 1000);
    ck_assert_msg(h == UINT64_C(0xdb3287ea530370da), "the hash is 0x%016llx",
                  (unsigned long long)h);
}
END_TEST

START_TEST(do_not_depend_on_the_count)
{
    enum { FEW = 37 };
    static uint8_t few_pixels[FEW * PIXELS];
    static uint8_t few_labels[FEW];
    ck_assert(wg_digits_draw(SEED, FEW, few_pixels, few_labels));
    ck_assert_int_eq(memcmp(few_pixels, pixels, sizeof few_pixels), 0);
    ck_assert_int_eq(memcmp(few_labels, labels, sizeof few_labels), 0);
}
END_TEST

START_TEST(depend_on_every_bit_of_the_seed)
{
    uint64_t reference = hash(hash_start, pixels, PIXELS);
    for (int bit = 0; bit < 64; bit += 7) {
        uint8_t other[PIXELS];
        uint8_t label;
        ck_assert(wg_digits_draw(SEED ^ UINT64_C(1) << bit, 1, other, &label));
        ck_assert(hash(hash_start, other, PIXELS) != reference);
    }
}
END_TEST

START_TEST(refuse_more_than_fits_memory)
{
    uint8_t pixel = 0;
    ck_assert(!wg_digits_draw(SEED, SIZE_MAX / PIXELS + 1, &pixel, &pixel));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_ARGUMENT);
}
END_TEST

START_TEST(have_balanced_labels_in_random_order)
{
    int count[10] = {0};
    int repeats = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert_uint_lt(labels[i], 10);
        count[labels[i]]++;
        repeats += i > 0 && labels[i] == labels[i - 1];
    }
    // Both are binomial of 20,000 and 0.1; five standard deviations are 212.
    for (int digit = 0; digit < 10; digit++)
        ck_assert_int_le(abs(count[digit] - COUNT / 10), 212);
    ck_assert_int_le(abs(repeats - COUNT / 10), 212);
}
END_TEST

/*
 * As MNIST: within 20x20, the longer side filled, the centre of mass within half a pixel of pixel
 * (14, 14), save for a few sevens that would stick out below.
 */
START_TEST(are_normalised_like_mnist)
{
    int off = 0;
    for (int i = 0; i < COUNT; i++) {
        const uint8_t *p = pixels + (size_t)i * PIXELS;
        double mass = 0.0, sum_x = 0.0, sum_y = 0.0;
        int left = SIDE, right = -1, top = SIDE, bottom = -1;
        for (int k = 0; k < PIXELS; k++) {
            int x = k % SIDE, y = k / SIDE;
            mass += p[k];
            sum_x += (double)p[k] * x;
            sum_y += (double)p[k] * y;
            if (p[k] == 0)
                continue;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y > bottom ? y : bottom;
        }
        ck_assert_msg(mass > 1000.0, "image %d has hardly any ink", i);
        double dx = sum_x / mass - 14.0, dy = sum_y / mass - 14.0;
        ck_assert_double_le(fabs(dx), 0.5);
        ck_assert_msg(dy >= -1.5 && dy <= 0.5, "image %d: %g pixels too low", i, dy);
        off += dy < -0.5;
        int width = right - left + 1, height = bottom - top + 1;
        int longer = width > height ? width : height;
        ck_assert_msg(longer >= 18 && longer <= 20, "image %d: %dx%d", i, width, height);
    }
    ck_assert_int_lt(off, COUNT / 500);
}
END_TEST

/* The means over MNIST are 33 of 255 and 0.19; these need not agree to the digit. */
START_TEST(have_as_much_ink_as_mnist)
{
    double sum = 0.0;
    size_t inked = 0;
    size_t grey = 0;
    for (size_t k = 0; k < (size_t)COUNT * PIXELS; k++) {
        sum += pixels[k];
        inked += pixels[k] > 0;
        grey += pixels[k] > 0 && pixels[k] < 255;
    }
    ck_assert_double_eq_tol(sum / COUNT / PIXELS, 33.5, 2.0);
    ck_assert_double_eq_tol((double)inked / COUNT / PIXELS, 0.19, 0.02);
    ck_assert_double_eq_tol((double)grey / (double)inked, 0.65, 0.1);
}
END_TEST

static double distance2(const uint8_t *p, const double *mean)
{
    double sum = 0.0;
    for (int k = 0; k < PIXELS; k++)
        sum += (p[k] - mean[k]) * (p[k] - mean[k]);
    return sum;
}

START_TEST(can_be_told_apart_by_their_class_means)
{
    static double mean[10][PIXELS];
    int count[10] = {0};
    for (int i = 0; i < COUNT / 2; i++) {
        count[labels[i]]++;
        for (int k = 0; k < PIXELS; k++)
            mean[labels[i]][k] += pixels[(size_t)i * PIXELS + (size_t)k];
    }
    for (int digit = 0; digit < 10; digit++)
        for (int k = 0; k < PIXELS; k++)
            mean[digit][k] /= count[digit];

    int right = 0;
    for (int i = COUNT / 2; i < COUNT; i++) {
        int nearest = 0;
        double smallest = INFINITY;
        for (int digit = 0; digit < 10; digit++) {
            double d = distance2(pixels + (size_t)i * PIXELS, mean[digit]);
            nearest = d < smallest ? digit : nearest;
            smallest = d < smallest ? d : smallest;
        }
        right += nearest == labels[i];
    }
    ck_assert_double_gt((double)right / (COUNT / 2), 0.7);
}
END_TEST

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

START_TEST(are_all_different)
{
    uint64_t *hashes = malloc(COUNT * sizeof *hashes);
    ck_assert_ptr_nonnull(hashes);
    for (size_t i = 0; i < COUNT; i++)
        hashes[i] = hash(hash_start, pixels + i * PIXELS, PIXELS);
    qsort(hashes, COUNT, sizeof *hashes, compare_hashes);
    for (size_t i = 1; i < COUNT; i++)
        ck_assert(hashes[i] != hashes[i - 1]);
    free(hashes);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("digits");
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, are_the_same_to_the_bit_on_every_machine);
    tcase_add_test(tests, do_not_depend_on_the_count);
    tcase_add_test(tests, depend_on_every_bit_of_the_seed);
    tcase_add_test(tests, refuse_more_than_fits_memory);
    tcase_add_test(tests, have_balanced_labels_in_random_order);
    tcase_add_test(tests, are_normalised_like_mnist);
    tcase_add_test(tests, have_as_much_ink_as_mnist);
    tcase_add_test(tests, can_be_told_apart_by_their_class_means);
    tcase_add_test(tests, are_all_different);

    Suite *suite = suite_create("digits");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
