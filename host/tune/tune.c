/*
 * The tuner. A way to compute a node is an implementation, values of its knobs and, if it
 * multiplies by CLBlast, a set of CLBlast's parameters.
 */
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/selftest/element.h"
#include "host/tune/store.h"
#include "host/tune/tuner.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is kept ---- */

/* What was chosen for a node, where heuristics choose something else: now, or earlier if the time
 * did not suffice. */
static bool fill_row(const struct wg_tuner *tuner, const struct wg_tuner_entry *entry, int set,
                     struct wg_tuned_node *ret_row)
{
    const struct wg_tuned_node *row = NULL;
    if (tuner->earlier && entry->is_tunable && !entry->knows_earlier) {
        row = wg_tuning_find(tuner->earlier, entry->node->key);
        if (row)
            *ret_row = *row;
        return row != NULL;
    }
    struct wg_timed best = wg_tuner_choose(entry, set);
    if (!isfinite(best.seconds) || wg_tuner_is_heuristic(entry, &best.way))
        return false;
    memcpy(ret_row->key, entry->node->key, sizeof ret_row->key);
    memcpy(ret_row->implementation, best.way.implementation, sizeof ret_row->implementation);
    memcpy(ret_row->knob, best.way.knob, sizeof ret_row->knob);
    return true;
}

static struct wg_tuning *make_tuning(const struct wg_tuner *tuner, int set)
{
    struct wg_tuned_node *rows = calloc((size_t)tuner->nodes.count + 1, sizeof *rows);
    int count = 0;
    if (!rows)
        return wg_fail_memory_null("a tuning");
    for (int i = 0; i < tuner->nodes.count; i++)
        count += fill_row(tuner, &tuner->entries[i], set, &rows[count]);
    struct wg_tuning *tuning = wg_tuning_create(rows, count, set > 0 ? tuner->sets[set] : "");
    free(rows);
    return tuning;
}

/* ---- what is told ---- */

static int by_share(const void *a, const void *b)
{
    const struct wg_tune_row *x = a, *y = b;
    double more = x->runs * x->seconds_before - y->runs * y->seconds_before;
    return more > 0 ? -1 : more < 0 ? 1 : strcmp(x->node, y->node);
}

static bool fill_rows(const struct wg_tuner *tuner, int set)
{
    struct wg_tune_result *result = tuner->result;
    result->rows = calloc((size_t)tuner->nodes.count + 1, sizeof *result->rows);
    if (!result->rows)
        return wg_fail_memory("a tuning");
    for (int i = 0; i < tuner->nodes.count; i++) {
        const struct wg_tuner_entry *entry = &tuner->entries[i];
        const struct wg_op *op = entry->node->alone.node->op;
        struct wg_timed after = wg_tuner_choose(entry, set);
        result->missing += entry->tried == 0 && entry->node->runs > 0;
        if (entry->tried == 0)
            continue;
        struct wg_tune_row *row = &result->rows[result->count++];
        struct wg_tune_way before = wg_tune_way_make(entry->heuristic, wg_no_knobs, "");
        *row = (struct wg_tune_row){.runs = entry->node->runs,
                                    .seconds_before = entry->before,
                                    .seconds_after = isfinite(after.seconds) ? after.seconds : 0,
                                    .tried = entry->tried,
                                    .rejected = entry->rejected};
        snprintf(row->node, sizeof row->node, "%s", entry->node->key);
        wg_tune_way_describe(op, &before, row->before, sizeof row->before);
        wg_tune_way_describe(op, &after.way, row->after, sizeof row->after);
        if (row->seconds_before == 0 || row->seconds_after == 0)
            continue; // a time that is not known can't be compared
        result->step_before += row->runs * row->seconds_before;
        result->step_after += row->runs * row->seconds_after;
    }
    qsort(result->rows, (size_t)result->count, sizeof *result->rows, by_share);
    return true;
}

static void WG_PRINTF(2, 3) say(const struct wg_tuner *tuner, const char *format, ...)
{
    char text[1500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (tuner->callbacks->message)
        tuner->callbacks->message(tuner->callbacks->user, text);
}

/* One that was stopped before it found anything is none: train, on a GPU, would take the device for
 * tuned. */
static void remember(const struct wg_tuner *tuner, const struct wg_tuning *tuning)
{
    char path[WG_CACHE_PATH_MAX];
    if (tuner->is_stopped && wg_tuning_changes_nothing(tuning))
        say(tuner, "stopped before anything was found: nothing is remembered");
    else if (wg_tuning_path(tuner->device, tuner->settings->batch, path) &&
             wg_tuning_write(path, tuner->device, tuner->settings->batch, tuning))
        snprintf(tuner->result->path, sizeof tuner->result->path, "%s", path);
    else
        say(tuner, "warning: no cache, so what was measured is forgotten at the end: %s",
            wg_error_message());
}

/* ---- the whole ---- */

/* What the cache has for this device and batch, if it has anything. */
static void load_earlier(struct wg_tuner *tuner)
{
    bool is_damaged;
    tuner->earlier = wg_tuning_find_cached(tuner->device, tuner->settings->batch, &is_damaged);
    if (is_damaged)
        say(tuner, "warning: the earlier tuning is ignored, and will be replaced: %s",
            wg_error_message());
    if (!tuner->earlier)
        return;
    for (int s = 1; s < tuner->set_count; s++)
        if (strcmp(tuner->sets[s], tuner->earlier->blas) == 0)
            tuner->earlier_set = s;
}

static bool init(struct wg_tuner *tuner)
{
    if (!wg_device_tune(tuner->device, NULL) ||
        !wg_tune_nodes_init(&tuner->nodes, tuner->device, tuner->settings->batch))
        return false;
    tuner->entries = calloc((size_t)tuner->nodes.count + 1, sizeof *tuner->entries);
    if (!tuner->entries)
        return wg_fail_memory("the nodes to be tuned");
    tuner->set_count = wg_blas_sets(tuner->device, tuner->sets);
    load_earlier(tuner);
    for (int i = 0; i < tuner->nodes.count; i++) {
        struct wg_tuner_entry *entry = &tuner->entries[i];
        const struct wg_node *node = tuner->nodes.nodes[i].alone.node;
        int ways = wg_tune_count_suiting(node, tuner->device);
        *entry = (struct wg_tuner_entry){.node = &tuner->nodes.nodes[i],
                                         .heuristic = wg_op_choose(node, tuner->device, NULL),
                                         .own = {.seconds = INFINITY}};
        entry->is_tunable = ways > 1 || wg_knob_count(entry->heuristic) > 0;
        entry->yardstick = !entry->is_tunable      ? ""
                           : wg_element_form(node) ? entry->heuristic->name
                                                   : "ref";
        for (int s = 0; s < WG_BLAS_SETS_MAX; s++)
            entry->blas[s].seconds = INFINITY;
        tuner->total += ways;
    }
    return true;
}

static bool conclude(struct wg_tuner *tuner)
{
    struct wg_tune_result *result = tuner->result;
    int set = wg_tuner_choose_set(tuner);
    struct wg_tuning *tuning = make_tuning(tuner, set);
    if (!tuning || !fill_rows(tuner, set)) {
        wg_tuning_destroy(tuning);
        return false;
    }
    snprintf(result->device, sizeof result->device, "%s", tuner->device->info.name);
    snprintf(result->blas_before, sizeof result->blas_before, "%s", tuner->sets[0]);
    snprintf(result->blas_after, sizeof result->blas_after, "%s", tuner->sets[set]);
    result->batch = tuner->settings->batch;
    result->complete = !tuner->is_over;
    remember(tuner, tuning);
    if (!wg_device_tune(tuner->device, tuning))
        return false;
    snprintf(result->digest, sizeof result->digest, "%s", wg_tuning_name(tuner->device));
    result->seconds = wg_clock_seconds() - tuner->start;
    return true;
}

struct wg_tune_settings wg_tune_settings_default(void)
{
    return (struct wg_tune_settings){.batch = 128, .seconds = 120};
}

bool wg_tune(struct wg_device *device, const struct wg_tune_settings *settings,
             const struct wg_tune_callbacks *callbacks, struct wg_tune_result *ret_result)
{
    static const struct wg_tune_callbacks none;
    struct wg_tune_result result = {.count = 0};
    struct wg_tuner tuner = {.device = device,
                             .settings = settings,
                             .callbacks = callbacks ? callbacks : &none,
                             .start = wg_clock_seconds(),
                             .result = &result};
    if (settings->batch < 1 || !(settings->seconds >= 1))
        return wg_fail(WG_ERROR_ARGUMENT, "batch is %d and seconds %g, expected 1 at least",
                       settings->batch, settings->seconds);
    tuner.deadline = tuner.start + settings->seconds;
    bool ok = init(&tuner) && (wg_tuner_search(&tuner) || tuner.is_over) && conclude(&tuner);
    wg_tuner_end_child(&tuner);
    wg_tune_nodes_finish(&tuner.nodes);
    wg_tuning_destroy(tuner.earlier);
    free(tuner.entries);
    if (ok)
        *ret_result = result;
    else
        wg_tune_finish(&result);
    return ok;
}

void wg_tune_finish(struct wg_tune_result *result)
{
    free(result->rows);
    free(result->rejections);
    *result = (struct wg_tune_result){.count = 0};
}
