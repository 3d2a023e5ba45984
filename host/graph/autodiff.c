#include "host/graph/autodiff.h"

#include "host/graph/op.h"

#include <stdlib.h>

/* depends[i]: whether node i is, or is computed from, one of x. */
static void mark_dependents(const struct wg_graph *g, int last, struct wg_node *const x[],
                            int count, bool *depends)
{
    for (int i = 0; i < count; i++)
        depends[x[i]->index] = true;
    for (int n = 0; n <= last; n++) {
        const struct wg_node *node = wg_graph_node(g, n);
        if (node->op && node->op->is_effect)
            continue;
        for (int i = 0; i < node->in_count; i++)
            depends[n] = depends[n] || depends[node->in[i]->index];
    }
}

/* Adds dy's contribution to the gradients of node's inputs. */
static void propagate(struct wg_graph *g, struct wg_node *node, const bool *depends,
                      struct wg_node **gradient)
{
    for (int i = 0; i < node->in_count; i++) {
        int input = node->in[i]->index;
        if (!depends[input])
            continue;
        if (!node->op->gradient) {
            wg_node_refuse(g, node->op->name, "can't be differentiated");
            return;
        }
        struct wg_node *part = node->op->gradient(g, node, gradient[node->index], i);
        if (part)
            gradient[input] = gradient[input] ? wg_add(g, gradient[input], part) : part;
    }
}

void wg_gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *const x[], int count,
                 struct wg_node *ret_dx[])
{
    for (int i = 0; i < count; i++)
        ret_dx[i] = NULL;
    bool missing = !y;
    for (int i = 0; i < count; i++)
        missing = missing || !x[i] || x[i]->index > y->index;
    if (missing || wg_shape_count(&y->shape) != 1) {
        wg_node_refuse(g, "gradient",
                       missing ? "an input is missing or younger than y" : "y is not a scalar");
        return;
    }
    int last = y->index;
    bool *depends = calloc((size_t)last + 1, sizeof *depends);
    struct wg_node **gradient = calloc((size_t)last + 1, sizeof *gradient);
    if (depends && gradient) {
        mark_dependents(g, last, x, count, depends);
        gradient[last] = wg_fill(g, 1.0f, y->shape);
        for (int n = last; n >= 0; n--)
            if (gradient[n] && depends[n])
                propagate(g, wg_graph_node(g, n), depends, gradient);
        for (int i = 0; i < count; i++) {
            ret_dx[i] = gradient[x[i]->index];
            if (!ret_dx[i])
                wg_node_refuse(g, x[i]->name, "the loss does not depend on it");
        }
    } else {
        wg_node_lack_memory(g, "gradient");
    }
    free(depends);
    free(gradient);
}
