#include "host/eval/classifier_cache.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/files/cache.h"
#include "host/files/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "wgan-cl classifier"

enum { PIXELS = 28 * 28 };

static uint64_t key_of(const struct wg_labelled *images, int steps)
{
    uint64_t hash = wg_hash(WG_HASH_START, WG_CLASSIFIER_VERSION, sizeof WG_CLASSIFIER_VERSION);
    hash = wg_hash(hash, &steps, sizeof steps);
    hash = wg_hash(hash, images->labels, images->count);
    return wg_hash(hash, images->pixels, images->count * PIXELS);
}

static uint64_t hash_tensor(uint64_t hash, const struct wg_safetensor *tensor,
                            const struct wg_node *node)
{
    return wg_hash(hash, tensor->data, wg_node_bytes(node));
}

static void format_hash(uint64_t hash, char text[20])
{
    snprintf(text, 20, "%016" PRIx64, hash);
}

/* ---- reading ---- */

/* The tensor of a weight, NULL unless it is there in the weight's shape. */
static const struct wg_safetensor *find(const struct wg_safetensors *file,
                                        const struct wg_node *node)
{
    const struct wg_safetensor *tensor = wg_safetensors_find(file, node->name);
    bool same = tensor && tensor->rank == node->shape.rank;
    for (int d = 0; same && d < tensor->rank; d++)
        same = tensor->shape[d] == node->shape.dim[d];
    return same ? tensor : NULL;
}

static bool is_intact(const struct wg_safetensors *file, const struct wg_network *network)
{
    char text[20];
    uint64_t hash = WG_HASH_START;
    const char *format = wg_safetensors_note(file, "format");
    const char *expected = wg_safetensors_note(file, "hash");
    if (!format || strcmp(format, FORMAT) != 0 || !expected)
        return false;
    for (int i = 0; i < network->count; i++) {
        const struct wg_node *node = network->weights[i].node;
        const struct wg_safetensor *tensor = find(file, node);
        if (!tensor)
            return false;
        hash = hash_tensor(hash, tensor, node);
    }
    format_hash(hash, text);
    return strcmp(text, expected) == 0;
}

static bool load(const char *path, struct wg_classifier *classifier)
{
    const struct wg_network *network = wg_classifier_weights(classifier);
    struct wg_safetensors *file;
    if (!wg_safetensors_open(path, &file))
        return false;
    bool ok =
        is_intact(file, network) || wg_fail(WG_ERROR_DATA, "%s: not an undamaged classifier", path);
    for (int i = 0; ok && i < network->count; i++)
        ok = wg_classifier_write(classifier, i, find(file, network->weights[i].node)->data);
    wg_safetensors_close(file);
    return ok;
}

/* ---- writing ---- */

static bool read_weight(struct wg_classifier *classifier, int i, struct wg_safetensor *ret_tensor)
{
    const struct wg_node *node = wg_classifier_weights(classifier)->weights[i].node;
    float *values = malloc(wg_node_bytes(node));
    if (!values)
        return wg_fail_memory("a classifier");
    *ret_tensor =
        (struct wg_safetensor){.name = node->name, .rank = node->shape.rank, .data = values};
    memcpy(ret_tensor->shape, node->shape.dim, sizeof node->shape.dim);
    return wg_classifier_read(classifier, i, values);
}

static bool save(const char *path, struct wg_classifier *classifier)
{
    const struct wg_network *network = wg_classifier_weights(classifier);
    struct wg_safetensor tensors[WG_WEIGHTS_MAX] = {0};
    char text[20];
    uint64_t hash = WG_HASH_START;
    bool ok = true;
    for (int i = 0; ok && i < network->count; i++) {
        ok = read_weight(classifier, i, &tensors[i]);
        if (ok)
            hash = hash_tensor(hash, &tensors[i], network->weights[i].node);
    }
    format_hash(hash, text);
    const struct wg_safetensors_note notes[] = {{"format", FORMAT}, {"hash", text}};
    ok = ok && wg_safetensors_write(path, tensors, (size_t)network->count, notes, 2);
    for (int i = 0; i < network->count; i++)
        free((float *)tensors[i].data);
    return ok;
}

/* ---- both ---- */

/* Passes the last failure on as a warning. */
static void warn(const struct wg_classifier_callbacks *callbacks, const char *consequence)
{
    char text[1500];
    snprintf(text, sizeof text, "%.1300s; %s", wg_error_message(), consequence);
    if (callbacks->warning)
        callbacks->warning(callbacks->user, text);
}

/* Fills the classifier in, from the cache if it can be; fails only if the device does. */
static bool fill_in(struct wg_classifier *classifier, struct wg_device *device,
                    const struct wg_labelled *images, int steps,
                    const struct wg_classifier_callbacks *callbacks, bool *ret_cached)
{
    char path[WG_CACHE_PATH_MAX], name[64];
    snprintf(name, sizeof name, "classifiers/%016" PRIx64 ".safetensors", key_of(images, steps));
    bool has_cache = wg_cache_path(path, name);
    if (!has_cache)
        warn(callbacks, "the classifier will be trained again the next time");
    *ret_cached = has_cache && access(path, F_OK) == 0;
    if (*ret_cached && !load(path, classifier)) {
        warn(callbacks, "training the classifier again");
        *ret_cached = false;
    }
    if (*ret_cached)
        return true;
    if (!wg_classifier_train(classifier, device, images, steps, callbacks->progress,
                             callbacks->user))
        return false;
    if (has_cache && !save(path, classifier))
        warn(callbacks, "the classifier will be trained again the next time");
    return true;
}

bool wg_classifier_obtain(struct wg_device *device, const struct wg_labelled *images, int steps,
                          const struct wg_classifier_callbacks *callbacks,
                          struct wg_classifier **ret_classifier, bool *ret_cached)
{
    struct wg_classifier *classifier;
    bool cached;
    if (!wg_classifier_create(device, &classifier))
        return false;
    if (!fill_in(classifier, device, images, steps, callbacks, &cached)) {
        wg_classifier_destroy(classifier);
        return false;
    }
    *ret_classifier = classifier;
    *ret_cached = cached;
    return true;
}
