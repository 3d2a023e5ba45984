#include "host/eval/training.h"

#include "host/base/error.h"
#include "host/gan/streams.h"

#include <stdlib.h>

enum { BATCH = 128, REACH = 2, STAGES = 3 };

/* Updates are enqueued by so many: the host only waits to tell how far it is. */
enum { BURST = 10 };

/* Passes over the data, but no fewer and no more steps than these. */
enum { PASSES = 16, STEPS_MIN = 100, STEPS_MAX = 1000 };

static const struct {
    float rate;   // learning rate
    double until; // share of all steps
} stages[STAGES] = {{1e-3f, 0.6}, {3e-4f, 0.85}, {1e-4f, 1.0}};

#define RMSPROP_DECAY   0.99f
#define RMSPROP_EPSILON 1e-7f

static const uint64_t seed = 1;

/* Numbers of the classifier's tensors in the stream of initial weights, after those of a GAN. */
enum { FIRST_TENSOR = 64 };

#define BACKGROUND (-1.0f)

struct training {
    struct wg_function function;
    struct wg_network network;
    struct wg_node *pixels, *labels;
};

int wg_classifier_steps(size_t images)
{
    size_t steps = PASSES * images / BATCH;
    return steps < STEPS_MIN ? STEPS_MIN : steps > STEPS_MAX ? STEPS_MAX : (int)steps;
}

static bool build(struct training *t, struct wg_device *device, size_t count)
{
    struct wg_graph *g = t->function.graph = wg_graph_create();
    wg_classifier_network(&t->network, g);
    struct wg_node *clock = wg_variable(g, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    t->pixels = wg_variable(g, "pixels", WG_U8, wg_shape(count, WG_IMAGE_SIDE, WG_IMAGE_SIDE));
    t->labels = wg_variable(g, "labels", WG_U8, wg_shape(count));

    struct wg_node *x = wg_batch(g, t->pixels, clock, seed, WG_STREAM_LABELLED_BATCH, BATCH);
    x = wg_shift(g, x, clock, seed, WG_STREAM_SHIFTS, REACH, BACKGROUND);
    struct wg_node *labels =
        wg_batch_labels(g, t->labels, clock, seed, WG_STREAM_LABELLED_BATCH, BATCH);
    struct wg_node *hidden, *logits = wg_classifier_build(&t->network, g, x, &hidden);
    struct wg_node *loss = wg_mean(g, wg_softmax_cross_entropy(g, logits, labels), 1.0f);
    struct wg_node *effects[STAGES][2];
    struct wg_targets targets[STAGES];
    for (int s = 0; s < STAGES; s++) {
        const struct wg_update update = {
            .rate = stages[s].rate, .decay = RMSPROP_DECAY, .epsilon = RMSPROP_EPSILON};
        effects[s][0] = wg_network_update(&t->network, g, loss, &update);
        effects[s][1] = wg_advance(g, clock, WG_CLOCK_STEP, 0);
        targets[s] = (struct wg_targets){.name = "classifier", .nodes = effects[s], .count = 2};
    }
    return wg_function_compile(&t->function, device, targets, STAGES);
}

static bool initialise(struct training *t, const struct wg_labelled *images)
{
    uint32_t tensor = FIRST_TENSOR;
    return wg_exec_write(t->function.exec, t->pixels, images->pixels) &&
           wg_exec_write(t->function.exec, t->labels, images->labels) &&
           wg_network_initialise(&t->network, t->function.exec, seed, &tensor);
}

static int stage_of(int step, int steps)
{
    int stage = 0;
    while (stage < STAGES - 1 && step >= stages[stage].until * steps)
        stage++;
    return stage;
}

static bool learn(struct training *t, struct wg_device *device, int steps,
                  void (*progress)(void *user, int done, int total), void *user)
{
    for (int step = 0; step < steps; step++) {
        if (!wg_exec_run(t->function.exec, stage_of(step, steps)))
            return false;
        if ((step + 1) % BURST != 0 && step + 1 != steps)
            continue;
        if (!wg_device_finish(device))
            return false;
        if (progress)
            progress(user, step + 1, steps);
    }
    return true;
}

static bool hand_over(struct training *t, struct wg_classifier *classifier)
{
    bool ok = true;
    for (int i = 0; ok && i < t->network.count; i++) {
        const struct wg_node *node = t->network.weights[i].node;
        float *values = malloc(wg_node_bytes(node));
        if (!values)
            return wg_fail_memory("weights");
        ok = wg_exec_read(t->function.exec, node, values) &&
             wg_classifier_write(classifier, i, values);
        free(values);
    }
    return ok;
}

bool wg_classifier_train(struct wg_classifier *classifier, struct wg_device *device,
                         const struct wg_labelled *images, int steps,
                         void (*progress)(void *user, int done, int total), void *user)
{
    struct training training = {0};
    bool ok = build(&training, device, images->count) && initialise(&training, images) &&
              learn(&training, device, steps, progress, user) && hand_over(&training, classifier);
    wg_function_finish(&training.function);
    return ok;
}
