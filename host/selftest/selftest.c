/*
 * The self-test: which nodes are tried, by which implementations, and what becomes of it.
 *
 * The nodes are those of the trainer's own plan, each alone (case.h), so that no op of a training
 * can be forgotten and every geometry of the model is there.
 *
 * The quick form tries them as the training to come has them, at its sizes, by the implementations
 * that it takes: no kernel is compiled for nothing. The reference is too slow for so much, so it is
 * asked for some elements and for sums of all (sample.h, sums.h), or for some images, which repeat
 * (repeat.h). The full form also tries all other implementations, and whole results: of few images,
 * and of fewer channels than the model's.
 */
#include "host/selftest/selftest.h"

#include "host/base/array.h"
#include "host/base/clock.h"
#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/base/parallel.h"
#include "host/selftest/case.h"
#include "host/selftest/repeat.h"
#include "host/selftest/sample.h"
#include "host/selftest/step.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which nodes ---- */

/* Channels in whole vectors, as the model has them, on both sides of one layer as many as tensor
 * cores are for, and with remainders; CLBlast's tiles do not pad either more than it accepts. */
static const struct wg_widths even = {
    .noise = 20, .base = 16, .up1 = 16, .up2 = 32, .down1 = 32, .down2 = 32, .down3 = 16};
static const struct wg_widths odd = {
    .noise = 20, .base = 12, .up1 = 18, .up2 = 40, .down1 = 33, .down2 = 24, .down3 = 12};

enum kind { KIND_PRODUCT = 1, KIND_CONVOLUTION = 2, KIND_OTHER = 4, KIND_ANY = 7 };

static enum kind kind_of(const struct wg_node *node)
{
    if (node->op == &wg_op_matmul)
        return KIND_PRODUCT;
    bool is_convolution = node->op->flops || node->op == &wg_op_norm_up_gradient;
    return is_convolution ? KIND_CONVOLUTION : KIND_OTHER;
}

/* Nodes of these kinds in a training of these widths and batch. The first sweep is at the batch of
 * the training to come, and the only one of the quick form. */
static const struct sweep {
    const struct wg_widths *widths;
    int batch; // 0: the training's
    unsigned kinds;
} sweeps[] = {
    {&wg_widths_default, 0, KIND_ANY},
    {&wg_widths_default, 16, KIND_PRODUCT}, // rows for fast implementations
    {&even, 3, KIND_CONVOLUTION},
    {&odd, 3, KIND_CONVOLUTION},
    {&wg_widths_default, 3, KIND_OTHER},
    {&wg_step_widths, WG_STEP_BATCH, KIND_ANY},
};
enum { SWEEPS = sizeof sweeps / sizeof sweeps[0] };

struct tester {
    struct wg_device *device;
    const struct wg_train_callbacks *callbacks;
    bool quick;
    int batch;                 // of the training to come
    const struct sweep *sweep; // being visited
    struct wg_case *cases;
    int case_count;
    int done, total; // programs built beforehand, and runs
    struct wg_selftest *result;
};

/* More images than a byte counts to. */
static const struct wg_dataset images = {
    .count = 1009, .height = WG_IMAGE_SIDE, .width = WG_IMAGE_SIDE};

/* A device too small for the batch is shown the tasks of a smaller one. */
static bool visit_tasks(struct tester *tester, int batch, wg_trainer_visit_task *visit)
{
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_trainer_params params = {
        .settings = &settings, .dataset = &images, .widths = tester->sweep->widths};
    settings.seed = 0x0123456789abcdef; // each of its bytes counts
    // At the training's batch an iteration is one of several, elsewhere it ends a step.
    settings.critic_steps = WG_CASE_ITERATION + (tester->sweep->batch ? 1 : 2);
    for (settings.batch = batch; settings.batch > 0; settings.batch /= 2) {
        if (wg_trainer_visit_tasks(tester->device, &params, visit, tester)) {
            if (tester->sweep->batch == 0)
                tester->result->batch = settings.batch;
            return true;
        }
        if (wg_error_status() != WG_ERROR_MEMORY)
            return false;
    }
    return false;
}

/* How many implementations a node is tried by; they come first. A node of the training to come: by
 * the one that it takes. */
static int list_tried(const struct tester *tester, const struct wg_case *c,
                      const struct wg_implementation *ret_tried[WG_IMPLEMENTATIONS_MAX])
{
    int count = 0;
    const struct wg_implementation *const *list = c->node->op->implementations;
    for (; !tester->quick && c->form == WG_CASE_WHOLE && *list; list++)
        if (wg_suits(*list, c->node, tester->device))
            ret_tried[count++] = *list;
    if (count == 0)
        ret_tried[count++] = wg_op_choose(c->node, tester->device, NULL);
    return count;
}

static bool add_case(void *user, const struct wg_task *task, int runs)
{
    struct tester *tester = user;
    (void)runs;
    const struct wg_implementation *tried[WG_IMPLEMENTATIONS_MAX];
    struct wg_case new;
    if (!(kind_of(task->node) & tester->sweep->kinds))
        return true;
    struct wg_case *grown =
        wg_array_grow(tester->cases, (size_t)tester->case_count, sizeof *grown, "the self-test");
    if (!grown)
        return false;
    tester->cases = grown;
    if (!wg_case_create(task->node, &new))
        return false;
    new.is_run_once = tester->quick;
    if (tester->sweep->batch == 0)
        new.form = wg_sample_suits(task->node)   ? WG_CASE_SAMPLED
                   : wg_repeat_suits(task->node) ? WG_CASE_REPEATED
                                                 : WG_CASE_WHOLE;
    for (int i = 0; i < tester->case_count; i++)
        if (wg_case_equal(&tester->cases[i], &new)) {
            wg_case_finish(&new);
            return true;
        }
    tester->cases[tester->case_count++] = new;
    tester->total += list_tried(tester, &new, tried);
    return true;
}

static bool collect_cases(struct tester *tester)
{
    int count = tester->quick ? 1 : SWEEPS;
    for (tester->sweep = sweeps; tester->sweep < sweeps + count; tester->sweep++)
        if (!visit_tasks(tester, tester->sweep->batch ? tester->sweep->batch : tester->batch,
                         add_case))
            return false;
    return true;
}

static size_t bytes_of_inputs(const struct wg_case *c)
{
    size_t bytes = 0;
    for (int i = 0; i < c->node->in_count; i++)
        bytes += wg_node_bytes(c->node->in[i]);
    return bytes;
}

static bool is_large(const struct wg_case *c)
{
    return bytes_of_inputs(c) + wg_node_bytes(c->node) > (size_t)48 << 20;
}

/* Two cases are in memory at a time: behind a large one comes a small one, if any is left. */
static void part_large_cases(struct tester *tester)
{
    struct wg_case *end = tester->cases + tester->case_count;
    for (struct wg_case *c = tester->cases; c + 1 < end; c++) {
        struct wg_case *next = c + 1, *small = next;
        while (small < end && is_large(small))
            small++;
        if (!is_large(c) || small == end)
            continue;
        struct wg_case moved = *small;
        memmove(next + 1, next, (size_t)(small - next) * sizeof moved);
        *next = moved;
    }
}

/* ---- progress ---- */

static void report(const struct tester *tester, int done)
{
    if (tester->callbacks && tester->callbacks->building)
        tester->callbacks->building(tester->callbacks->user, done, tester->total);
}

static void report_run(struct tester *tester)
{
    report(tester, ++tester->done);
}

static void report_built(void *user, int done, int total)
{
    (void)total;
    report(user, done);
}

/* All cases' programs. One that fails to build does so again in its own case, where it counts. */
static bool note_programs(struct tester *tester, struct wg_prebuild **ret_notes)
{
    struct wg_prebuild *notes;
    if (!wg_prebuild_create(tester->device, &notes))
        return false;
    for (int i = 0; i < tester->case_count; i++) {
        const struct wg_implementation *tried[WG_IMPLEMENTATIONS_MAX];
        int count = list_tried(tester, &tester->cases[i], tried);
        for (int j = 0; j < count; j++)
            wg_case_note(&tester->cases[i], tester->device, tried[j]->name, notes);
    }
    *ret_notes = notes;
    return true;
}

/* Builds them in parallel, as far as that can be done. */
static void prebuild(struct tester *tester, struct wg_prebuild *notes)
{
    int programs = wg_prebuild_total(notes);
    tester->total += programs;
    wg_prebuild_run(notes, report_built, tester);
    tester->done += programs;
}

/* Programs that are built beside the cases, in the order in which these need them: pocl reads the
 * whole text of one on one core, even if it has kept what it compiled of it. */
struct loading {
    struct wg_beside beside;
    const struct wg_prebuild *notes;
    atomic_bool is_over;
};

static void load_programs(void *user)
{
    struct loading *loading = user;
    for (int i = 0; i < wg_prebuild_total(loading->notes) && !loading->is_over; i++)
        wg_prebuild_load(loading->notes, i);
}

/* ---- what becomes of it ---- */

/* The row of this name, a new one if there is none; NULL with a message if there is no memory. */
static struct wg_selftest_row *find_row(struct tester *tester, const char *op,
                                        const char *implementation)
{
    struct wg_selftest *result = tester->result;
    for (int i = 0; i < result->count; i++)
        if (strcmp(result->rows[i].op, op) == 0 &&
            strcmp(result->rows[i].implementation, implementation) == 0)
            return &result->rows[i];
    struct wg_selftest_row *grown =
        wg_array_grow(result->rows, (size_t)result->count, sizeof *grown, "the self-test");
    if (!grown)
        return NULL;
    result->rows = grown;
    struct wg_selftest_row *row = &result->rows[result->count++];
    *row = (struct wg_selftest_row){.passed = true};
    snprintf(row->op, sizeof row->op, "%s", op);
    snprintf(row->implementation, sizeof row->implementation, "%s", implementation);
    return row;
}

/* The first failure stays: what follows may follow from it. */
static void fail_row(struct tester *tester, struct wg_selftest_row *row, const char *text)
{
    if (!row->passed)
        return;
    row->passed = false;
    tester->result->failed++;
    snprintf(row->failure, sizeof row->failure, "%s", text);
}

/* `ok`: the device did what it was asked; else the failure is recorded. */
static void add_to_row(struct tester *tester, struct wg_selftest_row *row, const char *shape,
                       bool ok, const struct wg_deviation *deviation)
{
    char text[512];
    row->shapes++;
    if (row->shapes == 1 || !ok || deviation->error > row->error)
        snprintf(row->worst_shape, sizeof row->worst_shape, "%s", shape);
    if (!ok) {
        fail_row(tester, row, wg_error_message());
    } else if (row->shapes == 1 || deviation->error > row->error) {
        row->error = deviation->error;
        snprintf(text, sizeof text, "[%s] %s", shape, deviation->text);
        if (deviation->error > 1)
            fail_row(tester, row, text);
    }
}

/* `prepared`: for the first implementation tried. */
static bool run_case(struct tester *tester, struct wg_case *c, bool prepared)
{
    const struct wg_implementation *tried[WG_IMPLEMENTATIONS_MAX];
    char shape[sizeof((struct wg_selftest_row *)0)->worst_shape];
    int count = list_tried(tester, c, tried);
    wg_case_shape(c, shape, sizeof shape);
    for (int i = 0; i < count; i++) {
        if (i == 0 ? !prepared : tried[i]->is_winograd != tried[i - 1]->is_winograd)
            prepared = wg_case_prepare(c, tried[i]);
        if (!prepared && wg_error_status() != WG_ERROR_ARGUMENT) // an op without a formula fails
            return false;
        struct wg_deviation deviation;
        struct wg_selftest_row *row = find_row(tester, c->node->name, tried[i]->name);
        if (!row)
            return false;
        bool ok = prepared && wg_case_run(c, tester->device, tried[i]->name, &deviation);
        if (wg_device_is_stopped(tester->device))
            return wg_fail(WG_ERROR_STOPPED, "the self-test was stopped");
        add_to_row(tester, row, shape, ok, &deviation);
        report_run(tester);
    }
    wg_case_forget(c);
    return true;
}

/* The case to come, which is prepared while the device has another: drivers load programs on one
 * core. If that fails, it is tried again where the failure counts. */
struct ahead {
    struct wg_beside beside;
    struct wg_case *c; // NULL: none
    const struct wg_implementation *by;
    bool prepared;
};

/* Of larger inputs there must not be two at a time. */
static const size_t ahead_bytes_max = (size_t)256 << 20;

static void prepare_ahead(void *user)
{
    struct ahead *ahead = user;
    ahead->prepared = wg_case_prepare(ahead->c, ahead->by);
}

static void start_ahead(const struct tester *tester, struct wg_case *c, struct ahead *ahead)
{
    const struct wg_implementation *tried[WG_IMPLEMENTATIONS_MAX];
    *ahead = (struct ahead){0};
    if (bytes_of_inputs(c) > ahead_bytes_max || list_tried(tester, c, tried) == 0)
        return;
    ahead->c = c;
    ahead->by = tried[0];
    wg_beside_start(&ahead->beside, prepare_ahead, ahead);
}

static bool run_cases(struct tester *tester)
{
    struct ahead ahead = {.prepared = false};
    bool ok = true;
    for (int i = 0; ok && i < tester->case_count; i++) {
        bool prepared = ahead.prepared;
        ahead = (struct ahead){0};
        if (i + 1 < tester->case_count)
            start_ahead(tester, &tester->cases[i + 1], &ahead);
        ok = run_case(tester, &tester->cases[i], prepared);
        if (ahead.c)
            wg_beside_wait(&ahead.beside);
    }
    return ok;
}

static bool run_cases_and_load(struct tester *tester, const struct wg_prebuild *notes)
{
    struct loading loading = {.notes = notes};
    bool is_worth_it = tester->device->driver_cache == WG_DRIVER_CACHES_LAUNCHES;
    if (is_worth_it)
        wg_beside_start(&loading.beside, load_programs, &loading);
    bool ok = run_cases(tester);
    loading.is_over = true;
    if (is_worth_it)
        wg_beside_wait(&loading.beside);
    return ok;
}

/* One step, and samples of what it made. */
static bool run_step(struct tester *tester)
{
    char batch[32];
    struct wg_step_test test;
    struct wg_selftest_row *row = find_row(tester, "training step", "all");
    snprintf(batch, sizeof batch, "batch %d", WG_STEP_BATCH);
    if (!row)
        return false;
    bool ok = wg_step_test_create(tester->device, 1, WG_STEP_SEED, NULL, &test);
    if (ok) {
        ok = wg_step_test_step(&test) && wg_step_test_sample(&test);
        add_to_row(tester, row, batch, ok, &test.worst);
        wg_step_test_finish(&test);
    } else {
        add_to_row(tester, row, batch, false, NULL);
    }
    report_run(tester);
    return true;
}

static bool run_all(struct tester *tester)
{
    if (!collect_cases(tester))
        return false;
    part_large_cases(tester);
    struct wg_prebuild *notes;
    if (!note_programs(tester, &notes))
        return false;
    tester->total += !tester->quick;
    prebuild(tester, notes);
    bool ok = run_cases_and_load(tester, notes);
    wg_prebuild_destroy(notes);
    return ok && (tester->quick || run_step(tester));
}

static bool test(struct wg_device *device, int batch, bool quick,
                 const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test)
{
    double start = wg_clock_seconds();
    struct tester tester = {
        .device = device, .callbacks = callbacks, .quick = quick, .batch = batch};
    tester.result = calloc(1, sizeof *tester.result);
    wg_pages_keep(); // one case's memory is the next one's
    bool ok = tester.result ? run_all(&tester) : wg_fail_memory("the self-test");
    for (int i = 0; i < tester.case_count; i++)
        wg_case_finish(&tester.cases[i]);
    wg_pages_drop();
    free(tester.cases);
    if (!ok) {
        wg_selftest_destroy(tester.result);
        return false;
    }
    tester.result->seconds = wg_clock_seconds() - start;
    *ret_test = tester.result;
    return true;
}

bool wg_selftest_full(struct wg_device *device, const struct wg_train_settings *settings,
                      const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test)
{
    return test(device, settings->batch, false, callbacks, ret_test);
}

bool wg_selftest_quick(struct wg_device *device, const struct wg_train_settings *settings,
                       const struct wg_train_callbacks *callbacks, struct wg_selftest **ret_test)
{
    const struct wg_trainer_params params = {.settings = settings,
                                             .dataset = &images,
                                             .progress = callbacks ? callbacks->building : NULL,
                                             .user = callbacks ? callbacks->user : NULL};
    // What does not plan or build shows below, or in the training.
    wg_trainer_prebuild(device, &params);
    return test(device, settings->batch, true, callbacks, ret_test);
}

void wg_selftest_destroy(struct wg_selftest *test)
{
    if (test)
        free(test->rows);
    free(test);
}
