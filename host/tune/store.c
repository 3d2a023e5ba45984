#include "host/tune/store.h"

#include "host/base/error.h"
#include "host/base/hash.h"
#include "host/tune/identity.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT "wgan-cl tuning"

enum { VERSION = 1 };

/* ---- the object ---- */

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return wg_hash(hash, text, strlen(text) + 1);
}

static void make_digest(struct wg_tuning *tuning)
{
    uint64_t hash = hash_text(WG_HASH_START, tuning->blas);
    for (int i = 0; i < tuning->count; i++) {
        const struct wg_tuned_node *node = &tuning->nodes[i];
        hash = hash_text(hash_text(hash, node->key), node->implementation);
        for (int k = 0; k < WG_TUNED_KNOBS; k++) {
            const uint32_t value = (uint32_t)node->knob[k];
            hash = wg_hash(hash, &value, sizeof value);
        }
    }
    snprintf(tuning->digest, sizeof tuning->digest, "%016" PRIx64, hash);
}

struct wg_tuning *wg_tuning_create(const struct wg_tuned_node *nodes, int count, const char *blas)
{
    struct wg_tuning *tuning = calloc(1, sizeof *tuning);
    if (tuning)
        tuning->nodes = calloc((size_t)count + 1, sizeof *tuning->nodes);
    if (!tuning || !tuning->nodes) {
        free(tuning);
        return wg_fail_memory_null("a tuning");
    }
    if (count > 0)
        memcpy(tuning->nodes, nodes, (size_t)count * sizeof *nodes);
    tuning->count = count;
    snprintf(tuning->blas, sizeof tuning->blas, "%s", blas);
    make_digest(tuning);
    return tuning;
}

bool wg_tuning_changes_nothing(const struct wg_tuning *tuning)
{
    return tuning->count == 0 && tuning->blas[0] == '\0';
}

const char *wg_tuning_name(const struct wg_device *device)
{
    const struct wg_tuning *tuning = device->tuning;
    return tuning && !wg_tuning_changes_nothing(tuning) ? tuning->digest : "none";
}

/* ---- JSON ---- */

/* Whose it is: the device and the batch. */
static struct wg_json *owner_json(const struct wg_device *device, int batch)
{
    struct wg_json *json = wg_identity_create(device);
    if (json && wg_json_set_integer(json, "batch", batch))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *node_json(const struct wg_tuned_node *node)
{
    struct wg_json *knobs = wg_json_create_array(), *json = wg_json_create_object();
    bool ok = knobs && json;
    for (int k = 0; ok && k < WG_TUNED_KNOBS; k++)
        ok = wg_json_append(knobs, wg_json_create_integer(node->knob[k]));
    if (!ok || !wg_json_set_string(json, "node", node->key) ||
        !wg_json_set_string(json, "by", node->implementation)) {
        wg_json_destroy(knobs);
        wg_json_destroy(json);
        return NULL;
    }
    if (wg_json_set(json, "knobs", knobs))
        return json;
    wg_json_destroy(json);
    return NULL;
}

static struct wg_json *nodes_json(const struct wg_tuning *tuning)
{
    struct wg_json *json = wg_json_create_array();
    for (int i = 0; json && i < tuning->count; i++)
        if (!wg_json_append(json, node_json(&tuning->nodes[i]))) {
            wg_json_destroy(json);
            return NULL;
        }
    return json;
}

static bool get_text(const struct wg_json *json, const char *key, char *ret_text, size_t size)
{
    const char *text;
    if (!wg_json_get_string(json, key, &text))
        return false;
    if (strlen(text) >= size)
        return wg_fail(WG_ERROR_DATA, "'%s' is too long", key);
    strcpy(ret_text, text);
    return true;
}

static bool get_node(const struct wg_json *json, struct wg_tuned_node *node)
{
    const struct wg_json *knobs;
    if (!get_text(json, "node", node->key, sizeof node->key) ||
        !get_text(json, "by", node->implementation, sizeof node->implementation) ||
        !wg_json_get_array(json, "knobs", &knobs))
        return false;
    if (wg_json_count(knobs) != WG_TUNED_KNOBS)
        return wg_fail(WG_ERROR_DATA, "'knobs' has %zu values", wg_json_count(knobs));
    for (int k = 0; k < WG_TUNED_KNOBS; k++) {
        int64_t value;
        if (!wg_json_as_integer(wg_json_at(knobs, (size_t)k), &value))
            return false;
        if (value < 0 || value > INT32_MAX)
            return wg_fail(WG_ERROR_DATA, "a knob is out of range");
        node->knob[k] = (int)value;
    }
    return true;
}

static bool get_tuning(const struct wg_json *json, struct wg_tuning **ret_tuning)
{
    const struct wg_json *nodes;
    char blas[sizeof(*ret_tuning)->blas], digest[sizeof(*ret_tuning)->digest];
    if (!get_text(json, "blas", blas, sizeof blas) ||
        !get_text(json, "digest", digest, sizeof digest) ||
        !wg_json_get_array(json, "nodes", &nodes))
        return false;
    size_t count = wg_json_count(nodes);
    struct wg_tuned_node *rows = calloc(count + 1, sizeof *rows);
    bool ok = rows || wg_fail_memory("a tuning");
    for (size_t i = 0; ok && i < count; i++)
        ok = get_node(wg_json_at(nodes, i), &rows[i]);
    struct wg_tuning *tuning = ok ? wg_tuning_create(rows, (int)count, blas) : NULL;
    free(rows);
    if (tuning && strcmp(tuning->digest, digest) != 0) {
        wg_tuning_destroy(tuning);
        return wg_fail(WG_ERROR_DATA, "the digest is not that of the nodes");
    }
    if (tuning)
        *ret_tuning = tuning;
    return tuning != NULL;
}

/* ---- files ---- */

bool wg_tuning_path(const struct wg_device *device, int batch, char ret_path[WG_CACHE_PATH_MAX])
{
    struct wg_json *owner = owner_json(device, batch);
    bool ok = owner && wg_identity_path(owner, "tuning", ret_path);
    wg_json_destroy(owner);
    return ok;
}

bool wg_tuning_write(const char *path, const struct wg_device *device, int batch,
                     const struct wg_tuning *tuning)
{
    struct wg_json *json = wg_json_create_object();
    bool ok = json && wg_json_set_string(json, "format", FORMAT) &&
              wg_json_set_integer(json, "version", VERSION) &&
              wg_json_set(json, "for", owner_json(device, batch)) &&
              wg_json_set_string(json, "digest", tuning->digest) &&
              wg_json_set_string(json, "blas", tuning->blas) &&
              wg_json_set(json, "nodes", nodes_json(tuning)) && wg_json_write(path, json);
    wg_json_destroy(json);
    return ok;
}

/* Whether it is a tuning at all, and one for this device and batch. */
static bool check_owner(const struct wg_json *json, const struct wg_device *device, int batch)
{
    const char *format;
    const struct wg_json *found;
    int64_t version;
    if (!wg_json_get_string(json, "format", &format) ||
        !wg_json_get_integer(json, "version", &version) || !wg_json_get_object(json, "for", &found))
        return false;
    if (strcmp(format, FORMAT) != 0 || version != VERSION)
        return wg_fail(WG_ERROR_DATA, "not a tuning of version %d", VERSION);
    struct wg_json *owner = owner_json(device, batch);
    if (!owner)
        return false;
    bool same = wg_identity_equal(found, owner);
    wg_json_destroy(owner);
    return same || wg_fail(WG_ERROR_DATA, "it was measured on another device, driver or batch, or "
                                          "with other kernels");
}

bool wg_tuning_read(const char *path, const struct wg_device *device, int batch,
                    struct wg_tuning **ret_tuning)
{
    struct wg_json *json;
    if (!wg_json_read(path, &json))
        return false;
    bool ok = check_owner(json, device, batch) && get_tuning(json, ret_tuning);
    wg_json_destroy(json);
    return ok || wg_fail(wg_error_status(), "%s: %s", path, wg_error_message());
}

struct wg_tuning *wg_tuning_find_cached(const struct wg_device *device, int batch,
                                        bool *ret_is_damaged)
{
    char path[WG_CACHE_PATH_MAX];
    struct wg_tuning *tuning = NULL;
    *ret_is_damaged = wg_tuning_path(device, batch, path) && access(path, F_OK) == 0 &&
                      !wg_tuning_read(path, device, batch, &tuning);
    return tuning;
}
