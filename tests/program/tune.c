/*
 * A tuning as a user meets it: made, followed by trainings and benchmarks, kept by a run. The
 * driver of the one here crashes on what heuristics would take, so that something else is fastest.
 */
#include "tests/program/programlib.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char digest[32];

/* What stands behind "tuning" in the output. */
static void read_digest(const char *out, char ret_digest[32])
{
    const char *at = strstr(out, "\ntuning ");
    ck_assert_msg(at != NULL, "no tuning in: %s", out);
    ck_assert_int_eq(sscanf(at, " tuning %31[0-9a-z]", ret_digest), 1);
}

/* In a cache of its own: other programs' tests go without. */
START_TEST(a_device_is_tuned)
{
    program_use_cache(temporary_make_folder("cache"));
    program_emulate("crash=conv2d_winograd");
    const struct outcome tune = run("tune", "--batch", "2", "--seconds", "30");
    program_emulate(NULL);
    check_done(&tune);
    read_digest(tune.out, digest);
    ck_assert_str_ne(digest, "none");
    ck_assert(contains(tune.out, "winograd -> "));
    ck_assert_msg(contains(tune.out, " x conv2d by winograd, crash; first "), "%s", tune.out);
    ck_assert(contains(tune.out, "remembered in"));
}
END_TEST

START_TEST(a_benchmark_follows_it)
{
    char found[32];
    const struct outcome bench = run("bench", "--batch", "2", "--steps", "1");
    check_done(&bench);
    read_digest(bench.out, found);
    ck_assert_str_eq(found, digest);
    const struct outcome untuned = run("bench", "--batch", "2", "--steps", "1", "--untuned");
    check_done(&untuned);
    read_digest(untuned.out, found);
    ck_assert_str_eq(found, "none");
    const struct outcome other = run("bench", "--batch", "3", "--steps", "1");
    check_done(&other);
    read_digest(other.out, found);
    ck_assert_str_eq(found, "none");
}
END_TEST

static void check_tested(const struct outcome *selftest, const char *tuning, bool by_winograd)
{
    char expected[64];
    check_done(selftest);
    snprintf(expected, sizeof expected, ", tuning %s\n", tuning);
    ck_assert_msg(contains(selftest->out, expected), "%s", selftest->out);
    ck_assert_int_eq(contains(selftest->out, "conv2d               winograd "), by_winograd);
}

/* What is tested is what would train. */
START_TEST(a_self_test_follows_it)
{
    const struct outcome tuned = run("selftest", "--quick", "--batch", "2"),
                         plain = run("selftest", "--quick", "--batch", "2", "--untuned"),
                         other = run("selftest", "--quick", "--batch", "3"),
                         json = run("selftest", "--quick", "--batch", "2", "--json");
    check_tested(&tuned, digest, false);
    check_tested(&plain, "none", true);
    check_tested(&other, "none", true);
    char expected[64];
    snprintf(expected, sizeof expected, "\"tuning\": \"%s\"", digest);
    check_done(&json);
    ck_assert(contains(json.out, expected));
}
END_TEST

/* The name of the only tuning in the cache. */
static const char *cached_name(void)
{
    static char name[320];
    int found = 0;
    DIR *entries = opendir(temporary_path("cache/wgan-cl/tuning"));
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "cache/wgan-cl/tuning/%s", entry->d_name);
            found++;
        }
    closedir(entries);
    ck_assert_int_eq(found, 1);
    return name;
}

START_TEST(a_damaged_one_is_told)
{
    char found[32];
    size_t size;
    const char *name = cached_name();
    char *whole = read_file(name, &size);
    temporary_write(name, whole, size / 2);
    const struct outcome bench = run("bench", "--batch", "2", "--steps", "1");
    check_failed(&bench, 0, "warning: a tuning is ignored", "wgan-cl tune", name);
    read_digest(bench.out, found);
    ck_assert_str_eq(found, "none");
    const struct outcome selftest = run("selftest", "--quick", "--batch", "2");
    check_failed(&selftest, 0, "warning: a tuning is ignored", "wgan-cl tune", name);
    const struct outcome tune = run("tune", "--batch", "2", "--seconds", "1");
    check_done(&tune);
    ck_assert_int_eq(count_of(tune.out, "warning: "), 1);
    ck_assert(contains(tune.out, "warning: the earlier tuning is ignored") &&
              contains(tune.out, name));
    const struct outcome again = run("tune", "--batch", "2", "--seconds", "1");
    check_done(&again);
    ck_assert_int_eq(count_of(again.out, "warning: "), 0);
    temporary_write(cached_name(), whole, size);
    free(whole);
}
END_TEST

/* Of "a", trained in one go, "b" is the first step; it goes on where nothing is known. What trains
 * is what was tested. */
START_TEST(a_run_goes_on_bit_for_bit)
{
    char found[32];
    write_images("data", 10, 1);
    const char *data = temporary_path("data");
    const struct outcome a =
        run("train", "--data", data, "--batch", "2", "--steps", "2", "--out", "a");
    check_done(&a);
    read_digest(a.out, found);
    ck_assert_str_eq(found, digest);
    ck_assert_int_eq(count_of(a.out, "selftest   "), 1);
    const struct outcome b =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "b");
    check_done(&b);
    ck_assert_int_eq(count_of(b.out, "selftest   "), 0);
    ck_assert(is_there("b/tuning.json"));

    program_use_cache(temporary_make_folder("new cache"));
    const struct outcome on = run("train", "--resume", "b", "--steps", "2");
    check_done(&on);
    ck_assert_int_eq(count_of(on.out, "selftest   "), 1);
    read_digest(on.out, found);
    ck_assert_str_eq(found, digest);
    size_t size;
    char *manifest = read_file("b/run.json", &size);
    ck_assert(contains(manifest, digest));
    free(manifest);
    ck_assert(same_files("a/Generator.h5", "b/Generator.h5"));
    ck_assert(same_files("a/Discriminator.h5", "b/Discriminator.h5"));

    data = temporary_path("data");
    const struct outcome plain =
        run("train", "--data", data, "--batch", "2", "--steps", "2", "--untuned", "--out", "plain");
    check_done(&plain);
    ck_assert_int_eq(count_of(plain.out, "selftest   "), 1); // these kernels it has not seen
    ck_assert(!contains(plain.out, "\ntuning "));
    ck_assert(!is_there("plain/tuning.json"));
}
END_TEST

/* What is known so far is kept, but a script sees that it did not end by itself. */
START_TEST(an_interrupt_shows)
{
    struct process process = start("tune", "--batch", "2", "--seconds", "60");
    program_await(&process, "measuring ");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome tune = program_finish(&process);
    ck_assert_int_eq(tune.code, 130);
    ck_assert(contains(tune.out, "\ntried "));
}
END_TEST

/* What it found is lost, which a script must see. */
START_TEST(without_a_cache_it_fails)
{
    temporary_write("no folder", "", 0);
    program_use_cache(temporary_path("no folder"));
    const struct outcome tune = run("tune", "--batch", "2", "--seconds", "1");
    check_failed(&tune, 1, "remembered nowhere");
    ck_assert(contains(tune.out, "warning: no cache") && contains(tune.out, "\ntried "));
}
END_TEST

START_TEST(wrong_values_are_refused)
{
    const struct outcome seconds = run("tune", "--seconds", "0");
    check_failed(&seconds, 2, "--seconds", "0");
    const struct outcome batch = run("tune", "--batch", "-1");
    check_failed(&batch, 2, "--batch", "-1");
    const struct outcome resume = run("train", "--resume", "a", "--untuned");
    check_failed(&resume, 2, "--untuned", "a resumed run keeps its settings");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_device_is_tuned,         a_benchmark_follows_it,
                                  a_self_test_follows_it,    a_damaged_one_is_told,
                                  a_run_goes_on_bit_for_bit, an_interrupt_shows,
                                  without_a_cache_it_fails,  wrong_values_are_refused};
    return run_tests("tune", tests, countof(tests), true);
}
