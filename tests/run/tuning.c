/*
 * Which tuning a run follows: a new one what the cache has, one that goes on what it began with.
 */
#include "host/run/tuning.h"

#include "host/tune/store.h"
#include "tests/run/runlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8 };

static const struct wg_tuned_node row = {.key = "matmul 6x6 of 8x6, 8x6", .implementation = "ref"};
static char said[2048]; // all messages

static void note(void *user, const char *text)
{
    (void)user;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s\n", text);
}

static const struct wg_train_callbacks callbacks = {.message = note};

/* Two tunings that differ, of whose digests "first" and "second" are copies. */
static char first[20], second[20];

static struct wg_tuning *make(bool is_first)
{
    struct wg_tuning *tuning = wg_tuning_create(&row, 1, is_first ? "" : "none such");
    ck_assert_ptr_nonnull(tuning);
    snprintf(is_first ? first : second, sizeof first, "%s", tuning->digest);
    return tuning;
}

/* Its path lives until the next call. */
static const char *put_in_cache(bool is_first)
{
    static char path[WG_CACHE_PATH_MAX];
    struct wg_tuning *tuning = make(is_first);
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    ck_assert(wg_tuning_path(test_device(), BATCH, path) &&
              wg_tuning_write(path, test_device(), BATCH, tuning));
    wg_tuning_destroy(tuning);
    return path;
}

static void write_record(const char *tuning, const char *driver)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"tuning\": \"%s\", \"device\": {\"name\": \"%s\", \"driver\": \"%s\"}}", tuning,
             test_device()->info.name, driver ? driver : test_device()->info.driver_version);
    write_text("run/run.json", text);
}

/* A run folder as train leaves it, as far as it matters here. */
static const char *write_folder(const char *tuning, const char *driver)
{
    const char *folder = temporary_make_folder("run");
    write_record(tuning, driver);
    return folder;
}

static void keep_first(const char *folder)
{
    ck_assert(wg_device_tune(test_device(), make(true)));
    ck_assert(wg_run_keep_tuning(test_device(), BATCH, folder));
    ck_assert(wg_device_tune(test_device(), NULL));
}

static const struct wg_train_callbacks untuned = {.untuned = true};

/* The digest of what is chosen. */
static const char *choose(const char *folder, const struct wg_train_callbacks *by)
{
    said[0] = '\0';
    ck_assert_msg(wg_run_choose_tuning(test_device(), BATCH, folder, by), "%s", wg_error_message());
    return wg_tuning_name(test_device());
}

START_TEST(a_new_run_takes_what_the_cache_has)
{
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    ck_assert_str_eq(choose(NULL, &callbacks), "none"); // no child to measure in: main did not ask
    ck_assert_str_eq(said, "");
    put_in_cache(false);
    ck_assert_str_eq(choose(NULL, &callbacks), second);
    ck_assert_ptr_nonnull(strstr(said, second));
    ck_assert_str_eq(choose(NULL, &untuned), "none");
}
END_TEST

START_TEST(a_damaged_one_is_ignored_with_a_warning)
{
    const char *path = put_in_cache(false);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("{", file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(choose(NULL, &callbacks), "none");
    ck_assert_ptr_nonnull(strstr(said, "warning: a tuning is ignored"));
    ck_assert_ptr_nonnull(strstr(said, path));
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

START_TEST(one_that_goes_on_keeps_its_own)
{
    put_in_cache(false);
    wg_tuning_destroy(make(true)); // for its digest
    const char *folder = write_folder(first, NULL);
    keep_first(folder);
    ck_assert_str_eq(choose(folder, &callbacks), first);
    ck_assert_ptr_nonnull(strstr(said, "with which this run began"));
}
END_TEST

START_TEST(one_that_began_without_goes_on_without)
{
    put_in_cache(false);
    const char *folder = write_folder("none", NULL);
    ck_assert_str_eq(choose(folder, &callbacks), "none");
    ck_assert_str_eq(said, "");
    ck_assert(!file_exists(temporary_path("run/tuning.json")));
}
END_TEST

START_TEST(what_is_lost_is_said)
{
    put_in_cache(false);
    wg_tuning_destroy(make(true));
    const char *folder = write_folder(first, NULL);
    ck_assert_str_eq(choose(folder, &callbacks), second); // no file
    ck_assert_ptr_nonnull(strstr(said, "bits will differ"));
    write_text("run/tuning.json", "{");
    ck_assert_str_eq(choose(folder, &callbacks), second);
    ck_assert_ptr_nonnull(strstr(said, "bits will differ"));
    keep_first(folder);
    write_record("0123456789abcdef", NULL); // not that of the file
    ck_assert_str_eq(choose(folder, &callbacks), second);
    ck_assert_ptr_nonnull(strstr(said, "not the tuning 0123456789abcdef"));
}
END_TEST

START_TEST(on_another_device_it_is_as_new)
{
    put_in_cache(false);
    const char *folder = write_folder("none", "another driver");
    ck_assert_str_eq(choose(folder, &callbacks), second);
    ck_assert_str_eq(choose(folder, &untuned), "none");
}
END_TEST

START_TEST(an_imported_run_is_new)
{
    put_in_cache(false);
    ck_assert_str_eq(choose(temporary_make_folder("imported"), &callbacks), second);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_new_run_takes_what_the_cache_has,
        a_damaged_one_is_ignored_with_a_warning,
        one_that_goes_on_keeps_its_own,
        one_that_began_without_goes_on_without,
        what_is_lost_is_said,
        on_another_device_it_is_as_new,
        an_imported_run_is_new,
    };
    return run_tests("tuning", tests, countof(tests));
}
