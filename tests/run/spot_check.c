/* Images that a device got wrong, wherever they lie: here they are changed after it drew them. */
#include "host/run/spot_check.h"

#include "host/gan/inference.h"
#include "tests/run/runlib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = WG_INFERENCE_BATCH, IMAGES = 3 * BATCH + 5, SEED = 7 };

static struct wg_checkpoint *checkpoint;
static float *images; // the first of the seed

static void write_checkpoint(const char *path)
{
    static uint8_t pixels[WG_IMAGE_PIXELS];
    struct wg_checkpoint_info info = {.settings = wg_train_settings_default()};
    const struct wg_dataset dataset = {.count = 1, .height = 28, .width = 28, .pixels = pixels};
    info.settings.batch = 2;
    const struct wg_trainer_params params = {.settings = &info.settings, .dataset = &dataset};
    struct wg_trainer *trainer;
    ck_assert_msg(wg_trainer_create(test_device(), &params, &trainer), "%s", wg_error_message());
    ck_assert_msg(wg_checkpoint_write(path, trainer, &info), "%s", wg_error_message());
    wg_trainer_destroy(trainer);
}

static void setup(void)
{
    struct wg_inference *generator;
    temporary_create();
    const char *path = temporary_path("a.safetensors");
    write_checkpoint(path);
    images = malloc(sizeof *images * IMAGES * WG_IMAGE_PIXELS);
    ck_assert_ptr_nonnull(images);
    ck_assert_msg(wg_checkpoint_open(path, &checkpoint) &&
                      wg_inference_create(test_device(), &wg_widths_default, BATCH, WG_GENERATOR,
                                          &generator) &&
                      wg_checkpoint_load_network(checkpoint, generator) &&
                      wg_inference_sample(generator, SEED, 0, IMAGES, images),
                  "%s", wg_error_message());
    wg_inference_destroy(generator);
}

static void teardown(void)
{
    wg_checkpoint_close(checkpoint);
    free(images);
    temporary_remove();
}

static bool passes(size_t count)
{
    return wg_spot_check(test_device(), checkpoint, SEED, images, count);
}

/* One pixel of each of these images is off by a grey level. */
static void spoil(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        images[i * WG_IMAGE_PIXELS + 100 + i] += 1.0f / 127.5f;
}

static void mend(size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        images[i * WG_IMAGE_PIXELS + 100 + i] -= 1.0f / 127.5f;
}

static void check_noticed(size_t count, size_t image)
{
    char part[64];
    ck_assert_msg(!passes(count), "wrong images pass, among %zu, from %zu on", count, image);
    snprintf(part, sizeof part, "image %zu is ", image);
    check_error(WG_ERROR_DEVICE, part);
}

START_TEST(what_the_device_draws_passes)
{
    static const size_t counts[] = {1, 9, IMAGES};
    for (size_t i = 0; i < countof(counts); i++)
        ck_assert_msg(passes(counts[i]), "%zu: %s", counts[i], wg_error_message());
}
END_TEST

START_TEST(the_first_and_the_last_are_looked_at)
{
    static const size_t counts[] = {1, 2, BATCH + 1};
    for (size_t i = 0; i < countof(counts); i++) {
        spoil(counts[i] - 1, 1);
        check_noticed(counts[i], counts[i] - 1);
        mend(counts[i] - 1, 1);
    }
    spoil(0, 1);
    check_noticed(2, 0);
}
END_TEST

/* Of few images all are looked at. */
START_TEST(few_images_are_all_looked_at)
{
    for (size_t i = 0; i < 4; i++) {
        spoil(i, 1);
        check_noticed(4, i);
        mend(i, 1);
    }
}
END_TEST

/* A kernel that gets some rows of its batch wrong does so in every batch. */
START_TEST(every_quarter_of_a_batch_is_looked_at)
{
    static const size_t counts[] = {25, BATCH, IMAGES};
    for (size_t i = 0; i < countof(counts); i++)
        for (size_t quarter = 0; quarter < 4; quarter++) {
            size_t rows = counts[i] < BATCH ? counts[i] : BATCH;
            size_t from = quarter * rows / 4, to = (quarter + 1) * rows / 4;
            for (size_t first = from; first < counts[i]; first += BATCH)
                spoil(first, counts[i] - first < to - from ? counts[i] - first : to - from);
            ck_assert_msg(!passes(counts[i]), "%zu images, quarter %zu", counts[i], quarter);
            for (size_t first = from; first < counts[i]; first += BATCH)
                mend(first, counts[i] - first < to - from ? counts[i] - first : to - from);
        }
}
END_TEST

START_TEST(what_is_no_number_is_noticed)
{
    images[100] = NAN;
    check_noticed(25, 0);
    images[100] = INFINITY;
    check_noticed(25, 0);
}
END_TEST

/* Where the formulas have no numbers either nothing can be compared, nor refused. */
START_TEST(what_has_diverged_passes)
{
    const struct wg_safetensor *bias =
        wg_safetensors_find(wg_checkpoint_tensors(checkpoint), "generator.conv3.bias");
    ck_assert_ptr_nonnull(bias);
    ((float *)(uintptr_t)bias->data)[0] = NAN;
    images[100] = NAN;
    ck_assert(passes(25));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_the_device_draws_passes, the_first_and_the_last_are_looked_at,
        few_images_are_all_looked_at, every_quarter_of_a_batch_is_looked_at,
        what_is_no_number_is_noticed, what_has_diverged_passes,
    };
    TCase *tcase = tcase_create("spot_check");
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < countof(tests); i++)
        tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create("spot_check");
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
