#include "host/selftest/expected.h"

#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/selftest/sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double *wg_zeros(size_t count)
{
    double *zeros = wg_pages_allocate(count * sizeof *zeros);
    if (zeros)
        memset(zeros, 0, count * sizeof *zeros);
    return zeros;
}

bool wg_expected_create(const struct wg_node *node, size_t count, struct wg_expected *ret_expected)
{
    *ret_expected = (struct wg_expected){.node = node, .count = count};
    ret_expected->elements = calloc(count, sizeof *ret_expected->elements);
    ret_expected->value = wg_zeros(count);
    ret_expected->allowed = wg_zeros(count);
    if (ret_expected->elements && ret_expected->value && ret_expected->allowed)
        return true;
    wg_expected_finish(ret_expected);
    return wg_fail_memory("what a node should compute");
}

void wg_expected_finish(struct wg_expected *expected)
{
    free(expected->elements);
    wg_pages_free(expected->value);
    wg_pages_free(expected->allowed);
    wg_sums_destroy(expected->sums);
    *expected = (struct wg_expected){0};
}

double wg_element(const struct wg_node *node, const void *values, size_t i)
{
    switch (node->element) {
    case WG_U8:
        return ((const uint8_t *)values)[i];
    case WG_U32:
        return ((const uint32_t *)values)[i];
    default:
        return (double)((const float *)values)[i];
    }
}

bool wg_expected_gap(const struct wg_expected *expected, const float *got, size_t *ret_element)
{
    size_t count = expected->elements ? wg_shape_count(&expected->node->shape) : 0;
    for (*ret_element = 0; *ret_element < count; (*ret_element)++)
        if (isnan(got[*ret_element]))
            return true;
    return false;
}

/* What is compared in parts, and how far each is off at most. */
struct comparison {
    const struct wg_expected *expected;
    const void *got;
    size_t total, length; // elements compared, and of a part of the expected ones
    struct {
        double error;
        size_t i;
    } worst[64];
};
enum { PARTS = sizeof((struct comparison *)0)->worst / sizeof((struct comparison *)0)->worst[0] };

/* Part of the expected elements, with all that repeat them. Errors are divided out only where they
 * are worse than any before. */
static void compare_part(void *user, size_t index)
{
    struct comparison *c = user;
    const struct wg_expected *e = c->expected;
    const struct wg_part part = wg_part(index, c->length, e->count);
    const float *floats = e->node->element == WG_F32 && !e->elements ? c->got : NULL;
    double worst = 0;
    for (size_t from = 0; from < c->total; from += e->count)
        for (size_t k = part.first; k < part.last && from + k < c->total; k++) {
            size_t i = from + k;
            double x =
                floats ? (double)floats[i] : wg_element(e->node, c->got, wg_expected_element(e, i));
            double off = fabs(x - e->value[k]);
            if (off <= worst * e->allowed[k]) // false if it is a NaN
                continue;
            double error = off == 0 ? 0 : off / e->allowed[k];
            if (error <= worst)
                continue;
            worst = isnan(error) ? INFINITY : error;
            c->worst[index].error = worst;
            c->worst[index].i = i;
        }
}

double wg_expected_error(const struct wg_expected *expected, const void *got, size_t *ret_i)
{
    struct comparison c = {.expected = expected, .got = got};
    double worst = 0;
    *ret_i = 0;
    c.total = wg_larger(expected->count, expected->repeated);
    c.length = wg_larger(wg_divide_up(expected->count, PARTS), 4096);
    wg_parallel(wg_divide_up(expected->count, c.length), compare_part, &c);
    for (size_t p = 0; p < PARTS; p++)
        if (c.worst[p].error > worst) {
            worst = c.worst[p].error;
            *ret_i = c.worst[p].i;
        }
    return worst;
}
