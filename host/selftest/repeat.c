#include "host/selftest/repeat.h"

#include "host/graph/inputs.h"

#include <string.h>

/* As many images as repeat: none is like another as far away as chunks, vectors and bands are. */
enum { FEW = 5 };

/* What becomes of the images. */
enum result { EACH, SUM, MOMENTS_OF_ALL };

static const struct form {
    const char *op;
    enum result result;
    unsigned images; // which inputs are of images: one bit each
} forms[] = {
    {"activation_gradient", EACH, 1 << 0 | 1 << 1},
    {"sum_rows", SUM, 1 << 0},
    {"moments", MOMENTS_OF_ALL, 1 << X},
    {"batch_norm", EACH, 1 << X},
    {"batch_norm_sums", SUM, 1 << X | 1 << DY},
    {"batch_norm_data", EACH, 1 << X | 1 << DY},
    {"layer_filter", SUM, 1 << 0 | 1 << 1 | 1 << 2},
    {"layer_data", EACH, 1 << 0 | 1 << 1},
    {"norm_up", EACH, 1 << X},
    {"norm_up_sums", SUM, 1 << X | 1 << UP_D},
    {"norm_up_gradient", EACH, 1 << X | 1 << UP_D},
};

static const struct form *form_of(const struct wg_node *node)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(forms[i].op, node->op->name) == 0)
            return &forms[i];
    return NULL;
}

static bool is_of_images(const struct form *form, int input)
{
    return form->images >> input & 1;
}

static size_t count_images(const struct wg_node *node)
{
    const struct form *form = form_of(node);
    int input = 0;
    while (!is_of_images(form, input))
        input++;
    return node->in[input]->shape.dim[0];
}

bool wg_repeat_suits(const struct wg_node *node)
{
    return form_of(node) && count_images(node) > FEW;
}

size_t wg_repeat_period(const struct wg_node *node, int input)
{
    const struct wg_shape *shape = &node->in[input]->shape;
    size_t count = wg_shape_count(shape);
    return is_of_images(form_of(node), input) ? count / shape->dim[0] * FEW : count;
}

enum { INPUTS_MAX = UP_SUMS + 1 }; // of the ops above

/* A node of the first few images. */
struct few {
    struct wg_node node;
    struct wg_node in[INPUTS_MAX];
};

static void take_few(const struct wg_node *node, size_t images, struct few *ret_few)
{
    const struct form *form = form_of(node);
    ret_few->node = *node;
    for (int i = 0; i < node->in_count; i++) {
        ret_few->in[i] = *node->in[i];
        ret_few->node.in[i] = &ret_few->in[i];
        if (is_of_images(form, i))
            ret_few->in[i].shape.dim[0] = images;
    }
    if (form->result == EACH)
        ret_few->node.shape.dim[0] = images;
    if (node->attr.conv.n > 0)
        ret_few->node.attr.conv.n = images;
}

/* ---- results of all images together ---- */

/* `few` becomes what comes of `repeats` times FEW images, and of `left` more, which are `rest`. */
static void add_up(enum result result, double repeats, double left, struct wg_expected *few,
                   const struct wg_expected *rest)
{
    double all = repeats * FEW + left;
    double a = result == SUM ? repeats : repeats * FEW / all;
    double b = result == SUM ? left > 0 : left / all;
    size_t c = few->count / 2; // moments: means, then variances
    for (size_t i = few->count; i-- > 0;) {
        double between = 0;
        if (result == MOMENTS_OF_ALL && i >= c) {
            double apart = few->value[i - c] - rest->value[i - c];
            between = a * b * apart * apart;
        }
        few->value[i] = a * few->value[i] + b * rest->value[i] + between;
        few->allowed[i] = a * few->allowed[i] + b * rest->allowed[i];
    }
}

static bool sum(const struct wg_node *node, const struct wg_implementation *by,
                const void *const in[], struct wg_expectation *few)
{
    size_t images = count_images(node), left = images % FEW;
    struct few some;
    struct wg_expectation rest = {.count = 0};
    take_few(node, left ? left : FEW, &some); // of none, anything
    if (!wg_expect_part(&some.node, node, by, in, &rest))
        return false;
    add_up(form_of(node)->result, (double)(images / FEW), (double)left, &few->outputs[0],
           &rest.outputs[0]);
    wg_expectation_finish(&rest);
    return true;
}

bool wg_repeat_expect(const struct wg_node *node, const struct wg_implementation *by,
                      const void *const in[], struct wg_expectation *ret_expectation)
{
    struct few some;
    struct wg_expectation few;
    take_few(node, FEW, &some);
    if (!wg_expect_part(&some.node, node, by, in, &few))
        return false;
    if (form_of(node)->result == EACH) {
        few.outputs[0].repeated = wg_shape_count(&node->shape);
    } else if (!sum(node, by, in, &few)) {
        wg_expectation_finish(&few);
        return false;
    }
    few.outputs[0].node = node;
    *ret_expectation = few;
    return true;
}
