/*
 * The tuner's parts: measuring a way to compute a node (measure.c), what is rejected and why
 * (rejections.c), what is tried and what is best (search.c), what becomes of it (tune.c).
 */
#ifndef WG_TUNE_TUNER_H
#define WG_TUNE_TUNER_H

#include "host/device/blas.h"
#include "host/tune/nodes.h"
#include "host/tune/question.h"

struct wg_dialogue;

enum { WG_HUNG_MAX = 64 };

struct wg_timed {
    struct wg_tune_way way;
    double seconds; // INFINITY: none
};

struct wg_tuner_entry {
    struct wg_tune_node *node;
    const struct wg_implementation *heuristic;
    bool is_tunable;                        // there is more than one way
    double before;                          // by heuristics; 0: not measured
    struct wg_timed own;                    // the best without CLBlast,
    struct wg_timed blas[WG_BLAS_SETS_MAX]; // and with each of its sets
    const char *yardstick;                  // tells what is right; empty: nothing to compare
    bool knows_earlier;                     // what an earlier tuning chose is among what was tried
    int tried, rejected;
};

struct wg_tuner {
    struct wg_device *device;
    const struct wg_tune_settings *settings;
    const struct wg_tune_callbacks *callbacks;
    struct wg_tune_nodes nodes;
    struct wg_tuner_entry *entries; // in the order of nodes
    const char *sets[WG_BLAS_SETS_MAX];
    int set_count;
    struct wg_tuning *earlier; // for the same device and batch; NULL: there is none
    int earlier_set;           // and its set; 0: the default one
    bool knows_sets;           // all of them have been tried
    struct wg_dialogue *child; // NULL: to be started
    double start, deadline;
    int done, total;               // ways
    int crashes;                   // since the last answer
    const char *hung[WG_HUNG_MAX]; // names of implementations, once for each time
    int hung_count;
    bool is_stopped; // by the callback
    bool is_over;    // the time, or it was stopped
    struct wg_tune_result *result;
};

extern const int wg_no_knobs[WG_KNOBS_MAX];

/* `blas` only counts for implementations that use it. */
struct wg_tune_way wg_tune_way_make(const struct wg_implementation *by, const int *knob,
                                    const char *blas);

/* "tiled, tile 64" */
void wg_tune_way_describe(const struct wg_op *op, const struct wg_tune_way *way, char *text,
                          size_t size);

/*
 * Measures one way and keeps it in the slot if it is the best so far; ret_seconds is INFINITY if it
 * was rejected. False if nothing can be measured any more: it is over, or there is no child, for
 * which wg_tune fails.
 */
bool wg_tuner_try(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                  const struct wg_tune_way *way, struct wg_timed *slot, double *ret_seconds);
void wg_tuner_end_child(struct wg_tuner *tuner);

/* Counts a way that gave no time, and keeps why. Fails only if memory is short. */
bool wg_tuner_reject(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                     const struct wg_tune_way *way, const struct wg_tune_answer *answer);

/* Tries everything worth it, until it is over; false as wg_tuner_try. */
bool wg_tuner_search(struct wg_tuner *tuner);

/* The best set of CLBlast's parameters by the sum over all nodes, or the earlier one until all were
 * tried; the best way for a node if CLBlast has that set, which is the heuristics' if they are as
 * good; whether it is theirs. */
int wg_tuner_choose_set(const struct wg_tuner *tuner);
struct wg_timed wg_tuner_choose(const struct wg_tuner_entry *entry, int set);
bool wg_tuner_is_heuristic(const struct wg_tuner_entry *entry, const struct wg_tune_way *way);

#endif
