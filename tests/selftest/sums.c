/*
 * Sums of whole results: they are what the formulas of single elements come to, and any element
 * that is wrong shows.
 */
#define _GNU_SOURCE // sched_setaffinity

#include "host/selftest/sums.h"
#include "host/graph/inputs.h"
#include "host/selftest/case.h"
#include "host/selftest/element.h"
#include "host/selftest/sample.h"
#include "tests/testlib.h"

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* ---- nodes ---- */

/* {n, h, w, c, oh, ow, oc, k, stride, pad} */
static const struct wg_conv strided = {7, 6, 5, 9, 3, 3, 11, 4, 2, 1};
static const struct wg_conv plain = {3, 5, 4, 17, 5, 4, 8, 3, 1, 1};

static struct wg_node *variable(struct wg_graph *g, struct wg_shape shape)
{
    static int number;
    char name[16];
    snprintf(name, sizeof name, "v%d", number++);
    return wg_variable(g, name, WG_F32, shape);
}

static struct wg_node *convolution(struct wg_graph *g, const struct wg_conv *v, enum wg_form form)
{
    struct wg_node *x = variable(g, wg_shape(v->n, v->h, v->w, v->c));
    struct wg_node *w = variable(g, wg_shape(v->k, v->k, v->c, v->oc));
    struct wg_node *y = variable(g, wg_shape(v->n, v->oh, v->ow, v->oc));
    return form == WG_FORM_CONV2D ? wg_conv2d(g, x, w, v)
           : form == WG_FORM_DATA ? wg_conv2d_data(g, y, w, v)
                                  : wg_conv2d_filter(g, x, y, v);
}

/* Each form by both geometries, then products, transposed or not. */
enum { CONVOLUTIONS = 6, NODES = CONVOLUTIONS + 4 };

static struct wg_node *create(struct wg_graph *g, int i)
{
    if (i < CONVOLUTIONS)
        return convolution(g, i % 2 ? &strided : &plain, (enum wg_form)(i / 2));
    bool ta = i % 2, tb = i / 2 % 2;
    return wg_matmul(g, variable(g, ta ? wg_shape(21, 6) : wg_shape(6, 21)), ta,
                     variable(g, tb ? wg_shape(19, 21) : wg_shape(21, 19)), tb);
}

/* What may follow the sums. */
enum after { NOTHING, LEAKY_RELU, RELU, TANH };

static struct wg_case prepare(struct wg_graph *g, int i, enum after after,
                              const struct wg_implementation *by)
{
    struct wg_case c;
    struct wg_node node = *create(g, i);
    if (after != NOTHING) {
        node.in[CONV_BIAS] = variable(g, wg_shape(wg_shape_last(&node.shape)));
        node.in_count = CONV_BIAS + 1;
        node.attr.activation = after == TANH ? WG_ACTIVATION_TANH : WG_ACTIVATION_LEAKY_RELU;
        node.attr.slope = after == LEAKY_RELU ? 0.2f : 0;
    }
    ck_assert(wg_graph_ok(g) && wg_case_create(&node, &c));
    c.form = WG_CASE_SAMPLED;
    ck_assert_msg(wg_case_prepare(&c, by), "%s", wg_error_message());
    return c;
}

static float activate(const struct wg_attributes *attr, double sum)
{
    if (attr->activation == WG_ACTIVATION_TANH)
        return tanhf((float)sum);
    bool is_bent = attr->activation == WG_ACTIVATION_LEAKY_RELU && sum < 0;
    return is_bent ? attr->slope * (float)sum : (float)sum;
}

/* What a device would compute. */
static float *compute(const struct wg_case *c)
{
    const struct wg_node *node = c->node;
    size_t count = wg_shape_count(&node->shape);
    float *result = malloc(count * sizeof *result);
    ck_assert_ptr_nonnull(result);
    for (size_t i = 0; i < count; i++) {
        const float *bias = wg_bias_of(node) ? c->values[CONV_BIAS] : NULL;
        double sum = wg_element_form(node)->sum(node, c->values[0], c->values[1], i);
        sum += bias ? (double)bias[i % wg_shape_last(&node->shape)] : 0;
        result[i] = activate(&node->attr, sum);
    }
    return result;
}

/* ---- the tests ---- */

/* Whatever element is wrong, and however little: by the unit of the sums. */
static void check_all_noticed(struct wg_sums *sums, float *result, size_t count)
{
    size_t at, far = 0;
    double unit = sums->unit;
    ck_assert(wg_sums_error(sums, result, &at) == 0);
    for (size_t i = 0; i < count; i++) {
        const float right = result[i];
        result[i] += (float)(right < 0 ? -unit : unit);
        ck_assert_msg(isinf(wg_sums_error(sums, result, &at)), "%s: %zu", sums->node->name, i);
        ck_assert_uint_eq(at, i / sums->inner % sums->count);
        result[i] = right;
        far += fabsf(right) > 0.1f;
    }
    ck_assert_uint_gt(4 * far, count); // sums of 0 would prove nothing
    result[count / 2] = NAN;
    ck_assert(isinf(wg_sums_error(sums, result, &at)));
}

/* _i: the node, without and with bias and activation */
START_TEST(every_element_that_is_wrong_shows)
{
    bool has_bias = _i >= NODES;
    if (has_bias && (_i - NODES) / 2 == WG_FORM_FILTER)
        return; // has none
    struct wg_graph *g = wg_graph_create();
    struct wg_case c = prepare(g, _i % NODES, has_bias ? LEAKY_RELU : NOTHING, NULL);
    float *result = compute(&c);
    struct wg_sums *sums = c.expectation.outputs[0].sums;
    ck_assert_ptr_nonnull(sums);
    ck_assert(sums->allowed == 0);
    check_all_noticed(sums, result, wg_shape_count(&c.node->shape));
    free(result);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

/* Much less than what results are like, where they are rounded on the way. */
START_TEST(what_is_rounded_may_be_off_a_little)
{
    const struct wg_implementation winograd = {.name = "winograd", .is_winograd = true};
    struct wg_graph *g = wg_graph_create();
    struct wg_case c = prepare(g, _i, _i < 4 ? LEAKY_RELU : NOTHING, &winograd);
    float *result = compute(&c);
    struct wg_sums *sums = c.expectation.outputs[0].sums;
    size_t at, middle = wg_shape_count(&c.node->shape) / 2;
    ck_assert(sums->allowed > 0);
    ck_assert_double_lt(wg_sums_error(sums, result, &at), 0.1);
    result[middle] += result[middle] < 0 ? -0.01f : 0.01f;
    ck_assert_double_gt(wg_sums_error(sums, result, &at), 1);
    ck_assert_uint_eq(at, middle / sums->inner % sums->count);
    free(result);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(where_a_sum_is_off_is_told)
{
    static const struct {
        int node;
        const char *where;
    } cases[] = {{1, "pixel (1, 1) over all images and channels"},
                 {3, "pixel (2, 4) over all images and channels"},
                 {5, "tap (3, 2) over all channels"},
                 {6, "row 5 over its columns"}};
    struct wg_graph *g = wg_graph_create();
    struct wg_case c = prepare(g, cases[_i].node, NOTHING, NULL);
    size_t i = (const size_t[]){4, 14, 14, 5}[_i];
    char text[320];
    wg_sums_describe(c.expectation.outputs[0].sums, i, text, sizeof text);
    ck_assert_msg(strstr(text, cases[_i].where) && strstr(text, "expected"), "%s", text);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

/* Six channels of seven are such that it leaves them alone, and are seen to the last bit; where it
 * bends the others, nothing is known of what it made zero. */
START_TEST(relu_leaves_most_channels_alone)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_case c = prepare(g, _i, RELU, NULL);
    float *result = compute(&c);
    struct wg_sums *sums = c.expectation.outputs[0].sums;
    size_t at, seen = 0, count = wg_shape_count(&c.node->shape);
    ck_assert(sums->allowed == 0);
    ck_assert(wg_sums_error(sums, result, &at) == 0);
    for (size_t i = 0; i < count; i++) {
        const float right = result[i];
        bool shows = wg_sums_lift(c.node, i % sums->inner) > 0;
        ck_assert(!shows || right > 0);
        result[i] += (float)sums->unit;
        ck_assert(isinf(wg_sums_error(sums, result, &at)) == shows);
        result[i] = right;
        seen += shows;
    }
    ck_assert_uint_ge(8 * seen, 6 * count);
    ck_assert_uint_lt(seen, count);
    free(result);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

/* An element that is off by a fiftieth of what tanh was given shows. */
START_TEST(tanh_is_undone)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_case c = prepare(g, _i, TANH, NULL);
    float *result = compute(&c);
    struct wg_sums *sums = c.expectation.outputs[0].sums;
    size_t at, count = wg_shape_count(&c.node->shape);
    ck_assert_double_lt(wg_sums_error(sums, result, &at), 0.1);
    for (size_t i = 0; i < count; i++) {
        const float right = result[i];
        result[i] = tanhf(atanhf(right) + 0.02f);
        ck_assert_double_gt(wg_sums_error(sums, result, &at), 1);
        result[i] = right;
    }
    result[0] = 1; // of which nothing is known
    ck_assert(isinf(wg_sums_error(sums, result, &at)));
    free(result);
    wg_case_finish(&c);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(relu_without_a_bias_has_no_sums)
{
    struct wg_graph *g = wg_graph_create();
    struct wg_node node = *create(g, 0);
    node.attr.activation = WG_ACTIVATION_LEAKY_RELU;
    ck_assert(!wg_sums_suit(&node));
    wg_graph_destroy(g);
}
END_TEST

static void hold_to(const cpu_set_t *cores)
{
    ck_assert_int_eq(sched_setaffinity(0, sizeof *cores, cores), 0);
}

/* Inputs, samples and sums are the same to the last bit on one core and on all. */
START_TEST(threads_change_nothing)
{
    cpu_set_t all, one;
    struct wg_graph *g = wg_graph_create();
    CPU_ZERO(&one);
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    for (size_t core = 0; CPU_COUNT(&one) == 0; core++)
        if (CPU_ISSET(core, &all))
            CPU_SET(core, &one);
    struct wg_case many = prepare(g, _i, NOTHING, NULL);
    hold_to(&one);
    struct wg_case few = prepare(g, _i, NOTHING, NULL);
    hold_to(&all);
    const struct wg_expected *a = &many.expectation.outputs[0], *b = &few.expectation.outputs[0];
    for (int i = 0; i < 2; i++)
        ck_assert_mem_eq(many.values[i], few.values[i],
                         wg_shape_count(&many.node->in[i]->shape) * sizeof(float));
    ck_assert_uint_eq(a->count, b->count);
    ck_assert_mem_eq(a->elements, b->elements, a->count * sizeof *a->elements);
    ck_assert_mem_eq(a->value, b->value, a->count * sizeof *a->value);
    ck_assert_mem_eq(a->sums->value, b->sums->value, a->sums->count * sizeof *a->sums->value);
    wg_case_finish(&many);
    wg_case_finish(&few);
    wg_graph_destroy(g);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("sums");
    tcase_add_loop_test(tests, every_element_that_is_wrong_shows, 0, 2 * NODES);
    tcase_add_loop_test(tests, what_is_rounded_may_be_off_a_little, 0, CONVOLUTIONS);
    tcase_add_loop_test(tests, where_a_sum_is_off_is_told, 0, 4);
    tcase_add_loop_test(tests, relu_leaves_most_channels_alone, 0, 4);
    tcase_add_loop_test(tests, tanh_is_undone, 0, 4);
    tcase_add_test(tests, relu_without_a_bias_has_no_sums);
    tcase_add_loop_test(tests, threads_change_nothing, 0, NODES);

    Suite *suite = suite_create("sums");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
