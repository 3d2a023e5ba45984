#include "host/keras/layers.h"

#include <stdio.h>

#define SHAPE(...)                                                                                 \
    {                                                                                              \
        .rank = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), .dim = { __VA_ARGS__ }           \
    }

/* The order in which the Keras program makes its networks, and so the numbers in the names: the
 * critic first. */
static const struct wg_keras_layer generator[] = {
    {WG_KERAS_INPUT, "input_2", .output = SHAPE(100)},
    {WG_KERAS_DENSE, "dense_1", "generator.dense", SHAPE(1568), 100, .activation = "linear"},
    {WG_KERAS_BATCH_NORM, "batch_normalization", "generator.norm0", .output = SHAPE(1568)},
    {WG_KERAS_RELU, "activation", .output = SHAPE(1568), .activation = "relu"},
    {WG_KERAS_RESHAPE, "reshape", .output = SHAPE(7, 7, 32)},
    {WG_KERAS_CONV_TRANSPOSE, "conv2d_transpose", "generator.conv1", SHAPE(14, 14, 128), 32, 2,
     "linear"},
    {WG_KERAS_BATCH_NORM, "batch_normalization_1", "generator.norm1", .output = SHAPE(14, 14, 128)},
    {WG_KERAS_RELU, "activation_1", .output = SHAPE(14, 14, 128), .activation = "relu"},
    {WG_KERAS_CONV_TRANSPOSE, "conv2d_transpose_1", "generator.conv2", SHAPE(28, 28, 256), 128, 2,
     "linear"},
    {WG_KERAS_BATCH_NORM, "batch_normalization_2", "generator.norm2", .output = SHAPE(28, 28, 256)},
    {WG_KERAS_RELU, "activation_2", .output = SHAPE(28, 28, 256), .activation = "relu"},
    {WG_KERAS_CONV_TRANSPOSE, "conv2d_transpose_2", "generator.conv3", SHAPE(28, 28, 1), 256, 1,
     "tanh"},
};

static const struct wg_keras_layer discriminator[] = {
    {WG_KERAS_INPUT, "input_1", .output = SHAPE(28, 28, 1)},
    {WG_KERAS_CONV, "conv2d", "critic.conv1", SHAPE(14, 14, 256), 1, 2, "linear"},
    {WG_KERAS_LEAKY_RELU, "leaky_re_lu", .output = SHAPE(14, 14, 256), .activation = "leaky_relu"},
    {WG_KERAS_CONV, "conv2d_1", "critic.conv2", SHAPE(7, 7, 128), 256, 2, "linear"},
    {WG_KERAS_LEAKY_RELU, "leaky_re_lu_1", .output = SHAPE(7, 7, 128), .activation = "leaky_relu"},
    {WG_KERAS_CONV, "conv2d_2", "critic.conv3", SHAPE(7, 7, 64), 128, 1, "linear"},
    {WG_KERAS_LEAKY_RELU, "leaky_re_lu_2", .output = SHAPE(7, 7, 64), .activation = "leaky_relu"},
    {WG_KERAS_FLATTEN, "flatten", .output = SHAPE(3136)},
    {WG_KERAS_DENSE, "dense", "critic.dense", SHAPE(1), 3136, .activation = "linear"},
};

const struct wg_keras_network wg_keras_generator = {"Generator", generator,
                                                    sizeof generator / sizeof generator[0]};
const struct wg_keras_network wg_keras_discriminator = {
    "Discriminator", discriminator, sizeof discriminator / sizeof discriminator[0]};

const char *wg_keras_class_name(enum wg_keras_class class)
{
    static const char *const names[] = {
        [WG_KERAS_INPUT] = "InputLayer",
        [WG_KERAS_DENSE] = "Dense",
        [WG_KERAS_BATCH_NORM] = "BatchNormalization",
        [WG_KERAS_RELU] = "Activation",
        [WG_KERAS_RESHAPE] = "Reshape",
        [WG_KERAS_CONV] = "Conv2D",
        [WG_KERAS_CONV_TRANSPOSE] = "Conv2DTranspose",
        [WG_KERAS_LEAKY_RELU] = "LeakyReLU",
        [WG_KERAS_FLATTEN] = "Flatten",
    };
    return names[class];
}

/* ---- weights ---- */

static void add(const struct wg_keras_layer *layer, const char *name, struct wg_shape shape,
                bool is_trained, struct wg_keras_weight *weights, int *count)
{
    struct wg_keras_weight *weight = &weights[(*count)++];
    *weight = (struct wg_keras_weight){
        .layer = layer->name, .name = name, .shape = shape, .is_trained = is_trained};
    snprintf(weight->tensor, sizeof weight->tensor, "%s.%s", layer->tensors, name);
    if (is_trained)
        snprintf(weight->accumulator, sizeof weight->accumulator, "rmsprop.%s.%s", layer->tensors,
                 name);
}

static struct wg_shape kernel_shape(const struct wg_keras_layer *layer)
{
    const size_t in = layer->channels, out = wg_shape_last(&layer->output);
    switch (layer->class) {
    case WG_KERAS_CONV:
        return wg_shape(WG_KERAS_KERNEL, WG_KERAS_KERNEL, in, out);
    case WG_KERAS_CONV_TRANSPOSE:
        return wg_shape(WG_KERAS_KERNEL, WG_KERAS_KERNEL, out, in);
    default:
        return wg_shape(in, out);
    }
}

int wg_keras_layer_weights(const struct wg_keras_layer *layer,
                           struct wg_keras_weight ret_weights[4])
{
    int count = 0;
    if (!layer->tensors)
        return 0;
    const struct wg_shape channels = wg_shape(wg_shape_last(&layer->output));
    if (layer->class == WG_KERAS_BATCH_NORM) {
        add(layer, "gamma", channels, true, ret_weights, &count);
        add(layer, "beta", channels, true, ret_weights, &count);
        add(layer, "moving_mean", channels, false, ret_weights, &count);
        add(layer, "moving_variance", channels, false, ret_weights, &count);
    } else {
        add(layer, "kernel", kernel_shape(layer), true, ret_weights, &count);
        add(layer, "bias", channels, true, ret_weights, &count);
    }
    return count;
}

int wg_keras_weights(const struct wg_keras_network *network,
                     struct wg_keras_weight ret_weights[WG_KERAS_WEIGHTS_MAX])
{
    int count = 0;
    for (int i = 0; i < network->count; i++)
        count += wg_keras_layer_weights(&network->layers[i], ret_weights + count);
    return count;
}

int wg_keras_nested_weights(const struct wg_keras_network *network,
                            struct wg_keras_weight ret_weights[WG_KERAS_WEIGHTS_MAX])
{
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    int count = wg_keras_weights(network, weights), n = 0;
    for (int trained = 1; trained >= 0; trained--)
        for (int i = 0; i < count; i++)
            if (weights[i].is_trained == (trained == 1))
                ret_weights[n++] = weights[i];
    return n;
}
