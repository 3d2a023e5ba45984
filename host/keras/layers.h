/*
 * The two networks as Keras sees them: layers in order, their settings, their weights, and what
 * each weight is called there and in a checkpoint.
 *
 * Keras keeps every array in the layout of a checkpoint: kernels [k, k, in, out] of convolutions,
 * [k, k, out, in] of transposed ones, [in, out] of dense layers. Nothing is ever transposed.
 */
#ifndef WG_KERAS_LAYERS_H
#define WG_KERAS_LAYERS_H

#include "host/graph/graph.h"

enum wg_keras_class {
    WG_KERAS_INPUT,
    WG_KERAS_DENSE,
    WG_KERAS_BATCH_NORM,
    WG_KERAS_RELU,
    WG_KERAS_RESHAPE,
    WG_KERAS_CONV,
    WG_KERAS_CONV_TRANSPOSE,
    WG_KERAS_LEAKY_RELU,
    WG_KERAS_FLATTEN,
};

/* "InputLayer", "Conv2DTranspose", ... */
const char *wg_keras_class_name(enum wg_keras_class class);

struct wg_keras_layer {
    enum wg_keras_class class;
    const char *name;       // as Keras would name it in the program that README.md follows
    const char *tensors;    // "critic.conv1": its weights in a checkpoint; NULL: it has none
    struct wg_shape output; // of one image
    size_t channels;        // of its input, where it has a kernel
    int stride;             // of a convolution
    const char *activation; // of a dense layer or a convolution, or what the layer is
};

enum { WG_KERAS_LAYERS_MAX = 16 };

struct wg_keras_network {
    const char *name; // "Generator"
    const struct wg_keras_layer *layers;
    int count;
};

extern const struct wg_keras_network wg_keras_generator;     // "Generator"
extern const struct wg_keras_network wg_keras_discriminator; // "Discriminator", the critic

/* Side of a convolution's kernel, momentum and epsilon of batch norm, slope of LeakyReLU. */
enum { WG_KERAS_KERNEL = 4 };
#define WG_KERAS_MOMENTUM 0.8
#define WG_KERAS_EPSILON  1e-3
#define WG_KERAS_SLOPE    0.2

struct wg_keras_weight {
    char tensor[64];       // "critic.conv1.kernel"
    char accumulator[72];  // "rmsprop.critic.conv1.kernel"; empty for a moving statistic
    const char *layer;     // "conv2d"
    const char *name;      // "kernel"
    struct wg_shape shape; //
    bool is_trained;       // false for a moving statistic
};

enum { WG_KERAS_WEIGHTS_MAX = 24 };

/* All weights of a network, layer by layer. Returns how many. */
int wg_keras_weights(const struct wg_keras_network *network,
                     struct wg_keras_weight ret_weights[WG_KERAS_WEIGHTS_MAX]);

/* The same of a network that is a layer of a model: moving statistics behind all that is trained.
 */
int wg_keras_nested_weights(const struct wg_keras_network *network,
                            struct wg_keras_weight ret_weights[WG_KERAS_WEIGHTS_MAX]);

/* The same of one layer: up to 4. */
int wg_keras_layer_weights(const struct wg_keras_layer *layer,
                           struct wg_keras_weight ret_weights[4]);

#endif
