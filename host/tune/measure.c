#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/tune/dialogue.h"
#include "host/tune/tuner.h"
#include "host/tune/worker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A child that has its device open takes no longer than this to say so. */
#define START_SECONDS 30.0

/* Seconds that timing one way takes beside building its kernels; in a short tuning. */
#define TIMING_SECONDS       0.2
#define TIMING_SECONDS_SHORT 0.05
#define SHORT_SECONDS        20.0

/* After so many of them in a row that gave no answer something else is wrong. */
enum { CRASHES_MAX = 20 };

const int wg_no_knobs[WG_KNOBS_MAX] = {0};

/* ---- ways ---- */

struct wg_tune_way wg_tune_way_make(const struct wg_implementation *by, const int *knob,
                                    const char *blas)
{
    struct wg_tune_way way = {{0}, {0}, {0}};
    snprintf(way.implementation, sizeof way.implementation, "%s", by->name);
    snprintf(way.blas, sizeof way.blas, "%s", by->uses_blas ? blas : "");
    memcpy(way.knob, knob, sizeof way.knob);
    return way;
}

void wg_tune_way_describe(const struct wg_op *op, const struct wg_tune_way *way, char *text,
                          size_t size)
{
    const struct wg_implementation *by = wg_op_find(op, way->implementation);
    int used = snprintf(text, size, "%s", way->implementation);
    for (int k = 0; k < wg_knob_count(by) && used < (int)size; k++)
        if (way->knob[k])
            used += snprintf(text + used, size - (size_t)used, ", %s %d", by->knobs[k].name,
                             way->knob[k]);
}

/* ---- asking ---- */

static bool is_stopped(void *user)
{
    struct wg_tuner *tuner = user;
    const struct wg_tune_callbacks *callbacks = tuner->callbacks;
    tuner->is_stopped = tuner->is_stopped || (callbacks->stop && callbacks->stop(callbacks->user));
    return tuner->is_stopped;
}

static bool start_child(struct wg_tuner *tuner)
{
    char selector[32], batch[16];
    const struct wg_device_info *info = &tuner->device->info;
    const char *const arguments[] = {selector, batch, NULL};
    double limit = fmin(START_SECONDS, fmax(5, tuner->deadline - wg_clock_seconds()));
    snprintf(selector, sizeof selector, "%d:%d", info->platform, info->index_in_platform);
    snprintf(batch, sizeof batch, "%d", tuner->settings->batch);
    return wg_dialogue_start(WG_TUNE_TASK, arguments, limit, is_stopped, tuner, &tuner->child) ||
           wg_fail(wg_error_status(), "nothing can be measured: %s", wg_error_message());
}

void wg_tuner_end_child(struct wg_tuner *tuner)
{
    wg_dialogue_end(tuner->child);
    tuner->child = NULL;
}

/* A way may take a fraction of the time, so that one that hangs does not take it all. */
static double limit_of(const struct wg_tuner *tuner)
{
    double limit = fmax(5, tuner->settings->seconds / 4);
    return fmin(limit, tuner->deadline - wg_clock_seconds());
}

static void report(const struct wg_tuner *tuner, const struct wg_tuner_entry *entry)
{
    double now = wg_clock_seconds(), left = tuner->deadline - now;
    if (!tuner->callbacks->progress)
        return;
    if (tuner->done > 0)
        left = fmin(left, (now - tuner->start) / tuner->done * (tuner->total - tuner->done));
    tuner->callbacks->progress(tuner->callbacks->user,
                               &(struct wg_tune_progress){.done = tuner->done,
                                                          .total = tuner->total,
                                                          .seconds_left = fmax(left, 0),
                                                          .node = entry->node->key});
}

/* The child's answer, or that it gave none. */
static struct wg_tune_answer ask(struct wg_tuner *tuner, const struct wg_tuner_entry *entry,
                                 const struct wg_tune_question *question)
{
    char text[1024], line[1024];
    double limit = limit_of(tuner), start = wg_clock_seconds();
    struct wg_tune_answer answer = {.verdict = WG_TUNE_FAILED};
    wg_tune_question_write(question, text, sizeof text);
    if (wg_dialogue_ask(tuner->child, text, limit, line, sizeof line) &&
        (wg_tune_answer_read(line, &answer) ||
         wg_fail(WG_ERROR_DEVICE, "its answer can't be understood"))) {
        tuner->crashes = 0;
        return answer;
    }
    snprintf(answer.text, sizeof answer.text, "%s", wg_error_message());
    answer.verdict = wg_clock_seconds() - start >= limit ? WG_TUNE_HUNG : WG_TUNE_CRASHED;
    if (answer.verdict == WG_TUNE_HUNG && tuner->hung_count < WG_HUNG_MAX)
        tuner->hung[tuner->hung_count++] =
            wg_op_find(entry->node->alone.node->op, question->way.implementation)->name;
    tuner->crashes++;
    wg_tuner_end_child(tuner);
    return answer;
}

/* A child that dies may have been killed from outside, where memory is short for one: twice is the
 * way's own fault. False if nothing can be measured any more. */
static bool ask_twice(struct wg_tuner *tuner, const struct wg_tuner_entry *entry,
                      const struct wg_tune_question *question, struct wg_tune_answer *ret_answer)
{
    for (int chance = 0; chance < 2; chance++) {
        if (!tuner->child && !start_child(tuner)) {
            tuner->is_over = tuner->is_stopped;
            return false;
        }
        *ret_answer = ask(tuner, entry, question);
        tuner->is_over =
            !tuner->child && (tuner->is_stopped || wg_clock_seconds() >= tuner->deadline);
        if (tuner->is_over || ret_answer->verdict != WG_TUNE_CRASHED)
            break;
    }
    return !tuner->is_over; // that is not its fault
}

bool wg_tuner_try(struct wg_tuner *tuner, struct wg_tuner_entry *entry,
                  const struct wg_tune_way *way, struct wg_timed *slot, double *ret_seconds)
{
    bool is_short = tuner->settings->seconds < SHORT_SECONDS;
    struct wg_tune_question question = {
        .way = *way, .seconds = is_short ? TIMING_SECONDS_SHORT : TIMING_SECONDS};
    memcpy(question.key, entry->node->key, sizeof question.key);
    snprintf(question.yardstick, sizeof question.yardstick, "%s", entry->yardstick);
    *ret_seconds = INFINITY;
    tuner->is_over = tuner->is_over || wg_clock_seconds() >= tuner->deadline || is_stopped(tuner);
    if (tuner->is_over)
        return false;
    struct wg_tune_answer answer;
    report(tuner, entry);
    if (!ask_twice(tuner, entry, &question, &answer))
        return false;
    tuner->done++;
    tuner->result->tried++;
    entry->tried++;
    if (answer.verdict != WG_TUNE_TIMED) {
        return wg_tuner_reject(tuner, entry, way, &answer) &&
               (tuner->crashes < CRASHES_MAX ||
                wg_fail(WG_ERROR_DEVICE, "whatever is tried: %s", answer.text));
    }
    *ret_seconds = answer.seconds;
    if (answer.seconds < slot->seconds)
        *slot = (struct wg_timed){.way = *way, .seconds = answer.seconds};
    return true;
}
