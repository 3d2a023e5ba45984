#include "host/graph/fuse.h"

#include "host/graph/op.h"

static int count_readers(const struct wg_graph *g, const struct wg_node *node)
{
    int readers = 0;
    for (int n = 0; n < wg_graph_count(g); n++) {
        const struct wg_node *other = wg_graph_node(g, n);
        for (int i = 0; i < other->in_count; i++)
            readers += other->in[i] == node;
    }
    return readers;
}

static bool can_carry_bias(const struct wg_node *node)
{
    return (node->op == &wg_op_conv2d || node->op == &wg_op_conv2d_data) && node->in_count == 2;
}

void wg_fuse(struct wg_graph *g)
{
    for (int n = 0; n < wg_graph_count(g); n++) {
        struct wg_node *bias = wg_graph_node(g, n);
        if (bias->op != &wg_op_bias)
            continue;
        struct wg_node *sum = bias->in[0], *b = bias->in[1];
        if (!can_carry_bias(sum) || count_readers(g, sum) != 1)
            continue;
        bias->op = sum->op;
        bias->name = sum->name;
        bias->attr.conv = sum->attr.conv;
        bias->in[0] = sum->in[0];
        bias->in[1] = sum->in[1];
        bias->in[2] = b;
        bias->in_count = 3;
    }
}
