/*
 * What the tests of this folder share: a scratch folder for each test, files with given bytes, a
 * disk that is full after so many bytes, and the runner.
 */
#ifndef WG_TESTS_FILES_SCRATCH_H
#define WG_TESTS_FILES_SCRATCH_H

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "include/wgan_cl.h"

static char scratch_folder[64];

/* A path in the scratch folder; good until the fourth call after this one. */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][384];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static inline void scratch_create(void)
{
    strcpy(scratch_folder, "/tmp/wgan-cl-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch_folder));
}

/* Entries in the scratch folder: whoever fails to write leaves none behind. */
static inline int scratch_count(void)
{
    int count = 0;
    DIR *folder = opendir(scratch_folder);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static inline void scratch_destroy(void)
{
    DIR *folder = opendir(scratch_folder);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            remove(scratch_path(entry->d_name));
    closedir(folder);
    ck_assert_int_eq(rmdir(scratch_folder), 0);
}

static inline void scratch_put(const char *path, const void *bytes, size_t size)
{
    // Some file systems wait for the disk when a file is replaced by truncation.
    unlink(path);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* The bytes of a file of less than `room` bytes; returns how many there are. */
static inline size_t scratch_get(const char *path, void *bytes, size_t room)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is missing", path);
    const size_t size = fread(bytes, 1, room, file);
    ck_assert_uint_lt(size, room);
    fclose(file);
    return size;
}

/* From now on no file grows beyond `bytes`: writing fails as on a full disk. */
static inline void scratch_fill_disk(size_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static inline void scratch_empty_disk(void)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The last failure had this status, and `part` stands in its message. */
static inline void check_error(enum wg_status status, const char *part)
{
    ck_assert_msg(strstr(wg_error_message(), part) != NULL, "'%s' lacks '%s'", wg_error_message(),
                  part);
    ck_assert_int_eq(wg_error_status(), status);
}

static inline int run_tests(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, scratch_create, scratch_destroy);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define countof(array) (sizeof(array) / sizeof *(array))

#endif
