#include "host/run/checkpoint.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/run/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT  "wgan-cl checkpoint"
#define VERSION "1"

struct wg_checkpoint {
    struct wg_safetensors *file;
    char path[1024];
    struct wg_checkpoint_info info;
};

/* ---- what stands in a checkpoint: one entry per tensor, in order ---- */

/* A tensor of the file, and the part of a variable it is. */
struct entry {
    char name[192];
    const struct wg_node *node;
    size_t first; // element of the node where the tensor begins
    int rank;
    size_t shape[4];
};

enum { ENTRIES_MAX = 6 * WG_WEIGHTS_MAX };

static size_t entry_count(const struct entry *entry)
{
    size_t count = 1;
    for (int d = 0; d < entry->rank; d++)
        count *= entry->shape[d];
    return count;
}

static void add_whole(struct entry *entries, int *count, const struct wg_node *node)
{
    struct entry *entry = &entries[(*count)++];
    *entry = (struct entry){.node = node, .rank = node->shape.rank};
    snprintf(entry->name, sizeof entry->name, "%s", node->name);
    memcpy(entry->shape, node->shape.dim, sizeof entry->shape);
}

/* Moving statistics [2, C] are two tensors for everybody else. */
static void add_moving(struct entry *entries, int *count, const struct wg_node *node)
{
    static const char *const suffixes[2] = {"_mean", "_variance"};
    for (int row = 0; row < 2; row++) {
        struct entry *entry = &entries[(*count)++];
        size_t c = node->shape.dim[1];
        *entry = (struct entry){.node = node, .first = (size_t)row * c, .rank = 1, .shape = {c}};
        snprintf(entry->name, sizeof entry->name, "%s%s", node->name, suffixes[row]);
    }
}

static void add_network(struct entry *entries, int *count, const struct wg_network *network,
                        bool with_accumulators)
{
    for (int i = 0; i < network->count; i++) {
        const struct wg_weight *weight = &network->weights[i];
        if (weight->is_moving)
            add_moving(entries, count, weight->node);
        else
            add_whole(entries, count, weight->node);
    }
    for (int i = 0; with_accumulators && i < network->count; i++)
        if (network->weights[i].accumulator)
            add_whole(entries, count, network->weights[i].accumulator);
}

static int list_trainer(const struct wg_model *model, struct entry entries[ENTRIES_MAX])
{
    int count = 0;
    add_network(entries, &count, &model->generator, true);
    add_network(entries, &count, &model->critic, true);
    return count;
}

/* The metadata that says what the tensors are; "hash" covers it before the tensors. */
static const char *const hashed_notes[] = {"format",   "version", "program",  "step",
                                           "settings", "data",    "data_hash"};
enum { HASHED_NOTES = sizeof hashed_notes / sizeof hashed_notes[0] };

static uint64_t hash_note(uint64_t hash, const char *value)
{
    return wg_hash(hash, value, strlen(value) + 1); // with the zero, so that notes stay apart
}

static uint64_t hash_tensor(uint64_t hash, const struct wg_safetensor *tensor)
{
    size_t count = 1;
    for (int d = 0; d < tensor->rank; d++)
        count *= tensor->shape[d];
    hash = wg_hash(hash, tensor->name, strlen(tensor->name));
    return wg_hash(hash, tensor->data, count * sizeof *tensor->data);
}

/* ---- writing ---- */

/* The part of a variable an entry stands for, to be freed; NULL on failure. */
static float *read_entry(struct wg_trainer *trainer, const struct entry *entry)
{
    float *all = malloc(wg_node_bytes(entry->node));
    float *part = malloc(entry_count(entry) * sizeof *part);
    bool ok = (all && part) || wg_fail_memory("a checkpoint");
    if (ok)
        ok = wg_trainer_read(trainer, entry->node, all);
    if (ok)
        memcpy(part, all + entry->first, entry_count(entry) * sizeof *part);
    free(all);
    if (ok)
        return part;
    free(part);
    return NULL;
}

bool wg_checkpoint_write_tensors(const char *path, const struct wg_safetensor *tensors, int count,
                                 const struct wg_checkpoint_info *info)
{
    char step[32], data_hash[32], hash_text[32];
    snprintf(step, sizeof step, "%" PRIu32, info->step);
    snprintf(data_hash, sizeof data_hash, "%016" PRIx64, info->data_hash);
    struct wg_json *json = wg_settings_to_json(&info->settings);
    char *settings = json ? wg_json_text(json, 0) : NULL;
    wg_json_destroy(json);
    // What will be read: metadata is UTF-8, a path may be anything.
    struct wg_json *source = wg_json_create_string(info->data_source);
    const char *source_text;
    if (!settings || !source || !wg_json_as_string(source, &source_text)) {
        free(settings);
        wg_json_destroy(source);
        return wg_fail_memory("a checkpoint");
    }
    const char *const values[HASHED_NOTES] = {FORMAT,   VERSION,     wg_version(), step,
                                              settings, source_text, data_hash};
    struct wg_safetensors_note notes[HASHED_NOTES + 1];
    uint64_t hash = WG_HASH_START;
    for (int i = 0; i < HASHED_NOTES; i++) {
        notes[i] = (struct wg_safetensors_note){hashed_notes[i], values[i]};
        hash = hash_note(hash, values[i]);
    }
    for (int i = 0; i < count; i++)
        hash = hash_tensor(hash, &tensors[i]);
    snprintf(hash_text, sizeof hash_text, "%016" PRIx64, hash);
    notes[HASHED_NOTES] = (struct wg_safetensors_note){"hash", hash_text};
    bool ok = wg_safetensors_write(path, tensors, (size_t)count, notes, HASHED_NOTES + 1);
    free(settings);
    wg_json_destroy(source);
    return ok;
}

/* Losses show a step late that an update went astray. */
static bool check_finite(const struct wg_safetensor *tensor, const struct entry *entry)
{
    const float *values = tensor->data;
    for (size_t i = 0; i < entry_count(entry); i++)
        if (!isfinite(values[i]))
            return wg_fail(WG_ERROR_DATA, "training diverged: element %zu of %s is %g", i,
                           tensor->name, (double)values[i]);
    return true;
}

bool wg_checkpoint_write(const char *path, struct wg_trainer *trainer,
                         const struct wg_checkpoint_info *info)
{
    struct entry *entries = calloc(ENTRIES_MAX, sizeof *entries);
    struct wg_safetensor *tensors = calloc(ENTRIES_MAX, sizeof *tensors);
    bool ok = (entries && tensors) || wg_fail_memory("a checkpoint");
    int count = ok ? list_trainer(wg_trainer_model(trainer), entries) : 0;
    for (int i = 0; ok && i < count; i++) {
        tensors[i].name = entries[i].name;
        tensors[i].rank = entries[i].rank;
        memcpy(tensors[i].shape, entries[i].shape, sizeof entries[i].shape);
        tensors[i].data = read_entry(trainer, &entries[i]);
        ok = tensors[i].data != NULL && check_finite(&tensors[i], &entries[i]);
    }
    ok = ok && wg_checkpoint_write_tensors(path, tensors, count, info);
    for (int i = 0; tensors && i < count; i++)
        free((float *)tensors[i].data);
    free(tensors);
    free(entries);
    return ok;
}

/* ---- opening ---- */

static bool note_is_missing(const struct wg_checkpoint *checkpoint, const char *key)
{
    return wg_fail(WG_ERROR_DATA, "%s: not a checkpoint of wgan-cl: no '%s' in its metadata",
                   checkpoint->path, key);
}

static bool get_number(const struct wg_checkpoint *checkpoint, const char *key, int base,
                       uint64_t *ret_number)
{
    const char *text = wg_safetensors_note(checkpoint->file, key);
    if (!text)
        return note_is_missing(checkpoint, key);
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, base);
    if (!*text || *end || errno)
        return wg_fail(WG_ERROR_DATA, "%s: '%s' is '%.40s', expected a number", checkpoint->path,
                       key, text);
    *ret_number = number;
    return true;
}

static bool read_settings(struct wg_checkpoint *checkpoint)
{
    const char *text = wg_safetensors_note(checkpoint->file, "settings");
    struct wg_json *json;
    if (!text)
        return note_is_missing(checkpoint, "settings");
    bool ok = wg_json_parse(text, strlen(text), &json);
    if (ok) {
        ok = wg_settings_from_json(json, &checkpoint->info.settings);
        wg_json_destroy(json);
    }
    return ok || wg_fail(WG_ERROR_DATA, "%s: 'settings': %s", checkpoint->path, wg_error_message());
}

static bool check_hash(const struct wg_checkpoint *checkpoint)
{
    uint64_t expected, hash = WG_HASH_START;
    if (!get_number(checkpoint, "hash", 16, &expected))
        return false;
    for (int i = 0; i < HASHED_NOTES; i++) {
        const char *value = wg_safetensors_note(checkpoint->file, hashed_notes[i]);
        if (!value)
            return note_is_missing(checkpoint, hashed_notes[i]);
        hash = hash_note(hash, value);
    }
    for (size_t i = 0; i < wg_safetensors_count(checkpoint->file); i++)
        hash = hash_tensor(hash, wg_safetensors_at(checkpoint->file, i));
    return hash == expected ||
           wg_fail(WG_ERROR_DATA,
                   "%s: damaged: its contents hash to %016" PRIx64 ", expected %016" PRIx64,
                   checkpoint->path, hash, expected);
}

static bool check_format(const struct wg_checkpoint *checkpoint)
{
    const char *format = wg_safetensors_note(checkpoint->file, "format");
    const char *version = wg_safetensors_note(checkpoint->file, "version");
    if (!format || strcmp(format, FORMAT) != 0)
        return wg_fail(WG_ERROR_DATA,
                       "%s: a safetensors file, but not a checkpoint of wgan-cl: 'format' is "
                       "'%.40s', expected '%s'",
                       checkpoint->path, format ? format : "", FORMAT);
    if (!version || strcmp(version, VERSION) != 0)
        return wg_fail(WG_ERROR_DATA, "%s: a checkpoint of version '%.20s', this program reads %s",
                       checkpoint->path, version ? version : "", VERSION);
    return true;
}

static bool read_info(struct wg_checkpoint *checkpoint)
{
    uint64_t step;
    struct wg_checkpoint_info *info = &checkpoint->info;
    const char *data = wg_safetensors_note(checkpoint->file, "data");
    if (!check_format(checkpoint) || !get_number(checkpoint, "step", 10, &step) ||
        !get_number(checkpoint, "data_hash", 16, &info->data_hash) || !read_settings(checkpoint))
        return false;
    if (!data)
        return note_is_missing(checkpoint, "data");
    if (step > INT32_MAX)
        return wg_fail(WG_ERROR_DATA, "%s: 'step' is %" PRIu64 ", out of range", checkpoint->path,
                       step);
    info->step = (uint32_t)step;
    snprintf(info->data_source, sizeof info->data_source, "%s", data);
    return check_hash(checkpoint);
}

bool wg_checkpoint_open(const char *path, struct wg_checkpoint **ret_checkpoint)
{
    struct wg_checkpoint *checkpoint = calloc(1, sizeof *checkpoint);
    if (!checkpoint)
        return wg_fail_memory("a checkpoint");
    snprintf(checkpoint->path, sizeof checkpoint->path, "%s", path);
    if (!wg_safetensors_open(path, &checkpoint->file) || !read_info(checkpoint)) {
        wg_checkpoint_close(checkpoint);
        return false;
    }
    *ret_checkpoint = checkpoint;
    return true;
}

void wg_checkpoint_close(struct wg_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    wg_safetensors_close(checkpoint->file);
    free(checkpoint);
}

const struct wg_checkpoint_info *wg_checkpoint_info(const struct wg_checkpoint *checkpoint)
{
    return &checkpoint->info;
}

const struct wg_safetensors *wg_checkpoint_tensors(const struct wg_checkpoint *checkpoint)
{
    return checkpoint->file;
}

/* ---- loading ---- */

static bool check_shape(const struct wg_checkpoint *checkpoint, const struct entry *entry,
                        const struct wg_safetensor *tensor)
{
    bool same = tensor->rank == entry->rank;
    for (int d = 0; same && d < entry->rank; d++)
        same = tensor->shape[d] == entry->shape[d];
    if (same)
        return true;
    char expected[128] = "", got[128] = "";
    for (int d = 0; d < entry->rank; d++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%zu",
                 d ? ", " : "", entry->shape[d]);
    for (int d = 0; d < tensor->rank && d < 8; d++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%zu", d ? ", " : "",
                 tensor->shape[d]);
    return wg_fail(WG_ERROR_DATA, "%s: tensor '%s' has shape [%s], expected [%s]", checkpoint->path,
                   entry->name, got, expected);
}

/* Loads every entry through `write`, which takes whole variables: the parts of one variable follow
 * one another. */
static bool load(const struct wg_checkpoint *checkpoint, const struct entry *entries, int count,
                 bool (*write)(void *target, const struct wg_node *node, const float *data),
                 void *target)
{
    bool ok = true;
    for (int i = 0; ok && i < count;) {
        const struct wg_node *node = entries[i].node;
        float *all = malloc(wg_node_bytes(node));
        ok = all || wg_fail_memory("a checkpoint");
        for (; ok && i < count && entries[i].node == node; i++) {
            const struct wg_safetensor *tensor =
                wg_safetensors_find(checkpoint->file, entries[i].name);
            if (!tensor)
                ok = wg_fail(WG_ERROR_DATA, "%s: tensor '%s' is missing", checkpoint->path,
                             entries[i].name);
            else if ((ok = check_shape(checkpoint, &entries[i], tensor)))
                memcpy(all + entries[i].first, tensor->data,
                       entry_count(&entries[i]) * sizeof *all);
        }
        ok = ok && write(target, node, all);
        free(all);
    }
    return ok;
}

static bool write_trainer(void *target, const struct wg_node *node, const float *data)
{
    return wg_trainer_write(target, node, data);
}

static bool write_inference(void *target, const struct wg_node *node, const float *data)
{
    return wg_inference_write(target, node, data);
}

bool wg_checkpoint_load_trainer(const struct wg_checkpoint *checkpoint, struct wg_trainer *trainer)
{
    struct entry *entries = calloc(ENTRIES_MAX, sizeof *entries);
    if (!entries)
        return wg_fail_memory("a checkpoint");
    int count = list_trainer(wg_trainer_model(trainer), entries);
    bool ok = load(checkpoint, entries, count, write_trainer, trainer) &&
              wg_trainer_set_steps_done(trainer, checkpoint->info.step);
    free(entries);
    return ok;
}

bool wg_checkpoint_load_network(const struct wg_checkpoint *checkpoint,
                                struct wg_inference *inference)
{
    struct entry *entries = calloc(ENTRIES_MAX, sizeof *entries);
    if (!entries)
        return wg_fail_memory("a checkpoint");
    int count = 0;
    add_network(entries, &count, wg_inference_network(inference), false);
    bool ok = load(checkpoint, entries, count, write_inference, inference);
    free(entries);
    return ok;
}
