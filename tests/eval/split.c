/* Labelled images in two parts: nothing lost, nothing twice, always the same; and what is refused.
 */
#include "host/eval/split.h"
#include "tests/run/runlib.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28 };

/* An IDX file of images whose first two pixels tell their number, all else `shade`. */
static void write_images(const char *name, size_t count, uint8_t shade)
{
    const uint8_t header[16] = {0, 0,  8, 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0,
                                0, 28, 0, 0, 0, 28};
    uint8_t *bytes = malloc(sizeof header + count * PIXELS);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, header, sizeof header);
    memset(bytes + sizeof header, shade, count * PIXELS);
    for (size_t i = 0; i < count; i++) {
        bytes[sizeof header + i * PIXELS] = (uint8_t)(i >> 8);
        bytes[sizeof header + i * PIXELS + 1] = (uint8_t)i;
    }
    temporary_write(name, bytes, sizeof header + count * PIXELS);
    free(bytes);
}

/* Labels i % modulus. */
static void write_labels(const char *name, size_t count, int modulus)
{
    uint8_t *bytes = calloc(8 + count, 1);
    ck_assert_ptr_nonnull(bytes);
    bytes[2] = 8;
    bytes[3] = 1;
    bytes[6] = (uint8_t)(count >> 8);
    bytes[7] = (uint8_t)count;
    for (size_t i = 0; i < count; i++)
        bytes[8 + i] = (uint8_t)(i % (size_t)modulus);
    temporary_write(name, bytes, 8 + count);
    free(bytes);
}

static size_t number_of(const struct wg_labelled *part, size_t i)
{
    return 256u * part->pixels[i * PIXELS] + part->pixels[i * PIXELS + 1];
}

struct parts {
    char source[1024];
    struct wg_labelled training, held_out;
};

static struct parts split(const char *path)
{
    struct parts parts = {0};
    ck_assert_msg(wg_split_open(path, parts.source, &parts.training, &parts.held_out), "%s",
                  wg_error_message());
    return parts;
}

static void release(struct parts *parts)
{
    wg_labelled_free(&parts->training);
    wg_labelled_free(&parts->held_out);
}

/* Labels in turn: a split by every fifth image would hold out two classes only. */
START_TEST(a_single_set_is_split_within_its_classes)
{
    enum { COUNT = 1003 };
    int seen[COUNT] = {0}, held_out[10] = {0}, unmoved = 0;
    write_images("t10k-images-idx3-ubyte", COUNT, 9);
    write_labels("t10k-labels-idx1-ubyte", COUNT, 10);
    struct parts parts = split(temporary_path(""));
    ck_assert_uint_eq(parts.held_out.count, 200);
    ck_assert_uint_eq(parts.training.count, COUNT - 200);
    for (size_t i = 0; i < parts.training.count; i++) {
        seen[number_of(&parts.training, i)]++;
        ck_assert_uint_eq(parts.training.labels[i], number_of(&parts.training, i) % 10);
        ck_assert_uint_eq(parts.training.pixels[i * PIXELS + PIXELS - 1], 9);
        unmoved += number_of(&parts.training, i) == i;
    }
    for (size_t i = 0; i < parts.held_out.count; i++) {
        seen[number_of(&parts.held_out, i)]++;
        ck_assert_uint_eq(parts.held_out.labels[i], number_of(&parts.held_out, i) % 10);
        held_out[parts.held_out.labels[i]]++;
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(seen[i], 1);
    for (int c = 0; c < 10; c++)
        ck_assert_int_eq(held_out[c], 20);
    ck_assert_int_lt(unmoved, COUNT / 10); // in a random order
    release(&parts);
}
END_TEST

START_TEST(the_split_is_always_the_same)
{
    write_images("x-images-idx3-ubyte", 100, 0);
    write_labels("x-labels-idx1-ubyte", 100, 10);
    struct parts a = split(temporary_path("x-images-idx3-ubyte"));
    struct parts b = split(temporary_path("x-images-idx3-ubyte"));
    ck_assert_str_eq(a.source, b.source);
    ck_assert_mem_eq(a.training.pixels, b.training.pixels, 80 * PIXELS);
    ck_assert_mem_eq(a.training.labels, b.training.labels, 80);
    ck_assert_mem_eq(a.held_out.pixels, b.held_out.pixels, 20 * PIXELS);
    ck_assert_mem_eq(a.held_out.labels, b.held_out.labels, 20);
    release(&a);
    release(&b);
}
END_TEST

START_TEST(a_test_set_beside_is_held_out)
{
    write_images("train-images-idx3-ubyte", 60, 1);
    write_labels("train-labels-idx1-ubyte", 60, 10);
    write_images("t10k-images-idx3-ubyte", 30, 2);
    write_labels("t10k-labels-idx1-ubyte", 30, 10);
    struct parts parts = split(temporary_path(""));
    ck_assert_uint_eq(parts.training.count, 60);
    ck_assert_uint_eq(parts.held_out.count, 30);
    ck_assert_uint_eq(parts.training.pixels[100], 1);
    ck_assert_uint_eq(parts.held_out.pixels[100], 2);
    release(&parts);
}
END_TEST

START_TEST(digits_hold_out_drawings_of_another_seed)
{
    struct parts parts = split("digits");
    ck_assert_str_eq(parts.source, "digits");
    ck_assert_uint_eq(parts.training.count, 60000);
    ck_assert_uint_eq(parts.held_out.count, 10000);
    for (size_t i = 0; i < 60000; i++) // the first held-out one is not among them
        ck_assert(memcmp(parts.training.pixels + i * PIXELS, parts.held_out.pixels, PIXELS) != 0);
    release(&parts);
}
END_TEST

/* ---- refusals ---- */

static void check_refused(const char *part)
{
    char source[1024] = "untouched";
    struct wg_labelled training = {0}, held_out = {0};
    ck_assert(!wg_split_open(temporary_path(""), source, &training, &held_out));
    check_error(WG_ERROR_DATA, part);
    ck_assert_str_eq(source, "untouched");
    ck_assert(!training.pixels && !held_out.pixels);
}

START_TEST(labels_must_be_there)
{
    write_images("train-images-idx3-ubyte", 60, 0);
    check_refused("no labels");
    write_labels("train-labels-idx1-ubyte", 59, 10);
    check_refused("59 labels, expected 60");
    write_labels("train-labels-idx1-ubyte", 60, 11);
    check_refused("image 10 has the label 10 in the file of labels beside it, expected 0 to 9");
    write_labels("train-labels-idx1-ubyte", 60, 9);
    check_refused("no image of class 9 among the");
    write_labels("train-labels-idx1-ubyte", 60, 10);
    write_images("t10k-images-idx3-ubyte", 20, 0);
    check_refused("t10k-images-idx3-ubyte: no labels");
    write_labels("t10k-labels-idx1-ubyte", 20, 8);
    check_refused("no image of class 8 among the 20 held-out images");
}
END_TEST

START_TEST(a_class_of_four_images_has_none_to_hold_out)
{
    write_images("train-images-idx3-ubyte", 40, 0);
    write_labels("train-labels-idx1-ubyte", 40, 10);
    check_refused("no image of class 0 among the 0 held-out images");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_single_set_is_split_within_its_classes,
        the_split_is_always_the_same,
        a_test_set_beside_is_held_out,
        digits_hold_out_drawings_of_another_seed,
        labels_must_be_there,
        a_class_of_four_images_has_none_to_hold_out,
    };
    return run_tests("split", tests, countof(tests));
}
