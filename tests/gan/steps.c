/*
 * Whole training steps at small widths: every number of three steps against the double-precision
 * reference, the same bytes from the same seed, and a resumed run against one never interrupted.
 *
 * The bound, in units of u = 2^-24. A sum of n rounded terms is typically off by sqrt(n) units of
 * its terms' size; the longest sums here, over all pixels of a batch, have 3 * 784 terms, so
 * UNITS = 64 for everything that is one: losses, moments, and a gradient in terms of the largest
 * of its tensor, of which the accumulators hold a tenth of the square. (On pocl half of
 * it is used.)
 *
 * An update moves a weight by rate * g / sqrt(v + 1e-7), whose derivative to g is at most
 * rate / sqrt(v + 1e-7), v being the accumulator after it. So the weight may be off by as much
 * times the error of the gradient, summed over the updates, and by their own roundings. The biases
 * in front of a batch norm have no gradient: in float it is rounding alone, of the size that the
 * gradient of their kernel rounds with, and they drift by up to 3162 * rate times that.
 */
#include "host/gan/trainer.h"
#include "host/reference/philox_draws.h"
#include "host/reference/wgan.h"
#include "tests/testlib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 50, BATCH = 3, STEPS = 3, PIXELS = 28 * 28 };

static const struct wg_widths widths = {5, 3, 8, 5, 4, 7, 2};
static const uint64_t seed = 0x123456789abc;

static struct wg_train_settings settings_of(int critic_steps, uint64_t with_seed)
{
    struct wg_train_settings settings = {0};
    settings.steps = STEPS;
    settings.batch = BATCH;
    settings.lr_generator = 1e-3f;
    settings.lr_critic = 2e-3f;
    settings.clip = 0.05f;
    settings.critic_steps = critic_steps;
    settings.seed = with_seed;
    return settings;
}

/* Blots of ink that differ from image to image. */
static struct wg_dataset *dataset(void)
{
    static uint8_t pixels[IMAGES * PIXELS];
    static struct wg_dataset data = {
        .name = "blots", .count = IMAGES, .height = 28, .width = 28, .pixels = pixels};
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < PIXELS; p++) {
            int dx = p % 28 - i % 28, dy = p / 28 - i % 11 * 2;
            int ink = 255 - 9 * (dx * dx + dy * dy) + (i * p) % 37;
            pixels[i * PIXELS + p] = (uint8_t)(ink < 0 ? 0 : ink > 255 ? 255 : ink);
        }
    return &data;
}

static struct wg_trainer *create_trainer(int critic_steps, uint64_t with_seed, const char *forced)
{
    const struct wg_train_settings settings = settings_of(critic_steps, with_seed);
    const struct wg_trainer_params params = {
        .settings = &settings, .dataset = dataset(), .widths = &widths, .forced = forced};
    struct wg_trainer *trainer = NULL;
    ck_assert_msg(wg_trainer_create(test_device(), &params, &trainer), "%s", wg_error_message());
    return trainer;
}

static struct ref_wgan *create_reference(int critic_steps)
{
    const struct wg_train_settings s = settings_of(critic_steps, seed);
    const struct ref_widths ref_widths = {(int)widths.noise, (int)widths.base,  (int)widths.up1,
                                          (int)widths.up2,   (int)widths.down1, (int)widths.down2,
                                          (int)widths.down3};
    const struct ref_settings ref_settings = {(double)s.lr_generator, (double)s.lr_critic,
                                              (double)s.clip, s.critic_steps};
    struct ref_wgan *reference = ref_wgan_create(&ref_widths, BATCH, &ref_settings);
    ck_assert_ptr_nonnull(reference);
    ref_wgan_init(reference, seed);
    return reference;
}

static void step(struct wg_trainer *trainer, struct wg_losses *losses)
{
    uint32_t done = wg_trainer_steps_done(trainer);
    ck_assert_msg(wg_trainer_step(trainer, true), "%s", wg_error_message());
    ck_assert_uint_eq(wg_trainer_steps_done(trainer), done + 1);
    ck_assert_msg(wg_trainer_read_losses(trainer, done, 1, losses), "%s", wg_error_message());
}

static float *read_variable(struct wg_trainer *trainer, const struct wg_node *variable)
{
    float *values = malloc(wg_node_bytes(variable));
    ck_assert_ptr_nonnull(values);
    ck_assert_msg(wg_trainer_read(trainer, variable, values), "%s", wg_error_message());
    return values;
}

/* ---- against the reference ---- */

#define U 0x1p-24
enum { UNITS = 64 };

static const struct ref_tensor *find(struct ref_wgan *reference, const char *name)
{
    const struct ref_tensor *tensor = ref_wgan_find(reference, name);
    ck_assert_msg(tensor != NULL, "the reference has no tensor '%s'", name);
    return tensor;
}

static void check_number(const char *what, size_t index, double got, double expected, double bound)
{
    ck_assert_msg(fabs(got - expected) <= bound,
                  "%s[%zu] is %.9g, expected %.9g, off by %.3g of %.3g", what, index, got, expected,
                  fabs(got - expected), bound);
}

static double largest(const double *x, size_t count)
{
    double found = x[0];
    for (size_t i = 1; i < count; i++)
        found = fmax(found, x[i]);
    return found;
}

/* The moving statistics are averages of moments, of numbers around 1. */
static void check_moving(struct wg_trainer *trainer, struct ref_wgan *reference,
                         const struct wg_weight *weight)
{
    static const char *const endings[] = {"mean", "variance"};
    size_t c = weight->node->shape.dim[1];
    float *values = read_variable(trainer, weight->node);
    for (int half = 0; half < 2; half++) {
        char name[160];
        snprintf(name, sizeof name, "%s_%s", weight->node->name, endings[half]);
        const double *expected = find(reference, name)->weight;
        for (size_t i = 0; i < c; i++)
            check_number(name, i, (double)values[half * c + i], expected[i],
                         UNITS * U * (1 + fabs(expected[i])));
    }
    free(values);
}

/*
 * A weight and its accumulator after so many updates in each of `steps` steps. `scale` is the size
 * of the gradients. All updates are taken to have the accumulators of the last.
 */
static void check_weight(struct wg_trainer *trainer, const struct ref_tensor *tensor,
                         const struct wg_weight *weight, double scale, double updates, double rate)
{
    float *values = read_variable(trainer, weight->node);
    float *accumulators = read_variable(trainer, weight->accumulator);
    ck_assert_uint_eq(tensor->size, wg_shape_count(&weight->node->shape));
    for (size_t i = 0; i < tensor->size; i++) {
        double w = tensor->weight[i], v = tensor->accumulator[i];
        double sensitivity = rate / sqrt(v + 1e-7);
        double bound = updates * U * (fabs(w) + 16 * rate + sensitivity * UNITS * scale);
        check_number(tensor->name, i, (double)values[i], w, bound);
        check_number(weight->accumulator->name, i, (double)accumulators[i], v,
                     UNITS * U * (v + scale * scale));
    }
    free(values);
    free(accumulators);
}

static void check_network(struct wg_trainer *trainer, struct ref_wgan *reference,
                          const struct wg_network *network, double updates, double rate)
{
    double kernel_scale = 0;
    for (int i = 0; i < network->count; i++) {
        const struct wg_weight *weight = &network->weights[i];
        if (weight->is_moving) {
            check_moving(trainer, reference, weight);
            continue;
        }
        const struct ref_tensor *tensor = find(reference, weight->node->name);
        double scale = sqrt(10 * largest(tensor->accumulator, tensor->size));
        if (strstr(tensor->name, ".kernel"))
            kernel_scale = scale;
        else if (strstr(tensor->name, ".bias"))
            scale = fmax(scale, kernel_scale);
        check_weight(trainer, tensor, weight, scale, updates, rate);
    }
}

/* What the estimate of step `s` is taken on: the last iteration's images, the fakes by the
 * generator as it is before the step. */
static void draw_images(struct ref_wgan *reference, uint32_t s, double *real, double *fakes)
{
    uint32_t indices[BATCH];
    double *noise = malloc(BATCH * widths.noise * sizeof *noise);
    struct ref_draw draw = {.seed = seed,
                            .step = s,
                            .iteration = (uint32_t)reference->settings.critic_steps - 1,
                            .stream = REF_STREAM_INDICES};
    ck_assert_ptr_nonnull(noise);
    ref_draw_indices(&draw, IMAGES, BATCH, indices);
    for (int i = 0; i < BATCH * PIXELS; i++)
        real[i] = dataset()->pixels[indices[i / PIXELS] * PIXELS + i % PIXELS] / 127.5 - 1;
    draw.stream = REF_STREAM_CRITIC_NOISE;
    ref_draw_normals(&draw, BATCH * widths.noise, noise);
    ref_wgan_generate(reference, noise, BATCH, fakes);
    free(noise);
}

/* The steps, the last at the end. Losses are means of scores, of a few hundredths. */
static void check_steps(struct wg_trainer *trainer, struct ref_wgan *reference)
{
    static double real[BATCH * PIXELS], fakes[BATCH * PIXELS];
    const struct wg_model *model = wg_trainer_model(trainer);
    for (uint32_t s = 0; s < STEPS; s++) {
        struct wg_losses losses;
        double expected[3];
        draw_images(reference, s, real, fakes);
        step(trainer, &losses);
        ref_wgan_step(reference, s, seed, dataset()->pixels, IMAGES, expected);
        check_number("d_real", s, (double)losses.d_real, expected[0],
                     UNITS * U * (fabs(expected[0]) + 0.01));
        check_number("d_fake", s, (double)losses.d_fake, expected[1],
                     UNITS * U * (fabs(expected[1]) + 0.01));
        check_number("generator", s, (double)losses.generator, expected[2],
                     UNITS * U * (fabs(expected[2]) + 0.01));

        double updates = s + 1.0, critic_updates = 2.0 * reference->settings.critic_steps * updates;
        check_network(trainer, reference, &model->generator, updates,
                      reference->settings.lr_generator);
        check_network(trainer, reference, &model->critic, critic_updates,
                      reference->settings.lr_critic);
        // The critic is done with this step, so its weights are those of the estimate.
        double estimate = ref_wgan_critic_gradient(reference, real, 1) -
                          ref_wgan_critic_gradient(reference, fakes, 1);
        check_number("estimate", s, (double)losses.estimate, estimate,
                     2 * UNITS * U * (fabs(estimate) + 0.01));
    }
}

/* Images of inference mode: the last thing is a tanh, so numbers below 1. */
static void check_samples(struct wg_trainer *trainer, struct ref_wgan *reference)
{
    size_t noise_count = WG_SAMPLE_BATCH * widths.noise, count = WG_SAMPLE_BATCH * PIXELS;
    float *noise = malloc(noise_count * sizeof *noise), *images = malloc(count * sizeof *images);
    double *wide = malloc(noise_count * sizeof *wide), *expected = malloc(count * sizeof *expected);
    ck_assert(noise && images && wide && expected);
    test_fill(noise, noise_count, 7);
    for (size_t i = 0; i < noise_count; i++)
        wide[i] = noise[i];
    ck_assert_msg(wg_trainer_sample(trainer, noise, images), "%s", wg_error_message());
    ref_wgan_generate(reference, wide, WG_SAMPLE_BATCH, expected);
    for (size_t i = 0; i < count; i++)
        check_number("image", i, (double)images[i], expected[i], UNITS * U);
    free(noise);
    free(images);
    free(wide);
    free(expected);
}

static const struct {
    int critic_steps;
    const char *forced;
} runs[] = {{1, NULL}, {2, NULL}, {1, "gemm"}};
enum { RUNS = sizeof runs / sizeof runs[0] };

START_TEST(three_steps_agree_with_the_reference)
{
    struct wg_trainer *trainer = create_trainer(runs[_i].critic_steps, seed, runs[_i].forced);
    struct ref_wgan *reference = create_reference(runs[_i].critic_steps);
    check_steps(trainer, reference);
    check_samples(trainer, reference);
    ref_wgan_destroy(reference);
    wg_trainer_destroy(trainer);
}
END_TEST

/* ---- against itself ---- */

/* All variables of both networks in a fixed order, one after the other. */
struct state {
    float *values;
    size_t count;
};

static int list_variables(struct wg_trainer *trainer, struct wg_node **variables)
{
    const struct wg_model *model = wg_trainer_model(trainer);
    const struct wg_network *networks[] = {&model->generator, &model->critic};
    int count = 0;
    for (int n = 0; n < 2; n++)
        for (int i = 0; i < networks[n]->count; i++) {
            const struct wg_weight *weight = &networks[n]->weights[i];
            variables[count++] = weight->node;
            if (weight->accumulator)
                variables[count++] = weight->accumulator;
        }
    return count;
}

static struct state read_state(struct wg_trainer *trainer)
{
    struct wg_node *variables[4 * WG_WEIGHTS_MAX];
    struct state state = {0};
    int count = list_variables(trainer, variables);
    for (int i = 0; i < count; i++)
        state.count += wg_shape_count(&variables[i]->shape);
    state.values = malloc(state.count * sizeof *state.values);
    ck_assert_ptr_nonnull(state.values);
    float *at = state.values;
    for (int i = 0; i < count; i++) {
        ck_assert_msg(wg_trainer_read(trainer, variables[i], at), "%s", wg_error_message());
        at += wg_shape_count(&variables[i]->shape);
    }
    return state;
}

static void write_state(struct wg_trainer *trainer, const struct state *state)
{
    struct wg_node *variables[4 * WG_WEIGHTS_MAX];
    const float *at = state->values;
    int count = list_variables(trainer, variables);
    for (int i = 0; i < count; i++) {
        ck_assert_msg(wg_trainer_write(trainer, variables[i], at), "%s", wg_error_message());
        at += wg_shape_count(&variables[i]->shape);
    }
}

static bool is_same_state(const struct state *a, const struct state *b)
{
    return a->count == b->count && memcmp(a->values, b->values, a->count * sizeof *a->values) == 0;
}

/* A new run of so many steps: its losses and its state. */
static struct state run(uint64_t with_seed, int steps, struct wg_losses *losses)
{
    struct wg_trainer *trainer = create_trainer(2, with_seed, NULL);
    for (int s = 0; s < steps; s++)
        step(trainer, &losses[s]);
    struct state state = read_state(trainer);
    wg_trainer_destroy(trainer);
    return state;
}

START_TEST(the_same_seed_gives_the_same_bytes)
{
    struct wg_losses first_losses[3], second_losses[3], other_losses[3];
    struct state first = run(seed, 3, first_losses), second = run(seed, 3, second_losses);
    struct state other = run(seed ^ (UINT64_C(1) << 40), 3, other_losses);
    ck_assert(is_same_state(&first, &second));
    ck_assert_mem_eq(first_losses, second_losses, sizeof first_losses);
    ck_assert(!is_same_state(&first, &other)); // the high half of a seed counts as well
    free(first.values);
    free(second.values);
    free(other.values);
}
END_TEST

START_TEST(a_resumed_run_is_the_run_never_interrupted)
{
    struct wg_losses whole_losses[4], half_losses[2], rest_losses[2];
    struct state whole = run(seed, 4, whole_losses), half = run(seed, 2, half_losses);
    struct wg_trainer *trainer = create_trainer(2, seed, NULL);
    write_state(trainer, &half);
    ck_assert_msg(wg_trainer_set_steps_done(trainer, 2), "%s", wg_error_message());
    step(trainer, &rest_losses[0]);
    step(trainer, &rest_losses[1]);
    struct state resumed = read_state(trainer);
    ck_assert(is_same_state(&resumed, &whole));
    ck_assert(!is_same_state(&half, &whole));
    ck_assert_mem_eq(half_losses, whole_losses, sizeof half_losses);
    ck_assert_mem_eq(rest_losses, whole_losses + 2, sizeof rest_losses);
    wg_trainer_destroy(trainer);
    free(whole.values);
    free(half.values);
    free(resumed.values);
}
END_TEST

/* Losses are read late and several at once; an estimate that was not asked for is no number, and
 * taking one changes nothing else. */
START_TEST(losses_wait_on_the_device)
{
    struct wg_losses one_by_one[3], together[3];
    struct state estimated = run(seed, 3, one_by_one);
    struct wg_trainer *trainer = create_trainer(2, seed, NULL);
    for (int s = 0; s < 3; s++)
        ck_assert_msg(wg_trainer_step(trainer, s == 1), "%s", wg_error_message());
    ck_assert(wg_trainer_read_losses(trainer, 0, 3, together));
    struct state plain = read_state(trainer);
    ck_assert(is_same_state(&estimated, &plain));
    for (int s = 0; s < 3; s++) {
        ck_assert_float_eq(together[s].d_real, one_by_one[s].d_real);
        ck_assert_float_eq(together[s].d_fake, one_by_one[s].d_fake);
        ck_assert_float_eq(together[s].generator, one_by_one[s].generator);
        ck_assert_int_eq(isnan(together[s].estimate) != 0, s != 1);
    }
    ck_assert_float_eq(together[1].estimate, one_by_one[1].estimate);
    wg_trainer_destroy(trainer);
    free(estimated.values);
    free(plain.values);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("steps");
    tcase_add_loop_test(tests, three_steps_agree_with_the_reference, 0, RUNS);
    tcase_add_test(tests, the_same_seed_gives_the_same_bytes);
    tcase_add_test(tests, a_resumed_run_is_the_run_never_interrupted);
    tcase_add_test(tests, losses_wait_on_the_device);

    Suite *suite = suite_create("steps");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
