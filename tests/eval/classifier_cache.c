/* A classifier is trained once, and again when the cache can't give it back. */
#include "host/eval/classifier_cache.h"
#include "host/data/digits.h"
#include "tests/run/runlib.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28, IMAGES = 200, STEPS = 10 };

static struct wg_labelled images;

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

/* The first 32 features of the first image; whether the classifier came from the cache. */
static bool obtain(float ret_features[32])
{
    const struct wg_classifier_callbacks callbacks = {.warning = take_warning,
                                                      .progress = take_progress};
    struct wg_classifier *classifier;
    static float x[PIXELS], features[WG_FEATURES], p[WG_CLASSES];
    bool cached;
    memset(&told, 0, sizeof told);
    ck_assert_msg(
        wg_classifier_obtain(test_device(), &images, STEPS, &callbacks, &classifier, &cached), "%s",
        wg_error_message());
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)images.pixels[i] / 127.5f - 1.0f;
    ck_assert(wg_classifier_run(classifier, x, 1, features, p));
    memcpy(ret_features, features, 32 * sizeof *features);
    wg_classifier_destroy(classifier);
    ck_assert_int_eq(told.updates, cached ? 0 : STEPS);
    return cached;
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
}

/* The only file of the cache. */
static const char *cached_file(void)
{
    static char path[700];
    const char *folder = temporary_path("wgan-cl/classifiers");
    DIR *entries = opendir(folder);
    int found = 0;
    ck_assert_ptr_nonnull(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            found++;
        }
    closedir(entries);
    ck_assert_int_eq(found, 1);
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

int main(void)
{
    const TTest *const tests[] = {
        the_second_time_it_is_there,
        other_data_have_another_one,
        a_damaged_file_is_replaced_with_one_warning,
        a_cache_that_cannot_be_written_costs_one_warning,
    };
    return run_tests("classifier_cache", tests, countof(tests));
}
