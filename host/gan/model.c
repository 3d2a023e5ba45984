#include "host/gan/model.h"

#include "host/base/error.h"
#include "host/base/philox.h"
#include "host/gan/streams.h"
#include "host/graph/autodiff.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct wg_widths wg_widths_default = {
    .noise = 100, .base = 32, .up1 = 128, .up2 = 256, .down1 = 256, .down2 = 128, .down3 = 64};

/* Where each weight stands in its network; batch norm's three tensors follow one another. */
enum {
    DENSE,
    DENSE_BIAS,
    NORM0,
    CONV1 = NORM0 + 3,
    CONV1_BIAS,
    NORM1,
    CONV2 = NORM1 + 3,
    CONV2_BIAS,
    NORM2,
    CONV3 = NORM2 + 3,
    CONV3_BIAS
};
enum { GAMMA, BETA, MOVING };
enum { D_CONV1, D_CONV1_BIAS, D_CONV2, D_CONV2_BIAS, D_CONV3, D_CONV3_BIAS, D_DENSE, D_DENSE_BIAS };

enum { KERNEL = 4 };
#define LEAKY_SLOPE 0.2f

/* ---- weights ---- */

static struct wg_weight *add_weight(struct wg_network *network, struct wg_graph *g,
                                    const char *layer, const char *name, struct wg_shape shape)
{
    char full[128];
    struct wg_weight *weight = &network->weights[network->count++];
    snprintf(full, sizeof full, "%s.%s.%s", network->name, layer, name);
    *weight = (struct wg_weight){.node = wg_variable(g, full, WG_F32, shape)};
    return weight;
}

static void add_accumulator(struct wg_weight *weight, struct wg_graph *g)
{
    char name[160];
    if (!weight->node)
        return;
    snprintf(name, sizeof name, "rmsprop.%s", weight->node->name);
    weight->accumulator = wg_variable(g, name, WG_F32, weight->node->shape);
}

void wg_network_add_linear(struct wg_network *network, struct wg_graph *g, const char *layer,
                           struct wg_shape kernel, size_t bias)
{
    size_t taps = kernel.rank == 4 ? kernel.dim[0] * kernel.dim[1] : 1;
    size_t fans = taps * (kernel.dim[kernel.rank - 2] + kernel.dim[kernel.rank - 1]);
    struct wg_weight *w = add_weight(network, g, layer, "kernel", kernel);
    w->limit = (float)sqrt(6.0 / (double)fans);
    add_accumulator(w, g);
    add_accumulator(add_weight(network, g, layer, "bias", wg_shape(bias)), g);
}

static void add_norm(struct wg_network *network, struct wg_graph *g, const char *layer, size_t c)
{
    struct wg_weight *gamma = add_weight(network, g, layer, "gamma", wg_shape(c));
    gamma->initial = 1.0f;
    add_accumulator(gamma, g);
    add_accumulator(add_weight(network, g, layer, "beta", wg_shape(c)), g);
    add_weight(network, g, layer, "moving", wg_shape(2, c))->is_moving = true;
}

/* A row of the network's table, counting the parameters of weights[first .. end). */
static void add_layer(struct wg_network *network, const char *name, struct wg_shape output,
                      int first, int end)
{
    struct wg_layer *layer = &network->layers[network->layer_count++];
    snprintf(layer->name, sizeof layer->name, "%s", name);
    layer->output = output;
    layer->parameters = 0;
    for (int i = first; i < end; i++)
        if (network->weights[i].node)
            layer->parameters += wg_shape_count(&network->weights[i].node->shape);
}

static void init_generator(struct wg_network *network, struct wg_graph *g,
                           const struct wg_widths *s)
{
    *network = (struct wg_network){.name = "generator"};
    wg_network_add_linear(network, g, "dense", wg_shape(s->noise, 49 * s->base), 49 * s->base);
    add_norm(network, g, "norm0", 49 * s->base);
    wg_network_add_linear(network, g, "conv1", wg_shape(KERNEL, KERNEL, s->up1, s->base), s->up1);
    add_norm(network, g, "norm1", s->up1);
    wg_network_add_linear(network, g, "conv2", wg_shape(KERNEL, KERNEL, s->up2, s->up1), s->up2);
    add_norm(network, g, "norm2", s->up2);
    wg_network_add_linear(network, g, "conv3", wg_shape(KERNEL, KERNEL, 1, s->up2), 1);

    add_layer(network, "dense", wg_shape(49 * s->base), DENSE, NORM0);
    add_layer(network, "batch norm, ReLU", wg_shape(7, 7, s->base), NORM0, CONV1);
    add_layer(network, "transposed conv 4x4 /2", wg_shape(14, 14, s->up1), CONV1, NORM1);
    add_layer(network, "batch norm, ReLU", wg_shape(14, 14, s->up1), NORM1, CONV2);
    add_layer(network, "transposed conv 4x4 /2", wg_shape(28, 28, s->up2), CONV2, NORM2);
    add_layer(network, "batch norm, ReLU", wg_shape(28, 28, s->up2), NORM2, CONV3);
    add_layer(network, "transposed conv 4x4, tanh", wg_shape(28, 28, 1), CONV3, CONV3_BIAS + 1);
}

static void init_critic(struct wg_network *network, struct wg_graph *g, const struct wg_widths *s)
{
    *network = (struct wg_network){.name = "critic"};
    wg_network_add_linear(network, g, "conv1", wg_shape(KERNEL, KERNEL, 1, s->down1), s->down1);
    wg_network_add_linear(network, g, "conv2", wg_shape(KERNEL, KERNEL, s->down1, s->down2),
                          s->down2);
    wg_network_add_linear(network, g, "conv3", wg_shape(KERNEL, KERNEL, s->down2, s->down3),
                          s->down3);
    wg_network_add_linear(network, g, "dense", wg_shape(49 * s->down3, 1), 1);

    add_layer(network, "conv 4x4 /2, leaky ReLU", wg_shape(14, 14, s->down1), D_CONV1, D_CONV2);
    add_layer(network, "conv 4x4 /2, leaky ReLU", wg_shape(7, 7, s->down2), D_CONV2, D_CONV3);
    add_layer(network, "conv 4x4, leaky ReLU", wg_shape(7, 7, s->down3), D_CONV3, D_DENSE);
    add_layer(network, "dense", wg_shape(1), D_DENSE, D_DENSE_BIAS + 1);
}

void wg_model_init(struct wg_model *model, struct wg_graph *g, const struct wg_widths *widths)
{
    model->widths = *widths;
    init_generator(&model->generator, g, widths);
    init_critic(&model->critic, g, widths);
}

struct wg_node *wg_network_update(const struct wg_network *network, struct wg_graph *g,
                                  struct wg_node *loss, const struct wg_update *update)
{
    struct wg_node *x[WG_WEIGHTS_MAX], *v[WG_WEIGHTS_MAX], *dx[WG_WEIGHTS_MAX];
    int count = 0;
    for (int i = 0; i < network->count; i++) {
        x[count] = network->weights[i].node;
        v[count] = network->weights[i].accumulator;
        count += !network->weights[i].is_moving;
    }
    wg_gradient(g, loss, x, count, dx);
    return wg_rmsprop(g, count, x, v, dx, update);
}

size_t wg_network_parameters(const struct wg_network *network)
{
    size_t parameters = 0;
    for (int i = 0; i < network->layer_count; i++)
        parameters += network->layers[i].parameters;
    return parameters;
}

/* Glorot and Bengio 2010, or constants. */
static void initial_values(const struct wg_weight *weight, uint64_t seed, uint32_t tensor,
                           float *ret_values)
{
    size_t count = wg_shape_count(&weight->node->shape);
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (size_t i = 0; i < count; i++) {
        if (weight->limit > 0) {
            const uint32_t counter[4] = {(uint32_t)(i / 4), tensor, 0, WG_STREAM_WEIGHTS};
            float u = wg_uniform_float(wg_philox(counter, key).v[i % 4]);
            ret_values[i] = weight->limit * (2.0f * u - 1.0f);
        } else {
            ret_values[i] = weight->is_moving ? (i < count / 2 ? 0.0f : 1.0f) : weight->initial;
        }
    }
}

bool wg_network_initialise(const struct wg_network *network, struct wg_exec *exec, uint64_t seed,
                           uint32_t *tensor)
{
    bool ok = true;
    for (int i = 0; ok && i < network->count; i++) {
        const struct wg_weight *weight = &network->weights[i];
        float *values = malloc(wg_node_bytes(weight->node));
        if (!values)
            return wg_fail_memory("initial weights");
        initial_values(weight, seed, *tensor, values);
        ok = wg_exec_write(exec, weight->node, values);
        free(values);
        *tensor += weight->is_moving ? 2 : 1;
    }
    return ok;
}

/* ---- the generator ---- */

static struct wg_node *node_at(const struct wg_network *network, int weight)
{
    return network->weights[weight].node;
}

/* Batch norm and ReLU with the statistics the mode asks for. */
static struct wg_node *norm_relu(const struct wg_network *network, struct wg_graph *g,
                                 struct wg_node *x, int norm, bool training,
                                 struct wg_node **ret_moments)
{
    struct wg_node *m = training ? wg_moments(g, x) : node_at(network, norm + MOVING);
    if (ret_moments)
        *ret_moments = m;
    return wg_batch_norm(g, x, m, node_at(network, norm + GAMMA), node_at(network, norm + BETA),
                         WG_NORM_EPSILON, training, WG_ACTIVATION_LEAKY_RELU, 0.0f);
}

/* Transposed convolution "same" to side * stride, plus bias; side is x's height and width. */
static struct wg_node *up(const struct wg_network *network, struct wg_graph *g, struct wg_node *x,
                          int weight, size_t stride, enum wg_activation activation)
{
    struct wg_node *w = node_at(network, weight);
    if (!x || !w)
        return NULL;
    struct wg_shape output = wg_shape(x->shape.dim[0], x->shape.dim[1] * stride,
                                      x->shape.dim[2] * stride, w->shape.dim[2]);
    struct wg_conv conv = wg_conv_same(&output, w->shape.dim[3], KERNEL, stride);
    return wg_bias(g, wg_conv2d_data(g, x, w, &conv), node_at(network, weight + 1), activation,
                   0.0f);
}

struct wg_node *wg_generator(const struct wg_model *model, struct wg_graph *g, struct wg_node *z,
                             bool training, struct wg_node *ret_moments[3])
{
    const struct wg_network *n = &model->generator;
    struct wg_node *m[3];
    size_t images = z ? z->shape.dim[0] : 0;

    struct wg_node *x = wg_matmul(g, z, false, node_at(n, DENSE), false); // [N, 1568]
    x = wg_bias(g, x, node_at(n, DENSE_BIAS), WG_ACTIVATION_NONE, 0.0f);  // [N, 1568]
    x = norm_relu(n, g, x, NORM0, training, &m[0]);                       // [N, 1568]
    x = wg_reshape(g, x, wg_shape(images, 7, 7, model->widths.base));     // [N, 7, 7, 32]
    x = up(n, g, x, CONV1, 2, WG_ACTIVATION_NONE);                        // [N, 14, 14, 128]
    x = norm_relu(n, g, x, NORM1, training, &m[1]);                       // [N, 14, 14, 128]
    x = up(n, g, x, CONV2, 2, WG_ACTIVATION_NONE);                        // [N, 28, 28, 256]
    x = norm_relu(n, g, x, NORM2, training, &m[2]);                       // [N, 28, 28, 256]
    if (ret_moments)
        memcpy(ret_moments, m, sizeof m);
    return up(n, g, x, CONV3, 1, WG_ACTIVATION_TANH); // [N, 28, 28, 1]
}

void wg_generator_update_moving(const struct wg_model *model, struct wg_graph *g,
                                struct wg_node *const moments[3], size_t n,
                                struct wg_node *ret_effects[3])
{
    static const int norms[3] = {NORM0, NORM1, NORM2};
    const double counts[3] = {0, (double)n * 14 * 14, (double)n * 28 * 28};
    for (int i = 0; i < 3; i++) {
        double unbiased = i == 0 ? 1.0 : counts[i] / (counts[i] - 1.0);
        ret_effects[i] = wg_moving_average(g, node_at(&model->generator, norms[i] + MOVING),
                                           moments[i], WG_NORM_MOMENTUM, (float)unbiased);
    }
}

/* ---- the critic ---- */

struct wg_node *wg_network_down(const struct wg_network *network, struct wg_graph *g,
                                struct wg_node *x, int weight, size_t stride)
{
    struct wg_node *w = node_at(network, weight);
    if (!x || !w)
        return NULL;
    struct wg_conv conv = wg_conv_same(&x->shape, w->shape.dim[3], KERNEL, stride);
    return wg_bias(g, wg_conv2d(g, x, w, &conv), node_at(network, weight + 1),
                   WG_ACTIVATION_LEAKY_RELU, LEAKY_SLOPE);
}

struct wg_node *wg_critic(const struct wg_model *model, struct wg_graph *g, struct wg_node *image)
{
    const struct wg_network *n = &model->critic;
    size_t images = image ? image->shape.dim[0] : 0;

    struct wg_node *x = wg_network_down(n, g, image, D_CONV1, 2);     // [N, 14, 14, 256]
    x = wg_network_down(n, g, x, D_CONV2, 2);                         // [N, 7, 7, 128]
    x = wg_network_down(n, g, x, D_CONV3, 1);                         // [N, 7, 7, 64]
    x = wg_reshape(g, x, wg_shape(images, 49 * model->widths.down3)); // [N, 3136]
    x = wg_matmul(g, x, false, node_at(n, D_DENSE), false);           // [N, 1]
    return wg_bias(g, x, node_at(n, D_DENSE_BIAS), WG_ACTIVATION_NONE, 0.0f);
}
