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

/* Batches of the same: the first dimension is what Keras was given first, and says nothing. */
static bool is_same_batch(const struct wg_json *a, const struct wg_json *b)
{
    if (!wg_json_is_array(a) || wg_json_count(a) != wg_json_count(b))
        return false;
    for (size_t i = 1; i < wg_json_count(b); i++)
        if (!same_value(wg_json_at(a, i), wg_json_at(b, i)))
            return false;
    return true;
}

static bool is_same_setting(const char *key, const struct wg_json *got,
                            const struct wg_json *expected, int rank)
{
    return strcmp(key, "axis") == 0                ? is_last_axis(got, rank)
           : strcmp(key, "batch_input_shape") == 0 ? is_same_batch(got, expected)
                                                   : same_value(got, expected);
}

/* What would make a layer compute, or its weights learn, something else, and is not written here.
 */
static bool check_no_more(const struct wg_json *settings, const char *name)
{
    static const char *const keys[] = {"output_padding",   "kernel_regularizer",
                                       "bias_regularizer", "activity_regularizer",
                                       "beta_regularizer", "gamma_regularizer"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct wg_json *got = wg_json_find(settings, keys[i]);
        char *text = got ? wg_json_text(got, 0) : NULL;
        bool ok =
            !text || strcmp(text, "null") == 0 ||
            wg_fail(WG_ERROR_DATA, "layer '%s' has %s %.80s, expected none", name, keys[i], text);
        free(text);
        if (!ok)
            return false;
    }
    return true;
}

/* Every setting that is written here must be there with the same value, but for those that say
 * nothing about what is computed, and for the activation, which is a part of its own. Owns
 * `expected`. */
static bool check_settings(const struct wg_json *settings, struct wg_json *expected, int rank,
                           const char *name)
{
    static const char *const others[] = {"sparse", "ragged", "activation"};
    bool ok = expected != NULL;
    for (struct wg_json_member m = {0}; ok && wg_json_next(expected, &m);) {
        bool is_other = false;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            is_other = is_other || strcmp(m.key, others[i]) == 0;
        const struct wg_json *got = find_setting(settings, m.key);
        if (is_other || (got && is_same_setting(m.key, got, m.value, rank)))
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

/* ---- a model as parts ---- */

/*
 * A layer without its activation, or an activation. That is a layer of its own in one program, and
 * in another an argument of the layer before, by its name or as such a layer: what is computed is
 * the same.
 */
struct part {
    const char *layer; // "conv2d"
    bool is_activation;
    const char *name;               // "Conv2D" or "relu"
    const struct wg_json *settings; // NULL: an activation by its name alone
};

struct parts {
    struct part items[64];
    size_t count;
    size_t next; // to be compared
};

static bool add_part(struct parts *parts, const struct part *part)
{
    const size_t most = sizeof parts->items / sizeof parts->items[0];
    if (parts->count == most)
        return wg_fail(WG_ERROR_DATA, "a model of more than %zu layers", most);
    parts->items[parts->count++] = *part;
    return true;
}

static bool add_activation(struct parts *parts, const char *name, const struct wg_json *activation);

/* The activation that a layer of this class is; NULL: another layer, or one that names it. */
static const char *activation_of_class(const char *class)
{
    return strcmp(class, "ReLU") == 0        ? "relu"
           : strcmp(class, "LeakyReLU") == 0 ? "leaky_relu"
                                             : NULL;
}

/* Whether a layer of this class has its activation for an argument, and nothing else. */
static bool names_activation(const char *class)
{
    return strcmp(class, wg_keras_class_name(WG_KERAS_RELU)) == 0;
}

/* A layer called `name`, or one that is the activation of that. */
static bool add_class(struct parts *parts, const char *name, const char *class,
                      const struct wg_json *settings)
{
    const struct wg_json *activation = wg_json_find(settings, "activation");
    const char *itself = activation_of_class(class);
    const struct part part = {.layer = name,
                              .is_activation = itself != NULL,
                              .name = itself ? itself : class,
                              .settings = settings};
    if (names_activation(class))
        return add_activation(parts, name, activation);
    return add_part(parts, &part) && (!activation || add_activation(parts, name, activation));
}

/* By its name or as a layer. Of the names, leaky_relu has the slope 0.2 in both versions. */
static bool add_activation(struct parts *parts, const char *name, const struct wg_json *activation)
{
    struct part part = {.layer = name, .is_activation = true};
    const char *class;
    const struct wg_json *settings;
    if (activation && wg_json_as_string(activation, &part.name))
        return strcmp(part.name, "linear") == 0 || add_part(parts, &part);
    if (activation && wg_json_is_object(activation) &&
        wg_json_get_string(activation, "class_name", &class) &&
        wg_json_get_object(activation, "config", &settings))
        return add_class(parts, name, class, settings);
    char *text = activation ? wg_json_text(activation, 0) : NULL;
    wg_fail(WG_ERROR_DATA, "layer '%s' has activation %.80s, expected a name or a layer", name,
            text ? text : "missing");
    free(text);
    return false;
}

static bool find_layers(const struct wg_json *config, const struct wg_json **ret_layers)
{
    const struct wg_json *inner;
    return wg_json_get_object(config, "config", &inner) &&
           wg_json_get_array(inner, "layers", ret_layers);
}

static bool read_layer(const struct wg_json *layer, const char **ret_class,
                       const struct wg_json **ret_settings, const char **ret_name)
{
    return wg_json_get_string(layer, "class_name", ret_class) &&
           wg_json_get_object(layer, "config", ret_settings) &&
           wg_json_get_string(*ret_settings, "name", ret_name);
}

/* The layer whose output a functional model's layer takes at its i-th call; NULL: it is not said.
 */
static const char *input_of_call(const struct wg_json *layer, size_t i)
{
    const struct wg_json *call = wg_json_at(wg_json_find(layer, "inbound_nodes"), i);
    const struct wg_json *source = wg_json_at(call, 0); // [name, ...]
    if (wg_json_is_object(call)) {                      // Keras 3
        const struct wg_json *tensor = wg_json_at(wg_json_find(call, "args"), 0);
        source = wg_json_find(wg_json_find(tensor, "config"), "keras_history");
    }
    const struct wg_json *first = wg_json_at(source, 0);
    const char *name;
    return first && wg_json_as_string(first, &name) ? name : NULL;
}

/* A layer that is called several times stands in the list once, where it is called first. Adds the
 * activations that are called again, on the output of the layer `name`. */
static bool add_later_calls(struct parts *parts, const struct wg_json *layers, const char *name)
{
    for (size_t i = 0; i < wg_json_count(layers); i++) {
        const struct wg_json *layer = wg_json_at(layers, i), *settings;
        const char *class, *own, *from;
        if (!read_layer(layer, &class, &settings, &own) ||
            (!activation_of_class(class) && !names_activation(class)))
            continue;
        for (size_t call = 1; call < wg_json_count(wg_json_find(layer, "inbound_nodes")); call++)
            if ((from = input_of_call(layer, call)) && strcmp(from, name) == 0 &&
                !add_class(parts, own, class, settings))
                return false;
    }
    return true;
}

/* `nested`: networks may be layers here, as of critic(generator(z)), and are taken apart. */
static bool add_layers(struct parts *parts, const struct wg_json *layers, bool nested)
{
    for (size_t i = 0; i < wg_json_count(layers); i++) {
        const struct wg_json *layer = wg_json_at(layers, i), *settings, *inner;
        const char *class, *name;
        if (nested && find_layers(layer, &inner)) {
            if (!add_layers(parts, inner, false))
                return false;
            continue;
        }
        if (!read_layer(layer, &class, &settings, &name) ||
            !add_class(parts, name, class, settings) || !add_later_calls(parts, layers, name))
            return false;
    }
    return true;
}

/* Whether there is a next part, and it is this one. */
static bool is_next(const struct parts *parts, bool is_activation, const char *name)
{
    const struct part *part = &parts->items[parts->next];
    return parts->next < parts->count && part->is_activation == is_activation &&
           strcmp(part->name, name) == 0;
}

/* The next part, which has to be this one. */
static const struct part *take_part(struct parts *parts, bool is_activation, const char *name)
{
    const struct part *part = &parts->items[parts->next];
    const char *kind = is_activation ? "activation " : "";
    if (is_next(parts, is_activation, name)) {
        parts->next++;
        return part;
    }
    if (parts->next == parts->count)
        wg_fail(WG_ERROR_DATA, "the model ends where %s%s is expected", kind, name);
    else
        wg_fail(WG_ERROR_DATA, "layer '%s' %s %s, expected %s%s", part->layer,
                part->is_activation ? "has activation" : "is of class", part->name, kind, name);
    return NULL;
}

static bool check_layer(struct parts *parts, const struct wg_keras_layer *layer)
{
    const struct part *part = take_part(parts, false, wg_keras_class_name(layer->class));
    return part && check_no_more(part->settings, part->layer) &&
           check_settings(part->settings, layer_settings(layer), layer->output.rank, part->layer);
}

static struct wg_json *activation_settings(const char *name)
{
    if (strcmp(name, "leaky_relu") == 0)
        return wg_json_pack("{s: f}", "alpha", WG_KERAS_SLOPE);
    return wg_json_pack("{s: n, s: f, s: f}", "max_value", "negative_slope", 0.0, "threshold", 0.0);
}

static bool check_activation(struct parts *parts, const char *name)
{
    const struct part *part = take_part(parts, true, name);
    return part && (!part->settings ||
                    check_settings(part->settings, activation_settings(name), 0, part->layer));
}

/* An input may be missing, as in front of a network behind another one, or be there twice, as of
 * a model and of the network that is its first layer. */
static bool check_input(struct parts *parts, const struct wg_keras_layer *layer)
{
    while (is_next(parts, false, wg_keras_class_name(layer->class)))
        if (!check_layer(parts, layer))
            return false;
    return true;
}

static bool check_network(struct parts *parts, const struct wg_keras_network *network)
{
    bool ok = true;
    for (int i = 0; ok && i < network->count; i++) {
        const struct wg_keras_layer *layer = &network->layers[i];
        if (layer->class == WG_KERAS_INPUT)
            ok = check_input(parts, layer);
        else if (layer->class != WG_KERAS_RELU && layer->class != WG_KERAS_LEAKY_RELU)
            ok = check_layer(parts, layer);
        if (ok && layer->activation && strcmp(layer->activation, "linear") != 0)
            ok = check_activation(parts, layer->activation);
    }
    return ok;
}

static bool check_as(const struct wg_json *config, enum wg_keras_model model)
{
    struct parts parts = {.count = 0};
    const struct wg_json *layers;
    if (!find_layers(config, &layers) ||
        !add_layers(&parts, layers, model == WG_KERAS_ADVERSARIAL) ||
        (model != WG_KERAS_DISCRIMINATOR && !check_network(&parts, &wg_keras_generator)) ||
        (model != WG_KERAS_GENERATOR && !check_network(&parts, &wg_keras_discriminator)))
        return false;
    return parts.next == parts.count || take_part(&parts, false, "the end of the model");
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
        return wg_fail(WG_ERROR_DATA, "learning_rate: %s", wg_error_message());
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
    // Only that of versions before 2.11 has a decay: there epsilon stands outside of the root.
    if (wg_json_find(settings, "decay"))
        return wg_fail(
            WG_ERROR_DATA,
            "the optimizer is the legacy RMSprop, which adds epsilon to the root; expected "
            "that of Keras since 2.11 (save the model without its optimizer, or compile "
            "it with the newer one)");
    if (centered)
        return wg_fail(WG_ERROR_DATA, "RMSprop is centered, expected the plain one");
    return check_plain(settings) && read_rate(wg_json_find(settings, "learning_rate"), ret_rate);
}
