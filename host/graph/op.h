/*
 * What an op is: a name, a gradient that builds graph, and implementations that launch kernels.
 *
 * A new op is one file in host/graph/ops, one in cl, one in tests/ops, a builder in graph.h, and,
 * if a training computes it, its formula in host/selftest/expect.c.
 */
#ifndef WG_GRAPH_OP_H
#define WG_GRAPH_OP_H

#include "host/device/program.h"
#include "host/graph/graph.h"

struct wg_binder; // bind.h

/*
 * A size that an implementation leaves to measurement: a tile, a number of parts. What it does
 * where nothing was measured is its own heuristic, which must be good.
 */
enum { WG_KNOB_VALUES_MAX = 8 };

struct wg_knob {
    const char *name;               // "tile"
    int values[WG_KNOB_VALUES_MAX]; // worth trying; above 0, a 0 ends them
};

struct wg_implementation {
    const char *name; // "ref" is the plain one: first in clarity, last in the list
    /* Whether it can, and should, run this node on this device. NULL: always. */
    bool (*suits)(const struct wg_node *node, const struct wg_device *device);
    /* Whether only a measurement may choose it for this node: it may well be slower than what comes
     * after it. NULL: never. */
    bool (*needs_measuring)(const struct wg_node *node, const struct wg_device *device);
    /* Bytes of scratch memory it needs while it runs. NULL: none. */
    size_t (*scratch)(const struct wg_node *node, const struct wg_device *device);
    /* Whether it computes by F(4, 2), whose rounding errors are larger: host/selftest/winograd.h.
     */
    bool is_winograd;
    /* Whether it leaves the node's moments (wg_node.moments) as it computes the result. NULL:
     * never; kernels of their own make them then. */
    bool (*leaves_moments)(const struct wg_node *node, const struct wg_device *device);
    /* Whether it multiplies by CLBlast, whose parameters the device has (device/blas.h). */
    bool uses_blas;
    /* WG_KNOBS_MAX at most, one without a name ends them; NULL: none. suits, scratch and bind read
     * them by wg_knob, and suits refuses values that this node or device can't do with. */
    const struct wg_knob *knobs;
    /* Adds the kernel calls. */
    bool (*bind)(const struct wg_node *node, struct wg_binder *binder);
};

enum { WG_IMPLEMENTATIONS_MAX = 10 };

struct wg_op {
    const char *name;
    bool is_effect; // writes in[0], rmsprop more
    // Nothing runs: its memory, which outlives a step, holds attr.scale everywhere.
    bool is_constant;
    // Nothing runs: the task of its input writes it, too (wg_node.moments).
    bool is_byproduct;
    /*
     * The gradient of some scalar with respect to input `i`, given dy, that with respect to y.
     * NULL result: zero. NULL function: not differentiable, an error if asked.
     */
    struct wg_node *(*gradient)(struct wg_graph *g, struct wg_node *y, struct wg_node *dy, int i);
    /* Additions and multiplications of the direct form; NULL: not worth counting. */
    double (*flops)(const struct wg_node *node);
    /* In order of preference; the first that suits and need not be measured is taken. The last
     * always suits, NULL ends them. */
    const struct wg_implementation *implementations[WG_IMPLEMENTATIONS_MAX + 1];
};

/* An implementation for such a list, where it needs no name of its own. */
#define WG_BY(...) (&(const struct wg_implementation){__VA_ARGS__})

/*
 * The node `draft` describes, or an older one that is the same: pure nodes with equal op, inputs
 * and attributes are made once. For builders; storage NULL means memory of its own.
 */
struct wg_node *wg_node_add(struct wg_graph *g, const struct wg_node *draft);

/* Like wg_node_add, but `before`, which must be younger than all inputs, may read the node. */
struct wg_node *wg_node_insert(struct wg_graph *g, const struct wg_node *draft,
                               const struct wg_node *before);

/* Whether a node has a task of its own: it is no variable, constant, byproduct or view. */
bool wg_node_runs(const struct wg_node *node);

bool wg_attributes_equal(const struct wg_attributes *a, const struct wg_attributes *b);

/* Records "OP: reason" as the graph's failure if it is the first, and returns NULL. */
struct wg_node *wg_node_refuse(struct wg_graph *g, const char *op, const char *reason);

/* The same where there is no memory for what was asked: WG_ERROR_MEMORY, and nobody's mistake. */
struct wg_node *wg_node_lack_memory(struct wg_graph *g, const char *op);

/* Whether an implementation of the node's op can, and should, run it on the device. */
bool wg_suits(const struct wg_implementation *by, const struct wg_node *node,
              const struct wg_device *device);

/* What makes node->moments behind an implementation that does not leave them; NULL: nothing, where
 * it does or where nobody asks for them. */
const struct wg_implementation *wg_moments_apart(const struct wg_implementation *by,
                                                 const struct wg_node *node,
                                                 const struct wg_device *device);

/* The implementation for a node: the one named `forced` if the op has it and it suits, else that of
 * the node's choice if it suits, else the first that suits and need not be measured. */
const struct wg_implementation *wg_op_choose(const struct wg_node *node,
                                             const struct wg_device *device, const char *forced);

/* The value that the node's choice has for knobs[index]; `fallback` where it has none or is of an
 * implementation with other knobs. */
int wg_knob(const struct wg_node *node, const struct wg_knob *knobs, int index, int fallback);

extern const struct wg_op wg_op_conv2d, wg_op_conv2d_data, wg_op_conv2d_filter, wg_op_matmul,
    wg_op_bias, wg_op_activation_gradient, wg_op_sum_rows, wg_op_fill, wg_op_slice, wg_op_moments,
    wg_op_batch_norm, wg_op_batch_norm_sums, wg_op_batch_norm_data, wg_op_rmsprop;

/* What only the fusing pass makes: ops/layer.c, norm_up.c, norm_weights.c and batch_norm.c. */
extern const struct wg_op wg_op_layer_filter, wg_op_layer_data, wg_op_norm_up, wg_op_norm_up_sums,
    wg_op_norm_up_gradient, wg_op_norm_kernel, wg_op_norm_bias, wg_op_moments_left;

#endif
