/*
 * Tests of wgan.c: sizes, gradients against central differences, a whole step against the same
 * step put together here from its parts, and two steps against another implementation.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "host/reference/ops.h"
#include "host/reference/philox_draws.h"
#include "host/reference/wgan.h"
#include "tests/reference/test.h"

enum { PIXELS = 28 * 28, NOISE = 5, BATCH = 3, IMAGES = 7 };

static const struct ref_widths tiny = {NOISE, 3, 4, 5, 4, 3, 2};
static const struct ref_widths full = {100, 32, 128, 256, 256, 128, 64};
static const struct ref_settings settings = {2e-3, 1e-3, 0.05, 2};

static struct ref_wgan *create(const struct ref_widths *widths, int batch)
{
    struct ref_wgan *w = ref_wgan_create(widths, batch, &settings);

    ck_assert_ptr_nonnull(w);
    return w;
}

/* Every tensor random: moving variances positive, the others of a size that keeps tanh alive. */
static void randomise_weights(struct ref_wgan *w)
{
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *t = &w->tensors[i];

        test_randomise(t->size, t->weight);
        for (size_t j = 0; j < t->size; j++)
            t->weight[j] =
                strstr(t->name, "variance") ? fabs(t->weight[j]) + 0.5 : t->weight[j] * 0.5;
    }
}

START_TEST(model_has_the_published_sizes)
{
    struct ref_wgan *w = create(&full, 1);
    size_t generator = 0, critic = 0, moving = 0;

    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        const struct ref_tensor *t = &w->tensors[i];

        *(i < REF_CRITIC_CONV1_KERNEL ? &generator : &critic) += t->size;
        moving += t->accumulator ? 0 : t->size;
        ck_assert_ptr_eq(ref_wgan_find(w, t->name), t);
    }
    ck_assert_uint_eq(generator, 760481);
    ck_assert_uint_eq(critic, 663041);
    ck_assert_uint_eq(moving, 3904);
    ck_assert_ptr_null(ref_wgan_find(w, "generator.conv4.kernel"));
    ref_wgan_destroy(w);
    ref_wgan_destroy(NULL);
}
END_TEST

START_TEST(weights_start_within_their_limits)
{
    static const struct {
        const char *name;
        double limit;
    } kernels[] = {
        {"generator.dense.kernel", 0.0600}, {"generator.conv1.kernel", 0.0484},
        {"generator.conv2.kernel", 0.0313}, {"generator.conv3.kernel", 0.0382},
        {"critic.conv1.kernel", 0.0382},    {"critic.conv2.kernel", 0.0313},
        {"critic.conv3.kernel", 0.0442},    {"critic.dense.kernel", 0.0437},
    };
    struct ref_wgan *w = create(&full, 1);

    ref_wgan_init(w, 42);
    for (size_t k = 0; k < sizeof(kernels) / sizeof(*kernels); k++) {
        const struct ref_tensor *t = ref_wgan_find(w, kernels[k].name);
        double most = 0.0;

        for (size_t i = 0; i < t->size; i++)
            most = fmax(most, fabs(t->weight[i]));
        ck_assert_double_le(most, kernels[k].limit + 5e-5);
        ck_assert_double_ge(most, kernels[k].limit * 0.998 - 5e-5);
    }
    ck_assert_double_eq(ref_wgan_find(w, "generator.norm1.gamma")->weight[127], 1.0);
    ck_assert_double_eq(ref_wgan_find(w, "generator.norm2.moving_variance")->weight[255], 1.0);
    ck_assert_double_eq(ref_wgan_find(w, "generator.norm0.moving_mean")->weight[1567], 0.0);
    ck_assert_double_eq(ref_wgan_find(w, "critic.conv2.bias")->weight[127], 0.0);
    ref_wgan_destroy(w);
}
END_TEST

/* The loss of the critic on images, or of the generator on noise. */
static double loss_of(struct ref_wgan *w, bool critic, const double *in)
{
    return critic ? ref_wgan_critic_gradient(w, in, 1.0) : ref_wgan_generator_gradient(w, in);
}

static double difference(struct ref_wgan *w, bool critic, const double *in, double *weight)
{
    const double before = *weight;
    const double h = 1e-6;

    *weight = before + h;
    const double above = loss_of(w, critic, in);
    *weight = before - h;
    const double below = loss_of(w, critic, in);
    *weight = before;
    return (above - below) / (2 * h);
}

/* Up to eight weights of every tensor of one network; _i: 0 generator, 1 critic. */
START_TEST(gradients_by_differences)
{
    struct ref_wgan *w = create(&tiny, BATCH);
    double in[BATCH * PIXELS];

    randomise_weights(w);
    test_randomise(BATCH * PIXELS, in);
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *t = &w->tensors[i];

        if ((i >= REF_CRITIC_CONV1_KERNEL) != _i || !t->gradient)
            continue;
        for (size_t j = 0; j < t->size; j += t->size / 8 + 1) {
            const double expected = difference(w, _i, in, &t->weight[j]);

            loss_of(w, _i, in);
            ck_assert_msg(fabs(t->gradient[j] - expected) < 1e-7 * (1.0 + fabs(expected)),
                          "%s[%zu]: %.12g, by differences %.12g", t->name, j, t->gradient[j],
                          expected);
        }
    }
    ref_wgan_destroy(w);
}
END_TEST

/* Bytes without pattern, by Knuth's multiplicative hash. */
static void make_dataset(uint8_t *dataset)
{
    for (uint64_t i = 0; i < IMAGES * PIXELS; i++)
        dataset[i] = (uint8_t)(i * UINT64_C(2654435761) >> 13);
}

static void by_hand_update(struct ref_wgan *w, bool critic, double rate)
{
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *t = &w->tensors[i];

        if ((i >= REF_CRITIC_CONV1_KERNEL) != critic || !t->gradient)
            continue;
        ref_rmsprop(t->size, t->gradient, rate, 0.9, 1e-7, t->weight, t->accumulator);
    }
}

/* One critic iteration from its parts: real, fake by inference, clip. */
static void by_hand_critic(struct ref_wgan *w, struct ref_draw draw, const uint8_t *dataset,
                           double losses[2])
{
    double noise[BATCH * NOISE], real[BATCH * PIXELS], fake[BATCH * PIXELS];
    uint32_t indices[BATCH];

    draw.stream = REF_STREAM_INDICES;
    ref_draw_indices(&draw, IMAGES, BATCH, indices);
    for (int i = 0; i < BATCH * PIXELS; i++)
        real[i] = dataset[indices[i / PIXELS] * PIXELS + i % PIXELS] / 127.5 - 1.0;
    draw.stream = REF_STREAM_CRITIC_NOISE;
    ref_draw_normals(&draw, BATCH * NOISE, noise);
    ref_wgan_generate(w, noise, BATCH, fake);

    losses[0] = ref_wgan_critic_gradient(w, real, -1.0);
    by_hand_update(w, true, settings.lr_critic);
    losses[1] = ref_wgan_critic_gradient(w, fake, 1.0);
    by_hand_update(w, true, settings.lr_critic);
    for (int i = REF_CRITIC_CONV1_KERNEL; i < REF_TENSOR_COUNT; i++)
        for (size_t j = 0; j < w->tensors[i].size; j++)
            w->tensors[i].weight[j] =
                fmin(fmax(w->tensors[i].weight[j], -settings.clip), settings.clip);
}

/* Everything but the moving statistics, which have their own test. */
START_TEST(step_is_the_sum_of_its_parts)
{
    struct ref_wgan *w = create(&tiny, BATCH);
    struct ref_wgan *parts = create(&tiny, BATCH);
    struct ref_draw draw = {.seed = UINT64_C(0x123456789a), .step = 9};
    static uint8_t dataset[IMAGES * PIXELS];
    double noise[BATCH * NOISE], losses[3], expected[3];

    make_dataset(dataset);
    ref_wgan_init(w, 3);
    ref_wgan_init(parts, 3);
    for (int i = REF_CRITIC_CONV1_BIAS; i < REF_TENSOR_COUNT; i += 2) { // what clipping must cut
        w->tensors[i].weight[0] = 0.3;
        parts->tensors[i].weight[0] = 0.3;
    }
    ref_wgan_step(w, draw.step, draw.seed, dataset, IMAGES, losses);
    for (draw.iteration = 0; draw.iteration < 2; draw.iteration++)
        by_hand_critic(parts, draw, dataset, expected);
    draw.iteration = 0;
    draw.stream = REF_STREAM_GENERATOR_NOISE;
    ref_draw_normals(&draw, BATCH * NOISE, noise);
    expected[2] = ref_wgan_generator_gradient(parts, noise);
    by_hand_update(parts, false, settings.lr_generator);

    test_check_all(3, losses, expected, 1e-15);
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        if (!w->tensors[i].accumulator)
            continue;
        test_check_all(w->tensors[i].size, w->tensors[i].weight, parts->tensors[i].weight, 1e-15);
        test_check_all(w->tensors[i].size, w->tensors[i].accumulator, parts->tensors[i].accumulator,
                       1e-15);
    }
    ref_wgan_destroy(parts);
    ref_wgan_destroy(w);
}
END_TEST

/* The sum of the squares of all weights of one network, moving statistics included. */
static double squares(const struct ref_wgan *w, int first, int last)
{
    double sum = 0.0;

    for (int i = first; i < last; i++)
        for (size_t j = 0; j < w->tensors[i].size; j++)
            sum += w->tensors[i].weight[j] * w->tensors[i].weight[j];
    return sum;
}

/*
 * Two steps of the same training in another hand: convolutions and gradients by TensorFlow 2.15 in
 * float64, the draws by a Philox in NumPy.
 */
START_TEST(training_has_known_answers)
{
    static const double expected[2][3] = {
        {-0.000366367243502541, 0.00311453053782954, -0.00101084049300318},
        {-0.000826136113902005, 0.00252750389598868, -0.000894513286615252},
    };
    struct ref_wgan *w = create(&tiny, BATCH);
    static uint8_t dataset[IMAGES * PIXELS];
    const uint64_t seed = UINT64_C(0x123456789a);
    double noise[2 * NOISE], images[2 * PIXELS], losses[3], sum = 0.0;

    make_dataset(dataset);
    ref_wgan_init(w, seed);
    for (uint32_t step = 0; step < 2; step++) {
        ref_wgan_step(w, step, seed, dataset, IMAGES, losses);
        test_check_all(3, losses, expected[step], 1e-14);
    }
    ck_assert_double_eq_tol(squares(w, 0, REF_CRITIC_CONV1_KERNEL), 242.598045561176, 1e-11);
    ck_assert_double_eq_tol(squares(w, REF_CRITIC_CONV1_KERNEL, REF_TENSOR_COUNT),
                            0.963581627853887, 1e-13);

    for (int i = 0; i < 2 * NOISE; i++)
        noise[i] = i * 37 % 101 / 50.0 - 1.0;
    ref_wgan_generate(w, noise, 2, images);
    for (int i = 0; i < 2 * PIXELS; i++)
        sum += images[i];
    ck_assert_double_eq_tol(sum, 8.68802169672622, 1e-11);
    ref_wgan_destroy(w);
}
END_TEST

/*
 * The kernels are zero but for what makes two statistics known: unit 2 of norm0 is the first noise
 * number, and channel 1 of norm1 counts the taps that meet each pixel.
 */
START_TEST(moving_statistics_are_biased_after_dense_only)
{
    struct ref_wgan *w = create(&tiny, BATCH);
    const struct ref_draw draw = {.seed = 8, .step = 1, .stream = REF_STREAM_GENERATOR_NOISE};
    static uint8_t dataset[IMAGES * PIXELS];
    double noise[BATCH * NOISE], losses[3], mean[NOISE], variance[NOISE], conv_mean, conv_variance;
    double line[196];

    ref_wgan_find(w, "generator.dense.kernel")->weight[2] = 1.0;
    ref_wgan_find(w, "generator.norm0.gamma")->weight[2] = 0.0;
    for (int i = 0; i < 147; i++)
        ref_wgan_find(w, "generator.norm0.beta")->weight[i] = 1.0;
    for (int tap = 0; tap < 16; tap++)
        ref_wgan_find(w, "generator.conv1.kernel")->weight[(tap * 4 + 1) * 3] = 1.0;
    // Inside, each pixel meets 2 x 2 taps; on an edge 1 x 2, in a corner one.
    for (int i = 0; i < 196; i++)
        line[i] = (i / 14 % 13 == 0 ? 1.0 : 2.0) * (i % 14 % 13 == 0 ? 1.0 : 2.0);

    ref_draw_normals(&draw, BATCH * NOISE, noise);
    ref_moments(BATCH, NOISE, noise, mean, variance);
    ref_moments(196, 1, line, &conv_mean, &conv_variance);
    ref_wgan_step(w, draw.step, draw.seed, dataset, IMAGES, losses);
    ck_assert_double_eq_tol(ref_wgan_find(w, "generator.norm0.moving_mean")->weight[2],
                            0.2 * mean[0], 1e-14);
    ck_assert_double_eq_tol(ref_wgan_find(w, "generator.norm0.moving_variance")->weight[2],
                            0.8 + 0.2 * variance[0], 1e-14);
    ck_assert_double_eq_tol(ref_wgan_find(w, "generator.norm1.moving_mean")->weight[1],
                            0.2 * conv_mean, 1e-14);
    ck_assert_double_eq_tol(ref_wgan_find(w, "generator.norm1.moving_variance")->weight[1],
                            0.8 + 0.2 * conv_variance * 588.0 / 587.0, 1e-14);
    ck_assert_double_eq_tol(ref_wgan_find(w, "generator.norm2.moving_variance")->weight[0], 0.8,
                            1e-14);
    ref_wgan_destroy(w);
}
END_TEST

/* Only the last norm and the last convolution pass anything on, one tap of channel 0. */
START_TEST(generate_uses_moving_statistics)
{
    struct ref_wgan *w = create(&tiny, 2);
    double noise[3 * NOISE], images[3 * PIXELS];

    ref_wgan_find(w, "generator.conv2.bias")->weight[0] = 3.0;
    ref_wgan_find(w, "generator.norm2.moving_mean")->weight[0] = 1.0;
    ref_wgan_find(w, "generator.norm2.moving_variance")->weight[0] = 3.999;
    ref_wgan_find(w, "generator.norm2.gamma")->weight[0] = 0.5;
    ref_wgan_find(w, "generator.norm2.beta")->weight[0] = 0.1;
    ref_wgan_find(w, "generator.conv3.kernel")->weight[(1 * 4 + 1) * 5] = 1.0;
    ref_wgan_find(w, "generator.conv3.bias")->weight[0] = -0.2;
    test_randomise(3 * NOISE, noise);
    ref_wgan_generate(w, noise, 3, images);
    for (int i = 0; i < 3 * PIXELS; i++)
        ck_assert_double_eq_tol(images[i], tanh(0.5 * (3.0 - 1.0) / 2.0 + 0.1 - 0.2), 1e-15);
    ref_wgan_destroy(w);
}
END_TEST

void test_add_wgan(TCase *tcase)
{
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, model_has_the_published_sizes);
    tcase_add_test(tcase, weights_start_within_their_limits);
    tcase_add_loop_test(tcase, gradients_by_differences, 0, 2);
    tcase_add_test(tcase, step_is_the_sum_of_its_parts);
    tcase_add_test(tcase, training_has_known_answers);
    tcase_add_test(tcase, moving_statistics_are_biased_after_dense_only);
    tcase_add_test(tcase, generate_uses_moving_statistics);
}
