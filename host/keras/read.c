#include "host/keras/read.h"

#include "host/base/error.h"
#include "host/files/hdf5.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, TENSORS_MAX = 4 * WG_KERAS_WEIGHTS_MAX };

/* ---- the state ---- */

/* A tensor of zeros under a copy of `name`; NULL if out of memory. */
static float *add_tensor(struct wg_keras_state *state, const char *name,
                         const struct wg_shape *shape)
{
    struct wg_safetensor *tensor = &state->tensors[state->count];
    char *copy = malloc(strlen(name) + 1);
    float *data = calloc(wg_shape_count(shape), sizeof *data);
    if (!copy || !data) {
        free(copy);
        free(data);
        return wg_fail_memory_null("the tensors of a Keras model");
    }
    strcpy(copy, name);
    *tensor = (struct wg_safetensor){.name = copy, .rank = shape->rank, .data = data};
    memcpy(tensor->shape, shape->dim, sizeof shape->dim);
    state->count++;
    return data;
}

/* The numbers of a tensor that was added. */
static const float *find_tensor(const struct wg_keras_state *state, const char *name)
{
    int i = 0;
    while (strcmp(state->tensors[i].name, name) != 0)
        i++;
    return state->tensors[i].data;
}

void wg_keras_state_free(struct wg_keras_state *state)
{
    for (int i = 0; i < state->count; i++) {
        free((char *)state->tensors[i].name);
        free((float *)state->tensors[i].data);
    }
    free(state->tensors);
    *state = (struct wg_keras_state){0};
}

/* ---- model_config and training_config ---- */

/* Prefixes the last failure with the file, which the readers of JSON do not know. */
static bool fail_in(const struct wg_hdf5 *file, const char *part)
{
    return wg_fail(wg_error_status(), "%s: %s: %s", wg_hdf5_path(file), part, wg_error_message());
}

static bool read_json(const struct wg_hdf5 *file, const char *name, struct wg_json **ret_json)
{
    char *text;
    if (!wg_hdf5_read_text(file, "/", name, &text))
        return false;
    bool ok = wg_json_parse(text, strlen(text), ret_json) || fail_in(file, name);
    free(text);
    return ok;
}

static bool check_model(const struct wg_hdf5 *file, enum wg_keras_model model)
{
    struct wg_json *config;
    if (!read_json(file, "model_config", &config))
        return false;
    bool ok = wg_keras_check_model(config, model) || fail_in(file, "model_config");
    wg_json_destroy(config);
    return ok;
}

/* ---- weights: by the order in which a file lists them, as Keras does it ---- */

/* An array whose numbers are finite and no less than `least`. */
static bool read_numbers(const struct wg_hdf5 *file, const char *path, const struct wg_shape *shape,
                         float least, float *data)
{
    if (!wg_hdf5_read_floats(file, path, shape->rank, shape->dim, data))
        return false;
    for (size_t i = 0; i < wg_shape_count(shape); i++)
        if (!isfinite(data[i]) || data[i] < least)
            return wg_fail(WG_ERROR_DATA, "%s: '%s' holds %g, expected %s", wg_hdf5_path(file),
                           path, (double)data[i],
                           least < 0 ? "finite numbers" : "numbers of 0 or more");
    return true;
}

/* What is done with a weight that stands at `path`. */
typedef bool use_weight(const struct wg_hdf5 *file, const char *path,
                        const struct wg_keras_weight *weight, struct wg_keras_state *state);

static bool read_weight(const struct wg_hdf5 *file, const char *path,
                        const struct wg_keras_weight *weight, float *data)
{
    const bool is_variance = strcmp(weight->name, "moving_variance") == 0;
    return read_numbers(file, path, &weight->shape, is_variance ? 0 : -FLT_MAX, data);
}

static bool take_weight(const struct wg_hdf5 *file, const char *path,
                        const struct wg_keras_weight *weight, struct wg_keras_state *state)
{
    float *data = add_tensor(state, weight->tensor, &weight->shape);
    return data && read_weight(file, path, weight, data);
}

/* The first element in which two arrays differ by a bit; `count` if there is none. */
static size_t first_difference(const float *a, const float *b, size_t count)
{
    size_t i = 0;
    while (i < count && memcmp(&a[i], &b[i], sizeof *a) == 0)
        i++;
    return i;
}

/* Fails if the weight is not the one that was taken from the network's own file. */
static bool compare_weight(const struct wg_hdf5 *file, const char *path,
                           const struct wg_keras_weight *weight, struct wg_keras_state *state)
{
    const size_t count = wg_shape_count(&weight->shape);
    const bool is_critic = strncmp(weight->tensor, "critic.", strlen("critic.")) == 0;
    const float *taken = find_tensor(state, weight->tensor);
    float *data = malloc(count * sizeof *data);
    if (!data)
        return wg_fail_memory("the tensors of a Keras model");
    bool ok = read_weight(file, path, weight, data);
    size_t at = ok ? first_difference(data, taken, count) : count;
    if (at < count)
        ok = wg_fail(WG_ERROR_DATA,
                     "%s: '%s' is not that of %s.h5 (element %zu: %.9g, there %.9g): the files are "
                     "not of one moment; to import without this one, and so without RMSprop of the "
                     "generator, remove or rename it",
                     wg_hdf5_path(file), path,
                     (is_critic ? &wg_keras_discriminator : &wg_keras_generator)->name, at,
                     (double)data[at], (double)taken[at]);
    free(data);
    return ok;
}

static bool read_weight_names(const struct wg_hdf5 *file, const char *layer,
                              struct wg_hdf5_texts *ret_names)
{
    char group[PATH_BYTES];
    snprintf(group, sizeof group, "model_weights/%s", layer);
    return wg_hdf5_read_texts(file, group, "weight_names", ret_names);
}

/* The weights of a layer, which the file calls `name`. */
static bool read_layer(const struct wg_hdf5 *file, const char *name,
                       const struct wg_keras_weight *weights, int count, use_weight *use,
                       struct wg_keras_state *state)
{
    char path[PATH_BYTES];
    struct wg_hdf5_texts names;
    if (!read_weight_names(file, name, &names))
        return false;
    bool ok = names.count == (size_t)count ||
              wg_fail(WG_ERROR_DATA, "%s: layer '%s' has %zu weights, expected %d",
                      wg_hdf5_path(file), name, names.count, count);
    for (int i = 0; ok && i < count; i++) {
        snprintf(path, sizeof path, "model_weights/%s/%s", name, names.items[i]);
        ok = use(file, path, &weights[i], state);
    }
    wg_hdf5_texts_free(&names);
    return ok;
}

/* Leaves the layers that have weights. */
static bool drop_empty(const struct wg_hdf5 *file, struct wg_hdf5_texts *layers)
{
    struct wg_hdf5_texts weights;
    size_t kept = 0;
    for (size_t i = 0; i < layers->count; i++) {
        char *name = layers->items[i];
        if (!read_weight_names(file, name, &weights))
            return false;
        if (weights.count > 0) {
            layers->items[i] = layers->items[kept];
            layers->items[kept++] = name;
        }
        wg_hdf5_texts_free(&weights);
    }
    while (layers->count > kept)
        free(layers->items[--layers->count]);
    return true;
}

/* The layers of a file that have weights, in its order. */
static bool list_layers(const struct wg_hdf5 *file, struct wg_hdf5_texts *ret_layers)
{
    struct wg_hdf5_texts layers;
    if (!wg_hdf5_read_texts(file, "model_weights", "layer_names", &layers))
        return false;
    if (drop_empty(file, &layers)) {
        *ret_layers = layers;
        return true;
    }
    wg_hdf5_texts_free(&layers);
    return false;
}

static bool check_count(const struct wg_hdf5 *file, const struct wg_hdf5_texts *layers,
                        size_t expected)
{
    return layers->count == expected ||
           wg_fail(WG_ERROR_DATA, "%s: 'model_weights' lists %zu layers with weights, expected %zu",
                   wg_hdf5_path(file), layers->count, expected);
}

static size_t count_layers(const struct wg_keras_network *network)
{
    size_t count = 0;
    for (int i = 0; i < network->count; i++)
        count += network->layers[i].tensors != NULL;
    return count;
}

/* A network layer by layer, of which `names` are those with weights. */
static bool read_layers(const struct wg_hdf5 *file, const struct wg_keras_network *network,
                        char *const *names, use_weight *use, struct wg_keras_state *state)
{
    struct wg_keras_weight weights[4];
    for (int i = 0; i < network->count; i++) {
        int count = wg_keras_layer_weights(&network->layers[i], weights);
        if (count > 0 && !read_layer(file, *names++, weights, count, use, state))
            return false;
    }
    return true;
}

static bool read_network(const struct wg_hdf5 *file, const struct wg_keras_network *network,
                         struct wg_keras_state *state)
{
    struct wg_hdf5_texts layers;
    if (!list_layers(file, &layers))
        return false;
    bool ok = check_count(file, &layers, count_layers(network)) &&
              read_layers(file, network, layers.items, take_weight, state);
    wg_hdf5_texts_free(&layers);
    return ok;
}

/* Keras lists the weights of a nested network with the trained ones first, but layer by layer if
 * the network is frozen. The rank of the first weight in which the orders differ tells which it is.
 */
static bool order_weights(const struct wg_hdf5 *file, const char *name,
                          const struct wg_keras_network *network,
                          struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX], int *ret_count)
{
    struct wg_keras_weight by_layer[WG_KERAS_WEIGHTS_MAX];
    struct wg_hdf5_texts names;
    char path[PATH_BYTES];
    int count = wg_keras_nested_weights(network, weights), first = 0, rank = 0;
    wg_keras_weights(network, by_layer);
    while (first < count && strcmp(weights[first].tensor, by_layer[first].tensor) == 0)
        first++;
    *ret_count = count;
    if (!read_weight_names(file, name, &names))
        return false;
    bool ok = true;
    if (first < count && (size_t)first < names.count) {
        snprintf(path, sizeof path, "model_weights/%s/%s", name, names.items[first]);
        ok = wg_hdf5_read_rank(file, path, &rank);
        if (ok && rank == by_layer[first].shape.rank)
            memcpy(weights, by_layer, (size_t)count * sizeof *weights);
    }
    wg_hdf5_texts_free(&names);
    return ok;
}

static bool compare_nested(const struct wg_hdf5 *file, const char *name,
                           const struct wg_keras_network *network, struct wg_keras_state *state)
{
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    int count;
    return order_weights(file, name, network, weights, &count) &&
           read_layer(file, name, weights, count, compare_weight, state);
}

/* Both networks inside Adversarial.h5 against what was taken from their own files. How many layers
 * there are tells which of the networks is there layer by layer. */
static bool compare_networks(const struct wg_hdf5 *file, struct wg_keras_state *state)
{
    const size_t generator = count_layers(&wg_keras_generator),
                 critic = count_layers(&wg_keras_discriminator);
    struct wg_hdf5_texts layers;
    if (!list_layers(file, &layers))
        return false;
    const bool is_flat[] = {layers.count >= generator + 1,
                            layers.count == 1 + critic || layers.count == generator + critic};
    const size_t first = is_flat[0] ? generator : 1;
    char **names = layers.items;
    bool ok = check_count(file, &layers, first + (is_flat[1] ? critic : 1));
    if (ok)
        ok = is_flat[0] ? read_layers(file, &wg_keras_generator, names, compare_weight, state)
                        : compare_nested(file, names[0], &wg_keras_generator, state);
    if (ok)
        ok = is_flat[1]
                 ? read_layers(file, &wg_keras_discriminator, names + first, compare_weight, state)
                 : compare_nested(file, names[first], &wg_keras_discriminator, state);
    wg_hdf5_texts_free(&layers);
    return ok;
}

/* ---- RMSprop ---- */

/* Reads the accumulators behind the first `skipped` names, or leaves them 0 if `names` is NULL. */
static bool add_accumulators(const struct wg_hdf5 *file, const struct wg_keras_network *network,
                             const struct wg_hdf5_texts *names, size_t skipped,
                             struct wg_keras_state *state)
{
    char path[PATH_BYTES];
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    int count = wg_keras_weights(network, weights);
    size_t next = skipped;
    for (int i = 0; i < count; i++) {
        if (!weights[i].is_trained)
            continue;
        float *data = add_tensor(state, weights[i].accumulator, &weights[i].shape);
        if (!data)
            return false;
        if (!names)
            continue;
        snprintf(path, sizeof path, "optimizer_weights/%s", names->items[next++]);
        if (!read_numbers(file, path, &weights[i].shape, 0, data))
            return false;
    }
    return true;
}

static size_t count_trained(const struct wg_keras_network *network)
{
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    size_t trained = 0;
    int count = wg_keras_weights(network, weights);
    for (int i = 0; i < count; i++)
        trained += weights[i].is_trained;
    return trained;
}

/* Of a critic, two in each of up to 1000 iterations of 10 million steps. */
#define UPDATES_MAX 20000000000LL

/* The single values in front: the iteration, and in Keras 3 the learning rate. */
static bool read_updates(const struct wg_hdf5 *file, const struct wg_hdf5_texts *names,
                         int64_t *ret_updates, size_t *ret_skipped)
{
    char path[PATH_BYTES];
    size_t skipped = 0;
    int rank = 0;
    int64_t updates;
    for (; skipped < names->count; skipped++) {
        snprintf(path, sizeof path, "optimizer_weights/%s", names->items[skipped]);
        if (!wg_hdf5_read_rank(file, path, &rank))
            return false;
        if (rank > 0)
            break;
    }
    if (skipped == 0)
        return wg_fail(WG_ERROR_DATA, "%s: 'optimizer_weights' does not begin with an iteration",
                       wg_hdf5_path(file));
    snprintf(path, sizeof path, "optimizer_weights/%s", names->items[0]);
    if (!wg_hdf5_read_integer(file, path, &updates))
        return false;
    if (updates < 0 || updates > UPDATES_MAX)
        return wg_fail(WG_ERROR_DATA, "%s: '%s' is %lld, expected 0 to %lld", wg_hdf5_path(file),
                       path, (long long)updates, UPDATES_MAX);
    *ret_updates = updates;
    *ret_skipped = skipped;
    return true;
}

/* A model that was compiled but never trained has an iteration and nothing else. */
static bool read_state(const struct wg_hdf5 *file, const struct wg_keras_network *network,
                       const struct wg_hdf5_texts *names, struct wg_keras_state *state,
                       struct wg_keras_rmsprop *rmsprop)
{
    size_t skipped, trained = count_trained(network);
    if (!read_updates(file, names, &rmsprop->updates, &skipped))
        return false;
    rmsprop->is_there = names->count > skipped;
    if (rmsprop->is_there && names->count - skipped != trained)
        return wg_fail(WG_ERROR_DATA,
                       "%s: 'optimizer_weights' holds %zu arrays, expected the %zu accumulators "
                       "of the %s",
                       wg_hdf5_path(file), names->count - skipped, trained, network->name);
    return add_accumulators(file, network, rmsprop->is_there ? names : NULL, skipped, state);
}

/* `file` NULL, or one that was saved without its optimizer: accumulators of 0. */
static bool read_rmsprop(const struct wg_hdf5 *file, const struct wg_keras_network *network,
                         struct wg_keras_state *state, struct wg_keras_rmsprop *ret_rmsprop)
{
    struct wg_json *config;
    struct wg_hdf5_texts names;
    *ret_rmsprop = (struct wg_keras_rmsprop){0};
    if (file && wg_hdf5_has_attribute(file, "/", "training_config")) {
        if (!read_json(file, "training_config", &config))
            return false;
        bool ok =
            wg_keras_check_training(config, &ret_rmsprop->rate) || fail_in(file, "training_config");
        wg_json_destroy(config);
        if (!ok)
            return false;
    }
    if (!file || !wg_hdf5_has(file, "optimizer_weights"))
        return add_accumulators(file, network, NULL, 0, state);
    if (!wg_hdf5_read_texts(file, "optimizer_weights", "weight_names", &names))
        return false;
    bool ok = read_state(file, network, &names, state, ret_rmsprop);
    wg_hdf5_texts_free(&names);
    return ok;
}

/* ---- files ---- */

/* Where the files are, and who is told of each. */
struct place {
    const char *folder;
    void (*begin)(const char *path);
};

static void announce(const struct place *place, const char *path)
{
    if (place->begin)
        place->begin(path);
}

/* Opens FOLDER/NAME.h5, which must hold this model. */
static bool open_file(const struct place *place, const char *name, enum wg_keras_model model,
                      struct wg_hdf5 **ret_file)
{
    char path[PATH_BYTES];
    struct wg_hdf5 *file;
    int length = snprintf(path, sizeof path, "%s/%s.h5", place->folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return wg_fail(WG_ERROR_FILE, "%.100s...: the path is too long", place->folder);
    announce(place, path);
    if (!wg_hdf5_open(path, &file))
        return false;
    if (!check_model(file, model)) {
        wg_hdf5_close(file);
        return false;
    }
    *ret_file = file;
    return true;
}

/* *ret_file is NULL if there is none. */
static bool open_adversarial(const struct place *place, struct wg_hdf5 **ret_file)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/Adversarial.h5", place->folder);
    *ret_file = NULL;
    if (length > 0 && (size_t)length < sizeof path && access(path, F_OK) != 0)
        return true;
    return open_file(place, "Adversarial", WG_KERAS_ADVERSARIAL, ret_file);
}

static bool read_generator(const struct place *place, struct wg_keras_state *state)
{
    struct wg_hdf5 *file;
    if (!open_file(place, "Generator", WG_KERAS_GENERATOR, &file))
        return false;
    bool ok = read_network(file, &wg_keras_generator, state);
    wg_hdf5_close(file);
    return ok;
}

static bool read_critic(const struct place *place, struct wg_keras_state *state)
{
    struct wg_hdf5 *file;
    if (!open_file(place, "Discriminator", WG_KERAS_DISCRIMINATOR, &file))
        return false;
    bool ok = read_network(file, &wg_keras_discriminator, state) &&
              read_rmsprop(file, &wg_keras_discriminator, state, &state->critic);
    wg_hdf5_close(file);
    return ok;
}

static bool check_folder(const char *folder)
{
    struct stat status;
    if (stat(folder, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    return wg_fail(WG_ERROR_FILE,
                   "%s: %s (expected a folder with Generator.h5 and Discriminator.h5)", folder,
                   stat(folder, &status) == 0 ? "not a folder" : strerror(errno));
}

static bool read_files(const struct place *place, struct wg_keras_state *state)
{
    if (!check_folder(place->folder))
        return false;
    struct wg_hdf5 *adversarial;
    if (!read_generator(place, state) || !open_adversarial(place, &adversarial))
        return false;
    bool ok = read_rmsprop(adversarial, &wg_keras_generator, state, &state->generator) &&
              read_critic(place, state);
    if (ok && adversarial) {
        announce(place, wg_hdf5_path(adversarial));
        ok = compare_networks(adversarial, state);
    }
    wg_hdf5_close(adversarial);
    return ok;
}

bool wg_keras_read(const char *folder, void (*begin)(const char *path),
                   struct wg_keras_state *ret_state)
{
    const struct place place = {folder, begin};
    struct wg_keras_state state = {.tensors = calloc(TENSORS_MAX, sizeof *state.tensors)};
    if (!state.tensors)
        return wg_fail_memory("the tensors of a Keras model");
    if (!read_files(&place, &state)) {
        wg_keras_state_free(&state);
        return false;
    }
    *ret_state = state;
    return true;
}
