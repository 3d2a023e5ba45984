/*
 * The tuner's child: times one node after the other as it is asked. It holds the inputs of one
 * node, and what the yardstick made of them: an implementation that was itself held against the
 * formula, or "ref".
 */
#include "host/tune/worker.h"

#include "host/base/error.h"
#include "host/device/blas.h"
#include "host/tune/dialogue.h"
#include "host/tune/formula.h"
#include "host/tune/nodes.h"
#include "host/tune/question.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * Off by more than this share of a tensor's root mean square is wrong. The longest sums of a step
 * have 25,000 terms, whose roundings are 1e-5 of it in the worst order met; what is really wrong is
 * off by about all of it.
 */
#define TOLERANCE 1e-3

/* Elements held against the formula, spread over the tensor, its first and last among them. */
enum { SAMPLES = 64 };

struct worker {
    struct wg_device *device;
    struct wg_tune_nodes nodes;
    struct wg_tune_node *prepared; // NULL: none
    char yardstick[16];            // by which it was
};

/* Whether what the yardstick computed is what the formula says. */
static bool check_yardstick(const struct wg_case *c)
{
    const struct wg_expected *expected = &c->expectation.outputs[0];
    const float *in[WG_INPUTS_MAX] = {0};
    for (int i = 0; i < c->node->in_count; i++)
        in[i] = c->values[i];
    for (size_t s = 0; s < SAMPLES; s++) {
        size_t element = (expected->count - 1) * s / (SAMPLES - 1);
        double right = wg_formula_element(c->node, in, element), got = expected->value[element];
        if (!(fabs(got - right) <= expected->allowed[element]))
            return wg_fail(WG_ERROR_DATA, "element %zu is %.9g, expected %.9g", element, got,
                           right);
    }
    return true;
}

/* Fails with WG_ERROR_DATA if the yardstick itself is wrong. "ref" is not asked. */
static bool prepare(struct worker *worker, struct wg_tune_node *node, const char *yardstick)
{
    struct wg_case *c = &node->alone;
    bool is_ref = strcmp(yardstick, "ref") == 0;
    if (worker->prepared == node && strcmp(worker->yardstick, yardstick) == 0)
        return true;
    if (worker->prepared)
        wg_case_forget(&worker->prepared->alone);
    worker->prepared = NULL;
    c->node->choice = (struct wg_choice){0};
    if (!yardstick[0] ? !wg_case_fill(c)
                      : !wg_case_prepare_by(c, worker->device, yardstick, TOLERANCE) ||
                            (!is_ref && !check_yardstick(c)))
        return false;
    worker->prepared = node;
    snprintf(worker->yardstick, sizeof worker->yardstick, "%s", yardstick);
    return true;
}

static struct wg_tune_answer fail(const char *text)
{
    struct wg_tune_answer answer = {.verdict = WG_TUNE_FAILED};
    snprintf(answer.text, sizeof answer.text, "%s", text);
    return answer;
}

static struct wg_tune_answer answer(struct worker *worker, const struct wg_tune_question *question)
{
    struct wg_tune_answer answer = {.verdict = WG_TUNE_TIMED};
    struct wg_deviation deviation;
    const struct wg_tune_way *way = &question->way;
    struct wg_tune_node *node = wg_tune_nodes_find(&worker->nodes, question->key);
    if (!node)
        return fail("no such node");
    if (!prepare(worker, node, question->yardstick) || !wg_blas_use(worker->device, way->blas))
        return fail(wg_error_message());
    if (!wg_choose(node->alone.node, worker->device, way->implementation, way->knob))
        return fail("it does not suit this node or device");
    if (!wg_case_time(&node->alone, worker->device, question->seconds, &deviation, &answer.seconds))
        return fail(wg_error_message());
    if (deviation.error > 1) {
        answer.verdict = WG_TUNE_WRONG;
        answer.seconds = 0;
        snprintf(answer.text, sizeof answer.text, "%s", deviation.text);
    }
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
        struct wg_tune_answer reply = wg_tune_question_read(text, &question)
                                          ? answer(worker, &question)
                                          : fail("the question can't be understood");
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
