#include "host/graph/choices.h"

#include "host/base/error.h"
#include "host/device/tuning.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)WG_TUNED_KNOBS == (int)WG_KNOBS_MAX, "a tuning has room for all knobs");
_Static_assert((int)WG_TUNED_KEY_MAX == (int)WG_NODE_KEY_MAX, "and for a node's key");

struct text {
    char *at;
    size_t size, used;
};

static void WG_PRINTF(2, 3) put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (text->used < text->size)
        text->used +=
            (size_t)vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
}

static void put_shape(struct text *text, const struct wg_node *node)
{
    for (int d = 0; d < node->shape.rank; d++)
        put(text, "%s%zu", d ? "x" : "", node->shape.dim[d]);
}

void wg_node_key(const struct wg_node *node, char ret_key[WG_NODE_KEY_MAX])
{
    struct text text = {.at = ret_key, .size = WG_NODE_KEY_MAX};
    const struct wg_attributes *attr = &node->attr;
    put(&text, "%s ", node->op->name);
    put_shape(&text, node);
    int named = node->op == &wg_op_rmsprop ? 0 : node->in_count; // its result is all it updates
    for (int i = 0; i < named; i++) {
        put(&text, i ? ", " : " of ");
        put_shape(&text, node->in[i]);
    }
    if (attr->conv.k)
        put(&text, "; stride %zu pad %zu", attr->conv.stride, attr->conv.pad);
    if (attr->transpose_a || attr->transpose_b)
        put(&text, "; transposed %s%s", attr->transpose_a ? "a" : "", attr->transpose_b ? "b" : "");
    if (attr->activation != WG_ACTIVATION_NONE)
        put(&text, "; activation %d", (int)attr->activation);
    if (node->moments)
        put(&text, "; moments");
}

const struct wg_implementation *wg_op_find(const struct wg_op *op, const char *name)
{
    const struct wg_implementation *const *list = op->implementations;
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    return *list;
}

int wg_knob_count(const struct wg_implementation *implementation)
{
    int count = 0;
    while (implementation->knobs && count < WG_KNOBS_MAX && implementation->knobs[count].name)
        count++;
    return count;
}

static bool has_value(const struct wg_knob *knob, int value)
{
    for (int v = 0; v < WG_KNOB_VALUES_MAX && knob->values[v]; v++)
        if (knob->values[v] == value)
            return true;
    return value == 0;
}

static bool has_values(const struct wg_implementation *by, const int *knob)
{
    int count = wg_knob_count(by);
    for (int k = 0; k < WG_KNOBS_MAX; k++)
        if (k < count ? !has_value(&by->knobs[k], knob[k]) : knob[k] != 0)
            return false;
    return true;
}

bool wg_choose(struct wg_node *node, const struct wg_device *device, const char *implementation,
               const int *knob)
{
    struct wg_choice before = node->choice;
    const struct wg_implementation *by = wg_op_find(node->op, implementation);
    if (!by || !has_values(by, knob))
        return false;
    node->choice = (struct wg_choice){.by = by};
    memcpy(node->choice.knob, knob, sizeof node->choice.knob);
    if (wg_suits(by, node, device))
        return true;
    node->choice = before;
    return false;
}

void wg_choices_apply(const struct wg_graph *graph, const struct wg_device *device)
{
    char key[WG_NODE_KEY_MAX];
    for (int n = 0; device->tuning && n < wg_graph_count(graph); n++) {
        struct wg_node *node = wg_graph_node(graph, n);
        if (!node->op || node->choice.by)
            continue;
        wg_node_key(node, key);
        const struct wg_tuned_node *tuned = wg_tuning_find(device->tuning, key);
        if (tuned)
            wg_choose(node, device, tuned->implementation, tuned->knob);
    }
}
