#include "tests/run/runlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void check_error(enum wg_status status, const char *part)
{
    ck_assert_msg(strstr(wg_error_message(), part) != NULL, "'%s' lacks '%s'", wg_error_message(),
                  part);
    ck_assert_msg(strchr(wg_error_message(), '\n') == NULL, "more than one line: %s",
                  wg_error_message());
    ck_assert_msg(wg_error_status() == status, "status %d, expected %d, of: %s",
                  (int)wg_error_status(), (int)status, wg_error_message());
}

char *read_bytes(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is missing", path);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    ck_assert_int_ge(size, 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    bytes[size] = '\0';
    if (ret_size)
        *ret_size = (size_t)size;
    return bytes;
}

const char *write_text(const char *name, const char *text)
{
    return temporary_write(name, text, strlen(text));
}

bool files_are_equal(const char *a, const char *b)
{
    size_t a_size, b_size;
    char *a_bytes = read_bytes(a, &a_size), *b_bytes = read_bytes(b, &b_size);
    bool equal = a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0;
    free(a_bytes);
    free(b_bytes);
    return equal;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int run_tests(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, temporary_create, temporary_remove);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
