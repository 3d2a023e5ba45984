/* Where the cache is, and what happens when it can't be there. */
#include "host/files/cache.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/files/scratch.h"

START_TEST(folder_named_by_xdg)
{
    char path[WG_CACHE_PATH_MAX];
    struct stat status;
    setenv("XDG_CACHE_HOME", scratch_folder, 1);
    ck_assert(wg_cache_path(path, "a/b.json"));
    ck_assert_str_eq(path, scratch_path("wgan-cl/a/b.json"));
    ck_assert_int_eq(stat(scratch_path("wgan-cl/a"), &status), 0);
    ck_assert(S_ISDIR(status.st_mode));
    ck_assert_int_ne(stat(path, &status), 0);
    ck_assert(wg_cache_path(path, "a/c.json"));
    ck_assert_int_eq(rmdir(scratch_path("wgan-cl/a")), 0);
    ck_assert_int_eq(rmdir(scratch_path("wgan-cl")), 0);
}
END_TEST

START_TEST(home_where_xdg_is_unset_or_relative)
{
    char path[WG_CACHE_PATH_MAX];
    setenv("HOME", scratch_folder, 1);
    unsetenv("XDG_CACHE_HOME");
    ck_assert(wg_cache_path(path, "b.json"));
    ck_assert(strstr(path, "/.cache/wgan-cl/b.json") != NULL);
    setenv("XDG_CACHE_HOME", "here", 1);
    ck_assert(wg_cache_path(path, "b.json"));
    ck_assert(strstr(path, "/.cache/wgan-cl/b.json") != NULL);
    ck_assert_int_eq(rmdir(scratch_path(".cache/wgan-cl")), 0);
    ck_assert_int_eq(rmdir(scratch_path(".cache")), 0);
}
END_TEST

START_TEST(no_place_for_it)
{
    char path[WG_CACHE_PATH_MAX] = "untouched";
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    ck_assert(!wg_cache_path(path, "b.json"));
    check_error(WG_ERROR_FILE, "neither XDG_CACHE_HOME nor HOME");
    scratch_put(scratch_path("file"), "x", 1);
    setenv("XDG_CACHE_HOME", scratch_path("file"), 1);
    ck_assert(!wg_cache_path(path, "b.json"));
    check_error(WG_ERROR_FILE, strerror(ENOTDIR));
    ck_assert_str_eq(path, "untouched");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {folder_named_by_xdg, home_where_xdg_is_unset_or_relative,
                                  no_place_for_it};
    return run_tests("cache", tests, countof(tests));
}
