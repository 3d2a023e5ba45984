#include "host/keras/config.h"

#include "host/base/error.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- layers ---- */

/* [null, 28, 28, 1] */
static struct wg_json *batch_shape(const struct wg_shape *shape)
{
    struct wg_json *array = wg_json_create_array();
    bool ok = array && wg_json_append(array, wg_json_create_real(NAN)); // null
    for (int d = 0; ok && d < shape->rank; d++)
        ok = wg_json_append(array, wg_json_create_integer((int64_t)shape->dim[d]));
    if (ok)
        return array;
    wg_json_destroy(array);
    return NULL;
}

/* What a layer of this class has beside name, trainable and type. */
static struct wg_json *layer_settings(const struct wg_keras_layer *layer)
{
    const int last = (int)wg_shape_last(&layer->output);
    const size_t *dim = layer->output.dim;
    switch (layer->class) {
    case WG_KERAS_INPUT:
        return wg_json_pack("{s: o, s: b, s: b}", "batch_input_shape", batch_shape(&layer->output),
                            "sparse", 0, "ragged", 0);
    case WG_KERAS_DENSE:
        return wg_json_pack("{s: i, s: s, s: b}", "units", last, "activation", layer->activation,
                            "use_bias", 1);
    case WG_KERAS_BATCH_NORM:
        return wg_json_pack("{s: [i], s: f, s: f, s: b, s: b}", "axis", layer->output.rank,
                            "momentum", WG_KERAS_MOMENTUM, "epsilon", WG_KERAS_EPSILON, "center", 1,
                            "scale", 1);
    case WG_KERAS_RELU:
        return wg_json_pack("{s: s}", "activation", "relu");
    case WG_KERAS_RESHAPE:
        return wg_json_pack("{s: [i, i, i]}", "target_shape", (int)dim[0], (int)dim[1],
                            (int)dim[2]);
    case WG_KERAS_CONV:
    case WG_KERAS_CONV_TRANSPOSE:
        return wg_json_pack("{s: i, s: [i, i], s: [i, i], s: s, s: s, s: [i, i], s: s, s: b}",
                            "filters", last, "kernel_size", WG_KERAS_KERNEL, WG_KERAS_KERNEL,
                            "strides", layer->stride, layer->stride, "padding", "same",
                            "data_format", "channels_last", "dilation_rate", 1, 1, "activation",
                            layer->activation, "use_bias", 1);
    case WG_KERAS_LEAKY_RELU:
        return wg_json_pack("{s: f}", "alpha", WG_KERAS_SLOPE);
    case WG_KERAS_FLATTEN:
        return wg_json_pack("{s: s}", "data_format", "channels_last");
    }
    return NULL;
}

/* `before`: the layer whose output it takes, NULL for an input. */
static struct wg_json *layer_json(const struct wg_keras_layer *layer, const char *before,
                                  bool trainable)
{
    struct wg_json *settings = layer_settings(layer);
    if (!settings || !wg_json_set_string(settings, "name", layer->name) ||
        !wg_json_set_string(settings, "dtype", "float32") ||
        (before && !wg_json_set_bool(settings, "trainable", trainable))) {
        wg_json_destroy(settings);
        return NULL;
    }
    struct wg_json *nodes =
        before ? wg_json_pack("[[[s, i, i, {}]]]", before, 0, 0) : wg_json_create_array();
    return wg_json_pack("{s: s, s: o, s: s, s: o}", "class_name", wg_keras_class_name(layer->class),
                        "config", settings, "name", layer->name, "inbound_nodes", nodes);
}

/* ---- models ---- */

/* A functional model with one input and one output, which is the output of its last layer's call
 * number `output_call`. Owns `layers`. */
static struct wg_json *functional(const char *name, bool trainable, struct wg_json *layers,
                                  const char *input, const char *output, int output_call)
{
    return wg_json_pack("{s: s, s: {s: s, s: b, s: o, s: [[s, i, i]], s: [[s, i, i]]}}",
                        "class_name", "Functional", "config", "name", name, "trainable", trainable,
                        "layers", layers, "input_layers", input, 0, 0, "output_layers", output,
                        output_call, 0);
}

static struct wg_json *network_json(const struct wg_keras_network *network, bool trainable)
{
    struct wg_json *layers = wg_json_create_array();
    const char *before = NULL;
    bool ok = layers != NULL;
    for (int i = 0; ok && i < network->count; i++) {
        ok = wg_json_append(layers, layer_json(&network->layers[i], before, trainable));
        before = network->layers[i].name;
    }
    if (!ok) {
        wg_json_destroy(layers);
        return NULL;
    }
    return functional(network->name, trainable, layers, network->layers[0].name, before, 0);
}

struct wg_json *wg_keras_network_config(const struct wg_keras_network *network)
{
    return network_json(network, true);
}

/*
 * A network as a layer, called twice on the same input. tf.keras counts the calls of a network
 * from the one that made it: to it, the output of the first call from outside has number 1. Keras 3
 * counts from the first one from outside. With two of them, which are the same, number 1 is there
 * for both; the other is in no path to an output and never computed.
 */
static struct wg_json *nested(const struct wg_keras_network *network, bool trainable,
                              const char *before, int before_call)
{
    struct wg_json *json = network_json(network, trainable);
    if (json && wg_json_set_string(json, "name", network->name) &&
        wg_json_set(json, "inbound_nodes",
                    wg_json_pack("[[[s, i, i, {}]], [[s, i, i, {}]]]", before, before_call, 0,
                                 before, before_call, 0)))
        return json;
    wg_json_destroy(json);
    return NULL;
}

struct wg_json *wg_keras_adversarial_config(void)
{
    static const struct wg_keras_layer input = {WG_KERAS_INPUT, WG_KERAS_ADVERSARIAL_INPUT,
                                                .output = {.rank = 1, .dim = {100}}};
    struct wg_json *layers =
        wg_json_pack("[o, o, o]", layer_json(&input, NULL, true),
                     nested(&wg_keras_generator, true, input.name, 0),
                     nested(&wg_keras_discriminator, false, wg_keras_generator.name, 1));
    if (!layers)
        return NULL;
    return functional("model", true, layers, input.name, wg_keras_discriminator.name, 1);
}

/* ---- training ---- */

/*
 * tf.keras 2.15 knows its RMSprop by this registered name; by "RMSprop" it would take the one of
 * older versions, which has epsilon outside the root. Keras 3 takes the name of the class from the
 * settings, and the learning rate from nowhere.
 */
static struct wg_json *rmsprop_json(float learning_rate)
{
    return wg_json_pack("{s: s, s: {s: s, s: n, s: n, s: n, s: n, s: b, s: f, s: i, s: b, s: f, "
                        "s: f, s: f, s: f, s: b}}",
                        "class_name", "Custom>RMSprop", "config", "name", "RMSprop", "weight_decay",
                        "clipnorm", "global_clipnorm", "clipvalue", "use_ema", 0, "ema_momentum",
                        0.99, "ema_overwrite_frequency", 100, "is_legacy_optimizer", 0,
                        "learning_rate", (double)learning_rate, "rho", 0.9, "momentum", 0.0,
                        "epsilon", 1e-7, "centered", 0);
}

/*
 * No loss: neither version finds a function of the user's by itself, and a name that it can't find
 * keeps it from opening the file. README.md says what to give to compile().
 */
struct wg_json *wg_keras_training_config(float learning_rate, bool with_accuracy)
{
    struct wg_json *metrics =
        with_accuracy ? wg_json_pack("[s]", "accuracy") : wg_json_create_real(NAN); // null
    return wg_json_pack("{s: n, s: o, s: n, s: n, s: o}", "loss", "metrics", metrics,
                        "weighted_metrics", "loss_weights", "optimizer_config",
                        rmsprop_json(learning_rate));
}

/* ---- comparing ---- */

/* Reals come back from other programs as the nearest float. */
static bool same_value(const struct wg_json *a, const struct wg_json *b)
{
    double x, y;
    if (wg_json_as_real(a, &x) && wg_json_as_real(b, &y) && isfinite(x) && isfinite(y))
        return fabs(x - y) <= 1e-6 * fabs(y);
    char *a_text = wg_json_text(a, 0), *b_text = wg_json_text(b, 0);
    bool same = a_text && b_text && strcmp(a_text, b_text) == 0;
    free(a_text);
    free(b_text);
    return same;
}

/* What Keras 3 renamed. */
static const struct wg_json *find_setting(const struct wg_json *settings, const char *key)
{
    const struct wg_json *value = wg_json_find(settings, key);
    if (!value && strcmp(key, "alpha") == 0)
        value = wg_json_find(settings, "negative_slope");
    if (!value && strcmp(key, "batch_input_shape") == 0)
        value = wg_json_find(settings, "batch_shape");
    return value;
}

/* [3] and 3 are the last axis of a batch of 3-dimensional images, and so are [-1] and -1. */
static bool is_last_axis(const struct wg_json *axis, int rank)
{
    int64_t number;
    if (wg_json_is_array(axis) && wg_json_count(axis) == 1)
        axis = wg_json_at(axis, 0);
    return wg_json_as_integer(axis, &number) && (number == -1 || number == rank);
}

/* Every setting that is written here must be there with the same value, but for those that say
 * nothing about what is computed. */
static bool check_settings(const struct wg_json *settings, const struct wg_keras_layer *layer,
                           const char *name)
{
    struct wg_json *expected = layer_settings(layer);
    bool ok = expected != NULL;
    for (struct wg_json_member m = {0}; ok && wg_json_next(expected, &m);) {
        if (strcmp(m.key, "sparse") == 0 || strcmp(m.key, "ragged") == 0)
            continue;
        const struct wg_json *got = find_setting(settings, m.key);
        const bool is_axis = strcmp(m.key, "axis") == 0;
        if (got && (is_axis ? is_last_axis(got, layer->output.rank) : same_value(got, m.value)))
            continue;
        char *got_text = got ? wg_json_text(got, 0) : NULL, *text = wg_json_text(m.value, 0);
        ok = wg_fail(WG_ERROR_DATA, "layer '%s' has %s %.80s, expected %s", name, m.key,
                     got_text ? got_text : "missing", text ? text : "another");
        free(got_text);
        free(text);
    }
    wg_json_destroy(expected);
    return ok;
}

static bool check_layer(const struct wg_json *json, const struct wg_keras_layer *layer)
{
    const char *class, *name;
    const struct wg_json *settings;
    const char *expected = wg_keras_class_name(layer->class);
    if (!wg_json_get_string(json, "class_name", &class) ||
        !wg_json_get_object(json, "config", &settings) ||
        !wg_json_get_string(settings, "name", &name))
        return false;
    if (strcmp(class, expected) != 0)
        return wg_fail(WG_ERROR_DATA, "layer '%s' is of class %s, expected %s", name, class,
                       expected);
    return check_settings(settings, layer, name);
}

static bool find_layers(const struct wg_json *config, const struct wg_json **ret_layers)
{
    const struct wg_json *inner;
    return wg_json_get_object(config, "config", &inner) &&
           wg_json_get_array(inner, "layers", ret_layers);
}

static bool check_network(const struct wg_json *config, const struct wg_keras_network *network)
{
    const struct wg_json *layers;
    if (!find_layers(config, &layers))
        return false;
    const size_t count = wg_json_count(layers), expected = (size_t)network->count;
    for (size_t i = 0; i < count && i < expected; i++) // the first that differs tells the most
        if (!check_layer(wg_json_at(layers, i), &network->layers[i]))
            return false;
    return count == expected ||
           wg_fail(WG_ERROR_DATA, "a model of %zu layers, expected the %zu of the %s", count,
                   expected, network->name);
}

static bool is_input(const struct wg_json *layer)
{
    const char *class;
    return wg_json_get_string(layer, "class_name", &class) &&
           strcmp(class, wg_keras_class_name(WG_KERAS_INPUT)) == 0;
}

static bool is_network(const struct wg_json *layer)
{
    const struct wg_json *layers;
    return find_layers(layer, &layers);
}

static bool fail_adversarial(size_t count)
{
    return wg_fail(WG_ERROR_DATA,
                   "a model of %zu layers, expected the Generator and the Discriminator, each as "
                   "one layer or layer by layer",
                   count);
}

/* A network inside a model, which is one layer there, as of critic(generator(z)), or layer by
 * layer, as the first of critic(generator.output), without an input behind another network. */
static bool check_part(const struct wg_json *layers, const struct wg_keras_network *network,
                       size_t *next)
{
    const size_t count = wg_json_count(layers), from = *next > 0;
    if (*next < count && is_network(wg_json_at(layers, *next)))
        return check_network(wg_json_at(layers, (*next)++), network);
    if (count - *next < (size_t)network->count - from)
        return fail_adversarial(count);
    for (size_t i = from; i < (size_t)network->count; i++)
        if (!check_layer(wg_json_at(layers, (*next)++), &network->layers[i]))
            return false;
    return true;
}

/* Networks may stand behind an input layer or not. */
static bool check_adversarial(const struct wg_json *config)
{
    const struct wg_json *layers;
    if (!find_layers(config, &layers))
        return false;
    size_t count = wg_json_count(layers);
    size_t next = count > 1 && is_input(wg_json_at(layers, 0)) && is_network(wg_json_at(layers, 1));
    return check_part(layers, &wg_keras_generator, &next) &&
           check_part(layers, &wg_keras_discriminator, &next) &&
           (next == count || fail_adversarial(count));
}

static bool check_as(const struct wg_json *config, enum wg_keras_model model)
{
    return model == WG_KERAS_GENERATOR       ? check_network(config, &wg_keras_generator)
           : model == WG_KERAS_DISCRIMINATOR ? check_network(config, &wg_keras_discriminator)
                                             : check_adversarial(config);
}

bool wg_keras_check_model(const struct wg_json *config, enum wg_keras_model model)
{
    static const char *const models[] = {"the Generator", "the Discriminator",
                                         "the Generator followed by the Discriminator"};
    for (int other = WG_KERAS_GENERATOR; other <= WG_KERAS_ADVERSARIAL; other++)
        if (other != (int)model && check_as(config, (enum wg_keras_model)other))
            return wg_fail(WG_ERROR_DATA,
                           "this is %s, expected %s; are files in each other's place?",
                           models[other], models[model]);
    return check_as(config, model);
}

/* "RMSprop", "Custom>RMSprop", "rmsprop" */
static bool is_rmsprop(const char *class)
{
    static const char rmsprop[] = "rmsprop";
    const char *package = strrchr(class, '>');
    if (package)
        class = package + 1;
    size_t i = 0;
    while (rmsprop[i] && tolower((unsigned char)class[i]) == rmsprop[i])
        i++;
    return !rmsprop[i] && !class[i];
}

static bool check_real(const struct wg_json *config, const char *key, double expected)
{
    double value;
    if (!wg_json_get_real(config, key, &value))
        return false;
    return fabs(value - expected) <= 1e-6 * expected ||
           wg_fail(WG_ERROR_DATA, "RMSprop has %s %g, expected %g", key, value, expected);
}

/* What Keras can do with gradients and weights besides, and we don't: null or false, or missing. */
static bool check_plain(const struct wg_json *settings)
{
    static const char *const keys[] = {"weight_decay", "clipnorm", "global_clipnorm", "clipvalue",
                                       "use_ema"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct wg_json *setting = wg_json_find(settings, keys[i]);
        double number = 0;
        bool truth = false;
        if (!setting || (wg_json_as_bool(setting, &truth) && !truth) ||
            (wg_json_as_real(setting, &number) && !(fabs(number) > 0)))
            continue;
        return wg_fail(WG_ERROR_DATA, "RMSprop has %s, expected none", keys[i]);
    }
    return true;
}

static bool read_rate(const struct wg_json *rate, struct wg_keras_rate *ret_rate)
{
    const char *schedule;
    double value = 0;
    *ret_rate = (struct wg_keras_rate){0};
    if (!rate)
        return true;
    if (wg_json_is_object(rate)) {
        if (!wg_json_get_string(rate, "class_name", &schedule))
            return false;
        snprintf(ret_rate->schedule, sizeof ret_rate->schedule, "%s", schedule);
        return true;
    }
    if (!wg_json_as_real(rate, &value))
        return false;
    ret_rate->value = (float)value; // may be 0 where the double is not
    return (ret_rate->value > 0 && isfinite(value)) ||
           wg_fail(WG_ERROR_DATA, "RMSprop has learning_rate %g, expected more than 0", value);
}

bool wg_keras_check_training(const struct wg_json *config, struct wg_keras_rate *ret_rate)
{
    const struct wg_json *optimizer, *settings;
    const char *class;
    bool centered;
    if (!wg_json_get_object(config, "optimizer_config", &optimizer) ||
        !wg_json_get_string(optimizer, "class_name", &class) ||
        !wg_json_get_object(optimizer, "config", &settings))
        return false;
    if (!is_rmsprop(class))
        return wg_fail(WG_ERROR_DATA, "the optimizer is %s, expected RMSprop", class);
    if (!check_real(settings, "rho", 0.9) || !check_real(settings, "momentum", 0) ||
        !check_real(settings, "epsilon", 1e-7) ||
        !wg_json_get_bool(settings, "centered", &centered))
        return false;
    if (centered)
        return wg_fail(WG_ERROR_DATA, "RMSprop is centered, expected the plain one");
    return check_plain(settings) && read_rate(wg_json_find(settings, "learning_rate"), ret_rate);
}
