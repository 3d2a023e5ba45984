#include "host/base/array.h"
#include "host/tune/tuner.h"

#include <stdio.h>
#include <string.h>

static const char *const fault_of[] = {
    [WG_TUNE_TIMED] = "none",    [WG_TUNE_WRONG] = "wrong numbers",    [WG_TUNE_FAILED] = "error",
    [WG_TUNE_CRASHED] = "crash", [WG_TUNE_HUNG] = "no answer in time",
};

/* The one of the same way and fault, or a new one. */
static struct wg_tune_rejection *find(struct wg_tune_result *result, const char *way,
                                      const char *fault)
{
    for (int i = 0; i < result->rejection_count; i++) {
        struct wg_tune_rejection *known = &result->rejections[i];
        if (strcmp(known->way, way) == 0 && strcmp(known->fault, fault) == 0)
            return known;
    }
    struct wg_tune_rejection *grown = wg_array_grow(
        result->rejections, (size_t)result->rejection_count, sizeof *grown, "a rejection");
    if (!grown)
        return NULL;
    result->rejections = grown;
    struct wg_tune_rejection *made = &grown[result->rejection_count++];
    *made = (struct wg_tune_rejection){.fault = fault};
    snprintf(made->way, sizeof made->way, "%s", way);
    return made;
}

bool wg_tuner_reject(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                     const struct wg_tune_way *way, const struct wg_tune_answer *answer)
{
    char what[96], name[64];
    const struct wg_op *op = entry->node->alone.node->op;
    snprintf(name, sizeof name, "%s by %s", op->name, way->implementation);
    struct wg_tune_rejection *rejection = find(tuner->result, name, fault_of[answer->verdict]);
    if (!rejection)
        return false;
    wg_tune_way_describe(op, way, what, sizeof what);
    if (rejection->count++ == 0)
        snprintf(rejection->first, sizeof rejection->first, "%.150s by %s: %.250s",
                 entry->node->key, what, answer->text);
    entry->rejected++;
    tuner->result->rejected++;
    return true;
}
