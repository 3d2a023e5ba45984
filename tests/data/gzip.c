/* Whole files into memory: plain, gzipped, broken in every way. */
#include "host/data/gzip.h"

#include "include/wgan_cl.h"
#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIZE = 3000000, LIMIT = 1 << 30 };

static uint8_t *contents;

static void setup(void)
{
    temporary_create();
    contents = malloc(SIZE);
    ck_assert_ptr_nonnull(contents);
    for (uint32_t i = 0; i < SIZE; i++)
        contents[i] = (uint8_t)(i * 2654435761u >> 24);
}

static void teardown(void)
{
    free(contents);
    temporary_remove();
}

static void check_reads(const char *path, const void *expected, size_t expected_size)
{
    uint8_t *bytes;
    size_t size;
    ck_assert_msg(wg_gzip_read(path, LIMIT, &bytes, &size), "%s", wg_error_message());
    ck_assert_uint_eq(size, expected_size);
    ck_assert_int_eq(memcmp(bytes, expected, size), 0);
    free(bytes);
}

/* The read fails, says so of this file in these words, and touches no output. */
static void check_fails(const char *path, size_t limit, enum wg_status status, const char *words)
{
    uint8_t *bytes = contents;
    size_t size = 12345;
    ck_assert(!wg_gzip_read(path, limit, &bytes, &size));
    ck_assert_ptr_eq(bytes, contents);
    ck_assert_uint_eq(size, 12345);
    ck_assert_int_eq(wg_error_status(), status);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), path));
    ck_assert_msg(strstr(wg_error_message(), words) != NULL, "\"%s\" lacks \"%s\"",
                  wg_error_message(), words);
}

START_TEST(reads_a_plain_file)
{
    check_reads(temporary_write("plain", contents, SIZE), contents, SIZE);
}
END_TEST

START_TEST(reads_a_gzipped_file_whatever_its_name)
{
    check_reads(temporary_write_gzip("zipped", contents, SIZE), contents, SIZE);
}
END_TEST

START_TEST(reads_deflated_data)
{
    static const uint8_t zipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                     0x02, 0x03, 0x4b, 0x4c, 0x84, 0x01, 0x00, 0xf0,
                                     0xcd, 0x11, 0x4c, 0x0a, 0x00, 0x00, 0x00};
    check_reads(temporary_write("deflated.gz", zipped, sizeof zipped), "aaaaaaaaaa", 10);
}
END_TEST

START_TEST(reads_short_files)
{
    for (size_t size = 0; size < 4; size++)
        check_reads(temporary_write("short", contents, size), contents, size);
    check_reads(temporary_write_gzip("short.gz", contents, 0), contents, 0);
}
END_TEST

START_TEST(reads_a_file_of_a_chunk_to_the_byte)
{
    check_reads(temporary_write("chunk", contents, 1 << 20), contents, 1 << 20);
}
END_TEST

START_TEST(keeps_to_the_limit)
{
    const char *paths[2] = {temporary_write("plain", contents, SIZE),
                            temporary_write_gzip("zipped.gz", contents, SIZE)};
    for (int i = 0; i < 2; i++) {
        uint8_t *bytes;
        size_t size;
        ck_assert(wg_gzip_read(paths[i], SIZE, &bytes, &size));
        ck_assert_uint_eq(size, SIZE);
        free(bytes);
        check_fails(paths[i], SIZE - 1, WG_ERROR_DATA, "more than 2999999 bytes");
        check_fails(paths[i], 0, WG_ERROR_DATA, "more than 0 bytes");
    }
}
END_TEST

START_TEST(detects_gzip_data_cut_off_anywhere)
{
    size_t size;
    uint8_t *zipped = temporary_gzip(contents, 100, &size);
    for (size_t kept = 2; kept < size; kept++)
        check_fails(temporary_write("cut.gz", zipped, kept), LIMIT, WG_ERROR_DATA,
                    "the gzip data ends too early");
    free(zipped);
}
END_TEST

START_TEST(detects_damage)
{
    size_t size;
    uint8_t *zipped = temporary_gzip(contents, 1000, &size);
    zipped[500] ^= 1;
    check_fails(temporary_write("damaged.gz", zipped, size), LIMIT, WG_ERROR_DATA,
                "the gzip data is damaged");
    zipped[500] ^= 1;
    zipped[size - 8] ^= 1;
    check_fails(temporary_write("checksum.gz", zipped, size), LIMIT, WG_ERROR_DATA,
                "the gzip data is damaged");
    free(zipped);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
    check_fails(temporary_path("missing"), LIMIT, WG_ERROR_FILE, "No such file");
    check_fails(temporary_path(""), LIMIT, WG_ERROR_FILE, "is a folder");
    check_fails("/dev/zero", LIMIT, WG_ERROR_FILE, "is a device");
    ck_assert_int_eq(mkfifo(temporary_path("pipe"), 0600), 0);
    check_fails(temporary_path("pipe"), LIMIT, WG_ERROR_FILE, "is a pipe, expected a file");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("gzip");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, reads_a_plain_file);
    tcase_add_test(tests, reads_a_gzipped_file_whatever_its_name);
    tcase_add_test(tests, reads_deflated_data);
    tcase_add_test(tests, reads_short_files);
    tcase_add_test(tests, reads_a_file_of_a_chunk_to_the_byte);
    tcase_add_test(tests, keeps_to_the_limit);
    tcase_add_test(tests, detects_gzip_data_cut_off_anywhere);
    tcase_add_test(tests, detects_damage);
    tcase_add_test(tests, refuses_what_is_no_file);

    Suite *suite = suite_create("gzip");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
