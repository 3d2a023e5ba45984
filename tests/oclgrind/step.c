/*
 * One training step and one batch of samples at widths of 2: that they run is for tests/gan to
 * prove, what they touch is for Oclgrind to see.
 */
#include "host/gan/trainer.h"
#include "tests/testlib.h"

#include <math.h>

enum { IMAGES = 3, BATCH = 2, PIXELS = 28 * 28 };

static const struct wg_widths widths = {2, 2, 2, 2, 2, 2, 2};

START_TEST(a_step_and_samples)
{
    static uint8_t pixels[IMAGES * PIXELS];
    static float noise[WG_SAMPLE_BATCH * 2], images[WG_SAMPLE_BATCH * PIXELS];
    for (int i = 0; i < IMAGES * PIXELS; i++)
        pixels[i] = (uint8_t)i;
    test_fill(noise, sizeof noise / sizeof noise[0], 1);
    const struct wg_dataset data = {
        .name = "ramp", .count = IMAGES, .height = 28, .width = 28, .pixels = pixels};
    struct wg_train_settings settings = {.steps = 1,
                                         .batch = BATCH,
                                         .lr_generator = 1e-3f,
                                         .lr_critic = 1e-3f,
                                         .clip = 0.05f,
                                         .critic_steps = 1};
    const struct wg_trainer_params params = {
        .settings = &settings, .dataset = &data, .widths = &widths};
    struct wg_trainer *trainer = NULL;
    struct wg_losses losses;
    ck_assert_msg(wg_trainer_create(test_device(), &params, &trainer), "%s", wg_error_message());
    ck_assert_msg(wg_trainer_step(trainer, true), "%s", wg_error_message());
    ck_assert_msg(wg_trainer_read_losses(trainer, 0, 1, &losses), "%s", wg_error_message());
    ck_assert(isfinite(losses.d_real) && isfinite(losses.d_fake) && isfinite(losses.generator) &&
              isfinite(losses.estimate));
    ck_assert_msg(wg_trainer_sample(trainer, noise, images), "%s", wg_error_message());
    for (int i = 0; i < WG_SAMPLE_BATCH * PIXELS; i++)
        ck_assert(fabsf(images[i]) <= 1.0f);
    wg_trainer_destroy(trainer);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("step");
    tcase_add_test(tests, a_step_and_samples);

    Suite *suite = suite_create("step");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
