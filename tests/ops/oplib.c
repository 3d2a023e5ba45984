#include "tests/ops/oplib.h"

#include "host/base/error.h"
#include "host/graph/choices.h"
#include "host/selftest/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.graph = wg_graph_create()};
    ck_assert_ptr_nonnull(rig->graph);
}

static void forget_run(struct rig *rig)
{
    wg_exec_destroy(rig->exec);
    wg_plan_destroy(rig->plan);
    rig->exec = NULL;
    rig->plan = NULL;
}

void rig_finish(struct rig *rig)
{
    forget_run(rig);
    wg_graph_destroy(rig->graph);
    for (int i = 0; i < rig->memory_count; i++)
        free(rig->memory[i]);
    *rig = (struct rig){0};
}

void *rig_memory(struct rig *rig, size_t bytes)
{
    void *memory = calloc(1, bytes);
    ck_assert_ptr_nonnull(memory);
    ck_assert_int_lt(rig->memory_count, RIG_MEMORY_MAX);
    rig->memory[rig->memory_count++] = memory;
    return memory;
}

double *rig_zeros(struct rig *rig, size_t count)
{
    return rig_memory(rig, count * sizeof(double));
}

/* ---- variables ---- */

struct wg_node *rig_integers(struct rig *rig, const char *name, enum wg_element element,
                             struct wg_shape shape)
{
    struct wg_node *node = wg_variable(rig->graph, name, element, shape);
    ck_assert_ptr_nonnull(node);
    ck_assert_int_lt(rig->variable_count, RIG_VARIABLES_MAX);
    rig->variables[rig->variable_count].node = node;
    rig->variables[rig->variable_count].values = rig_memory(rig, wg_node_bytes(node));
    rig->variable_count++;
    return node;
}

struct wg_node *rig_variable(struct rig *rig, const char *name, struct wg_shape shape)
{
    struct wg_node *node = rig_integers(rig, name, WG_F32, shape);
    test_fill(rig_values(rig, node), wg_shape_count(&shape), (unsigned)rig->variable_count);
    return node;
}

void *rig_values(struct rig *rig, const struct wg_node *variable)
{
    for (int i = 0; i < rig->variable_count; i++)
        if (rig->variables[i].node == variable)
            return rig->variables[i].values;
    ck_abort_msg("'%s' is not a variable of the rig", variable->name);
    return NULL;
}

double *rig_doubles(struct rig *rig, const struct wg_node *variable)
{
    const float *values = rig_values(rig, variable);
    size_t count = wg_shape_count(&variable->shape);
    double *doubles = rig_zeros(rig, count);
    for (size_t i = 0; i < count; i++)
        doubles[i] = values[i];
    return doubles;
}

double *rig_magnitudes(struct rig *rig, const struct wg_node *variable)
{
    double *magnitudes = rig_doubles(rig, variable);
    for (size_t i = 0; i < wg_shape_count(&variable->shape); i++)
        magnitudes[i] = fabs(magnitudes[i]);
    return magnitudes;
}

struct wg_node *rig_inner(struct rig *rig, struct wg_node *y, struct wg_node *r)
{
    size_t count = wg_shape_count(&y->shape);
    return wg_matmul(rig->graph, wg_reshape(rig->graph, y, wg_shape(1, count)), false,
                     wg_reshape(rig->graph, r, wg_shape(count, 1)), false);
}

/* ---- running ---- */

void rig_run(struct rig *rig, const char *forced, struct wg_node *const *targets, int count)
{
    const struct wg_targets all = {.name = "test", .nodes = targets, .count = count};
    forget_run(rig);
    ck_assert_msg(wg_graph_ok(rig->graph), "%s", wg_error_message());
    ck_assert_msg(wg_plan_create(rig->graph, test_device(), &all, 1, forced, &rig->plan), "%s",
                  wg_error_message());
    ck_assert_msg(wg_exec_create(test_device(), rig->plan, NULL, NULL, &rig->exec), "%s",
                  wg_error_message());
    for (int i = 0; i < rig->variable_count; i++)
        ck_assert_msg(wg_exec_write(rig->exec, rig->variables[i].node, rig->variables[i].values),
                      "%s", wg_error_message());
    ck_assert_msg(wg_exec_run(rig->exec, 0) && wg_device_finish(test_device()), "%s",
                  wg_error_message());
}

float *rig_result(struct rig *rig, const struct wg_node *node)
{
    float *result = rig_memory(rig, wg_node_bytes(node));
    ck_assert_msg(wg_exec_read_target(rig->exec, 0, node, result), "%s", wg_error_message());
    return result;
}

double *rig_wide(struct rig *rig, const struct wg_node *node)
{
    size_t count = wg_shape_count(&node->shape);
    const float *values = rig_result(rig, node);
    double *wide = rig_zeros(rig, count);
    for (size_t i = 0; i < count; i++)
        wide[i] = values[i];
    return wide;
}

static const struct wg_implementation *implementation_of(const struct rig *rig,
                                                         const struct wg_node *node)
{
    const struct wg_schedule *schedule = &rig->plan->schedules[0];
    for (int t = 0; t < schedule->count; t++)
        if (schedule->tasks[t].node == node)
            return schedule->tasks[t].implementation;
    ck_abort_msg("the schedule does not run '%s'", node->name);
    return NULL;
}

const char *rig_implementation(const struct rig *rig, const struct wg_node *node)
{
    return implementation_of(rig, node)->name;
}

bool rig_suits(const struct wg_node *node, const char *implementation)
{
    const struct wg_implementation *by = wg_op_find(node->op, implementation);
    return by && wg_suits(by, node, test_device());
}

/* ---- checking ---- */

/* "conv2d [2, 7, 7, 3] by ref" */
static void describe(const struct rig *rig, const struct wg_node *node, char *text, size_t size)
{
    int used = snprintf(text, size, "%s [", node->name);
    for (int d = 0; d < node->shape.rank; d++)
        used +=
            snprintf(text + used, size - (size_t)used, "%s%zu", d ? ", " : "", node->shape.dim[d]);
    bool runs = wg_node_runs(node);
    snprintf(text + used, size - (size_t)used, "]%s%s", runs ? " by " : "",
             runs ? rig_implementation(rig, node) : "");
}

void rig_check(struct rig *rig, const struct wg_node *node, const double *expected,
               const double *magnitude, double units)
{
    char what[256];
    size_t worst = 0;
    const float *got = rig_result(rig, node);
    double error = test_rounding(got, expected, magnitude, wg_shape_count(&node->shape), &worst);
    describe(rig, node, what, sizeof what);
    ck_assert_msg(error <= units,
                  "%s: element %zu is %.9g, expected %.9g, off by %.3g of %.3g units", what, worst,
                  (double)got[worst], expected[worst], error, units);
}

void rig_check_node(struct rig *rig, const struct wg_node *node)
{
    const void *in[WG_INPUTS_MAX];
    char what[256];
    struct wg_expectation expectation;
    for (int i = 0; i < node->in_count; i++)
        in[i] = rig_values(rig, node->in[i]);
    ck_assert_msg(wg_expect(node, implementation_of(rig, node), in, &expectation), "%s",
                  wg_error_message());
    describe(rig, node, what, sizeof what);
    for (int i = 0; i < expectation.count; i++) {
        const struct wg_expected *expected = &expectation.outputs[i];
        const void *got = rig_result(rig, expected->node);
        size_t worst;
        double error = wg_expected_error(expected, got, &worst);
        ck_assert_msg(
            error <= 1,
            "%s: element %zu of '%s' is %.9g, expected %.9g, off by %.3g of what rounding "
            "allows",
            what, worst, expected->node->name, wg_element(expected->node, got, worst),
            expected->value[worst], error);
    }
    wg_expectation_finish(&expectation);
}

double rig_dot(size_t count, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The loss at x + step * d. */
static double loss_along(struct rig *rig, struct wg_node *const x[], double *const d[], double step,
                         rig_loss *loss, void *context)
{
    double *moved[RIG_SLOPE_MAX] = {0};
    for (int i = 0; x[i]; i++) {
        moved[i] = rig_doubles(rig, x[i]);
        for (size_t k = 0; k < wg_shape_count(&x[i]->shape); k++)
            moved[i][k] += step * d[i][k];
    }
    return loss(context, moved);
}

void rig_check_slope(struct rig *rig, struct wg_node *const x[], struct wg_node *const dx[],
                     rig_loss *loss, void *context, double units)
{
    const double h = 1e-5;
    double *d[RIG_SLOPE_MAX] = {0}, projection = 0, magnitude = 0;
    for (int i = 0; x[i]; i++) {
        size_t count = wg_shape_count(&x[i]->shape);
        float *direction = rig_memory(rig, count * sizeof *direction);
        const double *gradient = rig_wide(rig, dx[i]);
        test_fill(direction, count, 1000 + (unsigned)i);
        d[i] = rig_zeros(rig, count);
        for (size_t k = 0; k < count; k++) {
            d[i][k] = direction[k];
            projection += gradient[k] * d[i][k];
            magnitude += fabs(gradient[k] * d[i][k]);
        }
    }
    double slope =
        (loss_along(rig, x, d, h, loss, context) - loss_along(rig, x, d, -h, loss, context)) /
        (2 * h);
    double allowed = units * 0x1p-24 * magnitude + 1e-7;
    ck_assert_msg(fabs(projection - slope) <= allowed,
                  "the gradients' slope is %.9g, that of the loss %.9g, off by more than %.3g",
                  projection, slope, allowed);
}

void rig_check_refused(struct rig *rig, const struct wg_node *result, const char *op)
{
    char start[128];
    snprintf(start, sizeof start, "graph: %s: ", op);
    ck_assert_msg(!result, "%s should have been refused", op);
    ck_assert_msg(!wg_graph_ok(rig->graph), "%s: the graph has not failed", op);
    ck_assert_int_eq(wg_error_status(), WG_ERROR_ARGUMENT);
    ck_assert_msg(strncmp(wg_error_message(), start, strlen(start)) == 0,
                  "'%s' does not begin with '%s'", wg_error_message(), start);
    rig_finish(rig);
    rig_init(rig);
}

/* ---- the device ---- */

static struct wg_device honest;

void rig_promise_large_groups(void)
{
    honest = *test_device();
    test_device()->info.work_group_size *= 16;
    for (int d = 0; d < 3; d++)
        test_device()->work_item_sizes[d] *= 16;
}

void rig_promise_no_more(void)
{
    test_device()->info = honest.info;
    memcpy(test_device()->work_item_sizes, honest.work_item_sizes, sizeof honest.work_item_sizes);
}
