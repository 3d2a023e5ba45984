#include "host/eval/classifier.h"

#include "host/base/error.h"
#include "host/graph/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28, BATCH = 256 };

/* Where each weight stands; a bias follows its kernel. */
enum { CONV1, CONV2 = 2, HIDDEN = 4, OUTPUT = 6 };
enum { WIDTH1 = 32, WIDTH2 = 64 };

#define LEAKY_SLOPE 0.2f

struct wg_classifier {
    struct wg_graph *graph;
    struct wg_network network;
    struct wg_node *images;
    struct wg_node *targets[2]; // hidden, logits
    struct wg_plan *plan;
    struct wg_exec *exec;
    float batch[BATCH * PIXELS];
    float hidden[BATCH * WG_FEATURES];
    float logits[BATCH * WG_CLASSES];
};

/* ---- the network ---- */

void wg_classifier_network(struct wg_network *network, struct wg_graph *g)
{
    *network = (struct wg_network){.name = "classifier"};
    wg_network_add_linear(network, g, "conv1", wg_shape(4, 4, 1, WIDTH1), WIDTH1);
    wg_network_add_linear(network, g, "conv2", wg_shape(4, 4, WIDTH1, WIDTH2), WIDTH2);
    wg_network_add_linear(network, g, "hidden", wg_shape(49 * WIDTH2, WG_FEATURES), WG_FEATURES);
    wg_network_add_linear(network, g, "output", wg_shape(WG_FEATURES, WG_CLASSES), WG_CLASSES);
}

static struct wg_node *dense(const struct wg_network *network, struct wg_graph *g,
                             struct wg_node *x, int weight, enum wg_activation activation)
{
    return wg_bias(g, wg_matmul(g, x, false, network->weights[weight].node, false),
                   network->weights[weight + 1].node, activation, LEAKY_SLOPE);
}

struct wg_node *wg_classifier_build(const struct wg_network *network, struct wg_graph *g,
                                    struct wg_node *images, struct wg_node **ret_hidden)
{
    size_t n = images ? images->shape.dim[0] : 0;
    struct wg_node *x = wg_network_down(network, g, images, CONV1, 2); // [N, 14, 14, 32]
    x = wg_network_down(network, g, x, CONV2, 2);                      // [N, 7, 7, 64]
    x = wg_reshape(g, x, wg_shape(n, 49 * WIDTH2));                    // [N, 3136]
    x = dense(network, g, x, HIDDEN, WG_ACTIVATION_LEAKY_RELU);        // [N, 128]
    *ret_hidden = x;
    return dense(network, g, x, OUTPUT, WG_ACTIVATION_NONE); // [N, 10]
}

/* ---- looking at images ---- */

static bool build(struct wg_classifier *classifier, const struct wg_device *device)
{
    struct wg_graph *g = classifier->graph = wg_graph_create();
    if (!g)
        return false;
    wg_classifier_network(&classifier->network, g);
    classifier->images = wg_variable(g, "images", WG_F32, wg_shape(BATCH, 28, 28, 1));
    classifier->targets[1] =
        wg_classifier_build(&classifier->network, g, classifier->images, &classifier->targets[0]);
    return wg_fuse(g, device);
}

bool wg_classifier_create(struct wg_device *device, struct wg_classifier **ret_classifier)
{
    struct wg_classifier *classifier = calloc(1, sizeof *classifier);
    if (!classifier)
        return wg_fail_memory("a classifier");
    bool ok = build(classifier, device);
    const struct wg_targets targets = {
        .name = "classify", .nodes = classifier->targets, .count = 2};
    if (!ok || !wg_plan_create(classifier->graph, device, &targets, 1, NULL, &classifier->plan) ||
        !wg_exec_create(device, classifier->plan, NULL, NULL, &classifier->exec)) {
        wg_classifier_destroy(classifier);
        return false;
    }
    *ret_classifier = classifier;
    return true;
}

void wg_classifier_destroy(struct wg_classifier *classifier)
{
    if (!classifier)
        return;
    wg_exec_destroy(classifier->exec);
    wg_plan_destroy(classifier->plan);
    wg_graph_destroy(classifier->graph);
    free(classifier);
}

const struct wg_network *wg_classifier_weights(const struct wg_classifier *classifier)
{
    return &classifier->network;
}

bool wg_classifier_write(struct wg_classifier *classifier, int weight, const float *data)
{
    return wg_exec_write(classifier->exec, classifier->network.weights[weight].node, data);
}

bool wg_classifier_read(struct wg_classifier *classifier, int weight, float *ret_data)
{
    return wg_exec_read(classifier->exec, classifier->network.weights[weight].node, ret_data);
}

/* The largest logit is taken off before the exponentials, so that none overflows. */
static void softmax(const float *logits, float *ret_probabilities)
{
    double largest = logits[0], sum = 0, terms[WG_CLASSES];
    for (int c = 1; c < WG_CLASSES; c++)
        largest = fmax(largest, logits[c]);
    for (int c = 0; c < WG_CLASSES; c++)
        sum += terms[c] = exp(logits[c] - largest);
    for (int c = 0; c < WG_CLASSES; c++)
        ret_probabilities[c] = (float)(terms[c] / sum);
}

/* x / |x|; zeros stay. */
static void scale_to_one(const float *x, float *ret_scaled)
{
    double square = 0;
    for (int i = 0; i < WG_FEATURES; i++)
        square += (double)x[i] * (double)x[i];
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (int i = 0; i < WG_FEATURES; i++)
        ret_scaled[i] = (float)(scale * (double)x[i]);
}

bool wg_classifier_run(struct wg_classifier *classifier, const float *images, size_t count,
                       float *ret_features, float *ret_probabilities)
{
    // The last batch is looked at whole and cut.
    for (size_t first = 0; first < count; first += BATCH) {
        size_t n = count - first < BATCH ? count - first : BATCH;
        memcpy(classifier->batch, images + first * PIXELS, n * PIXELS * sizeof(float));
        if (!wg_exec_write(classifier->exec, classifier->images, classifier->batch) ||
            !wg_exec_run(classifier->exec, 0) ||
            !wg_exec_read_target(classifier->exec, 0, classifier->targets[0], classifier->hidden) ||
            !wg_exec_read_target(classifier->exec, 0, classifier->targets[1], classifier->logits))
            return false;
        for (size_t i = 0; i < n; i++) {
            scale_to_one(classifier->hidden + i * WG_FEATURES,
                         ret_features + (first + i) * WG_FEATURES);
            softmax(classifier->logits + i * WG_CLASSES,
                    ret_probabilities + (first + i) * WG_CLASSES);
        }
    }
    return true;
}
