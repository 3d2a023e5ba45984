/* Large memory that is kept for the next. */
#include "host/base/pages.h"

#include "tests/testlib.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static void *allocate(size_t pages)
{
    size_t bytes = pages * WG_HUGE_PAGE;
    void *memory = wg_pages_allocate(bytes);
    ck_assert_ptr_nonnull(memory);
    ck_assert_uint_eq((uintptr_t)memory % WG_HUGE_PAGE, 0);
    memset(memory, 1, bytes); // all of it is there
    return memory;
}

START_TEST(what_is_kept_is_used_again)
{
    wg_pages_keep();
    void *two = allocate(2), *four = allocate(4), *again;
    wg_pages_free(two);
    wg_pages_free(four);
    ck_assert_ptr_eq(again = allocate(2), two); // the smallest that will do
    wg_pages_free(again);
    ck_assert_ptr_eq(again = allocate(3), four);
    ck_assert_ptr_eq(allocate(3), two); // which grows
    wg_pages_free(again);
    wg_pages_drop();
    wg_pages_free(two); // then, but freed now
}
END_TEST

START_TEST(pairs_nest)
{
    wg_pages_keep();
    void *memory = allocate(1);
    wg_pages_keep();
    wg_pages_free(memory);
    wg_pages_drop();
    ck_assert_ptr_eq(allocate(1), memory);
    wg_pages_free(memory);
    wg_pages_drop();
}
END_TEST

/* What outlives the last drop holds no more than was asked for. */
START_TEST(what_stays_gives_the_rest_back)
{
    wg_pages_keep();
    char *memory = allocate(4);
    wg_pages_free(memory);
    ck_assert_ptr_eq(allocate(1), memory);
    ck_assert_int_eq(msync(memory + WG_HUGE_PAGE, WG_HUGE_PAGE, MS_ASYNC), 0);
    wg_pages_drop();
    ck_assert_int_eq(msync(memory, WG_HUGE_PAGE, MS_ASYNC), 0);
    ck_assert_int_ne(msync(memory + WG_HUGE_PAGE, WG_HUGE_PAGE, MS_ASYNC), 0);
    wg_pages_free(memory);
    ck_assert_int_ne(msync(memory, WG_HUGE_PAGE, MS_ASYNC), 0);
}
END_TEST

START_TEST(more_than_can_be_kept_is_as_good)
{
    enum { MANY = 50 };
    void *memory[MANY];
    wg_pages_keep();
    for (int i = 0; i < MANY; i++)
        memory[i] = allocate(1);
    for (int i = 0; i < MANY; i++)
        wg_pages_free(memory[i]);
    wg_pages_drop();
}
END_TEST

START_TEST(the_small_comes_and_goes)
{
    wg_pages_keep();
    void *small = wg_pages_allocate(100), *kept = allocate(1);
    memset(small, 1, 100);
    wg_pages_free(small);
    wg_pages_free(NULL);
    wg_pages_free(kept);
    wg_pages_drop();
    wg_pages_free(allocate(1)); // as before anything was kept
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("pages");
    tcase_add_test(tests, what_is_kept_is_used_again);
    tcase_add_test(tests, pairs_nest);
    tcase_add_test(tests, what_stays_gives_the_rest_back);
    tcase_add_test(tests, more_than_can_be_kept_is_as_good);
    tcase_add_test(tests, the_small_comes_and_goes);

    Suite *suite = suite_create("pages");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
