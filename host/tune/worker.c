/*
 * The tuner's child: times one node after the other as it is asked. It holds the inputs of one
 * node, and what the yardstick made of them.
 */
#include "host/tune/worker.h"

#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/device/blas.h"
#include "host/tune/dialogue.h"
#include "host/tune/nodes.h"
#include "host/tune/question.h"
#include "host/tune/yardstick.h"

#include <stdio.h>
#include <string.h>

struct worker {
    struct wg_device *device;
    struct wg_tune_nodes nodes;
    struct wg_tune_node *prepared; // NULL: none
    char yardstick[16];            // by which it was
};

static bool prepare(struct worker *worker, struct wg_tune_node *node, const char *yardstick)
{
    struct wg_case *c = &node->alone;
    if (worker->prepared == node && strcmp(worker->yardstick, yardstick) == 0)
        return true;
    if (worker->prepared)
        wg_case_forget(&worker->prepared->alone);
    worker->prepared = NULL;
    c->node->choice = (struct wg_choice){0};
    if (!(yardstick[0] ? wg_yardstick_prepare(c, worker->device, yardstick) : wg_case_fill(c)))
        return false;
    worker->prepared = node;
    snprintf(worker->yardstick, sizeof worker->yardstick, "%s", yardstick);
    return true;
}

enum { RUNS_MIN = 3 };

/* Shorter ones are taken several at a time: what a launch costs the host is hidden in a training.
 */
#define MEASURABLE_SECONDS 2e-3

static bool time_runs(struct wg_device *device, struct wg_exec *exec, int count,
                      double *ret_seconds)
{
    double start = wg_clock_seconds();
    for (int i = 0; i < count; i++)
        if (!wg_exec_run(exec, 0))
            return false;
    if (!wg_device_finish(device))
        return false;
    *ret_seconds = (wg_clock_seconds() - start) / count;
    return true;
}

static bool time_best(struct wg_device *device, struct wg_exec *exec, double budget,
                      double *ret_seconds)
{
    double seconds, best, end = wg_clock_seconds() + budget;
    if (!time_runs(device, exec, 1, &best))
        return false;
    for (int i = 0; i < RUNS_MIN || wg_clock_seconds() < end; i++) {
        int count = best < MEASURABLE_SECONDS ? (int)(MEASURABLE_SECONDS / (best + 1e-6)) + 1 : 1;
        if (!time_runs(device, exec, count, &seconds))
            return false;
        if (seconds < best)
            best = seconds;
    }
    *ret_seconds = best;
    return true;
}

/* By its choice: how far it is off and, if that is right, the shortest time of as many runs as take
 * some `budget` seconds, three at least. */
static bool time_case(const struct wg_case *c, struct wg_device *device, double budget,
                      struct wg_deviation *ret_deviation, double *ret_seconds)
{
    struct wg_function bound;
    bool ok = wg_case_bind(c, device, NULL, &bound) &&
              wg_case_compare(c, bound.exec, ret_deviation) &&
              (ret_deviation->error > 1 || time_best(device, bound.exec, budget, ret_seconds));
    wg_function_finish(&bound);
    return ok;
}

static struct wg_tune_answer refuse(enum wg_tune_verdict verdict, const char *text)
{
    struct wg_tune_answer answer = {.verdict = verdict};
    snprintf(answer.text, sizeof answer.text, "%s", text);
    return answer;
}

/* The failure of the last call; a yardstick's numbers may be wrong, too. */
static struct wg_tune_answer fail(void)
{
    return refuse(wg_error_status() == WG_ERROR_DATA ? WG_TUNE_WRONG : WG_TUNE_FAILED,
                  wg_error_message());
}

static struct wg_tune_answer answer(struct worker *worker, const struct wg_tune_question *question)
{
    struct wg_tune_answer answer = {.verdict = WG_TUNE_TIMED};
    struct wg_deviation deviation;
    const struct wg_tune_way *way = &question->way;
    struct wg_tune_node *node = wg_tune_nodes_find(&worker->nodes, question->key);
    if (!node)
        return refuse(WG_TUNE_FAILED, "no such node");
    if (!prepare(worker, node, question->yardstick) || !wg_blas_use(worker->device, way->blas))
        return fail();
    if (!wg_choose(node->alone.node, worker->device, way->implementation, way->knob))
        return refuse(WG_TUNE_FAILED, "it does not suit this node or device");
    if (!time_case(&node->alone, worker->device, question->seconds, &deviation, &answer.seconds))
        return fail();
    if (deviation.error > 1)
        return refuse(WG_TUNE_WRONG, deviation.text);
    return answer;
}

static bool say(FILE *out, const char *text)
{
    return (fprintf(out, WG_DIALOGUE_MARK "%s\n", text) >= 0 && fflush(out) == 0) ||
           wg_fail(WG_ERROR_FILE, "the answer can't be written");
}

static bool serve(struct worker *worker, FILE *in, FILE *out)
{
    struct wg_tune_question question;
    char text[1024];
    bool ok = say(out, "ready");
    while (ok && fgets(text, sizeof text, in)) {
        struct wg_tune_answer reply =
            wg_tune_question_read(text, &question)
                ? answer(worker, &question)
                : refuse(WG_TUNE_FAILED, "the question can't be understood");
        wg_tune_answer_write(&reply, text, sizeof text);
        ok = say(out, text);
    }
    return ok;
}

bool wg_tune_serve(const char *selector, int batch, FILE *in, FILE *out)
{
    struct worker worker = {.prepared = NULL};
    bool ok = wg_device_open(selector, &worker.device) &&
              wg_tune_nodes_init(&worker.nodes, worker.device, batch) && serve(&worker, in, out);
    wg_tune_nodes_finish(&worker.nodes);
    wg_device_close(worker.device);
    return ok;
}
