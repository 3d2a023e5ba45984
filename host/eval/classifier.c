#include "host/eval/classifier.h"

#include "host/base/error.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 256 };

/* Where each weight stands; a bias follows its kernel. */
enum { CONV1, CONV2 = 2, HIDDEN = 4, OUTPUT = 6 };
enum { WIDTH1 = 32, WIDTH2 = 64 };

#define LEAKY_SLOPE 0.2f

struct wg_classifier {
    struct wg_function function;
    struct wg_network network;
    struct wg_node *images;
    struct wg_node *targets[2]; // hidden, logits
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

bool wg_classifier_create(struct wg_device *device, struct wg_classifier **ret_classifier)
{
    struct wg_classifier *c = calloc(1, sizeof *c);
    if (!c)
        return wg_fail_memory("a classifier");
    struct wg_graph *g = c->function.graph = wg_graph_create();
    wg_classifier_network(&c->network, g);
    c->images = wg_variable(g, "images", WG_F32, wg_shape(BATCH, WG_IMAGE_SIDE, WG_IMAGE_SIDE, 1));
    c->targets[1] = wg_classifier_build(&c->network, g, c->images, &c->targets[0]);
    const struct wg_targets targets = {.name = "classify", .nodes = c->targets, .count = 2};
    if (!wg_function_compile(&c->function, device, &targets, 1)) {
        wg_classifier_destroy(c);
        return false;
    }
    *ret_classifier = c;
    return true;
}

void wg_classifier_destroy(struct wg_classifier *classifier)
{
    if (classifier)
        wg_function_finish(&classifier->function);
    free(classifier);
}

const struct wg_network *wg_classifier_weights(const struct wg_classifier *classifier)
{
    return &classifier->network;
}

bool wg_classifier_write(struct wg_classifier *classifier, int weight, const float *data)
{
    return wg_exec_write(classifier->function.exec, classifier->network.weights[weight].node, data);
}

bool wg_classifier_read(struct wg_classifier *classifier, int weight, float *ret_data)
{
    return wg_exec_read(classifier->function.exec, classifier->network.weights[weight].node,
                        ret_data);
}

/* The largest logit is taken off before the exponentials, so that none overflows. */
static void softmax(float *logits)
{
    double largest = logits[0], sum = 0, terms[WG_CLASSES];
    for (int c = 1; c < WG_CLASSES; c++)
        largest = fmax(largest, logits[c]);
    for (int c = 0; c < WG_CLASSES; c++)
        sum += terms[c] = exp(logits[c] - largest);
    for (int c = 0; c < WG_CLASSES; c++)
        logits[c] = (float)(terms[c] / sum);
}

/* x / |x|; zeros stay. */
static void scale_to_one(float *x)
{
    double square = 0;
    for (int i = 0; i < WG_FEATURES; i++)
        square += (double)x[i] * (double)x[i];
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (int i = 0; i < WG_FEATURES; i++)
        x[i] = (float)(scale * (double)x[i]);
}

bool wg_classifier_run(struct wg_classifier *classifier, const float *images, size_t count,
                       float *ret_features, float *ret_probabilities)
{
    const struct wg_rows rows[] = {{.node = classifier->images, .from = images},
                                   {.node = classifier->targets[0], .to = ret_features},
                                   {.node = classifier->targets[1], .to = ret_probabilities}};
    if (!wg_function_map(&classifier->function, 0, count, rows, 3))
        return false;
    for (size_t i = 0; i < count; i++) {
        scale_to_one(ret_features + i * WG_FEATURES);
        softmax(ret_probabilities + i * WG_CLASSES);
    }
    return true;
}
