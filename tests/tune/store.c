/*
 * Tunings as files: what is written is read again, and what is damaged, stale or of another device
 * is none.
 */
#include "host/tune/store.h"

#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct wg_tuned_node rows[] = {
    {.key = "conv2d 2x2x2x2 of 2x4x4x1, 4x4x1x2; stride 2 pad 1",
     .implementation = "tiled",
     .knob = {64, 0, 2, 0}},
    {.key = "matmul 6x6 of 8x6, 8x6; transposed a", .implementation = "ref"},
};

/* Where the pieces of a device that its identity holds can be changed. */
static struct wg_device copy_device(void)
{
    struct wg_device device = *test_device();
    device.tuning = NULL;
    return device;
}

static struct wg_tuning *make(void)
{
    struct wg_tuning *tuning = wg_tuning_create(rows, 2, "32x32");
    ck_assert_ptr_nonnull(tuning);
    return tuning;
}

static void write_to(const char *path)
{
    struct wg_tuning *tuning = make();
    ck_assert_msg(wg_tuning_write(path, test_device(), 8, tuning), "%s", wg_error_message());
    wg_tuning_destroy(tuning);
}

/* Copies the file with the first `what` replaced. */
static const char *damage(const char *path, const char *what, const char *by)
{
    char text[4096], changed[4096];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    char *at = strstr(text, what);
    ck_assert_msg(at != NULL, "'%s' is not in the file", what);
    int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, by,
                          at + strlen(what));
    return temporary_write("damaged.json", changed, (size_t)length);
}

START_TEST(what_was_written_is_read)
{
    struct wg_tuning *got, *tuning = make();
    char path[512];
    snprintf(path, sizeof path, "%s", temporary_path("tuning.json"));
    write_to(path);
    ck_assert_msg(wg_tuning_read(path, test_device(), 8, &got), "%s", wg_error_message());
    ck_assert_int_eq(got->count, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(got->nodes[i].key, rows[i].key);
        ck_assert_str_eq(got->nodes[i].implementation, rows[i].implementation);
        ck_assert_mem_eq(got->nodes[i].knob, rows[i].knob, sizeof rows[i].knob);
    }
    ck_assert_str_eq(got->blas, "32x32");
    ck_assert_str_eq(got->digest, tuning->digest);
    wg_tuning_destroy(got);
    wg_tuning_destroy(tuning);
}
END_TEST

START_TEST(the_digest_is_of_everything_chosen)
{
    struct wg_tuned_node other[2] = {rows[0], rows[1]};
    struct wg_tuning *a = make(), *b = wg_tuning_create(rows, 2, "64x64");
    other[0].knob[2] = 4;
    struct wg_tuning *c = wg_tuning_create(other, 2, "32x32");
    struct wg_tuning *d = wg_tuning_create(rows, 1, "32x32");
    ck_assert_str_ne(a->digest, b->digest);
    ck_assert_str_ne(a->digest, c->digest);
    ck_assert_str_ne(a->digest, d->digest);
    wg_tuning_destroy(a);
    wg_tuning_destroy(b);
    wg_tuning_destroy(c);
    wg_tuning_destroy(d);
}
END_TEST

START_TEST(damaged_files_are_refused)
{
    static const char *const damages[][2] = {
        {"wgan-cl tuning", "wgan-cl timing"}, // another format
        {"\"version\": 1", "\"version\": 2"}, // of a later program
        {"\"ref\"", "7"},                     // another type
        {"[64, 0, 2, 0]", "[64, 0, 2]"},      // too few
        {"[64, 0, 2, 0]", "[64, 0, 4, 0]"},   // not what the digest is of
        {"[64, 0, 2, 0]", "[-64, 0, 2, 0]"},
        {"\"32x32\"", "\"0123456789abcdef\""}, // too long
        {"\"nodes\"", "\"noses\""},
        {"]\n}", "]"}, // cut off
    };
    struct wg_tuning *got = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s", temporary_path("tuning.json"));
    write_to(path);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const char *damaged = damage(path, damages[i][0], damages[i][1]);
        ck_assert_msg(!wg_tuning_read(damaged, test_device(), 8, &got), "damage %zu was not seen",
                      i);
        ck_assert_int_eq(wg_error_status(), WG_ERROR_DATA);
        ck_assert_ptr_nonnull(strstr(wg_error_message(), "damaged.json"));
    }
    ck_assert(!wg_tuning_read(temporary_path("none.json"), test_device(), 8, &got));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_FILE);
    ck_assert_ptr_null(got);
}
END_TEST

START_TEST(those_of_others_are_stale)
{
    struct wg_tuning *got = NULL;
    struct wg_device newer = copy_device(), other = copy_device();
    char path[512];
    snprintf(path, sizeof path, "%s", temporary_path("tuning.json"));
    write_to(path);
    strcpy(newer.info.driver_version, "99");
    strcpy(other.info.name, "another device");
    ck_assert(!wg_tuning_read(path, test_device(), 9, &got)); // another batch
    ck_assert(!wg_tuning_read(path, &newer, 8, &got));
    ck_assert(!wg_tuning_read(path, &other, 8, &got));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DATA);
}
END_TEST

START_TEST(a_device_finds_its_own_in_the_cache)
{
    struct wg_device *device = test_device();
    char path[WG_CACHE_PATH_MAX], other[WG_CACHE_PATH_MAX];
    bool is_damaged;
    ck_assert(wg_tuning_path(device, 8, path) && wg_tuning_path(device, 9, other));
    ck_assert_str_ne(path, other);
    ck_assert_ptr_null(wg_tuning_find_cached(device, 8, &is_damaged));
    ck_assert(!is_damaged);
    write_to(path);
    struct wg_tuning *tuning = wg_tuning_find_cached(device, 8, &is_damaged);
    ck_assert(tuning && !is_damaged);
    ck_assert(wg_device_tune(device, tuning));
    ck_assert_str_eq(wg_tuning_name(device), tuning->digest);
    ck_assert_ptr_null(wg_tuning_find_cached(device, 9, &is_damaged));
    ck_assert(!is_damaged);
    ck_assert(wg_device_tune(device, NULL));
    ck_assert_str_eq(wg_tuning_name(device), "none");

    FILE *file = fopen(path, "w");
    ck_assert(file && fputs("{", file) >= 0 && fclose(file) == 0);
    ck_assert_ptr_null(wg_tuning_find_cached(device, 8, &is_damaged));
    ck_assert(is_damaged);
    ck_assert_ptr_nonnull(strstr(wg_error_message(), path));
}
END_TEST

START_TEST(one_that_changes_nothing_is_none)
{
    struct wg_tuning *tuning = wg_tuning_create(NULL, 0, "");
    ck_assert(tuning && wg_device_tune(test_device(), tuning));
    ck_assert_str_eq(wg_tuning_name(test_device()), "none");
    ck_assert(wg_device_tune(test_device(), NULL));
}
END_TEST

static void set_up(void)
{
    temporary_create();
    setenv("XDG_CACHE_HOME", temporary_path(""), 1);
}

int main(void)
{
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, set_up, temporary_remove);
    tcase_add_test(tests, what_was_written_is_read);
    tcase_add_test(tests, the_digest_is_of_everything_chosen);
    tcase_add_test(tests, damaged_files_are_refused);
    tcase_add_test(tests, those_of_others_are_stale);
    tcase_add_test(tests, a_device_finds_its_own_in_the_cache);
    tcase_add_test(tests, one_that_changes_nothing_is_none);
    Suite *suite = suite_create("store");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
