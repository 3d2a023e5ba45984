#include "host/selftest/case.h"

#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/base/size.h"
#include "host/selftest/left_moments.h"
#include "host/selftest/repeat.h"
#include "host/selftest/sample.h"
#include "host/selftest/sums.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the node alone ---- */

/* An input that comes twice is one variable: the first input that is the same as this one. */
static int first_of(const struct wg_node *node, int input)
{
    int first = 0;
    while (node->in[first] != node->in[input])
        first++;
    return first;
}

bool wg_case_create(const struct wg_node *node, struct wg_case *ret_case)
{
    struct wg_graph *graph = wg_graph_create();
    struct wg_node draft = *node;
    for (int i = 0; i < node->in_count; i++) {
        char name[16];
        int same = first_of(node, i);
        snprintf(name, sizeof name, "input %d", i);
        draft.in[i] = same < i ? draft.in[same]
                               : wg_variable(graph, name, node->in[i]->element, node->in[i]->shape);
    }
    draft.storage = node->op->is_effect && draft.in[0] ? draft.in[0]->storage : NULL;
    draft.moments = NULL;
    *ret_case = (struct wg_case){.graph = graph, .node = wg_node_add(graph, &draft)};
    if (wg_graph_ok(graph) && node->moments) {
        draft = *node->moments;
        draft.in[0] = ret_case->node;
        draft.storage = NULL;
        ret_case->node->moments = wg_node_add(graph, &draft);
    }
    if (wg_graph_ok(graph))
        return true;
    wg_case_finish(ret_case);
    return false;
}

void wg_case_forget(struct wg_case *c)
{
    for (int i = 0; i < WG_INPUTS_MAX; i++) {
        wg_pages_free(c->values[i]);
        c->values[i] = NULL;
    }
    wg_expectation_finish(&c->expectation);
}

void wg_case_finish(struct wg_case *c)
{
    wg_case_forget(c);
    wg_graph_destroy(c->graph);
    *c = (struct wg_case){0};
}

bool wg_case_equal(const struct wg_case *a, const struct wg_case *b)
{
    const struct wg_node *x = a->node, *y = b->node;
    bool equal = a->form == b->form && x->op == y->op && x->in_count == y->in_count &&
                 !x->moments == !y->moments && wg_shape_equal(&x->shape, &y->shape) &&
                 wg_attributes_equal(&x->attr, &y->attr);
    for (int i = 0; equal && i < x->in_count; i++)
        equal = x->in[i]->index == y->in[i]->index && x->in[i]->element == y->in[i]->element &&
                wg_shape_equal(&x->in[i]->shape, &y->in[i]->shape);
    return equal;
}

void wg_case_shape(const struct wg_case *c, char *text, size_t size)
{
    int used = 0;
    for (int d = 0; d < c->node->shape.rank; d++)
        used += snprintf(text + used, size - (size_t)used, "%s%zu", d ? " x " : "",
                         c->node->shape.dim[d]);
}

/* ---- its inputs ---- */

enum fill {
    FILL_EVEN,    // uniform in (-0.9, 0.9), unless the op asks for others
    FILL_TERMS,   // of the products of a sum
    FILL_SHARES,  // the same, such that a sum is about 1: where tanh is neither flat nor straight
    FILL_POWERS,  // of all sizes from 2^-18 to 1, of both signs
    FILL_SQUARES, // of all sizes from 2^-36 to 1, not negative
    FILL_MOMENTS, // uniform; the second half not negative
    FILL_OUTPUTS, // uniform, or zero, where an activation bends
    FILL_ROWS,    // uniform, times the rows of the first input: what sums over them are like
};

static const struct {
    const char *op;
    int input;
    enum fill fill;
} fills[] = {
    {"rmsprop", 0, FILL_POWERS},  // small weights show small steps,
    {"rmsprop", 1, FILL_SQUARES}, // and small roots where epsilon stands
    {"rmsprop", 2, FILL_POWERS},          {"matmul", 0, FILL_TERMS},
    {"matmul", 1, FILL_SHARES},           {"conv2d", 0, FILL_TERMS},
    {"conv2d", 1, FILL_SHARES},           {"conv2d_data", 0, FILL_TERMS},
    {"conv2d_data", 1, FILL_SHARES},      {"conv2d_filter", 0, FILL_TERMS},
    {"conv2d_filter", 1, FILL_TERMS},     {"layer_filter", 0, FILL_TERMS},
    {"layer_filter", 2, FILL_TERMS},      {"layer_data", 1, FILL_TERMS},
    {"layer_data", 2, FILL_TERMS},        {"sum_rows", 0, FILL_TERMS},
    {"moments", 0, FILL_TERMS},           {"batch_norm", 1, FILL_MOMENTS},
    {"batch_norm_sums", 1, FILL_MOMENTS}, {"batch_norm_sums", 4, FILL_TERMS},
    {"batch_norm_data", 1, FILL_MOMENTS}, {"batch_norm_data", 5, FILL_ROWS},
    {"moving_average", 0, FILL_MOMENTS},  {"moving_average", 1, FILL_MOMENTS},
    {"norm_kernel", 1, FILL_MOMENTS},     {"norm_bias", 1, FILL_MOMENTS},
    {"norm_up", 1, FILL_MOMENTS},         {"norm_up", 4, FILL_SHARES},
    {"norm_up_sums", 1, FILL_MOMENTS},    {"norm_up_sums", 4, FILL_TERMS},
    {"norm_up_sums", 5, FILL_TERMS},      {"norm_up_gradient", 1, FILL_MOMENTS},
    {"norm_up_gradient", 6, FILL_ROWS},   {"activation_gradient", 0, FILL_OUTPUTS},
    {"layer_filter", 1, FILL_OUTPUTS},    {"layer_data", 0, FILL_OUTPUTS},
};

static enum fill fill_of(const struct wg_node *node, int input)
{
    if (node->op == &wg_op_rmsprop)
        input %= 3; // one tensor is like the other
    for (size_t i = 0; i < sizeof fills / sizeof fills[0]; i++)
        if (fills[i].input == input && strcmp(fills[i].op, node->op->name) == 0)
            return fills[i].fill;
    return FILL_EVEN;
}

/*
 * What the inputs are for. A formula's bounds go by the absolute values of a sum's terms: three in
 * four are positive then, lest they cancel, and an error that is small against them is not small
 * against the sum. A comparison goes by the results' own size: there a missing term shows best
 * among those that cancel.
 */
enum purpose { FOR_FORMULA, FOR_COMPARISON };

/* A tensor to be filled. */
struct filling {
    const struct wg_node *variable;
    enum fill fill;
    enum purpose purpose;
    float shares; // the terms of a sum, these being weights
    float rows;   // of the first input
    uint32_t key[2];
    size_t count; // the first of its elements
    void *values;
};

/* Element `i` of a tensor, from a uniform random word. */
static float number(const struct filling *f, size_t i, uint32_t word)
{
    float even = 0.9f * (2.0f * wg_uniform_float(word) - 1.0f); // sums off the grid of the draw
    float term = f->purpose == FOR_FORMULA ? 0.3f + even / 1.5f : even;
    switch (f->fill) {
    case FILL_TERMS:
        return term;
    case FILL_SHARES: // products are 0.09 on average, or their squares
        return f->purpose == FOR_FORMULA ? term / (0.18f * f->shares)
                                         : term / (0.3f * sqrtf(f->shares));
    case FILL_POWERS:
        return copysignf(exp2f(-20.0f * fabsf(even)), even);
    case FILL_SQUARES:
        return exp2f(-40.0f * fabsf(even));
    case FILL_MOMENTS:
        return i < wg_shape_count(&f->variable->shape) / 2 ? even : fabsf(even);
    case FILL_OUTPUTS:
        return word % 16 == 0 ? 0.0f : even;
    case FILL_ROWS:
        return f->rows * even;
    default:
        return even;
    }
}

enum { FILL_PART = 1 << 14 }; // a multiple of the four words of a draw

static void fill_part(void *user, size_t index)
{
    const struct filling *f = user;
    const struct wg_part part = wg_part(index, FILL_PART, f->count);
    struct wg_philox_block block = {{0}};
    for (size_t i = part.first; i < part.last; i++) {
        const uint32_t counter[4] = {(uint32_t)(i / 4)};
        if (i % 4 == 0)
            block = wg_philox(counter, f->key);
        uint32_t word = block.v[i % 4];
        if (f->variable->element == WG_F32)
            ((float *)f->values)[i] = number(f, i, word);
        else if (f->variable->element == WG_U8)
            ((uint8_t *)f->values)[i] = (uint8_t)(word >> 24);
        else // a clock: a step all of whose bytes count, and an iteration
            ((uint32_t *)f->values)[i] = i == WG_CLOCK_STEP ? WG_CASE_STEP : WG_CASE_ITERATION;
    }
}

/* How many of `count` elements are drawn. */
static size_t count_drawn(const struct filling *filling, size_t count)
{
    bool may_repeat = filling->variable->element == WG_F32 && filling->fill != FILL_MOMENTS;
    return may_repeat ? wg_smaller(count, WG_SAMPLE_PERIOD) : count;
}

/* Its first `count` elements. */
static void fill_input(const struct wg_node *node, int input, enum purpose purpose, size_t count,
                       void *values)
{
    const struct wg_node *variable = node->in[input];
    size_t all = wg_shape_count(&variable->shape), last = wg_shape_last(&node->shape);
    struct filling filling = {.variable = variable,
                              .fill = fill_of(node, input),
                              .purpose = purpose,
                              .shares = (float)all / (float)last,
                              .rows = (float)(wg_shape_count(&node->in[0]->shape) / last),
                              .key = {(uint32_t)input, 0},
                              .values = values};
    filling.count = count_drawn(&filling, count);
    wg_parallel(wg_divide_up(filling.count, FILL_PART), fill_part, &filling);
    if (filling.count < count)
        wg_sample_repeat(values, filling.count, count);
}

static void fill_repeating(const struct wg_node *node, int input, enum purpose purpose,
                           float *values)
{
    size_t count = wg_shape_count(&node->in[input]->shape), period = wg_repeat_period(node, input);
    fill_input(node, input, purpose, period, values);
    wg_sample_repeat(values, period, count);
}

static void fill_as(const struct wg_case *c, int input, enum purpose purpose, void *values)
{
    switch (c->form) {
    case WG_CASE_SAMPLED:
        wg_sample_fill(c->node, input, values);
        break;
    case WG_CASE_REPEATED:
        fill_repeating(c->node, input, purpose, values);
        break;
    default:
        fill_input(c->node, input, purpose, wg_shape_count(&c->node->in[input]->shape), values);
    }
}

static bool fill(struct wg_case *c, enum purpose purpose)
{
    wg_case_forget(c);
    for (int i = 0; i < c->node->in_count; i++) {
        c->values[i] = wg_pages_allocate(wg_node_bytes(c->node->in[i]));
        if (!c->values[i])
            return wg_fail_memory("the inputs of a test");
        fill_as(c, first_of(c->node, i), purpose, c->values[i]);
    }
    return true;
}

bool wg_case_fill(struct wg_case *c)
{
    return fill(c, FOR_COMPARISON);
}

bool wg_case_prepare(struct wg_case *c, const struct wg_implementation *by)
{
    static bool (*const expect[])(const struct wg_node *, const struct wg_implementation *,
                                  const void *const[], struct wg_expectation *) = {
        [WG_CASE_WHOLE] = wg_expect,
        [WG_CASE_SAMPLED] = wg_sample_expect,
        [WG_CASE_REPEATED] = wg_repeat_expect,
    };
    const void *const *in = (const void *const *)c->values;
    return fill(c, FOR_FORMULA) && expect[c->form](c->node, by, in, &c->expectation);
}

/* ---- its run ---- */

static void describe(const struct wg_expected *expected, const void *got, size_t i,
                     struct wg_deviation *deviation)
{
    size_t element = wg_expected_element(expected, i);
    snprintf(deviation->text, sizeof deviation->text,
             "element %zu is %.9g, expected %.9g within %.3g", element,
             wg_element(expected->node, got, element), expected->value[i % expected->count],
             expected->allowed[i % expected->count]);
}

/* How far what was looked at in some elements is off as a whole, as far as that is known. */
static void compare_rest(const struct wg_expected *expected, const float *got,
                         struct wg_deviation *deviation)
{
    size_t at;
    double error = expected->sums ? wg_sums_error(expected->sums, got, &at) : 0;
    if (error > deviation->error) {
        deviation->error = error;
        wg_sums_describe(expected->sums, at, deviation->text, sizeof deviation->text);
    }
    if ((error > 1 || !expected->sums) && wg_expected_gap(expected, got, &at)) {
        deviation->error = INFINITY;
        snprintf(deviation->text, sizeof deviation->text,
                 "element %zu is not a number: it was never written, or is wrong", at);
    }
}

static bool compare_moments(const struct wg_node *node, struct wg_exec *exec,
                            struct wg_deviation *deviation)
{
    const float *x = wg_exec_map_target(exec, 0, node);
    const float *m = x ? wg_exec_map_target(exec, 0, node->moments) : NULL;
    bool ok = m && wg_left_moments_compare(node, x, m, deviation);
    ok = (!m || wg_exec_unmap_target(exec, 0, node->moments, m)) && ok;
    return (!x || wg_exec_unmap_target(exec, 0, node, x)) && ok;
}

bool wg_case_compare(const struct wg_case *c, struct wg_exec *exec,
                     struct wg_deviation *ret_deviation)
{
    *ret_deviation = (struct wg_deviation){.error = 0};
    for (int i = 0; i < c->expectation.count; i++) {
        const struct wg_expected *expected = &c->expectation.outputs[i];
        size_t at;
        const void *got = wg_exec_map_target(exec, 0, expected->node);
        if (!got)
            return false;
        double error = wg_expected_error(expected, got, &at);
        if (i == 0 || error > ret_deviation->error) {
            ret_deviation->error = error;
            describe(expected, got, at, ret_deviation);
        }
        if (error <= 1 && expected->elements)
            compare_rest(expected, got, ret_deviation);
        if (!wg_exec_unmap_target(exec, 0, expected->node, got))
            return false;
    }
    return !c->node->moments || compare_moments(c->node, exec, ret_deviation);
}

static bool plan_case(const struct wg_case *c, struct wg_device *device, const char *implementation,
                      struct wg_plan **ret_plan)
{
    struct wg_node *nodes[] = {c->node, c->node->moments};
    const struct wg_targets targets = {
        .name = "self-test", .nodes = nodes, .count = c->node->moments ? 2 : 1};
    return wg_plan_create(c->graph, device, &targets, 1, implementation, ret_plan);
}

bool wg_case_note(const struct wg_case *c, struct wg_device *device, const char *implementation,
                  struct wg_prebuild *notes)
{
    struct wg_plan *plan = NULL;
    bool ok = plan_case(c, device, implementation, &plan) && wg_exec_note(device, plan, notes);
    wg_plan_destroy(plan);
    return ok;
}

static bool create_exec(const struct wg_case *c, struct wg_device *device,
                        const struct wg_plan *plan, struct wg_exec **ret_exec)
{
    void *lent[WG_INPUTS_MAX + 1] = {NULL}; // by index: the inputs are the graph's first nodes
    for (int i = 0; i < c->node->in_count; i++)
        lent[c->node->in[i]->index] = c->values[i];
    if (c->is_run_once)
        return wg_exec_create_lent(device, plan, lent, ret_exec);
    bool ok = wg_exec_create(device, plan, NULL, NULL, ret_exec);
    for (int i = 0; ok && i < c->node->in_count; i++)
        ok = wg_exec_write(*ret_exec, c->node->in[i], c->values[i]);
    return ok;
}

bool wg_case_bind(const struct wg_case *c, struct wg_device *device, const char *implementation,
                  struct wg_function *ret_bound)
{
    *ret_bound = (struct wg_function){0}; // the graph stays the case's
    bool ok = plan_case(c, device, implementation, &ret_bound->plan) &&
              create_exec(c, device, ret_bound->plan, &ret_bound->exec);
    return ok && wg_exec_run(ret_bound->exec, 0) && wg_device_finish(device);
}

bool wg_case_run(const struct wg_case *c, struct wg_device *device, const char *implementation,
                 struct wg_deviation *ret_deviation)
{
    struct wg_function bound;
    bool ok = wg_case_bind(c, device, implementation, &bound) &&
              wg_case_compare(c, bound.exec, ret_deviation);
    wg_function_finish(&bound);
    return ok;
}
