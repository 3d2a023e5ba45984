#include "host/gan/trainer.h"

#include "host/base/error.h"
#include "host/gan/streams.h"
#include "host/graph/autodiff.h"
#include "host/graph/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CRITIC_REAL, CRITIC_FAKE, ITERATE, ESTIMATE, GENERATOR, SAMPLE, SCHEDULES };

/* Columns of the ring of losses. */
enum { LOSS_REAL, LOSS_FAKE, LOSS_GENERATOR, MEAN_REAL, MEAN_FAKE, LOSSES };

#define RMSPROP_DECAY   0.9f
#define RMSPROP_EPSILON 1e-7f

enum { TARGETS_MAX = 8 };

struct target_list {
    struct wg_node *nodes[TARGETS_MAX];
    int count;
};

/* The graph of a run, before it knows a device. */
struct training_graph {
    struct wg_graph *graph;
    struct wg_model model;
    struct wg_node *clock;   // u32 [2]: step, critic iteration
    struct wg_node *ring;    // [WG_LOSS_HISTORY, LOSSES]
    struct wg_node *dataset; // u8 [count, 28, 28]
    struct wg_node *fakes;   // [N, 28, 28, 1], of the last critic update
    // The kernels of a batch also draw samples: others would only have to be built.
    struct wg_node *sample_noise;  // [N, noise]
    struct wg_node *sample_images; // [N, 28, 28, 1]
    struct target_list targets[SCHEDULES];
};

struct wg_trainer {
    struct wg_device *device;
    struct wg_train_settings settings;
    struct training_graph training;
    struct wg_plan *plan;
    struct wg_exec *exec;
    struct wg_memory memory;
    uint32_t steps_done;
    bool has_estimate[WG_LOSS_HISTORY]; // by step % WG_LOSS_HISTORY
};

/* ---- the graph ---- */

static void add_target(struct target_list *list, struct wg_node *node)
{
    list->nodes[list->count++] = node;
}

/* loss [1] = mean(label * score), recorded in `column` */
static struct wg_node *add_loss(struct training_graph *t, struct target_list *targets,
                                struct wg_node *score, float label, size_t column)
{
    struct wg_node *loss = wg_mean(t->graph, score, label);
    add_target(targets, wg_record(t->graph, t->ring, t->clock, loss, column));
    return loss;
}

/* One RMSprop update of every weight of the network that has a gradient, clipped to +-bound; 0: not
 * clipped. */
static void add_update(struct training_graph *t, struct target_list *targets,
                       const struct wg_network *network, struct wg_node *loss, float rate,
                       float bound)
{
    const struct wg_weight *weights[WG_WEIGHTS_MAX];
    struct wg_node *x[WG_WEIGHTS_MAX], *v[WG_WEIGHTS_MAX], *dx[WG_WEIGHTS_MAX];
    const struct wg_update update = {
        .rate = rate, .decay = RMSPROP_DECAY, .epsilon = RMSPROP_EPSILON, .bound = bound};
    int count = wg_network_trainable(network, weights);
    for (int i = 0; i < count; i++) {
        x[i] = weights[i]->node;
        v[i] = weights[i]->accumulator;
    }
    wg_gradient(t->graph, loss, x, count, dx);
    add_target(targets, wg_rmsprop(t->graph, count, x, v, dx, &update));
}

static void build_critic_updates(struct training_graph *t, const struct wg_train_settings *s)
{
    struct wg_graph *g = t->graph;
    size_t n = (size_t)s->batch;

    struct target_list *real = &t->targets[CRITIC_REAL];
    struct wg_node *images = wg_batch(g, t->dataset, t->clock, s->seed, WG_STREAM_BATCH, n);
    struct wg_node *score = wg_critic(&t->model, g, images);
    struct wg_node *loss = add_loss(t, real, score, -1.0f, LOSS_REAL);
    add_update(t, real, &t->model.critic, loss, s->lr_critic, 0);

    struct target_list *fake = &t->targets[CRITIC_FAKE];
    struct wg_node *z =
        wg_normal(g, t->clock, s->seed, WG_STREAM_NOISE_CRITIC, wg_shape(n, t->model.widths.noise));
    struct wg_node *fakes = wg_generator(&t->model, g, z, false, NULL);
    score = wg_critic(&t->model, g, fakes);
    loss = add_loss(t, fake, score, 1.0f, LOSS_FAKE);
    add_update(t, fake, &t->model.critic, loss, s->lr_critic, s->clip);
    add_target(fake, wg_assign(g, t->fakes, fakes));

    add_target(&t->targets[ITERATE],
               wg_advance(g, t->clock, WG_CLOCK_ITERATION, (uint32_t)s->critic_steps));

    struct target_list *estimate = &t->targets[ESTIMATE];
    add_loss(t, estimate, wg_critic(&t->model, g, images), 1.0f, MEAN_REAL);
    add_loss(t, estimate, wg_critic(&t->model, g, t->fakes), 1.0f, MEAN_FAKE);
}

static void build_generator_update(struct training_graph *t, const struct wg_train_settings *s)
{
    struct wg_graph *g = t->graph;
    struct target_list *targets = &t->targets[GENERATOR];
    struct wg_node *moments[3], *moving[3];
    struct wg_node *z = wg_normal(g, t->clock, s->seed, WG_STREAM_NOISE_GENERATOR,
                                  wg_shape((size_t)s->batch, t->model.widths.noise));
    struct wg_node *fakes = wg_generator(&t->model, g, z, true, moments);
    struct wg_node *loss =
        add_loss(t, targets, wg_critic(&t->model, g, fakes), -1.0f, LOSS_GENERATOR);
    add_update(t, targets, &t->model.generator, loss, s->lr_generator, 0);
    wg_generator_update_moving(&t->model, g, moments, (size_t)s->batch, moving);
    for (int i = 0; i < 3; i++)
        add_target(targets, moving[i]);
    add_target(targets, wg_advance(g, t->clock, WG_CLOCK_STEP, 0));
}

static void build_sample(struct training_graph *t)
{
    t->sample_images = wg_generator(&t->model, t->graph, t->sample_noise, false, NULL);
    add_target(&t->targets[SAMPLE], t->sample_images);
}

static bool training_graph_init(struct training_graph *t, const struct wg_device *device,
                                const struct wg_trainer_params *params)
{
    const struct wg_train_settings *s = params->settings;
    const struct wg_dataset *data = params->dataset;
    const struct wg_widths *widths = params->widths ? params->widths : &wg_widths_default;
    *t = (struct training_graph){.graph = wg_graph_create()};
    if (!t->graph)
        return false;
    struct wg_graph *g = t->graph;
    wg_model_init(&t->model, g, widths);
    t->clock = wg_variable(g, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    t->ring = wg_variable(g, "losses", WG_F32, wg_shape(WG_LOSS_HISTORY, LOSSES));
    t->dataset = wg_variable(g, "dataset", WG_U8,
                             wg_shape(data->count, (size_t)data->height, (size_t)data->width));
    t->fakes = wg_variable(g, "fakes", WG_F32, wg_shape((size_t)s->batch, 28, 28, 1));
    t->sample_noise =
        wg_variable(g, "sample noise", WG_F32, wg_shape((size_t)s->batch, widths->noise));
    build_critic_updates(t, s);
    build_generator_update(t, s);
    build_sample(t);
    return wg_fuse(g, device);
}

static bool plan_training(struct wg_device *device, const struct training_graph *t,
                          const char *forced, struct wg_plan **ret_plan)
{
    static const char *const names[SCHEDULES] = {
        [CRITIC_REAL] = "critic, real", [CRITIC_FAKE] = "critic, fake", [ITERATE] = "iterate",
        [ESTIMATE] = "estimate",        [GENERATOR] = "generator",      [SAMPLE] = "sample",
    };
    struct wg_targets targets[SCHEDULES];
    for (int s = 0; s < SCHEDULES; s++)
        targets[s] = (struct wg_targets){
            .name = names[s], .nodes = t->targets[s].nodes, .count = t->targets[s].count};
    return wg_plan_create(t->graph, device, targets, SCHEDULES, forced, ret_plan);
}

/* How often a schedule runs in a step. */
static int count_runs(const struct wg_train_settings *settings, int schedule)
{
    bool is_iterated = schedule == CRITIC_REAL || schedule == CRITIC_FAKE || schedule == ITERATE;
    return is_iterated ? settings->critic_steps : schedule == GENERATOR;
}

bool wg_trainer_visit_tasks(struct wg_device *device, const struct wg_trainer_params *params,
                            wg_trainer_visit_task *visit, void *user)
{
    struct training_graph training;
    struct wg_plan *plan = NULL;
    bool ok = training_graph_init(&training, device, params) &&
              plan_training(device, &training, params->forced, &plan);
    for (int s = 0; ok && s < SCHEDULES; s++)
        for (int t = 0; ok && s != SAMPLE && t < plan->schedules[s].count; t++)
            ok = visit(user, &plan->schedules[s].tasks[t], count_runs(params->settings, s));
    wg_plan_destroy(plan);
    wg_graph_destroy(training.graph);
    return ok;
}

bool wg_trainer_prebuild(struct wg_device *device, const struct wg_trainer_params *params)
{
    struct training_graph training;
    struct wg_plan *plan = NULL;
    bool ok = training_graph_init(&training, device, params) &&
              plan_training(device, &training, params->forced, &plan) &&
              wg_exec_prebuild(device, plan, params->progress, params->user);
    wg_plan_destroy(plan);
    wg_graph_destroy(training.graph);
    return ok;
}

/* ---- does it fit? ---- */

static struct wg_memory memory_of(const struct wg_plan *plan, const struct training_graph *t)
{
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

bool wg_trainer_plan_memory(struct wg_device *device, const struct wg_trainer_params *params,
                            struct wg_memory *ret_memory)
{
    struct training_graph training;
    struct wg_plan *plan = NULL;
    bool ok = training_graph_init(&training, device, params) &&
              plan_training(device, &training, params->forced, &plan);
    if (ok)
        *ret_memory = memory_of(plan, &training);
    wg_plan_destroy(plan);
    wg_graph_destroy(training.graph);
    return ok;
}

static bool batch_fits(struct wg_device *device, const struct wg_trainer_params *params, int batch)
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
static int find_batch(struct wg_device *device, const struct wg_trainer_params *params)
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
static bool fail_too_large(struct wg_device *device, const struct wg_trainer_params *params,
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

/* ---- creation ---- */

static bool initialise(struct wg_trainer *trainer, const struct wg_dataset *dataset)
{
    uint32_t tensor = 0;
    const struct wg_model *model = &trainer->training.model;
    return wg_exec_write(trainer->exec, trainer->training.dataset, dataset->pixels) &&
           wg_network_initialise(&model->generator, trainer->exec, trainer->settings.seed,
                                 &tensor) &&
           wg_network_initialise(&model->critic, trainer->exec, trainer->settings.seed, &tensor);
}

bool wg_trainer_create(struct wg_device *device, const struct wg_trainer_params *params,
                       struct wg_trainer **ret_trainer)
{
    struct wg_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return wg_fail_memory("a trainer");
    trainer->device = device;
    trainer->settings = *params->settings;
    if (!training_graph_init(&trainer->training, device, params))
        goto failed;
    if (!plan_training(device, &trainer->training, params->forced, &trainer->plan)) {
        if (wg_error_status() == WG_ERROR_MEMORY)
            fail_too_large(device, params, NULL);
        goto failed;
    }
    trainer->memory = memory_of(trainer->plan, &trainer->training);
    if (!fits(device, &trainer->memory)) {
        fail_too_large(device, params, &trainer->memory);
        goto failed;
    }
    if (!wg_exec_create(device, trainer->plan, params->progress, params->user, &trainer->exec) ||
        !initialise(trainer, params->dataset))
        goto failed;
    *ret_trainer = trainer;
    return true;

failed:
    wg_trainer_destroy(trainer);
    return false;
}

void wg_trainer_destroy(struct wg_trainer *trainer)
{
    if (!trainer)
        return;
    wg_exec_destroy(trainer->exec);
    wg_plan_destroy(trainer->plan);
    wg_graph_destroy(trainer->training.graph);
    free(trainer);
}

/* ---- training ---- */

typedef bool run_schedule(struct wg_trainer *trainer, int schedule, void *context);

static bool step(struct wg_trainer *trainer, bool estimate, run_schedule *run, void *context)
{
    int iterations = trainer->settings.critic_steps;
    for (int i = 0; i < iterations; i++) {
        if (!run(trainer, CRITIC_REAL, context) || !run(trainer, CRITIC_FAKE, context))
            return false;
        if (estimate && i == iterations - 1 && !run(trainer, ESTIMATE, context))
            return false;
        if (iterations > 1 && !run(trainer, ITERATE, context)) // the last one back to 0
            return false;
    }
    if (!run(trainer, GENERATOR, context))
        return false;
    trainer->has_estimate[trainer->steps_done % WG_LOSS_HISTORY] = estimate;
    trainer->steps_done++;
    return true;
}

static bool enqueue_schedule(struct wg_trainer *trainer, int schedule, void *context)
{
    (void)context;
    return wg_exec_run(trainer->exec, schedule);
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
    const struct wg_schedule *schedule = &trainer->plan->schedules[index];
    struct wg_task_time *times = calloc((size_t)schedule->count, sizeof *times);
    bool ok = times ? wg_exec_profile(trainer->exec, index, times) : wg_fail_memory("a profile");
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
    float ring[WG_LOSS_HISTORY][LOSSES];
    if (!wg_exec_read(trainer->exec, trainer->training.ring, ring))
        return false;
    for (int i = 0; i < count; i++) {
        uint32_t row = (first + (uint32_t)i) % WG_LOSS_HISTORY;
        const float *losses = ring[row];
        ret_losses[i] = (struct wg_losses){
            .d_real = losses[LOSS_REAL],
            .d_fake = losses[LOSS_FAKE],
            .generator = losses[LOSS_GENERATOR],
            .estimate = trainer->has_estimate[row] ? losses[MEAN_REAL] - losses[MEAN_FAKE] : NAN,
        };
    }
    return true;
}

/* Batch after batch; the last one is filled up with zeros. */
static bool sample(struct wg_trainer *trainer, const float *noise, float *batch_noise,
                   float *batch_images, float *ret_images)
{
    const struct training_graph *t = &trainer->training;
    size_t batch = (size_t)trainer->settings.batch, width = wg_shape_last(&t->sample_noise->shape);
    size_t pixels = wg_shape_count(&t->sample_images->shape) / batch;
    for (size_t done = 0; done < WG_SAMPLE_BATCH; done += batch) {
        size_t count = WG_SAMPLE_BATCH - done < batch ? WG_SAMPLE_BATCH - done : batch;
        memset(batch_noise, 0, batch * width * sizeof *batch_noise);
        memcpy(batch_noise, noise + done * width, count * width * sizeof *noise);
        if (!wg_exec_write(trainer->exec, t->sample_noise, batch_noise) ||
            !wg_exec_run(trainer->exec, SAMPLE) ||
            !wg_exec_read_target(trainer->exec, SAMPLE, t->sample_images, batch_images))
            return false;
        memcpy(ret_images + done * pixels, batch_images, count * pixels * sizeof *batch_images);
    }
    return true;
}

bool wg_trainer_sample(struct wg_trainer *trainer, const float *noise, float *ret_images)
{
    const struct training_graph *t = &trainer->training;
    float *batch_noise = malloc(wg_node_bytes(t->sample_noise));
    float *batch_images = malloc(wg_node_bytes(t->sample_images));
    bool ok = batch_noise && batch_images
                  ? sample(trainer, noise, batch_noise, batch_images, ret_images)
                  : wg_fail_memory("samples");
    free(batch_noise);
    free(batch_images);
    return ok;
}

/* ---- state ---- */

const struct wg_model *wg_trainer_model(const struct wg_trainer *trainer)
{
    return &trainer->training.model;
}

bool wg_trainer_read(struct wg_trainer *trainer, const struct wg_node *variable, float *ret_data)
{
    return wg_exec_read(trainer->exec, variable, ret_data);
}

bool wg_trainer_write(struct wg_trainer *trainer, const struct wg_node *variable, const float *data)
{
    return wg_exec_write(trainer->exec, variable, data);
}

bool wg_trainer_set_steps_done(struct wg_trainer *trainer, uint32_t steps)
{
    const uint32_t clock[WG_CLOCK_COUNT] = {[WG_CLOCK_STEP] = steps};
    trainer->steps_done = steps;
    return wg_exec_write(trainer->exec, trainer->training.clock, clock);
}

const struct wg_memory *wg_trainer_memory(const struct wg_trainer *trainer)
{
    return &trainer->memory;
}

/* A figure of a step, from that of its schedules. */
static double sum_over_step(const struct wg_trainer *trainer,
                            double (*figure)(const struct wg_schedule *schedule))
{
    const struct wg_schedule *s = trainer->plan->schedules;
    return trainer->settings.critic_steps * (figure(&s[CRITIC_REAL]) + figure(&s[CRITIC_FAKE])) +
           figure(&s[GENERATOR]);
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
    const struct wg_exec *e = trainer->exec;
    int critic = wg_exec_launch_count(e, CRITIC_REAL) + wg_exec_launch_count(e, CRITIC_FAKE);
    return trainer->settings.critic_steps * critic + wg_exec_launch_count(e, GENERATOR);
}
