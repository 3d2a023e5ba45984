/*
 * What can be asked of a run that is only planned: its tasks, its kernels, its memory, and, if that
 * is too much, a batch that fits.
 */
#include "host/gan/training_plan.h"

#include "host/base/error.h"

int wg_training_runs(const struct wg_train_settings *settings, int schedule)
{
    switch (schedule) {
    case WG_SCHEDULE_REAL:
    case WG_SCHEDULE_FAKE:
        return settings->critic_steps;
    case WG_SCHEDULE_ITERATE:
        return settings->critic_steps > 1 ? settings->critic_steps : 0;
    default:
        return schedule == WG_SCHEDULE_GENERATOR;
    }
}

bool wg_trainer_visit_tasks(struct wg_device *device, const struct wg_trainer_params *params,
                            wg_trainer_visit_task *visit, void *user)
{
    struct wg_training training;
    bool ok = wg_training_init(&training, device, params);
    for (int s = 0; ok && s < WG_SCHEDULES; s++) {
        const struct wg_schedule *schedule = &training.function.plan->schedules[s];
        for (int t = 0; ok && s != WG_SCHEDULE_SAMPLE && t < schedule->count; t++)
            ok = visit(user, &schedule->tasks[t], wg_training_runs(params->settings, s));
    }
    wg_function_finish(&training.function);
    return ok;
}

bool wg_trainer_prebuild(struct wg_device *device, const struct wg_trainer_params *params)
{
    struct wg_training training;
    bool ok = wg_training_init(&training, device, params) &&
              wg_exec_prebuild(device, training.function.plan, params->progress, params->user);
    wg_function_finish(&training.function);
    return ok;
}

/* ---- does it fit? ---- */

static struct wg_memory memory_of(const struct wg_training *t)
{
    const struct wg_plan *plan = t->function.plan;
    uint64_t dataset = wg_node_bytes(t->dataset);
    return (struct wg_memory){
        .weight_bytes = plan->variable_bytes - dataset,
        .dataset_bytes = dataset,
        .arena_bytes = plan->arena_bytes,
        .alive_bytes = plan->alive_bytes,
        .total_bytes = plan->variable_bytes + plan->arena_bytes,
        .largest_bytes = plan->largest_bytes,
    };
}

static bool fits(const struct wg_device *device, const struct wg_memory *memory)
{
    return memory->total_bytes <= device->info.global_memory;
}

bool wg_trainer_plan_memory(const struct wg_device *device, const struct wg_trainer_params *params,
                            struct wg_memory *ret_memory)
{
    struct wg_training training;
    bool ok = wg_training_init(&training, device, params);
    if (ok)
        *ret_memory = memory_of(&training);
    wg_function_finish(&training.function);
    return ok;
}

static bool batch_fits(const struct wg_device *device, const struct wg_trainer_params *params,
                       int batch)
{
    struct wg_train_settings settings = *params->settings;
    struct wg_trainer_params smaller = *params;
    struct wg_memory memory;
    settings.batch = batch;
    smaller.settings = &settings;
    return wg_trainer_plan_memory(device, &smaller, &memory) && fits(device, &memory);
}

/*
 * The largest batch found that fits; 0: none. Larger ones were tried and did not, though somewhere
 * between one may: where memory comes in several buffers, some batches pack better than others.
 */
static int find_batch(const struct wg_device *device, const struct wg_trainer_params *params)
{
    int low = params->settings->batch, high = low;
    for (int step = 1; low > 0; step *= 2) { // down, until one fits
        high = low;
        low = low > step ? low - step : 0;
        if (low > 0 && batch_fits(device, params, low))
            break;
    }
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (batch_fits(device, params, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Records what is needed, what is there, and a batch that fits. */
static bool fail_too_large(const struct wg_device *device, const struct wg_trainer_params *params,
                           const struct wg_memory *memory)
{
    char needed[512];
    if (memory)
        snprintf(needed, sizeof needed, "it needs %.0f MiB, the device has %.0f MiB",
                 (double)memory->total_bytes / 0x1p20, (double)device->info.global_memory / 0x1p20);
    else
        snprintf(needed, sizeof needed, "%.400s", wg_error_message());
    int batch = find_batch(device, params);
    if (batch == 0)
        return wg_fail(WG_ERROR_MEMORY, "batch %d does not fit on %s: %s; no batch fits",
                       params->settings->batch, device->info.name, needed);
    return wg_fail(WG_ERROR_MEMORY, "batch %d does not fit on %s: %s; --batch %d does",
                   params->settings->batch, device->info.name, needed, batch);
}

bool wg_training_init_fitting(struct wg_training *training, const struct wg_device *device,
                              const struct wg_trainer_params *params, struct wg_memory *ret_memory)
{
    if (!wg_training_init(training, device, params))
        return wg_error_status() == WG_ERROR_MEMORY && fail_too_large(device, params, NULL);
    *ret_memory = memory_of(training);
    return fits(device, ret_memory) || fail_too_large(device, params, ret_memory);
}

bool wg_trainer_fits(const struct wg_device *device, const struct wg_trainer_params *params)
{
    struct wg_training training;
    struct wg_memory memory;
    bool ok = wg_training_init_fitting(&training, device, params, &memory);
    wg_function_finish(&training.function);
    return ok;
}
