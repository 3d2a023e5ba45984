/*
 * What is tried. All implementations are tried with their heuristics first, on the node with the
 * most work first, and with them what an earlier tuning chose, so that a short one does not lose
 * it; then the other sets of CLBlast's parameters; then one knob after the other. The last two only
 * where the implementation is not far from the best: what is half as slow again is rarely a matter
 * of sizes. CLBlast can have one set of parameters at a time, so that is chosen by the sum over all
 * nodes.
 */
#include "host/device/tuning.h"
#include "host/tune/tuner.h"

#include <math.h>
#include <string.h>

/* Implementations up to this factor slower than the best are tried further. */
#define NEAR 1.5

/* Heuristics stay unless they are slower by this factor: less is noise. */
#define GAIN 1.03

/* "ref" is not tried on a CPU beyond so many operations: it would take seconds, and never wins. */
#define REF_WORK 1e8

/* After so many questions without an answer in time an implementation is not tried any more. */
enum { HANGS_MAX = 2 };

/* ---- what is best ---- */

struct wg_timed wg_tuner_choose(const struct wg_tuner_entry *entry, int set)
{
    struct wg_timed heuristic = {.way = wg_tune_way_make(entry->heuristic, wg_no_knobs, ""),
                                 .seconds = entry->before > 0 ? entry->before : INFINITY};
    struct wg_timed best = entry->own;
    if (entry->blas[set].seconds < best.seconds)
        best = entry->blas[set];
    if (entry->heuristic->uses_blas && set > 0)
        heuristic.seconds =
            strcmp(entry->blas[set].way.implementation, heuristic.way.implementation)
                ? INFINITY
                : entry->blas[set].seconds;
    return best.seconds * GAIN < heuristic.seconds ? best : heuristic;
}

static double total_with(const struct wg_tuner *tuner, int set)
{
    double total = 0;
    for (int i = 0; i < tuner->nodes.count; i++) {
        const struct wg_tuner_entry *entry = &tuner->entries[i];
        if (entry->tried > entry->rejected)
            total += entry->node->runs * wg_tuner_choose(entry, set).seconds;
    }
    return total;
}

int wg_tuner_choose_set(const struct wg_tuner *tuner)
{
    int best = 0;
    if (!tuner->knows_sets)
        return tuner->earlier_set;
    for (int s = 1; s < tuner->set_count; s++)
        if (total_with(tuner, s) * GAIN < total_with(tuner, best))
            best = s;
    return best;
}

bool wg_tuner_is_heuristic(const struct wg_tuner_entry *entry, const struct wg_tune_way *way)
{
    return strcmp(way->implementation, entry->heuristic->name) == 0 &&
           memcmp(way->knob, wg_no_knobs, sizeof wg_no_knobs) == 0;
}

/* ---- what is tried ---- */

static double best_of(const struct wg_tuner *tuner, const struct wg_tuner_entry *entry)
{
    double best = entry->own.seconds;
    for (int s = 0; s < tuner->set_count; s++)
        best = fmin(best, entry->blas[s].seconds);
    return best;
}

/* Where the times of an implementation with a set are kept. */
static struct wg_timed *slot_of(struct wg_tuner_entry *entry, const struct wg_implementation *by,
                                int set)
{
    return by->uses_blas ? &entry->blas[set] : &entry->own;
}

/* By heuristics alone. */
static bool try_plain(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                      const struct wg_implementation *by, int set, double *ret_seconds)
{
    struct wg_tune_way way = wg_tune_way_make(by, wg_no_knobs, set > 0 ? tuner->sets[set] : "");
    return wg_tuner_try(tuner, entry, &way, slot_of(entry, by, set), ret_seconds);
}

static bool is_hopeless(const struct wg_tuner *tuner, const struct wg_tuner_entry *entry,
                        const struct wg_implementation *by)
{
    int hangs = 0;
    for (int i = 0; i < tuner->hung_count; i++)
        hangs += strcmp(tuner->hung[i], by->name) == 0;
    return hangs >= HANGS_MAX || (strcmp(by->name, "ref") == 0 && wg_device_is_cpu(tuner->device) &&
                                  entry->node->work > REF_WORK);
}

/* Whether the values are any for this node at all; what is not need not be asked. */
static bool knobs_suit(const struct wg_tuner *tuner, const struct wg_tuner_entry *entry,
                       const struct wg_implementation *by, const int knob[WG_KNOBS_MAX])
{
    struct wg_node *node = entry->node->alone.node;
    bool ok = wg_choose(node, tuner->device, by->name, knob);
    node->choice = (struct wg_choice){0};
    return ok;
}

/* The way of the earlier tuning, or that of the heuristics by its set of CLBlast's parameters. */
static bool try_earlier(struct wg_tuner *tuner, struct wg_tuner_entry *entry)
{
    double seconds;
    const int set = tuner->earlier_set;
    const struct wg_tuned_node *row =
        tuner->earlier ? wg_tuning_find(tuner->earlier, entry->node->key) : NULL;
    const struct wg_implementation *by =
        row ? wg_op_find(entry->node->alone.node->op, row->implementation) : entry->heuristic;
    const int *knob = row ? row->knob : wg_no_knobs;
    bool is_new = by && (row || (by->uses_blas && set > 0));
    if (is_new && !is_hopeless(tuner, entry, by) && knobs_suit(tuner, entry, by, knob)) {
        struct wg_tune_way way = wg_tune_way_make(by, knob, set > 0 ? tuner->sets[set] : "");
        tuner->total++;
        if (!wg_tuner_try(tuner, entry, &way, slot_of(entry, by, set), &seconds))
            return false;
    }
    entry->knows_earlier = true;
    return true;
}

/* The heuristics' choice first: it is the yardstick of the others if it is right itself. */
static bool try_implementations(struct wg_tuner *tuner, struct wg_tuner_entry *entry)
{
    double seconds;
    const struct wg_node *node = entry->node->alone.node;
    const struct wg_implementation *const *list = node->op->implementations;
    if (is_hopeless(tuner, entry, entry->heuristic))
        seconds = INFINITY;
    else if (!try_plain(tuner, entry, entry->heuristic, 0, &seconds))
        return false;
    if (isfinite(seconds))
        entry->before = seconds;
    else
        entry->yardstick = "ref";
    if (!try_earlier(tuner, entry))
        return false;
    for (; *list; list++) {
        if (*list == entry->heuristic || !wg_suits(*list, node, tuner->device))
            continue;
        if (is_hopeless(tuner, entry, *list))
            tuner->done++;
        else if (!try_plain(tuner, entry, *list, 0, &seconds))
            return false;
    }
    return true;
}

/* The implementation by CLBlast; NULL: none, or it is too slow with the default set. */
static const struct wg_implementation *near_blas(const struct wg_tuner *tuner,
                                                 const struct wg_tuner_entry *entry)
{
    const struct wg_timed *timed = &entry->blas[0];
    bool is_near = isfinite(timed->seconds) && timed->seconds <= NEAR * best_of(tuner, entry);
    return is_near ? wg_op_find(entry->node->alone.node->op, timed->way.implementation) : NULL;
}

static bool try_sets(struct wg_tuner *tuner)
{
    double seconds;
    int count = 0;
    for (int i = 0; i < tuner->nodes.count; i++)
        count += near_blas(tuner, &tuner->entries[i]) != NULL;
    tuner->total += count * (tuner->set_count - 1);
    for (int s = 1; s < tuner->set_count; s++)
        for (int i = 0; i < tuner->nodes.count; i++) {
            struct wg_tuner_entry *entry = &tuner->entries[i];
            const struct wg_implementation *by = near_blas(tuner, entry);
            if (by && !try_plain(tuner, entry, by, s, &seconds))
                return false;
        }
    tuner->knows_sets = true;
    return true;
}

/* One knob after the other, each at its best value before the next is tried; they begin as the way
 * has them, that of an earlier tuning perhaps. */
static bool try_knobs(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                      const struct wg_implementation *by, const struct wg_timed *from)
{
    int knob[WG_KNOBS_MAX];
    double seconds = from->seconds;
    memcpy(knob, from->way.knob, sizeof knob);
    for (int k = 0; k < wg_knob_count(by); k++) {
        int best = knob[k];
        for (int v = 0; v < WG_KNOB_VALUES_MAX && by->knobs[k].values[v]; v++) {
            double now;
            knob[k] = by->knobs[k].values[v];
            if (knob[k] == from->way.knob[k] || !knobs_suit(tuner, entry, by, knob))
                continue;
            struct wg_tune_way way = wg_tune_way_make(by, knob, "");
            tuner->total++;
            if (!wg_tuner_try(tuner, entry, &way, slot_of(entry, by, 0), &now))
                return false;
            if (now < seconds) {
                seconds = now;
                best = knob[k];
            }
        }
        knob[k] = best;
    }
    return true;
}

/* Of the fastest without CLBlast and the fastest with it, if they are near the best. */
static bool try_all_knobs(struct wg_tuner *tuner, struct wg_tuner_entry *entry)
{
    const struct wg_timed plain[2] = {entry->own, entry->blas[0]};
    for (int i = 0; i < 2; i++) {
        if (!isfinite(plain[i].seconds) || plain[i].seconds > NEAR * best_of(tuner, entry))
            continue;
        const struct wg_implementation *by =
            wg_op_find(entry->node->alone.node->op, plain[i].way.implementation);
        if (!try_knobs(tuner, entry, by, &plain[i]))
            return false;
    }
    return true;
}

/* Once more, in turn, what would be exchanged for what: another process may have been in the way.
 */
static bool confirm(struct wg_tuner *tuner)
{
    int set = wg_tuner_choose_set(tuner);
    for (int i = 0; i < tuner->nodes.count; i++) {
        double seconds;
        struct wg_tuner_entry *entry = &tuner->entries[i];
        struct wg_timed best = wg_tuner_choose(entry, set);
        const struct wg_op *op = entry->node->alone.node->op;
        if (entry->before <= 0 || wg_tuner_is_heuristic(entry, &best.way))
            continue;
        tuner->total += 2;
        if (!try_plain(tuner, entry, entry->heuristic, 0, &seconds))
            return false;
        entry->before = fmin(entry->before, seconds);
        const struct wg_implementation *by = wg_op_find(op, best.way.implementation);
        if (!wg_tuner_try(tuner, entry, &best.way, slot_of(entry, by, set), &seconds))
            return false;
    }
    return true;
}

/* What there is no choice about, for its share of the step. */
static bool time_the_rest(struct wg_tuner *tuner)
{
    double seconds;
    for (int i = 0; i < tuner->nodes.count; i++) {
        struct wg_tuner_entry *entry = &tuner->entries[i];
        if (entry->is_tunable || entry->node->runs == 0)
            continue;
        if (!try_plain(tuner, entry, entry->heuristic, 0, &seconds))
            return false;
        entry->before = isfinite(seconds) ? seconds : 0;
    }
    return true;
}

bool wg_tuner_search(struct wg_tuner *tuner)
{
    for (int i = 0; i < tuner->nodes.count; i++)
        if (tuner->entries[i].is_tunable && !try_implementations(tuner, &tuner->entries[i]))
            return false;
    if (!try_sets(tuner))
        return false;
    for (int i = 0; i < tuner->nodes.count; i++)
        if (tuner->entries[i].is_tunable && !try_all_knobs(tuner, &tuner->entries[i]))
            return false;
    return confirm(tuner) && time_the_rest(tuner);
}
