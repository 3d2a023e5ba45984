/*
 * The static graph: nodes, and the builders that make them.
 *
 * A graph is built once: a model is a function that calls builders, a gradient is more nodes
 * (autodiff.h), an update of a weight is a node with an effect. Then it is fused, planned and
 * bound to a device (fuse.h, plan.h, exec.h) and replayed. Nothing here knows of OpenCL.
 *
 * Errors are sticky: a builder given NULL returns NULL, and the graph keeps the first failure, so
 * model code needs no checks; wg_graph_ok reports it at the end, and that there is no graph.
 *
 * Tensors are row-major and tight, images NHWC. Every builder's comment gives the formula and the
 * shapes; `C` is the last dimension and "rows" all the others together.
 */
#ifndef WG_GRAPH_GRAPH_H
#define WG_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wg_element { WG_F32, WG_U8, WG_U32 };

struct wg_shape {
    int rank; // 1 to 4
    size_t dim[4];
};

/* wg_shape(n, h, w, c) */
#define wg_shape(...)                                                                              \
    ((struct wg_shape){.rank = sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t),                   \
                       .dim = {__VA_ARGS__}})

size_t wg_shape_count(const struct wg_shape *shape); // elements
size_t wg_shape_last(const struct wg_shape *shape);  // C
size_t wg_shape_rows(const struct wg_shape *shape);  // count / C
bool wg_shape_equal(const struct wg_shape *a, const struct wg_shape *b);

enum wg_activation {
    WG_ACTIVATION_NONE,
    WG_ACTIVATION_LEAKY_RELU, // x > 0 ? x : slope * x
    WG_ACTIVATION_TANH,
};

/*
 * A convolution joins an image side x [n, h, w, c] and a feature side y [n, oh, ow, oc] by weights
 * w [k, k, c, oc]; output (oy, ox) looks at x rows oy * stride - pad ... + k - 1. What lies
 * outside is zero, on the far side too, so `pad` alone says an asymmetric padding.
 */
struct wg_conv {
    size_t n;
    size_t h, w, c;
    size_t oh, ow, oc;
    size_t k, stride, pad;
};

/* Its forms: y from x and w, x from y and w, w from x and y. Kernels know them by these numbers. */
enum wg_form { WG_FORM_CONV2D, WG_FORM_DATA, WG_FORM_FILTER };

/* The geometry of Keras' padding "same" from the x side: oh = ceil(h / stride), and the smaller
 * half of the padding before. One padding serves both directions, so x must be square. */
struct wg_conv wg_conv_same(const struct wg_shape *x, size_t oc, size_t k, size_t stride);

/* What an update of weights takes, see wg_rmsprop. */
struct wg_update {
    float rate, decay, epsilon;
    float bound; // of the clip; 0: none
};

/*
 * Everything about a node that is neither its inputs nor its shape. Unused members are zero. Nodes
 * are told apart by these bytes, none of which may be padding: flags are int, and members of four
 * bytes even in number.
 */
struct wg_attributes {
    struct wg_conv conv; // convolutions, and what they are fused into
    uint64_t seed;       // random draws
    uint32_t stream;     // random draws: which of the documented streams
    enum wg_activation activation;
    float slope;             // of leaky ReLU left of zero; 0 is ReLU
    float slope_in;          // norm_up: of the leaky ReLU before the convolution
    int transpose_a;         // matmul
    int transpose_b;         // matmul
    int training;            // batch_norm: whether its moments are the batch's own
    float epsilon;           // batch_norm, and what it is fused into
    float scale;             // mean, broadcast, fill, record: see the builders
    float momentum;          // moving_average
    float variance_scale;    // moving_average
    struct wg_update update; // rmsprop
    uint32_t row;            // slice
    uint32_t column;         // record
    uint32_t counter;        // advance: which of the clock
    uint32_t modulus;        // advance: of the iteration
    uint32_t reach;          // shift: pixels
    float fill;              // shift: of pixels from outside
    uint32_t inner;          // norm_kernel: weights of one channel that lie in a row
};

struct wg_op;
struct wg_implementation;

enum { WG_KNOBS_MAX = 4 };

/*
 * How a node is to be computed, where that was measured (choices.h); all zero: the implementations'
 * own heuristics decide. It is not part of what a node computes, so it makes no two nodes differ.
 */
struct wg_choice {
    const struct wg_implementation *by; // of the node's op; NULL: see wg_op_choose
    int knob[WG_KNOBS_MAX];             // values of its knobs; 0: its own heuristic
};

/* Tensors that one node updates; a node has no more inputs than that takes. */
enum { WG_UPDATE_MAX = 16, WG_INPUTS_MAX = 3 * WG_UPDATE_MAX };

struct wg_node {
    const struct wg_op *op; // NULL for a variable
    const char *name;       // variables: unique; others: the op's name
    int index;              // position in the graph; inputs have smaller ones
    enum wg_element element;
    struct wg_shape shape;
    struct wg_node *in[WG_INPUTS_MAX];
    int in_count;
    struct wg_attributes attr;
    struct wg_choice choice;
    struct wg_node *moments; // conv2d_data: those of its result, made by its task; NULL: not asked
    struct wg_node *storage; // whose memory it lives in: itself, or a view's or effect's target
    size_t storage_at;       // of a view: the element of that memory with which it begins
};

/* Bytes a node's elements take. */
size_t wg_node_bytes(const struct wg_node *node);

struct wg_graph;

struct wg_graph *wg_graph_create(void); // NULL if out of memory, which wg_graph_ok reports
void wg_graph_destroy(struct wg_graph *graph);

/* False, with the first failure recorded again, if any builder failed. */
bool wg_graph_ok(const struct wg_graph *graph);

int wg_graph_count(const struct wg_graph *graph);
struct wg_node *wg_graph_node(const struct wg_graph *graph, int index);

/* ---- variables and views -------------------------------------------------------------------- */

/* Memory that outlives a step: weights, statistics, the data set. `name` is copied, unique. */
struct wg_node *wg_variable(struct wg_graph *g, const char *name, enum wg_element element,
                            struct wg_shape shape);

/* The same elements under another shape of equal count; no copy. */
struct wg_node *wg_reshape(struct wg_graph *g, struct wg_node *x, struct wg_shape shape);

/* y = row `index` of x [rows, C]; y [C] */
struct wg_node *wg_slice(struct wg_graph *g, struct wg_node *x, size_t index);

/* ---- linear maps ---------------------------------------------------------------------------- */

/* C[m, n] = sum over k of op(A)[m, k] * op(B)[k, n]; op transposes if asked. Rank 2. */
struct wg_node *wg_matmul(struct wg_graph *g, struct wg_node *a, bool transpose_a,
                          struct wg_node *b, bool transpose_b);

/*
 * Three views of the trilinear form sum of x * w * y over all taps; each one's gradients are the
 * other two.
 *
 *   conv2d         y[n,oy,ox,o] = sum over ky,kx,c x[n, oy*s+ky-p, ox*s+kx-p, c] * w[ky,kx,c,o]
 *   conv2d_data    x from y and w: the transposed convolution
 *   conv2d_filter  w from x and y: the gradient of the weights
 */
struct wg_node *wg_conv2d(struct wg_graph *g, struct wg_node *x, struct wg_node *w,
                          const struct wg_conv *conv);
struct wg_node *wg_conv2d_data(struct wg_graph *g, struct wg_node *y, struct wg_node *w,
                               const struct wg_conv *conv);
struct wg_node *wg_conv2d_filter(struct wg_graph *g, struct wg_node *x, struct wg_node *y,
                                 const struct wg_conv *conv);

/* ---- element by element, and sums ----------------------------------------------------------- */

/* y = activation(x + b); x, y [rows, C], b [C] */
struct wg_node *wg_bias(struct wg_graph *g, struct wg_node *x, struct wg_node *b,
                        enum wg_activation activation, float slope);

/* dx = dy * activation'(y), from the activation's output y; all of one shape */
struct wg_node *wg_activation_gradient(struct wg_graph *g, struct wg_node *y, struct wg_node *dy,
                                       enum wg_activation activation, float slope);

/* y[c] = sum over rows of x[row, c]; x [rows, C], y [C] */
struct wg_node *wg_sum_rows(struct wg_graph *g, struct wg_node *x);

/* y = x1 + x2, of one shape */
struct wg_node *wg_add(struct wg_graph *g, struct wg_node *x1, struct wg_node *x2);

/* y[0] = scale * mean of all of x; y [1]. A training's loss, to be differentiated; what it comes to
 * is recorded without it (wg_record). */
struct wg_node *wg_mean(struct wg_graph *g, struct wg_node *x, float scale);

/* y = scale * x[0] everywhere; x [1] */
struct wg_node *wg_broadcast(struct wg_graph *g, struct wg_node *x, float scale,
                             struct wg_shape shape);

/* y = scale everywhere, once and for all */
struct wg_node *wg_fill(struct wg_graph *g, float scale, struct wg_shape shape);

/* y[n] = -log softmax(x[n])[labels[n]]; x [rows, C], labels u8 [rows], each below C, y [rows] */
struct wg_node *wg_softmax_cross_entropy(struct wg_graph *g, struct wg_node *x,
                                         struct wg_node *labels);

/* ---- batch normalisation, Ioffe and Szegedy 2015 -------------------------------------------- */

/* m[0, c] = mean, m[1, c] = biased variance of x[., c]; x [rows, C], m [2, C] */
struct wg_node *wg_moments(struct wg_graph *g, struct wg_node *x);

/*
 * y = activation(gamma * (x - mean) / sqrt(variance + epsilon) + beta); x, y [rows, C],
 * m [2, C] mean and variance, gamma and beta [C]. With `training`, m is moments(x) and the
 * gradient goes through it (algorithm 1 of the paper); without, m is a constant and the node can't
 * be differentiated.
 */
struct wg_node *wg_batch_norm(struct wg_graph *g, struct wg_node *x, struct wg_node *m,
                              struct wg_node *gamma, struct wg_node *beta, float epsilon,
                              bool training, enum wg_activation activation, float slope);

/* ---- random draws: Philox4x32-10, Salmon et al. 2011 ---------------------------------------- */

enum { WG_CLOCK_STEP, WG_CLOCK_ITERATION, WG_CLOCK_COUNT };

/*
 * Element i is lane i % 4 of the block with counter (i / 4, clock[0], clock[1] , stream) under the
 * key `seed`: standard normal numbers by Box and Muller, two lanes each. clock u32 [2] is a
 * variable; y of `shape`.
 */
struct wg_node *wg_normal(struct wg_graph *g, struct wg_node *clock, uint64_t seed, uint32_t stream,
                          struct wg_shape shape);

/*
 * y[i] = dataset[index_i] / 127.5 - 1, index_i = floor(u_i * count / 2^32): n images drawn with
 * replacement. dataset u8 [count, h, w], y f32 [n, h, w, 1].
 */
struct wg_node *wg_batch(struct wg_graph *g, struct wg_node *dataset, struct wg_node *clock,
                         uint64_t seed, uint32_t stream, size_t n);

/* y[i] = labels[index_i] with the index_i of a wg_batch of the same count, clock, seed and stream.
 * labels u8 [count], y u8 [n]. */
struct wg_node *wg_batch_labels(struct wg_graph *g, struct wg_node *labels, struct wg_node *clock,
                                uint64_t seed, uint32_t stream, size_t n);

/*
 * y[n, i, j, c] = x[n, i + a_n, j + b_n, c], `fill` where that lies outside: each image moved by
 * up to `reach` pixels. a_n = floor(u * (2 reach + 1) / 2^32) - reach with element 2n of the draw,
 * b_n with element 2n + 1. x, y [n, h, w, c]; it can't be differentiated.
 */
struct wg_node *wg_shift(struct wg_graph *g, struct wg_node *x, struct wg_node *clock,
                         uint64_t seed, uint32_t stream, uint32_t reach, float fill);

/* ---- effects: they change a variable and run after everything that reads it ----------------- */

/*
 * Of each of `count` tensors, 1 to WG_UPDATE_MAX:
 *
 *   v = decay * v + (1 - decay) * g^2;  w = w - rate * g / sqrt(v + epsilon), all of one shape
 *   w = min(max(w, -bound), bound)
 *
 * Epsilon stands inside the root, as in Keras since 2.11. Hinton, lecture 6e (2012); the clip is
 * line 7 of algorithm 1 in Arjovsky et al. 2017. The node's shape is that of all weights in a row.
 */
struct wg_node *wg_rmsprop(struct wg_graph *g, int count, struct wg_node *const w[],
                           struct wg_node *const v[], struct wg_node *const gradient[],
                           const struct wg_update *update);

/* moving = momentum * moving + (1 - momentum) * batch, for m [2, C] = mean and variance; the
 * variance of the batch enters times `variance_scale`: n / (n - 1) makes it unbiased. */
struct wg_node *wg_moving_average(struct wg_graph *g, struct wg_node *moving, struct wg_node *m,
                                  float momentum, float variance_scale);

/* variable = x */
struct wg_node *wg_assign(struct wg_graph *g, struct wg_node *variable, struct wg_node *x);

/* ring[clock[0] % rows, column] = scale * mean of all of x; ring f32 [rows, columns] */
struct wg_node *wg_record(struct wg_graph *g, struct wg_node *ring, struct wg_node *clock,
                          struct wg_node *x, float scale, size_t column);

/* Counts: the critic iteration goes up by one modulo `iterations`, or the step goes up by one. */
struct wg_node *wg_advance(struct wg_graph *g, struct wg_node *clock, uint32_t counter,
                           uint32_t iterations);

#endif
