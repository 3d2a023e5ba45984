#include "host/gan/trainer.h"

#include "host/base/error.h"
#include "host/gan/training_plan.h"

#include <math.h>
#include <stdlib.h>

struct wg_trainer {
    struct wg_train_settings settings;
    struct wg_training training;
    struct wg_memory memory;
    uint32_t steps_done;
    bool has_estimate[WG_LOSS_HISTORY]; // by step % WG_LOSS_HISTORY
};

static struct wg_exec *exec_of(const struct wg_trainer *trainer)
{
    return trainer->training.function.exec;
}

/* ---- creation ---- */

static bool initialise(struct wg_trainer *trainer, const struct wg_dataset *dataset)
{
    uint32_t tensor = 0;
    uint64_t seed = trainer->settings.seed;
    struct wg_exec *exec = exec_of(trainer);
    const struct wg_training *t = &trainer->training;
    return wg_exec_write(exec, t->dataset, dataset->pixels) &&
           wg_network_initialise(&t->model.generator, exec, seed, &tensor) &&
           wg_network_initialise(&t->model.critic, exec, seed, &tensor);
}

bool wg_trainer_create(struct wg_device *device, const struct wg_trainer_params *params,
                       struct wg_trainer **ret_trainer)
{
    struct wg_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return wg_fail_memory("a trainer");
    struct wg_function *function = &trainer->training.function;
    trainer->settings = *params->settings;
    if (!wg_training_init_fitting(&trainer->training, device, params, &trainer->memory) ||
        !wg_exec_create(device, function->plan, params->progress, params->user, &function->exec) ||
        !initialise(trainer, params->dataset)) {
        wg_trainer_destroy(trainer);
        return false;
    }
    *ret_trainer = trainer;
    return true;
}

void wg_trainer_destroy(struct wg_trainer *trainer)
{
    if (trainer)
        wg_function_finish(&trainer->training.function);
    free(trainer);
}

/* ---- training ---- */

typedef bool run_schedule(struct wg_trainer *trainer, int schedule, void *context);

static bool step(struct wg_trainer *trainer, bool estimate, run_schedule *run, void *context)
{
    int iterations = trainer->settings.critic_steps;
    for (int i = 0; i < iterations; i++) {
        if (!run(trainer, WG_SCHEDULE_REAL, context) || !run(trainer, WG_SCHEDULE_FAKE, context))
            return false;
        if (estimate && i == iterations - 1 && !run(trainer, WG_SCHEDULE_ESTIMATE, context))
            return false;
        if (iterations > 1 && !run(trainer, WG_SCHEDULE_ITERATE, context)) // the last one back to 0
            return false;
    }
    if (!run(trainer, WG_SCHEDULE_GENERATOR, context))
        return false;
    trainer->has_estimate[trainer->steps_done % WG_LOSS_HISTORY] = estimate;
    trainer->steps_done++;
    return true;
}

static bool enqueue_schedule(struct wg_trainer *trainer, int schedule, void *context)
{
    (void)context;
    return wg_exec_run(exec_of(trainer), schedule);
}

bool wg_trainer_step(struct wg_trainer *trainer, bool estimate)
{
    return step(trainer, estimate, enqueue_schedule, NULL);
}

struct visitor {
    wg_trainer_visit *visit;
    void *user;
};

static bool profile_schedule(struct wg_trainer *trainer, int index, void *context)
{
    const struct visitor *visitor = context;
    const struct wg_schedule *schedule = &trainer->training.function.plan->schedules[index];
    struct wg_task_time *times = calloc((size_t)schedule->count, sizeof *times);
    bool ok = times ? wg_exec_profile(exec_of(trainer), index, times) : wg_fail_memory("a profile");
    for (int t = 0; ok && t < schedule->count; t++)
        ok = visitor->visit(visitor->user, &schedule->tasks[t], &times[t]);
    free(times);
    return ok;
}

bool wg_trainer_profile(struct wg_trainer *trainer, wg_trainer_visit *visit, void *user)
{
    return step(trainer, false, profile_schedule, &(struct visitor){visit, user});
}

uint32_t wg_trainer_steps_done(const struct wg_trainer *trainer)
{
    return trainer->steps_done;
}

bool wg_trainer_read_losses(struct wg_trainer *trainer, uint32_t first, int count,
                            struct wg_losses *ret_losses)
{
    float ring[WG_LOSS_HISTORY][WG_LOSSES];
    if (!wg_exec_read(exec_of(trainer), trainer->training.ring, ring))
        return false;
    for (int i = 0; i < count; i++) {
        uint32_t row = (first + (uint32_t)i) % WG_LOSS_HISTORY;
        const float *losses = ring[row];
        ret_losses[i] = (struct wg_losses){
            .d_real = losses[WG_LOSS_REAL],
            .d_fake = losses[WG_LOSS_FAKE],
            .generator = losses[WG_LOSS_GENERATOR],
            .estimate =
                trainer->has_estimate[row] ? losses[WG_MEAN_REAL] - losses[WG_MEAN_FAKE] : NAN,
        };
    }
    return true;
}

bool wg_trainer_sample(struct wg_trainer *trainer, const float *noise, float *ret_images)
{
    const struct wg_training *t = &trainer->training;
    const struct wg_rows rows[] = {{.node = t->sample_noise, .from = noise},
                                   {.node = t->sample_images, .to = ret_images}};
    return wg_function_map(&t->function, WG_SCHEDULE_SAMPLE, WG_SAMPLE_BATCH, rows, 2);
}

/* ---- state ---- */

const struct wg_model *wg_trainer_model(const struct wg_trainer *trainer)
{
    return &trainer->training.model;
}

bool wg_trainer_read(struct wg_trainer *trainer, const struct wg_node *variable, float *ret_data)
{
    return wg_exec_read(exec_of(trainer), variable, ret_data);
}

bool wg_trainer_write(struct wg_trainer *trainer, const struct wg_node *variable, const float *data)
{
    return wg_exec_write(exec_of(trainer), variable, data);
}

bool wg_trainer_set_steps_done(struct wg_trainer *trainer, uint32_t steps)
{
    const uint32_t clock[WG_CLOCK_COUNT] = {[WG_CLOCK_STEP] = steps};
    trainer->steps_done = steps;
    return wg_exec_write(exec_of(trainer), trainer->training.clock, clock);
}

const struct wg_memory *wg_trainer_memory(const struct wg_trainer *trainer)
{
    return &trainer->memory;
}

/* A figure of a step, from that of its schedules. */
static double sum_over_step(const struct wg_trainer *trainer,
                            double (*figure)(const struct wg_schedule *schedule))
{
    const struct wg_schedule *schedules = trainer->training.function.plan->schedules;
    double sum = 0;
    for (int s = 0; s < WG_SCHEDULES; s++)
        sum += wg_training_runs(&trainer->settings, s) * figure(&schedules[s]);
    return sum;
}

double wg_trainer_flops(const struct wg_trainer *trainer)
{
    return sum_over_step(trainer, wg_schedule_flops);
}

double wg_trainer_moved_bytes(const struct wg_trainer *trainer)
{
    return sum_over_step(trainer, wg_schedule_moved_bytes);
}

int wg_trainer_launches(const struct wg_trainer *trainer)
{
    int sum = 0;
    for (int s = 0; s < WG_SCHEDULES; s++)
        sum += wg_training_runs(&trainer->settings, s) * wg_exec_launch_count(exec_of(trainer), s);
    return sum;
}
