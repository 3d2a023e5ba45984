/*
 * Whole training steps at small widths: every number of three steps against the double-precision
 * reference (host/selftest/step.h has the bounds), the same bytes from the same seed, and a
 * resumed run against one never interrupted.
 */
#include "host/selftest/step.h"
#include "tests/testlib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t seed = 0x123456789abc; // both halves of the key

static struct wg_step_test create(int critic_steps, uint64_t with_seed, const char *forced)
{
    struct wg_step_test test;
    ck_assert_msg(wg_step_test_create(test_device(), critic_steps, with_seed, forced, &test), "%s",
                  wg_error_message());
    return test;
}

static void step(struct wg_trainer *trainer, struct wg_losses *losses)
{
    uint32_t done = wg_trainer_steps_done(trainer);
    ck_assert_msg(wg_trainer_step(trainer, true), "%s", wg_error_message());
    ck_assert_uint_eq(wg_trainer_steps_done(trainer), done + 1);
    ck_assert_msg(wg_trainer_read_losses(trainer, done, 1, losses), "%s", wg_error_message());
}

/* ---- against the reference ---- */

static const struct {
    int critic_steps;
    const char *forced;
} runs[] = {{1, NULL}, {2, NULL}, {1, "gemm"}};
enum { RUNS = sizeof runs / sizeof runs[0] };

START_TEST(three_steps_agree_with_the_reference)
{
    struct wg_step_test test = create(runs[_i].critic_steps, seed, runs[_i].forced);
    for (int s = 0; s < 3; s++)
        ck_assert_msg(wg_step_test_step(&test), "%s", wg_error_message());
    ck_assert_msg(wg_step_test_sample(&test), "%s", wg_error_message());
    ck_assert_msg(test.worst.error <= 1, "%s", test.worst.text);
    ck_assert_double_gt(test.worst.error, 0); // something was compared
    wg_step_test_finish(&test);
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
    struct wg_step_test test = create(2, with_seed, NULL);
    struct wg_trainer *trainer = test.trainer;
    for (int s = 0; s < steps; s++)
        step(trainer, &losses[s]);
    struct state state = read_state(trainer);
    wg_step_test_finish(&test);
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
    struct wg_step_test test = create(2, seed, NULL);
    struct wg_trainer *trainer = test.trainer;
    write_state(trainer, &half);
    ck_assert_msg(wg_trainer_set_steps_done(trainer, 2), "%s", wg_error_message());
    step(trainer, &rest_losses[0]);
    step(trainer, &rest_losses[1]);
    struct state resumed = read_state(trainer);
    ck_assert(is_same_state(&resumed, &whole));
    ck_assert(!is_same_state(&half, &whole));
    ck_assert_mem_eq(half_losses, whole_losses, sizeof half_losses);
    ck_assert_mem_eq(rest_losses, whole_losses + 2, sizeof rest_losses);
    wg_step_test_finish(&test);
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
    struct wg_step_test test = create(2, seed, NULL);
    struct wg_trainer *trainer = test.trainer;
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
    wg_step_test_finish(&test);
    free(estimated.values);
    free(plain.values);
}
END_TEST

/* At the model's own widths, on whose sizes the gaps depend. */
START_TEST(the_arena_holds_little_more_than_is_alive_at_one_time)
{
    static const int batches[] = {1, 16, 25, 32, 37, 50, 64, 100, 128, 200, 256};
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_dataset dataset = {.count = 64, .height = 28, .width = 28};
    const struct wg_trainer_params params = {.settings = &settings, .dataset = &dataset};
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        struct wg_memory memory;
        settings.batch = batches[i];
        if (!wg_trainer_plan_memory(test_device(), &params, &memory)) {
            ck_assert_int_eq(wg_error_status(), WG_ERROR_MEMORY);
            continue; // a tensor is larger than the device's buffers
        }
        if (memory.alive_bytes > test_device()->info.largest_buffer)
            continue; // so is the arena: tensors leave gaps at the end of each
        ck_assert_msg(memory.arena_bytes <= memory.alive_bytes + memory.alive_bytes / 10,
                      "batch %d: %.1f MiB for %.1f MiB", settings.batch,
                      (double)memory.arena_bytes / 0x1p20, (double)memory.alive_bytes / 0x1p20);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("steps");
    tcase_add_loop_test(tests, three_steps_agree_with_the_reference, 0, RUNS);
    tcase_add_test(tests, the_same_seed_gives_the_same_bytes);
    tcase_add_test(tests, a_resumed_run_is_the_run_never_interrupted);
    tcase_add_test(tests, losses_wait_on_the_device);
    tcase_add_test(tests, the_arena_holds_little_more_than_is_alive_at_one_time);

    Suite *suite = suite_create("steps");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
