/* Judging a checkpoint: the table, the JSON, the cache, and what is refused. One folder and one
 * run, hardly trained, serve all tests; the classifier is trained a few times, on few images. */
#include "host/data/digits.h"
#include "host/files/json.h"
#include "tests/program/programlib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28, DIGITS = 1500 };

/* An IDX header for so many images or labels, at most 65535. */
static size_t idx_header(uint8_t *bytes, size_t count, bool labels)
{
    const uint8_t header[16] = {
        0, 0, 8, labels ? 1 : 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0, 0, 28, 0,
        0, 0, 28};
    memcpy(bytes, header, sizeof header);
    return labels ? 8 : sizeof header;
}

static void write_labels(const char *folder, size_t count, const uint8_t *labels)
{
    char name[128];
    uint8_t *bytes = malloc(16 + count);
    ck_assert_ptr_nonnull(bytes);
    size_t header = idx_header(bytes, count, true);
    memcpy(bytes + header, labels, count);
    snprintf(name, sizeof name, "%s/train-labels-idx1-ubyte", folder);
    temporary_write(name, bytes, header + count);
    free(bytes);
}

/* A folder of drawn digits with labels, to be freed; returns its labels. */
static uint8_t *write_digits(const char *folder, size_t count)
{
    char name[128];
    uint8_t *bytes = malloc(16 + count * PIXELS), *labels = malloc(count);
    ck_assert(bytes && labels);
    size_t header = idx_header(bytes, count, false);
    ck_assert(wg_digits_draw(1, count, bytes + header, labels));
    temporary_make_folder(folder);
    snprintf(name, sizeof name, "%s/train-images-idx3-ubyte", folder);
    temporary_write(name, bytes, header + count * PIXELS);
    write_labels(folder, count, labels);
    free(bytes);
    return labels;
}

/* The program's cache moves into the test's folder; that of pocl, with its kernels, stays. */
static void move_cache(void)
{
    char kernels[1024];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    snprintf(kernels, sizeof kernels, "%s%s/pocl/kcache",
             cache  ? cache
             : home ? home
                    : "",
             cache ? "" : "/.cache");
    setenv("POCL_CACHE_DIR", kernels, 0);
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
}

START_TEST(there_is_a_run)
{
    move_cache();
    free(write_digits("data", DIGITS));
    const struct outcome train =
        run("train", "--data", "data", "--batch", "2", "--steps", "1", "--out", "r");
    check_done(&train);
}
END_TEST

/* ---- figures ---- */

static struct wg_json *parse(const struct outcome *outcome)
{
    struct wg_json *json;
    check_done(outcome);
    ck_assert_msg(wg_json_parse(outcome->out, strlen(outcome->out), &json), "%s",
                  wg_error_message());
    return json;
}

static const struct wg_json *object(const struct wg_json *json, const char *key)
{
    const struct wg_json *child;
    ck_assert_msg(wg_json_get_object(json, key, &child), "%s", wg_error_message());
    return child;
}

static double real(const struct wg_json *json, const char *key)
{
    double number;
    ck_assert_msg(wg_json_get_real(json, key, &number), "%s", wg_error_message());
    ck_assert_msg(isfinite(number), "%s is not finite", key);
    return number;
}

static void check_shares(const struct wg_json *figures)
{
    const struct wg_json *shares;
    double sum = 0, share;
    ck_assert(wg_json_get_array(figures, "class_shares", &shares));
    ck_assert_uint_eq(wg_json_count(shares), 10);
    for (size_t c = 0; c < 10; c++) {
        ck_assert(wg_json_as_real(wg_json_at(shares, c), &share));
        sum += share;
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
}

START_TEST(held_out_digits_are_judged_better_than_an_untrained_generator)
{
    const struct outcome eval = run("eval", "r", "-n", "320", "--json");
    struct wg_json *json = parse(&eval);
    const struct wg_json *classifier = object(json, "classifier");
    const struct wg_json *generated = object(json, "generated"),
                         *held_out = object(json, "held_out");
    ck_assert_double_gt(real(classifier, "accuracy"), 0.9);
    ck_assert_double_eq(real(classifier, "training_images") + real(classifier, "held_out_images"),
                        DIGITS);
    ck_assert_double_eq(real(generated, "images"), 320);
    ck_assert_double_eq(real(json, "compared"), real(held_out, "images"));
    check_shares(generated);
    check_shares(held_out);
    ck_assert_double_gt(real(held_out, "classifier_score"), 8);
    ck_assert_double_gt(real(held_out, "classifier_score"), real(generated, "classifier_score"));
    ck_assert_double_ge(real(generated, "classifier_score"), 1);
    ck_assert_double_lt(10 * real(held_out, "frechet_distance"),
                        real(generated, "frechet_distance"));
    ck_assert_double_gt(real(held_out, "precision"), 0.7);
    ck_assert_double_gt(real(held_out, "recall"), 0.7);
    ck_assert_double_lt(real(generated, "recall"), 0.2);
    ck_assert_double_eq(real(held_out, "missing_modes"), 0);
    ck_assert_double_gt(real(generated, "missing_modes"), 0);
    real(generated, "wasserstein");
    wg_json_destroy(json);
}
END_TEST

/* The JSON from its first figure on: before it stands whether the classifier was cached. */
static const char *figures(const struct outcome *outcome)
{
    check_done(outcome);
    const char *start = strstr(outcome->out, "\"generated\"");
    ck_assert_ptr_nonnull(start);
    return start;
}

START_TEST(the_classifier_is_trained_once)
{
    const struct outcome cached = run("eval", "r", "-n", "100", "--json");
    ck_assert(contains(cached.out, "\"cached\": true"));
    ck_assert_int_eq(count_files("cache/wgan-cl/classifiers", ".safetensors"), 1);
    setenv("XDG_CACHE_HOME", temporary_path("other"), 1);
    const struct outcome again = run("eval", "r", "-n", "100", "--json", "--data", "data");
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    ck_assert(contains(again.out, "\"cached\": false"));
    ck_assert_str_eq(figures(&cached), figures(&again)); // same seed, same device
}
END_TEST

START_TEST(another_seed_judges_other_images)
{
    const struct outcome first = run("eval", "r", "-n", "100", "--json");
    const struct outcome other = run("eval", "r", "-n", "100", "--json", "--seed", "2");
    ck_assert_str_ne(figures(&first), figures(&other));
    const char *held_out = strstr(first.out, "\"held_out\": {");
    const char *same = strstr(other.out, "\"held_out\": {");
    ck_assert(held_out && same);
    ck_assert_str_eq(held_out, same);
}
END_TEST

START_TEST(the_table_names_every_figure)
{
    static const char *const parts[] = {
        "r/checkpoints/000001.safetensors, step 1",
        "train-images-idx3-ubyte, 12",
        "% of the held-out images right; from the cache",
        "generated   held-out",
        "classifier score",
        "missing classes",
        "images compared",
        "        100        100   and as many training images",
        "Frechet distance",
        "precision",
        "recall",
        "wasserstein",
        "class, %",
    };
    const struct outcome eval = run("eval", "r", "-n", "100");
    check_done(&eval);
    for (size_t i = 0; i < countof(parts); i++)
        ck_assert_msg(contains(eval.out, parts[i]), "'%s' lacks '%s'", eval.out, parts[i]);
}
END_TEST

START_TEST(a_terminal_shows_the_stages)
{
    int code;
    char *shown = run_on_terminal(&code, "eval", "r", "-n", "100");
    ck_assert_int_eq(code, 0);
    ck_assert(contains(shown, "generating images: 100 of 100"));
    ck_assert(contains(shown, "Frechet distance"));
    free(shown);
}
END_TEST

/* ---- the cache ---- */

/* Done, with one line on standard error, in which both parts stand. */
static void check_warned(const struct outcome *outcome, const char *part, const char *other)
{
    ck_assert_int_eq(outcome->code, 0);
    ck_assert_msg(contains(outcome->err, part) && contains(outcome->err, other), "%s",
                  outcome->err);
    ck_assert_int_eq(count_of(outcome->err, "\n"), 1);
    ck_assert(contains(outcome->out, "Frechet distance"));
}

START_TEST(a_cache_that_cannot_be_used_costs_one_warning)
{
    setenv("XDG_CACHE_HOME", temporary_write("file", "x", 1), 1);
    const struct outcome eval = run("eval", "r", "-n", "100");
    setenv("XDG_CACHE_HOME", temporary_path("cache"), 1);
    check_warned(&eval, "warning", "trained again the next time");
}
END_TEST

/* ---- refusals ---- */

START_TEST(wrong_settings_are_refused)
{
    const struct outcome none = run("eval"), n = run("eval", "r", "-n", "0"),
                         k = run("eval", "r", "--k", "101"),
                         few = run("eval", "r", "-n", "3", "--k", "3");
    check_failed(&none, 2, "needs a run folder or a checkpoint");
    check_failed(&n, 2, "-n");
    check_failed(&k, 2, "--k");
    check_failed(&few, 2, "3 images to compare", "more than k = 3");
}
END_TEST

static void check_data_refused(const char *data, const char *first, const char *second)
{
    const struct outcome eval = run("eval", "r", "--data", data);
    check_failed(&eval, 1, first, second);
    ck_assert_str_eq(eval.out, "");
}

START_TEST(data_without_usable_labels_are_refused)
{
    enum { COUNT = 60 };
    check_data_refused("nowhere", "nowhere", "No such file or directory");
    check_data_refused(write_images("bare", COUNT, 1), "bare", "no labels");
    uint8_t *labels = write_digits("labelled", COUNT);
    for (int i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 10);
    write_labels("labelled", COUNT - 1, labels);
    check_data_refused("labelled", "59 labels", "60");
    labels[7] = 37;
    write_labels("labelled", COUNT, labels);
    check_data_refused("labelled", "image 7 has the label 37", "0 to 9");
    for (int i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 9);
    write_labels("labelled", COUNT, labels);
    check_data_refused("labelled", "no image of class 9", "labelled");
    for (int i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 10);
    write_labels("labelled", COUNT, labels);
    const struct outcome few = run("eval", "r", "--data", "labelled", "--k", "10");
    check_failed(&few, 1, "10 images to compare", "more than k = 10");
    free(labels);
}
END_TEST

START_TEST(what_is_no_run_is_refused)
{
    const struct outcome nowhere = run("eval", "nowhere");
    check_failed(&nowhere, 1, "nowhere", "No such file or directory");
    temporary_make_folder("empty");
    const struct outcome empty = run("eval", "empty");
    check_failed(&empty, 1, "empty", "no checkpoint");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        there_is_a_run,
        held_out_digits_are_judged_better_than_an_untrained_generator,
        the_classifier_is_trained_once,
        another_seed_judges_other_images,
        the_table_names_every_figure,
        a_terminal_shows_the_stages,
        a_cache_that_cannot_be_used_costs_one_warning,
        wrong_settings_are_refused,
        data_without_usable_labels_are_refused,
        what_is_no_run_is_refused,
    };
    return run_tests("eval", tests, countof(tests), true);
}
