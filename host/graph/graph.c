#include "host/graph/graph.h"

#include "host/base/array.h"
#include "host/base/error.h"
#include "host/base/size.h"
#include "host/graph/op.h"

#include <stdlib.h>
#include <string.h>

struct wg_graph {
    struct wg_node **nodes;
    int count;
    enum wg_status status; // of the first failure; WG_OK: there is none
    char failure[256];
};

/* ---- shapes ---- */

size_t wg_shape_count(const struct wg_shape *shape)
{
    size_t count = 1;
    for (int d = 0; d < shape->rank; d++)
        count *= shape->dim[d];
    return count;
}

size_t wg_shape_last(const struct wg_shape *shape)
{
    return shape->dim[shape->rank - 1];
}

size_t wg_shape_rows(const struct wg_shape *shape)
{
    return wg_shape_count(shape) / wg_shape_last(shape);
}

bool wg_shape_equal(const struct wg_shape *a, const struct wg_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

size_t wg_node_bytes(const struct wg_node *node)
{
    return wg_shape_count(&node->shape) * (node->element == WG_U8 ? 1 : 4);
}

struct wg_conv wg_conv_same(const struct wg_shape *x, size_t oc, size_t k, size_t stride)
{
    struct wg_conv conv = {.n = x->dim[0],
                           .h = x->dim[1],
                           .w = x->dim[2],
                           .c = x->dim[3],
                           .oc = oc,
                           .k = k,
                           .stride = stride};
    conv.oh = wg_divide_up(conv.h, stride);
    conv.ow = wg_divide_up(conv.w, stride);
    size_t reach = (conv.oh - 1) * stride + k;
    conv.pad = reach > conv.h ? (reach - conv.h) / 2 : 0;
    return conv;
}

/* ---- the graph ---- */

struct wg_graph *wg_graph_create(void)
{
    return calloc(1, sizeof(struct wg_graph));
}

void wg_graph_destroy(struct wg_graph *graph)
{
    if (!graph)
        return;
    for (int i = 0; i < graph->count; i++) {
        if (!graph->nodes[i]->op)
            free((char *)graph->nodes[i]->name);
        free(graph->nodes[i]);
    }
    free(graph->nodes);
    free(graph);
}

bool wg_graph_ok(const struct wg_graph *graph)
{
    if (!graph)
        return wg_fail_memory("a graph");
    return graph->status == WG_OK || wg_fail(graph->status, "graph: %s", graph->failure);
}

int wg_graph_count(const struct wg_graph *graph)
{
    return graph->count;
}

struct wg_node *wg_graph_node(const struct wg_graph *graph, int index)
{
    return graph->nodes[index];
}

static struct wg_node *fail(struct wg_graph *g, enum wg_status status, const char *op,
                            const char *reason)
{
    if (!g || g->status != WG_OK)
        return NULL;
    g->status = status;
    snprintf(g->failure, sizeof g->failure, "%s: %s", op, reason);
    return NULL;
}

struct wg_node *wg_node_refuse(struct wg_graph *g, const char *op, const char *reason)
{
    return fail(g, WG_ERROR_ARGUMENT, op, reason);
}

struct wg_node *wg_node_lack_memory(struct wg_graph *g, const char *op)
{
    return fail(g, WG_ERROR_MEMORY, op, "out of memory on the host");
}

_Static_assert(sizeof(struct wg_attributes) == sizeof(struct wg_conv) + 8 + 22 * 4,
               "attributes without padding: the seed, and 22 members of four bytes");

bool wg_attributes_equal(const struct wg_attributes *a, const struct wg_attributes *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_same(const struct wg_node *a, const struct wg_node *b)
{
    return a->op == b->op && a->in_count == b->in_count &&
           memcmp(a->in, b->in, sizeof a->in) == 0 && wg_shape_equal(&a->shape, &b->shape) &&
           wg_attributes_equal(&a->attr, &b->attr);
}

static struct wg_node *find_same(const struct wg_graph *g, const struct wg_node *draft)
{
    if (!draft->op || draft->op->is_effect)
        return NULL;
    for (int i = g->count - 1; i >= 0; i--)
        if (is_same(g->nodes[i], draft))
            return g->nodes[i];
    return NULL;
}

bool wg_node_runs(const struct wg_node *node)
{
    const struct wg_op *op = node->op;
    bool is_written = node->storage == node || (op && op->is_effect); // else a view
    return op && is_written && !op->is_constant && !op->is_byproduct;
}

static struct wg_node *append(struct wg_graph *g, const struct wg_node *draft)
{
    struct wg_node **grown =
        wg_array_grow(g->nodes, (size_t)g->count, sizeof *grown, "the nodes of a graph");
    if (!grown)
        return wg_node_lack_memory(g, draft->name);
    g->nodes = grown;
    struct wg_node *node = malloc(sizeof *node);
    if (!node)
        return wg_node_lack_memory(g, draft->name);
    *node = *draft;
    node->index = g->count;
    if (!node->storage)
        node->storage = node;
    g->nodes[g->count++] = node;
    return node;
}

struct wg_node *wg_node_add(struct wg_graph *g, const struct wg_node *draft)
{
    if (!g)
        return NULL;
    for (int i = 0; i < draft->in_count; i++)
        if (!draft->in[i])
            return wg_node_refuse(g, draft->op->name, "an input is missing");
    if (draft->op && draft->op->is_effect && draft->in[0]->storage->op)
        return wg_node_refuse(g, draft->op->name, "only a variable can be changed");
    for (int d = 0; d < draft->shape.rank; d++)
        if (draft->shape.dim[d] == 0)
            return wg_node_refuse(g, draft->op ? draft->op->name : draft->name,
                                  "a dimension is zero");
    struct wg_node *same = find_same(g, draft);
    if (same)
        return same;
    struct wg_node named = *draft;
    if (draft->op)
        named.name = draft->op->name;
    return append(g, &named);
}

struct wg_node *wg_node_insert(struct wg_graph *g, const struct wg_node *draft,
                               const struct wg_node *before)
{
    struct wg_node *node = wg_node_add(g, draft);
    if (!node || node->index < before->index)
        return node;
    int first = before->index;
    for (int i = node->index; i > first; i--) {
        g->nodes[i] = g->nodes[i - 1];
        g->nodes[i]->index = i;
    }
    g->nodes[first] = node;
    node->index = first;
    return node;
}

struct wg_node *wg_variable(struct wg_graph *g, const char *name, enum wg_element element,
                            struct wg_shape shape)
{
    for (int i = 0; g && i < g->count; i++)
        if (!g->nodes[i]->op && strcmp(g->nodes[i]->name, name) == 0)
            return wg_node_refuse(g, name, "there is a variable of this name already");
    char *copy = malloc(strlen(name) + 1);
    if (!copy)
        return wg_node_lack_memory(g, name);
    strcpy(copy, name);
    struct wg_node *node =
        wg_node_add(g, &(struct wg_node){.name = copy, .element = element, .shape = shape});
    if (!node)
        free(copy);
    return node;
}

bool wg_suits(const struct wg_implementation *by, const struct wg_node *node,
              const struct wg_device *device)
{
    return !by->suits || by->suits(node, device);
}

const struct wg_implementation *wg_moments_apart(const struct wg_implementation *by,
                                                 const struct wg_node *node,
                                                 const struct wg_device *device)
{
    bool are_left = !node->moments || (by->leaves_moments && by->leaves_moments(node, device));
    return are_left ? NULL : wg_op_choose(node->moments, device, NULL);
}

const struct wg_implementation *wg_op_choose(const struct wg_node *node,
                                             const struct wg_device *device, const char *forced)
{
    const struct wg_implementation *const *list = node->op->implementations, *by, *found = NULL;
    for (; (by = *list); list++) {
        if (!wg_suits(by, node, device))
            continue;
        if (forced && strcmp(by->name, forced) == 0)
            return by;
        bool is_default = !found && !(by->needs_measuring && by->needs_measuring(node, device));
        if (by == node->choice.by || is_default)
            found = by;
    }
    return found;
}

int wg_knob(const struct wg_node *node, const struct wg_knob *knobs, int index, int fallback)
{
    const struct wg_choice *choice = &node->choice;
    bool is_set = choice->by && choice->by->knobs == knobs && choice->knob[index] > 0;
    return is_set ? choice->knob[index] : fallback;
}
