/* IDX files: what is good comes out, what is bad is refused with the reason. */
#include "host/data/idx.h"

#include "include/wgan_cl.h"
#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t good_images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2,  0,  0,
                                      0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t good_labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 7, 2, 1, 0};

typedef bool parser(const char *name, const uint8_t *bytes, size_t size,
                    struct wg_idx_shape *ret_shape);

static void check_refused(parser *parse, const uint8_t *bytes, size_t size, const char *words)
{
    // An exact copy on the heap, so that a sanitizer sees a read beyond its end.
    uint8_t *copy = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    struct wg_idx_shape shape = {.count = 77};
    ck_assert(!parse("some.idx", copy, size, &shape));
    ck_assert_uint_eq(shape.count, 77);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DATA);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "some.idx: "));
    ck_assert_msg(strstr(wg_error_message(), words) != NULL, "\"%s\" lacks \"%s\"",
                  wg_error_message(), words);
    free(copy);
}

/* The good images with the byte at an offset replaced. */
static void check_refused_with(size_t offset, uint8_t byte, const char *words)
{
    uint8_t bytes[sizeof good_images];
    memcpy(bytes, good_images, sizeof bytes);
    bytes[offset] = byte;
    check_refused(wg_idx_parse_images, bytes, sizeof bytes, words);
}

START_TEST(parses_images)
{
    struct wg_idx_shape shape;
    ck_assert(wg_idx_parse_images("x", good_images, sizeof good_images, &shape));
    ck_assert_uint_eq(shape.count, 2);
    ck_assert_uint_eq(shape.height, 2);
    ck_assert_uint_eq(shape.width, 3);
    ck_assert_uint_eq(shape.offset, 16);
    ck_assert_uint_eq(shape.size, 12);
}
END_TEST

START_TEST(parses_labels)
{
    struct wg_idx_shape shape;
    ck_assert(wg_idx_parse_labels("x", good_labels, sizeof good_labels, &shape));
    ck_assert_uint_eq(shape.count, 4);
    ck_assert_uint_eq(shape.offset, 8);
    ck_assert_uint_eq(shape.size, 4);
}
END_TEST

START_TEST(reads_files_plain_and_gzipped)
{
    const char *images[2] = {temporary_write("i", good_images, sizeof good_images),
                             temporary_write_gzip("i.gz", good_images, sizeof good_images)};
    const char *labels[2] = {temporary_write("l", good_labels, sizeof good_labels),
                             temporary_write_gzip("l.gz", good_labels, sizeof good_labels)};
    for (int i = 0; i < 2; i++) {
        struct wg_idx_shape shape;
        uint8_t *elements;
        ck_assert(wg_idx_read_images(images[i], &shape, &elements));
        ck_assert_uint_eq(shape.size, 12);
        ck_assert_int_eq(memcmp(elements, good_images + 16, 12), 0);
        free(elements);
        size_t count;
        ck_assert(wg_idx_read_labels(labels[i], &count, &elements));
        ck_assert_uint_eq(count, 4);
        ck_assert_int_eq(memcmp(elements, good_labels + 8, 4), 0);
        free(elements);
    }
}
END_TEST

START_TEST(reading_fails_without_touching_outputs)
{
    struct wg_idx_shape shape = {.count = 77};
    size_t count = 77;
    uint8_t *elements = NULL;
    const char *path = temporary_write("labels", good_labels, sizeof good_labels);
    ck_assert(!wg_idx_read_images(path, &shape, &elements));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DATA);
    ck_assert(!wg_idx_read_labels(temporary_path("missing"), &count, &elements));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_FILE);
    ck_assert_uint_eq(shape.count, 77);
    ck_assert_uint_eq(count, 77);
    ck_assert_ptr_null(elements);
}
END_TEST

START_TEST(refuses_a_wrong_magic)
{
    check_refused_with(0, 0x89, "begins with 89 00 08 03, expected 00 00 08 03");
    check_refused_with(1, 1, "begins with 00 01 08 03");
    check_refused_with(2, 0x0a, "begins with 00 00 0a 03");
    check_refused_with(2, 0x09, "type signed byte (0x09), expected unsigned byte (0x08)");
    check_refused_with(2, 0x0b, "type short (0x0b)");
    check_refused_with(2, 0x0c, "type int (0x0c)");
    check_refused_with(2, 0x0d, "type float (0x0d)");
    check_refused_with(2, 0x0e, "type double (0x0e)");
}
END_TEST

START_TEST(refuses_a_wrong_rank)
{
    check_refused_with(3, 4, "rank 4, expected rank 3 for images");
    check_refused(wg_idx_parse_images, good_labels, sizeof good_labels, "rank 1, expected rank 3");
    check_refused(wg_idx_parse_labels, good_images, sizeof good_images,
                  "rank 3, expected rank 1 for labels");
}
END_TEST

START_TEST(refuses_every_truncation)
{
    for (size_t size = 0; size < sizeof good_images; size++)
        check_refused(wg_idx_parse_images, good_images, size,
                      size < 4    ? "too short for an IDX file"
                      : size < 16 ? "too short for the IDX header of 16 bytes"
                                  : "the header says 2 images of 2x3 = 12 bytes, has");
    for (size_t size = 0; size < sizeof good_labels; size++)
        check_refused(wg_idx_parse_labels, good_labels, size,
                      size < 8 ? "too short for" : "the header says 4 labels = 4 bytes, has");
}
END_TEST

START_TEST(refuses_trailing_bytes)
{
    check_refused_with(15, 2,
                       "4 bytes too many: the header says 2 images of 2x2 = 8 bytes, has 12");
}
END_TEST

START_TEST(refuses_zero_dimensions)
{
    check_refused_with(7, 0, "no images in it: dimension 1 of 3 is zero");
    check_refused_with(11, 0, "dimension 2 of 3 is zero");
    check_refused_with(15, 0, "dimension 3 of 3 is zero");
    static const uint8_t no_labels[] = {0, 0, 8, 1, 0, 0, 0, 0};
    check_refused(wg_idx_parse_labels, no_labels, sizeof no_labels, "no labels in it");
}
END_TEST

START_TEST(refuses_an_overflowing_product)
{
    uint8_t bytes[16] = {0, 0, 8, 3};
    memset(bytes + 4, 0xff, 12);
    check_refused(wg_idx_parse_images, bytes, sizeof bytes, "absurdly large");
    // 2^31 * 2^31 * 4 = 0 modulo 2^64, which would match the empty rest of the file.
    static const uint8_t wraps[] = {0, 0, 8, 3, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 4};
    check_refused(wg_idx_parse_images, wraps, sizeof wraps, "absurdly large");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("idx");
    tcase_add_checked_fixture(tests, temporary_create, temporary_remove);
    tcase_add_test(tests, parses_images);
    tcase_add_test(tests, parses_labels);
    tcase_add_test(tests, reads_files_plain_and_gzipped);
    tcase_add_test(tests, reading_fails_without_touching_outputs);
    tcase_add_test(tests, refuses_a_wrong_magic);
    tcase_add_test(tests, refuses_a_wrong_rank);
    tcase_add_test(tests, refuses_every_truncation);
    tcase_add_test(tests, refuses_trailing_bytes);
    tcase_add_test(tests, refuses_zero_dimensions);
    tcase_add_test(tests, refuses_an_overflowing_product);

    Suite *suite = suite_create("idx");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
