#include "host/selftest/step.h"

#include "host/base/error.h"
#include "host/reference/philox_draws.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define U 0x1p-24

enum { UNITS = 8 * 64, SIDE = WG_IMAGE_SIDE, PIXELS = WG_IMAGE_PIXELS };

const struct wg_widths wg_step_widths = {5, 3, 8, 5, 4, 7, 2};

/* Of that batch, with learning rates that move every weight visibly. */
static struct wg_train_settings settings_of(int critic_steps, uint64_t seed)
{
    struct wg_train_settings settings = wg_train_settings_default();
    settings.batch = WG_STEP_BATCH;
    settings.lr_generator = 1e-3f;
    settings.lr_critic = 2e-3f;
    settings.clip = 0.05f;
    settings.critic_steps = critic_steps;
    settings.seed = seed;
    return settings;
}

/* ---- both sides ---- */

static bool draw_dataset(struct wg_dataset *dataset)
{
    *dataset = (struct wg_dataset){
        .name = "blots", .count = WG_STEP_IMAGES, .height = SIDE, .width = SIDE};
    dataset->pixels = malloc((size_t)WG_STEP_IMAGES * PIXELS);
    if (!dataset->pixels)
        return wg_fail_memory("images");
    for (int i = 0; i < WG_STEP_IMAGES; i++)
        for (int p = 0; p < PIXELS; p++) {
            int dx = p % SIDE - i % SIDE, dy = p / SIDE - i % 11 * 2;
            int ink = 255 - 9 * (dx * dx + dy * dy) + (i * p) % 37;
            dataset->pixels[i * PIXELS + p] = (uint8_t)(ink < 0 ? 0 : ink > 255 ? 255 : ink);
        }
    return true;
}

static struct ref_wgan *create_reference(const struct wg_train_settings *s)
{
    const struct wg_widths *w = &wg_step_widths;
    const struct ref_widths widths = {(int)w->noise, (int)w->base,  (int)w->up1,  (int)w->up2,
                                      (int)w->down1, (int)w->down2, (int)w->down3};
    const struct ref_settings settings = {(double)s->lr_generator, (double)s->lr_critic,
                                          (double)s->clip, s->critic_steps};
    struct ref_wgan *reference = ref_wgan_create(&widths, WG_STEP_BATCH, &settings);
    if (reference)
        ref_wgan_init(reference, s->seed);
    else
        wg_fail_memory("the reference of a training");
    return reference;
}

bool wg_step_test_create(struct wg_device *device, int critic_steps, uint64_t seed,
                         const char *forced, struct wg_step_test *ret_test)
{
    struct wg_step_test test = {.seed = seed};
    const struct wg_train_settings settings = settings_of(critic_steps, seed);
    const struct wg_trainer_params params = {.settings = &settings,
                                             .dataset = &test.dataset,
                                             .widths = &wg_step_widths,
                                             .forced = forced};
    if (!draw_dataset(&test.dataset) || !(test.reference = create_reference(&settings)) ||
        !wg_trainer_create(device, &params, &test.trainer)) {
        wg_step_test_finish(&test);
        return false;
    }
    *ret_test = test;
    return true;
}

void wg_step_test_finish(struct wg_step_test *test)
{
    wg_trainer_destroy(test->trainer);
    ref_wgan_destroy(test->reference);
    free(test->dataset.pixels);
    *test = (struct wg_step_test){0};
}

/* ---- comparing ---- */

static void compare(struct wg_step_test *test, const char *what, size_t index, double got,
                    double expected, double allowed)
{
    double error = fabs(got - expected) / allowed;
    if (error <= test->worst.error)
        return;
    test->worst.error = isnan(error) ? INFINITY : error;
    snprintf(test->worst.text, sizeof test->worst.text,
             "after step %u: %s[%zu] is %.9g, expected %.9g within %.3g",
             (unsigned)wg_trainer_steps_done(test->trainer), what, index, got, expected, allowed);
}

static double largest(const double *x, size_t count)
{
    double found = x[0];
    for (size_t i = 1; i < count; i++)
        found = fmax(found, x[i]);
    return found;
}

static bool read_variable(struct wg_step_test *test, const struct wg_node *variable,
                          float **ret_values)
{
    float *values = malloc(wg_node_bytes(variable));
    if (!values)
        return wg_fail_memory("a tensor");
    if (wg_trainer_read(test->trainer, variable, values)) {
        *ret_values = values;
        return true;
    }
    free(values);
    return false;
}

/* The moving statistics are averages of moments, of numbers around 1. */
static bool compare_moving(struct wg_step_test *test, const struct wg_weight *weight)
{
    static const char *const endings[] = {"mean", "variance"};
    size_t c = weight->node->shape.dim[1];
    float *values = NULL;
    if (!read_variable(test, weight->node, &values))
        return false;
    for (int half = 0; half < 2; half++) {
        char name[160];
        snprintf(name, sizeof name, "%s_%s", weight->node->name, endings[half]);
        const double *expected = ref_wgan_find(test->reference, name)->weight;
        for (size_t i = 0; i < c; i++)
            compare(test, name, i, (double)values[half * c + i], expected[i],
                    UNITS * U * (1 + fabs(expected[i])));
    }
    free(values);
    return true;
}

/*
 * A weight and its accumulator after so many updates. `scale` is the size of the gradients. All
 * updates are taken to have the accumulators of the last.
 */
static bool compare_weight(struct wg_step_test *test, const struct ref_tensor *tensor,
                           const struct wg_weight *weight, double scale, double updates,
                           double rate)
{
    float *values = NULL, *accumulators = NULL;
    bool ok = read_variable(test, weight->node, &values) &&
              read_variable(test, weight->accumulator, &accumulators);
    for (size_t i = 0; ok && i < tensor->size; i++) {
        double w = tensor->weight[i], v = tensor->accumulator[i];
        double sensitivity = rate / sqrt(v + 1e-7);
        double allowed = updates * U * (fabs(w) + 16 * rate + sensitivity * UNITS * scale);
        compare(test, tensor->name, i, (double)values[i], w, allowed);
        compare(test, weight->accumulator->name, i, (double)accumulators[i], v,
                UNITS * U * (v + scale * scale));
    }
    free(values);
    free(accumulators);
    return ok;
}

static bool compare_network(struct wg_step_test *test, const struct wg_network *network,
                            double updates, double rate)
{
    double kernel_scale = 0;
    bool ok = true;
    for (int i = 0; ok && i < network->count; i++) {
        const struct wg_weight *weight = &network->weights[i];
        if (weight->is_moving) {
            ok = compare_moving(test, weight);
            continue;
        }
        const struct ref_tensor *tensor = ref_wgan_find(test->reference, weight->node->name);
        double scale = sqrt(10 * largest(tensor->accumulator, tensor->size));
        if (strstr(tensor->name, ".kernel"))
            kernel_scale = scale;
        else if (strstr(tensor->name, ".bias"))
            scale = fmax(scale, kernel_scale);
        ok = compare_weight(test, tensor, weight, scale, updates, rate);
    }
    return ok;
}

/* ---- steps ---- */

/* What the estimate of step `s` is taken on: the last iteration's images, the fakes by the
 * generator as it is before the step. */
static bool draw_images(struct wg_step_test *test, uint32_t s, double *real, double *fakes)
{
    uint32_t indices[WG_STEP_BATCH];
    size_t count = WG_STEP_BATCH * wg_step_widths.noise;
    double *noise = malloc(count * sizeof *noise);
    struct ref_draw draw = {.seed = test->seed,
                            .step = s,
                            .iteration = (uint32_t)test->reference->settings.critic_steps - 1,
                            .stream = REF_STREAM_INDICES};
    if (!noise)
        return wg_fail_memory("noise");
    ref_draw_indices(&draw, WG_STEP_IMAGES, WG_STEP_BATCH, indices);
    for (int i = 0; i < WG_STEP_BATCH * PIXELS; i++)
        real[i] = test->dataset.pixels[indices[i / PIXELS] * PIXELS + i % PIXELS] / 127.5 - 1;
    draw.stream = REF_STREAM_CRITIC_NOISE;
    ref_draw_normals(&draw, count, noise);
    ref_wgan_generate(test->reference, noise, WG_STEP_BATCH, fakes);
    free(noise);
    return true;
}

/* Losses are means of scores, of a few hundredths. */
static void compare_loss(struct wg_step_test *test, const char *name, float got, double expected,
                         double units)
{
    compare(test, name, 0, (double)got, expected, units * U * (fabs(expected) + 0.01));
}

/* `images` holds twice the batch: real ones, then fakes. */
static bool step_both(struct wg_step_test *test, double *images)
{
    const struct wg_model *model = wg_trainer_model(test->trainer);
    const struct ref_settings *settings = &test->reference->settings;
    double *real = images, *fakes = images + WG_STEP_BATCH * PIXELS, expected[3];
    uint32_t s = wg_trainer_steps_done(test->trainer);
    struct wg_losses losses;
    if (!draw_images(test, s, real, fakes) || !wg_trainer_step(test->trainer, true) ||
        !wg_trainer_read_losses(test->trainer, s, 1, &losses))
        return false;
    ref_wgan_step(test->reference, s, test->seed, test->dataset.pixels, WG_STEP_IMAGES, expected);
    compare_loss(test, "d_loss_real", losses.d_real, expected[0], UNITS);
    compare_loss(test, "d_loss_fake", losses.d_fake, expected[1], UNITS);
    compare_loss(test, "g_loss", losses.generator, expected[2], UNITS);
    double updates = s + 1.0, critic_updates = 2.0 * settings->critic_steps * updates;
    if (!compare_network(test, &model->generator, updates, settings->lr_generator) ||
        !compare_network(test, &model->critic, critic_updates, settings->lr_critic))
        return false;
    // The critic is done with this step, so its weights are those of the estimate.
    double estimate = ref_wgan_critic_gradient(test->reference, real, 1) -
                      ref_wgan_critic_gradient(test->reference, fakes, 1);
    compare_loss(test, "estimate", losses.estimate, estimate, 2 * UNITS);
    return true;
}

bool wg_step_test_step(struct wg_step_test *test)
{
    double *images = malloc(2 * sizeof *images * WG_STEP_BATCH * PIXELS);
    bool ok = images ? step_both(test, images) : wg_fail_memory("images");
    free(images);
    return ok;
}

/* Images of inference mode: the last thing is a tanh, so numbers below 1. */
bool wg_step_test_sample(struct wg_step_test *test)
{
    size_t noise_count = WG_SAMPLE_BATCH * wg_step_widths.noise, count = WG_SAMPLE_BATCH * PIXELS;
    float *noise = malloc(noise_count * sizeof *noise), *images = malloc(count * sizeof *images);
    double *wide = malloc(noise_count * sizeof *wide), *expected = malloc(count * sizeof *expected);
    bool ok = (noise && images && wide && expected) || wg_fail_memory("samples");
    for (size_t i = 0; ok && i < noise_count; i++)
        wide[i] = noise[i] = (float)(i % 17) / 8.0f - 1.0f;
    ok = ok && wg_trainer_sample(test->trainer, noise, images);
    if (ok) {
        ref_wgan_generate(test->reference, wide, WG_SAMPLE_BATCH, expected);
        for (size_t i = 0; i < count; i++)
            compare(test, "image", i, (double)images[i], expected[i], UNITS * U);
    }
    free(noise);
    free(images);
    free(wide);
    free(expected);
    return ok;
}
