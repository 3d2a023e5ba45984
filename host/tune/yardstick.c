#include "host/tune/yardstick.h"

#include "host/base/error.h"
#include "host/base/pages.h"
#include "host/selftest/element.h"

#include <math.h>
#include <string.h>

/*
 * Off by more than this share of a tensor's root mean square is wrong. The longest sums of a step
 * have 25,000 terms, whose roundings are 1e-5 of it in the worst order met; what is really wrong is
 * off by about all of it.
 */
#define TOLERANCE 1e-3

/* Elements held against the formula, spread over the tensor, its first and last among them. */
enum { SAMPLES = 64 };

static bool expect_read(struct wg_exec *exec, const struct wg_node *node,
                        struct wg_expectation *expectation)
{
    size_t count = wg_shape_count(&node->shape);
    double squares = 0;
    void *got = wg_pages_allocate(wg_node_bytes(node));
    struct wg_expected *expected = &expectation->outputs[expectation->count++];
    *expected = (struct wg_expected){
        .node = node, .count = count, .value = wg_zeros(count), .allowed = wg_zeros(count)};
    bool ok = (got && expected->value && expected->allowed) || wg_fail_memory("a test");
    ok = ok && wg_exec_read_target(exec, 0, node, got);
    for (size_t i = 0; ok && i < count; i++) {
        expected->value[i] = wg_element(node, got, i);
        squares += expected->value[i] * expected->value[i];
    }
    for (size_t i = 0; ok && i < count; i++)
        expected->allowed[i] = TOLERANCE * sqrt(squares / (double)count);
    wg_pages_free(got);
    return ok;
}

/* What a node leaves: itself or, of an effect, its first input, of rmsprop all but gradients. */
static bool expect_all(struct wg_case *c, struct wg_exec *exec)
{
    const struct wg_node *node = c->node;
    bool is_update = node->op == &wg_op_rmsprop;
    bool ok =
        is_update || expect_read(exec, node->op->is_effect ? node->in[0] : node, &c->expectation);
    for (int i = 0; ok && is_update && i < node->in_count; i++)
        ok = i % 3 == 2 || expect_read(exec, node->in[i], &c->expectation);
    return ok;
}

/* Whether what was computed is what the formula says. */
static bool check(const struct wg_case *c)
{
    const struct wg_expected *expected = &c->expectation.outputs[0];
    const float *in[WG_INPUTS_MAX] = {0};
    for (int i = 0; i < c->node->in_count; i++)
        in[i] = c->values[i];
    for (size_t s = 0; s < SAMPLES; s++) {
        size_t element = (expected->count - 1) * s / (SAMPLES - 1);
        double right = wg_element_result(c->node, in, element), got = expected->value[element];
        if (!(fabs(got - right) <= expected->allowed[element]))
            return wg_fail(WG_ERROR_DATA, "element %zu is %.9g, expected %.9g", element, got,
                           right);
    }
    return true;
}

bool wg_yardstick_prepare(struct wg_case *c, struct wg_device *device, const char *implementation)
{
    struct wg_function bound = {0};
    bool ok = wg_case_fill(c) && wg_case_bind(c, device, implementation, &bound) &&
              expect_all(c, bound.exec) && (strcmp(implementation, "ref") == 0 || check(c));
    wg_function_finish(&bound);
    return ok;
}
