#include "host/keras/write.h"

#include "host/base/error.h"
#include "host/files/hdf5.h"
#include "host/keras/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tensor on its way from a checkpoint into a file, and its name in the group it goes to. */
struct item {
    const char *tensor;
    char name[128];
    struct wg_shape shape;
};

enum { NAME_MAX_BYTES = 256 };

/* ---- tensors ---- */

static bool write_tensor(struct wg_hdf5 *file, const char *group, const struct item *item,
                         const struct wg_safetensors *tensors)
{
    char path[NAME_MAX_BYTES];
    const struct wg_safetensor *tensor = wg_safetensors_find(tensors, item->tensor);
    if (!tensor)
        return false;
    bool same = tensor->rank == item->shape.rank;
    for (int d = 0; same && d < tensor->rank; d++)
        same = tensor->shape[d] == item->shape.dim[d];
    if (!same)
        return wg_fail(WG_ERROR_DATA, "the tensor '%s' has not the shape of this model",
                       item->tensor);
    snprintf(path, sizeof path, "%s/%s", group, item->name);
    return wg_hdf5_write_floats(file, path, tensor->rank, tensor->shape, tensor->data);
}

/* The attribute weight_names of a group: `first`, if not NULL, and the items. */
static bool write_names(struct wg_hdf5 *file, const char *group, const char *first,
                        const struct item *items, int count)
{
    const char *names[WG_KERAS_WEIGHTS_MAX + 1];
    size_t n = 0;
    if (first)
        names[n++] = first;
    for (int i = 0; i < count; i++)
        names[n++] = items[i].name;
    return wg_hdf5_write_texts(file, group, "weight_names", names, n);
}

/* A group with these items, and nothing of it if there are none but the name. */
static bool write_group(struct wg_hdf5 *file, const char *name, const struct item *items, int count,
                        const struct wg_safetensors *tensors)
{
    char group[NAME_MAX_BYTES];
    snprintf(group, sizeof group, "model_weights/%s", name);
    bool ok = wg_hdf5_write_group(file, group) && write_names(file, group, NULL, items, count);
    for (int i = 0; ok && i < count; i++)
        ok = write_tensor(file, group, &items[i], tensors);
    return ok;
}

/* ---- model_weights ---- */

static void make_item(struct item *item, const struct wg_keras_weight *weight)
{
    item->tensor = weight->tensor;
    snprintf(item->name, sizeof item->name, "%s/%s:0", weight->layer, weight->name);
    item->shape = weight->shape;
}

static bool write_weights(struct wg_hdf5 *file, const char *name,
                          const struct wg_keras_weight *weights, int count,
                          const struct wg_safetensors *tensors)
{
    struct item items[WG_KERAS_WEIGHTS_MAX];
    for (int i = 0; i < count; i++)
        make_item(&items[i], &weights[i]);
    return write_group(file, name, items, count, tensors);
}

static bool write_layer(struct wg_hdf5 *file, const struct wg_keras_layer *layer,
                        const struct wg_safetensors *tensors)
{
    struct wg_keras_weight weights[4];
    int count = wg_keras_layer_weights(layer, weights);
    return write_weights(file, layer->name, weights, count, tensors);
}

static bool write_nested(struct wg_hdf5 *file, const struct wg_keras_network *network,
                         const struct wg_safetensors *tensors)
{
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    int count = wg_keras_nested_weights(network, weights);
    return write_weights(file, network->name, weights, count, tensors);
}

/* What Keras writes beside the layers: who wrote it, and weights of no layer, of which there are
 * none. */
static bool write_model_weights(struct wg_hdf5 *file, const char *const *names, size_t count)
{
    static const char group[] = "model_weights";
    return wg_hdf5_write_group(file, group) &&
           wg_hdf5_write_text(file, group, "backend", "tensorflow") &&
           wg_hdf5_write_text(file, group, "keras_version", "2.15.0") &&
           wg_hdf5_write_texts(file, group, "layer_names", names, count) &&
           write_group(file, "top_level_model_weights", NULL, 0, NULL);
}

static bool write_network_weights(struct wg_hdf5 *file, const struct wg_keras_network *network,
                                  const struct wg_safetensors *tensors)
{
    const char *names[WG_KERAS_LAYERS_MAX];
    for (int i = 0; i < network->count; i++)
        names[i] = network->layers[i].name;
    bool ok = write_model_weights(file, names, (size_t)network->count);
    for (int i = 0; ok && i < network->count; i++)
        ok = write_layer(file, &network->layers[i], tensors);
    return ok;
}

static bool write_adversarial_weights(struct wg_hdf5 *file, const struct wg_safetensors *tensors)
{
    const char *const names[] = {WG_KERAS_ADVERSARIAL_INPUT, wg_keras_generator.name,
                                 wg_keras_discriminator.name};
    return write_model_weights(file, names, 3) && write_group(file, names[0], NULL, 0, NULL) &&
           write_nested(file, &wg_keras_generator, tensors) &&
           write_nested(file, &wg_keras_discriminator, tensors);
}

/* ---- optimizer_weights ---- */

static bool write_rmsprop(struct wg_hdf5 *file, const struct wg_keras_network *network,
                          const struct wg_safetensors *tensors, int64_t updates)
{
    static const char group[] = "optimizer_weights";
    struct wg_keras_weight weights[WG_KERAS_WEIGHTS_MAX];
    struct item items[WG_KERAS_WEIGHTS_MAX];
    int count = wg_keras_weights(network, weights), n = 0;
    for (int i = 0; i < count; i++) {
        if (!weights[i].is_trained)
            continue;
        struct item *item = &items[n++];
        item->tensor = weights[i].accumulator;
        snprintf(item->name, sizeof item->name, "RMSprop/velocity/%s/%s:0", weights[i].layer,
                 weights[i].name);
        item->shape = weights[i].shape;
    }
    bool ok = wg_hdf5_write_group(file, group) &&
              write_names(file, group, "iteration:0", items, n) &&
              wg_hdf5_write_integer(file, "optimizer_weights/iteration:0", updates);
    for (int i = 0; ok && i < n; i++)
        ok = write_tensor(file, group, &items[i], tensors);
    return ok;
}

/* ---- files ---- */

/* Writes JSON as an attribute of the root. Owns the JSON. */
static bool write_json(struct wg_hdf5 *file, const char *name, struct wg_json *json)
{
    char *text = json ? wg_json_text(json, 0) : NULL;
    bool ok = text && wg_hdf5_write_text(file, "/", name, text);
    free(text);
    wg_json_destroy(json);
    return ok;
}

static bool write_head(struct wg_hdf5 *file, struct wg_json *model_config)
{
    return write_json(file, "model_config", model_config) &&
           wg_hdf5_write_text(file, "/", "keras_version", "2.15.0") &&
           wg_hdf5_write_text(file, "/", "backend", "tensorflow");
}

static bool fill_generator(struct wg_hdf5 *file, const struct wg_safetensors *tensors,
                           const struct wg_keras_training *training)
{
    (void)training;
    return write_head(file, wg_keras_network_config(&wg_keras_generator)) &&
           write_network_weights(file, &wg_keras_generator, tensors);
}

static bool fill_discriminator(struct wg_hdf5 *file, const struct wg_safetensors *tensors,
                               const struct wg_keras_training *training)
{
    return write_head(file, wg_keras_network_config(&wg_keras_discriminator)) &&
           write_json(file, "training_config",
                      wg_keras_training_config(training->lr_critic, true)) &&
           write_network_weights(file, &wg_keras_discriminator, tensors) &&
           write_rmsprop(file, &wg_keras_discriminator, tensors, training->critic_updates);
}

static bool fill_adversarial(struct wg_hdf5 *file, const struct wg_safetensors *tensors,
                             const struct wg_keras_training *training)
{
    return write_head(file, wg_keras_adversarial_config()) &&
           write_json(file, "training_config",
                      wg_keras_training_config(training->lr_generator, false)) &&
           write_adversarial_weights(file, tensors) &&
           write_rmsprop(file, &wg_keras_generator, tensors, training->generator_updates);
}

static const struct {
    const char *name;
    bool (*fill)(struct wg_hdf5 *, const struct wg_safetensors *, const struct wg_keras_training *);
} files[] = {
    {"Generator.h5", fill_generator},
    {"Discriminator.h5", fill_discriminator},
    {"Adversarial.h5", fill_adversarial},
};
enum { FILES = sizeof files / sizeof files[0] };

/* All of file number `i` but its appearance. */
static bool write_file(const char *folder, size_t i, const struct wg_safetensors *tensors,
                       const struct wg_keras_training *training, struct wg_output **ret_output)
{
    char path[1024];
    struct wg_hdf5 *file;
    int length = snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
    if (length < 0 || (size_t)length >= sizeof path)
        return wg_fail(WG_ERROR_FILE, "%.100s...: the path is too long", folder);
    if (!wg_hdf5_create(path, &file))
        return false;
    if (!files[i].fill(file, tensors, training)) {
        wg_hdf5_close(file);
        return false;
    }
    return wg_hdf5_output(file, ret_output);
}

bool wg_keras_write(const char *folder, const struct wg_safetensors *tensors,
                    const struct wg_keras_training *training)
{
    struct wg_output *outputs[FILES];
    size_t written = 0;
    while (written < FILES && write_file(folder, written, tensors, training, &outputs[written]))
        written++;
    if (written == FILES)
        return wg_output_commit_all(outputs, FILES);
    while (written > 0)
        wg_output_discard(outputs[--written]);
    return false;
}
