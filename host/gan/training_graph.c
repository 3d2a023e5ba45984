#include "host/gan/training_graph.h"

#include "host/gan/streams.h"

#define RMSPROP_DECAY   0.9f
#define RMSPROP_EPSILON 1e-7f

enum { TARGETS_MAX = 8 };

struct builder {
    struct wg_graph *g;
    struct wg_training *training;
    const struct wg_train_settings *settings;
    struct wg_node *targets[WG_SCHEDULES][TARGETS_MAX];
    int counts[WG_SCHEDULES];
};

static void add_target(struct builder *b, int schedule, struct wg_node *node)
{
    b->targets[schedule][b->counts[schedule]++] = node;
}

/* loss [1] = mean(label * score), recorded in `column` */
static struct wg_node *add_loss(struct builder *b, int schedule, struct wg_node *score, float label,
                                size_t column)
{
    add_target(b, schedule,
               wg_record(b->g, b->training->ring, b->training->clock, score, label, column));
    return wg_mean(b->g, score, label); // to be differentiated: nobody reads it
}

/* One update of the network, clipped to +-bound; 0: not clipped. */
static void add_update(struct builder *b, int schedule, const struct wg_network *network,
                       struct wg_node *loss, float rate, float bound)
{
    const struct wg_update update = {
        .rate = rate, .decay = RMSPROP_DECAY, .epsilon = RMSPROP_EPSILON, .bound = bound};
    add_target(b, schedule, wg_network_update(network, b->g, loss, &update));
}

static void build_critic_updates(struct builder *b)
{
    struct wg_graph *g = b->g;
    struct wg_training *t = b->training;
    const struct wg_train_settings *s = b->settings;
    size_t n = (size_t)s->batch;

    struct wg_node *images = wg_batch(g, t->dataset, t->clock, s->seed, WG_STREAM_BATCH, n);
    struct wg_node *score = wg_critic(&t->model, g, images);
    struct wg_node *loss = add_loss(b, WG_SCHEDULE_REAL, score, -1.0f, WG_LOSS_REAL);
    add_update(b, WG_SCHEDULE_REAL, &t->model.critic, loss, s->lr_critic, 0);

    struct wg_node *z =
        wg_normal(g, t->clock, s->seed, WG_STREAM_NOISE_CRITIC, wg_shape(n, t->model.widths.noise));
    struct wg_node *fakes = wg_generator(&t->model, g, z, false, NULL);
    score = wg_critic(&t->model, g, fakes);
    loss = add_loss(b, WG_SCHEDULE_FAKE, score, 1.0f, WG_LOSS_FAKE);
    add_update(b, WG_SCHEDULE_FAKE, &t->model.critic, loss, s->lr_critic, s->clip);
    add_target(b, WG_SCHEDULE_FAKE, wg_assign(g, t->fakes, fakes));

    add_target(b, WG_SCHEDULE_ITERATE,
               wg_advance(g, t->clock, WG_CLOCK_ITERATION, (uint32_t)s->critic_steps));

    add_loss(b, WG_SCHEDULE_ESTIMATE, wg_critic(&t->model, g, images), 1.0f, WG_MEAN_REAL);
    add_loss(b, WG_SCHEDULE_ESTIMATE, wg_critic(&t->model, g, t->fakes), 1.0f, WG_MEAN_FAKE);
}

static void build_generator_update(struct builder *b)
{
    struct wg_graph *g = b->g;
    struct wg_training *t = b->training;
    const struct wg_train_settings *s = b->settings;
    struct wg_node *moments[3], *moving[3];
    struct wg_node *z = wg_normal(g, t->clock, s->seed, WG_STREAM_NOISE_GENERATOR,
                                  wg_shape((size_t)s->batch, t->model.widths.noise));
    struct wg_node *fakes = wg_generator(&t->model, g, z, true, moments);
    struct wg_node *loss = add_loss(b, WG_SCHEDULE_GENERATOR, wg_critic(&t->model, g, fakes), -1.0f,
                                    WG_LOSS_GENERATOR);
    add_update(b, WG_SCHEDULE_GENERATOR, &t->model.generator, loss, s->lr_generator, 0);
    wg_generator_update_moving(&t->model, g, moments, (size_t)s->batch, moving);
    for (int i = 0; i < 3; i++)
        add_target(b, WG_SCHEDULE_GENERATOR, moving[i]);
    add_target(b, WG_SCHEDULE_GENERATOR, wg_advance(g, t->clock, WG_CLOCK_STEP, 0));
}

static void build_sample(struct builder *b)
{
    struct wg_training *t = b->training;
    t->sample_images = wg_generator(&t->model, b->g, t->sample_noise, false, NULL);
    add_target(b, WG_SCHEDULE_SAMPLE, t->sample_images);
}

static bool plan(struct builder *b, const struct wg_device *device, const char *forced)
{
    static const char *const names[WG_SCHEDULES] = {
        [WG_SCHEDULE_REAL] = "critic, real",   [WG_SCHEDULE_FAKE] = "critic, fake",
        [WG_SCHEDULE_ITERATE] = "iterate",     [WG_SCHEDULE_ESTIMATE] = "estimate",
        [WG_SCHEDULE_GENERATOR] = "generator", [WG_SCHEDULE_SAMPLE] = "sample",
    };
    struct wg_targets targets[WG_SCHEDULES];
    for (int s = 0; s < WG_SCHEDULES; s++)
        targets[s] =
            (struct wg_targets){.name = names[s], .nodes = b->targets[s], .count = b->counts[s]};
    return wg_function_plan(&b->training->function, device, targets, WG_SCHEDULES, forced);
}

bool wg_training_init(struct wg_training *t, const struct wg_device *device,
                      const struct wg_trainer_params *params)
{
    const struct wg_dataset *data = params->dataset;
    const struct wg_widths *widths = params->widths ? params->widths : &wg_widths_default;
    const size_t batch = (size_t)params->settings->batch;
    struct wg_graph *g = wg_graph_create();
    struct builder b = {.g = g, .training = t, .settings = params->settings};
    *t = (struct wg_training){.function = {.graph = g}};
    wg_model_init(&t->model, g, widths);
    t->clock = wg_variable(g, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    t->ring = wg_variable(g, "losses", WG_F32, wg_shape(WG_LOSS_HISTORY, WG_LOSSES));
    t->dataset = wg_variable(g, "dataset", WG_U8,
                             wg_shape(data->count, (size_t)data->height, (size_t)data->width));
    t->fakes = wg_variable(g, "fakes", WG_F32, wg_shape(batch, WG_IMAGE_SIDE, WG_IMAGE_SIDE, 1));
    t->sample_noise = wg_variable(g, "sample noise", WG_F32, wg_shape(batch, widths->noise));
    build_critic_updates(&b);
    build_generator_update(&b);
    build_sample(&b);
    return plan(&b, device, params->forced);
}
