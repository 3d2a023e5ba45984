/* Arrays that grow by one element at a time. */
#include "host/base/array.h"

#include "tests/testlib.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Far more than there was room for at first, and all stay where they were put. */
START_TEST(elements_stay)
{
    size_t *values = NULL, count = 0, moves = 0;
    while (count < 10000) {
        size_t *grown = wg_array_grow(values, count, sizeof *grown, "a test");
        ck_assert_ptr_nonnull(grown);
        moves += grown != values;
        values = grown;
        values[count] = count * count;
        count++;
    }
    ck_assert_uint_le(moves, 12); // once for each power of two
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(values[i], i * i);
    free(values);
}
END_TEST

/* What is taken away makes room for as many again, whatever the number. */
START_TEST(counts_may_fall)
{
    char *values = NULL;
    size_t count = 0;
    for (int round = 1; round < 200; round++) {
        for (int i = 0; i < round; i++) {
            char *grown = wg_array_grow(values, count, 1, "a test");
            ck_assert_ptr_nonnull(grown);
            values = grown;
            values[count++] = (char)i;
        }
        count -= (size_t)round / 2;
    }
    free(values);
}
END_TEST

START_TEST(a_lack_of_memory_is_told)
{
    char *values = wg_array_grow(NULL, 0, 1, "a test");
    values[0] = 7;
    ck_assert_ptr_null(wg_array_grow(values, (SIZE_MAX >> 1) + 1, 1, "the stars"));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
    ck_assert_msg(strstr(wg_error_message(), "the stars") != NULL, "%s", wg_error_message());
    ck_assert_ptr_null(wg_array_grow(values, 1 << 20, SIZE_MAX / 4, "the stars"));
    ck_assert_int_eq(values[0], 7); // and is still to be freed
    free(values);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("array");
    tcase_add_test(tests, elements_stay);
    tcase_add_test(tests, counts_may_fall);
    tcase_add_test(tests, a_lack_of_memory_is_told);

    Suite *suite = suite_create("array");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
