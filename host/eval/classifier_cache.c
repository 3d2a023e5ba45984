#include "host/eval/classifier_cache.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/eval/predictions.h"
#include "host/files/cache.h"
#include "host/files/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "wgan-cl classifier"

enum { CHUNK = 256 };

/* Below the one accuracy the classifier is no judge, below the other something is wrong with it or
 * with its device: there are data that can't be read better than between the two. */
#define ACCURACY_TRUSTED 0.9
#define ACCURACY_KEPT    0.5

/* What is asked for, and where it is kept. */
struct request {
    struct wg_device *device;
    const struct wg_labelled *training, *held_out;
    int steps;
    const struct wg_classifier_callbacks *callbacks;
    char path[WG_CACHE_PATH_MAX]; // empty: nowhere
};

static uint64_t key_of(const struct wg_labelled *images, int steps)
{
    uint64_t hash = wg_hash(WG_HASH_START, WG_CLASSIFIER_VERSION, sizeof WG_CLASSIFIER_VERSION);
    hash = wg_hash(hash, &steps, sizeof steps);
    hash = wg_hash(hash, images->labels, images->count);
    return wg_hash(hash, images->pixels, images->count * WG_IMAGE_PIXELS);
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

/* ---- judging the judge ---- */

static void warn(const struct request *request, const char *text)
{
    if (request->callbacks->warning)
        request->callbacks->warning(request->callbacks->user, text);
}

/* Passes the last failure on. */
static void warn_of_failure(const struct request *request, const char *consequence)
{
    char text[1500];
    snprintf(text, sizeof text, "%.1300s; %s", wg_error_message(), consequence);
    warn(request, text);
}

/* `path` empty: it lies nowhere. */
static void warn_of_accuracy(const struct request *request, const char *path, double accuracy,
                             const char *consequence)
{
    char text[WG_CACHE_PATH_MAX + 256];
    snprintf(text, sizeof text,
             "the classifier%s%s gets only %.1f %% of the held-out images right: %s",
             *path ? " " : "", path, 100 * accuracy, consequence);
    warn(request, text);
}

static bool measure(const struct request *request, struct wg_judge *judge)
{
    const struct wg_labelled *part = request->held_out;
    float *images = malloc(sizeof *images * CHUNK * WG_IMAGE_PIXELS);
    float *features = malloc(sizeof *features * CHUNK * WG_FEATURES);
    float *probabilities = malloc(part->count * WG_CLASSES * sizeof *probabilities);
    bool ok = (images && features && probabilities) || wg_fail_memory("held-out images");
    for (size_t first = 0; ok && first < part->count; first += CHUNK) {
        size_t n = part->count - first < CHUNK ? part->count - first : CHUNK;
        wg_labelled_images(part, first, n, images);
        ok = wg_classifier_run(judge->classifier, images, n, features,
                               probabilities + first * WG_CLASSES);
    }
    if (ok)
        judge->accuracy = wg_accuracy(probabilities, part->labels, part->count);
    free(images);
    free(features);
    free(probabilities);
    return ok;
}

/* ---- both ---- */

/* Takes the cache's if it has one that is whole and of use; fails only if the device does. */
static bool find_cached(const struct request *request, struct wg_judge *judge)
{
    judge->is_cached = false;
    if (!request->path[0] || access(request->path, F_OK) != 0)
        return true;
    if (!load(request->path, judge->classifier)) {
        warn_of_failure(request, "training the classifier again");
        return true;
    }
    if (!measure(request, judge))
        return false;
    judge->is_cached = judge->accuracy >= ACCURACY_KEPT;
    if (!judge->is_cached)
        warn_of_accuracy(request, request->path, judge->accuracy, "training it again");
    return true;
}

/* A device that computes nonsense must not spoil the evaluations of all others. */
static bool make_and_keep(const struct request *request, struct wg_judge *judge)
{
    if (!wg_classifier_train(judge->classifier, request->device, request->training, request->steps,
                             request->callbacks->progress, request->callbacks->user) ||
        !measure(request, judge))
        return false;
    if (judge->accuracy < ACCURACY_KEPT)
        warn_of_accuracy(request, "", judge->accuracy,
                         "its figures mean nothing, and it is not kept");
    else if (request->path[0] && !save(request->path, judge->classifier))
        warn_of_failure(request, "the classifier will be trained again the next time");
    return true;
}

static bool obtain(const struct request *request, struct wg_judge *judge)
{
    if (!wg_classifier_create(request->device, &judge->classifier) ||
        !find_cached(request, judge) || (!judge->is_cached && !make_and_keep(request, judge)))
        return false;
    if (judge->accuracy >= ACCURACY_KEPT && judge->accuracy < ACCURACY_TRUSTED)
        warn_of_accuracy(request, request->path, judge->accuracy, "its figures mean little");
    return true;
}

bool wg_classifier_obtain(struct wg_device *device, const struct wg_labelled *training,
                          const struct wg_labelled *held_out, int steps,
                          const struct wg_classifier_callbacks *callbacks,
                          struct wg_judge *ret_judge)
{
    char name[64];
    struct wg_judge judge = {0};
    struct request request = {device, training, held_out, steps, callbacks, ""};
    snprintf(name, sizeof name, "classifiers/%016" PRIx64 ".safetensors", key_of(training, steps));
    if (!wg_cache_path(request.path, name))
        warn_of_failure(&request, "the classifier will be trained again the next time");
    if (!obtain(&request, &judge)) {
        wg_classifier_destroy(judge.classifier);
        return false;
    }
    *ret_judge = judge;
    return true;
}
