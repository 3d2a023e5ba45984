/* A classifier is trained once, and again when the cache can't give it back. */
#include "host/eval/classifier_cache.h"
#include "host/data/digits.h"
#include "tests/run/runlib.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many steps get 94 % of the images right that they learn from; those stand for the held-out
 * ones, too. */
enum { PIXELS = 28 * 28, IMAGES = 200, STEPS = 30 };

static struct wg_labelled images;
static struct wg_labelled held_out;

/* What the last wg_classifier_obtain told. */
static struct {
    int warnings, updates;
    char warning[2048];
} told;

static void take_warning(void *user, const char *text)
{
    (void)user;
    told.warnings++;
    snprintf(told.warning, sizeof told.warning, "%s", text);
}

static void take_progress(void *user, int done, int total)
{
    (void)user;
    ck_assert_int_eq(total, STEPS);
    told.updates = done;
}

static double accuracy; // of the last classifier

/* The first 32 features of the first image; whether the classifier came from the cache. */
static bool obtain(float ret_features[32])
{
    const struct wg_classifier_callbacks callbacks = {.warning = take_warning,
                                                      .progress = take_progress};
    struct wg_judge judge;
    static float x[PIXELS], features[WG_FEATURES], p[WG_CLASSES];
    memset(&told, 0, sizeof told);
    ck_assert_msg(
        wg_classifier_obtain(test_device(), &images, &held_out, STEPS, &callbacks, &judge), "%s",
        wg_error_message());
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)images.pixels[i] / 127.5f - 1.0f;
    ck_assert(wg_classifier_run(judge.classifier, x, 1, features, p));
    memcpy(ret_features, features, 32 * sizeof *features);
    wg_classifier_destroy(judge.classifier);
    ck_assert_int_eq(told.updates, judge.is_cached ? 0 : STEPS);
    accuracy = judge.accuracy;
    return judge.is_cached;
}

static void setup(void)
{
    test_device(); // before the cache moves: a driver has its own there
    setenv("XDG_CACHE_HOME", temporary_path(""), 1);
    if (!images.pixels) {
        images = (struct wg_labelled){IMAGES, malloc(IMAGES * PIXELS), malloc(IMAGES)};
        ck_assert(images.pixels && images.labels);
        ck_assert(wg_digits_draw(1, IMAGES, images.pixels, images.labels));
    }
    held_out = images;
}

/* How many files the cache has; the path of one. */
static int count_cached(char ret_path[700])
{
    const char *folder = temporary_path("wgan-cl/classifiers");
    DIR *entries = opendir(folder);
    int found = 0;
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(ret_path, 700, "%s/%s", folder, entry->d_name);
            found++;
        }
    closedir(entries);
    return found;
}

/* The only file of the cache. */
static const char *cached_file(void)
{
    static char path[700];
    ck_assert_int_eq(count_cached(path), 1);
    return path;
}

START_TEST(the_second_time_it_is_there)
{
    float first[32], second[32];
    setup();
    ck_assert(!obtain(first));
    ck_assert_int_eq(told.warnings, 0);
    ck_assert(obtain(second));
    ck_assert_int_eq(told.warnings, 0);
    ck_assert_mem_eq(first, second, sizeof first);
}
END_TEST

START_TEST(other_data_have_another_one)
{
    float first[32], second[32];
    setup();
    obtain(first);
    images.labels[7] ^= 1;
    ck_assert(!obtain(second));
    images.labels[7] ^= 1;
    images.pixels[IMAGES * PIXELS - 1] ^= 1;
    ck_assert(!obtain(second));
    images.pixels[IMAGES * PIXELS - 1] ^= 1;
    ck_assert(obtain(second));
    ck_assert_mem_eq(first, second, sizeof first);
}
END_TEST

static void damage(size_t size, size_t flip)
{
    size_t whole;
    char *bytes = read_bytes(cached_file(), &whole);
    if (flip < whole)
        bytes[flip] ^= 1;
    FILE *file = fopen(cached_file(), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size < whole ? size : whole, file),
                      size < whole ? size : whole);
    ck_assert_int_eq(fclose(file), 0);
    free(bytes);
}

START_TEST(a_damaged_file_is_replaced_with_one_warning)
{
    static const struct {
        size_t size, flip;
    } damages[] = {{0, SIZE_MAX}, {1000, SIZE_MAX}, {SIZE_MAX, 100000}, {SIZE_MAX, 3}};
    float first[32], again[32];
    setup();
    obtain(first);
    for (size_t i = 0; i < countof(damages); i++) {
        damage(damages[i].size, damages[i].flip);
        ck_assert(!obtain(again));
        ck_assert_int_eq(told.warnings, 1);
        ck_assert_ptr_nonnull(strstr(told.warning, cached_file()));
        ck_assert_mem_eq(first, again, sizeof first);
        ck_assert(obtain(again));
        ck_assert_int_eq(told.warnings, 0);
    }
}
END_TEST

START_TEST(a_cache_that_cannot_be_written_costs_one_warning)
{
    float first[32], again[32];
    setup();
    setenv("XDG_CACHE_HOME", write_text("file", "no folder"), 1);
    ck_assert(!obtain(first));
    ck_assert_int_eq(told.warnings, 1);
    ck_assert_ptr_nonnull(strstr(told.warning, "trained again the next time"));
    ck_assert(!obtain(again));
    ck_assert_int_eq(told.warnings, 1);
    ck_assert_mem_eq(first, again, sizeof first);
}
END_TEST

/* ---- what it is worth ---- */

/* From now on so many of the held-out images have another label than what they show. */
static void mislabel(int wrong)
{
    static uint8_t labels[IMAGES];
    for (int i = 0; i < IMAGES; i++)
        labels[i] = (uint8_t)((images.labels[i] + (i < wrong)) % WG_CLASSES);
    held_out.labels = labels;
}

START_TEST(a_poor_classifier_is_not_kept)
{
    char path[700];
    float features[32];
    setup();
    mislabel(IMAGES);
    for (int i = 0; i < 2; i++) {
        ck_assert(!obtain(features));
        ck_assert_double_lt(accuracy, 0.1);
        ck_assert_int_eq(told.warnings, 1);
        ck_assert_msg(strstr(told.warning, "it is not kept") != NULL, "%s", told.warning);
        ck_assert_int_eq(count_cached(path), 0);
    }
    held_out = images;
    ck_assert(!obtain(features));
    ck_assert_int_eq(told.warnings, 0);
    ck_assert(obtain(features));
}
END_TEST

/* One between good and useless is all that some data allow. */
START_TEST(a_moderate_classifier_is_kept_and_warned_of)
{
    float features[32];
    setup();
    mislabel(IMAGES / 4);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(obtain(features), i);
        ck_assert_double_gt(accuracy, 0.5);
        ck_assert_int_eq(told.warnings, 1);
        ck_assert_ptr_nonnull(strstr(told.warning, cached_file()));
        ck_assert_ptr_nonnull(strstr(told.warning, "its figures mean little"));
    }
}
END_TEST

/* As a device left it that computes nonsense, before anybody looked. */
START_TEST(a_poor_one_in_the_cache_is_replaced)
{
    float first[32], again[32];
    setup();
    ck_assert(!obtain(first));
    char path[700];
    snprintf(path, sizeof path, "%s", cached_file());
    ck_assert_int_eq(unlink(path), 0);
    for (int i = 0; i < IMAGES; i++) // another key, and another classifier
        images.labels[i] = (uint8_t)((images.labels[i] + 1) % WG_CLASSES);
    ck_assert(!obtain(again));
    for (int i = 0; i < IMAGES; i++)
        images.labels[i] = (uint8_t)((images.labels[i] + WG_CLASSES - 1) % WG_CLASSES);
    ck_assert_int_eq(rename(cached_file(), path), 0);

    ck_assert(!obtain(again));
    ck_assert_int_eq(told.warnings, 1);
    ck_assert_ptr_nonnull(strstr(told.warning, path));
    ck_assert_ptr_nonnull(strstr(told.warning, "training it again"));
    ck_assert_mem_eq(first, again, sizeof first);
    ck_assert(obtain(again));
    ck_assert_int_eq(told.warnings, 0);
    ck_assert_mem_eq(first, again, sizeof first);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_second_time_it_is_there,
        other_data_have_another_one,
        a_damaged_file_is_replaced_with_one_warning,
        a_cache_that_cannot_be_written_costs_one_warning,
        a_poor_classifier_is_not_kept,
        a_moderate_classifier_is_kept_and_warned_of,
        a_poor_one_in_the_cache_is_replaced,
    };
    return run_tests("classifier_cache", tests, countof(tests));
}
