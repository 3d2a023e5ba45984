/* The classifier learns the built-in digits, always to the same bits. */
#include "host/data/digits.h"
#include "host/eval/predictions.h"
#include "host/eval/training.h"
#include "tests/run/runlib.h"

#include <math.h>
#include <stdlib.h>

enum { PIXELS = 28 * 28, IMAGES = 3000, FRESH = 1000 };

static void draw(struct wg_labelled *part, size_t count, uint64_t seed)
{
    part->count = count;
    part->pixels = malloc(count * PIXELS);
    part->labels = malloc(count);
    ck_assert(part->pixels && part->labels);
    ck_assert(wg_digits_draw(seed, count, part->pixels, part->labels));
}

static struct wg_classifier *create(void)
{
    struct wg_classifier *classifier;
    ck_assert_msg(wg_classifier_create(test_device(), &classifier), "%s", wg_error_message());
    return classifier;
}

static struct wg_classifier *train(const struct wg_labelled *images, int steps)
{
    struct wg_classifier *classifier = create();
    ck_assert_msg(wg_classifier_train(classifier, test_device(), images, steps, NULL, NULL), "%s",
                  wg_error_message());
    return classifier;
}

static float *floats(size_t count)
{
    float *memory = malloc(count * sizeof *memory);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static float *to_images(const struct wg_labelled *part)
{
    float *images = floats(part->count * PIXELS);
    for (size_t i = 0; i < part->count * PIXELS; i++)
        images[i] = (float)part->pixels[i] / 127.5f - 1.0f;
    return images;
}

/* Measured in these 150 steps: 97.6 %. Chance is 10 %. */
START_TEST(digits_are_learnt)
{
    struct wg_labelled images, fresh;
    draw(&images, IMAGES, 1);
    draw(&fresh, FRESH, 2);
    struct wg_classifier *classifier = train(&images, 150);
    float *x = to_images(&fresh), *features = floats(FRESH * WG_FEATURES);
    float *p = floats(FRESH * WG_CLASSES);
    ck_assert(wg_classifier_run(classifier, x, FRESH, features, p));
    ck_assert_double_gt(wg_accuracy(p, fresh.labels, FRESH), 0.9);
    for (size_t i = 0; i < FRESH; i++) {
        double sum = 0, length = 0;
        for (size_t c = 0; c < WG_CLASSES; c++)
            sum += (double)p[i * WG_CLASSES + c];
        for (size_t f = 0; f < WG_FEATURES; f++)
            length += pow((double)features[i * WG_FEATURES + f], 2);
        ck_assert_double_eq_tol(sum, 1, 1e-6);
        ck_assert_double_eq_tol(length, 1, 1e-6);
    }
    free(x);
    free(features);
    free(p);
    wg_classifier_destroy(classifier);
    wg_labelled_free(&images);
    wg_labelled_free(&fresh);
}
END_TEST

START_TEST(training_twice_gives_the_same_bits)
{
    enum { STEPS = 12 };
    struct wg_labelled images;
    draw(&images, 300, 1);
    struct wg_classifier *a = train(&images, STEPS), *b = train(&images, STEPS);
    const struct wg_network *network = wg_classifier_weights(a);
    for (int w = 0; w < network->count; w++) {
        size_t bytes = wg_node_bytes(network->weights[w].node);
        float *one = floats(bytes), *other = floats(bytes);
        ck_assert(wg_classifier_read(a, w, one) && wg_classifier_read(b, w, other));
        ck_assert_mem_eq(one, other, bytes);
        free(one);
        free(other);
    }
    wg_classifier_destroy(a);
    wg_classifier_destroy(b);
    wg_labelled_free(&images);
}
END_TEST

START_TEST(what_an_image_gets_does_not_depend_on_its_companions)
{
    enum { COUNT = 300, LAST = 299 };
    struct wg_labelled images;
    draw(&images, COUNT, 3);
    struct wg_classifier *classifier = train(&images, 3);
    float *x = to_images(&images), *features = floats(COUNT * WG_FEATURES);
    float *p = floats(COUNT * WG_CLASSES), one[WG_FEATURES], q[WG_CLASSES];
    ck_assert(wg_classifier_run(classifier, x, COUNT, features, p));
    ck_assert(wg_classifier_run(classifier, x + LAST * PIXELS, 1, one, q));
    ck_assert_mem_eq(one, features + LAST * WG_FEATURES, sizeof one);
    ck_assert_mem_eq(q, p + LAST * WG_CLASSES, sizeof q);
    free(x);
    free(features);
    free(p);
    wg_classifier_destroy(classifier);
    wg_labelled_free(&images);
}
END_TEST

START_TEST(steps_follow_the_number_of_images)
{
    ck_assert_int_eq(wg_classifier_steps(1), 100);
    ck_assert_int_eq(wg_classifier_steps(3000), 375);
    ck_assert_int_eq(wg_classifier_steps(60000), 1000);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        digits_are_learnt,
        training_twice_gives_the_same_bits,
        what_an_image_gets_does_not_depend_on_its_companions,
        steps_follow_the_number_of_images,
    };
    return run_tests("classifier", tests, countof(tests));
}
