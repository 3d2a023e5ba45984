/*
 * A rig for ops: a graph on the test device, its variables' values on the host, and the comparison
 * of what comes out with the double-precision reference.
 *
 * Bounds are stated in units of 2^-24 times a magnitude per element; host/selftest/expect.h tells
 * why, and has those of every op by itself. Here are bounds of their own where ops follow one
 * another.
 *
 * Every failure ends the test; nothing here returns an error.
 */
#ifndef TESTS_OPS_OPLIB_H
#define TESTS_OPS_OPLIB_H

#include "host/graph/exec.h"
#include "host/graph/graph.h"
#include "host/graph/plan.h"
#include "tests/testlib.h"

enum { RIG_VARIABLES_MAX = 64, RIG_MEMORY_MAX = 256 };

struct rig {
    struct wg_graph *graph;
    struct wg_plan *plan;
    struct wg_exec *exec;
    struct {
        struct wg_node *node;
        void *values; // on the host, written before each run
    } variables[RIG_VARIABLES_MAX];
    int variable_count;
    void *memory[RIG_MEMORY_MAX]; // all of rig_memory
    int memory_count;
};

/* An empty graph. */
void rig_init(struct rig *rig);
void rig_finish(struct rig *rig);

/* Zeros, until rig_finish. */
void *rig_memory(struct rig *rig, size_t bytes);
double *rig_zeros(struct rig *rig, size_t count);

/* A variable of random numbers in [-1, 1) (f32) or zeros (else), other ones for each variable. */
struct wg_node *rig_variable(struct rig *rig, const char *name, struct wg_shape shape);
struct wg_node *rig_integers(struct rig *rig, const char *name, enum wg_element element,
                             struct wg_shape shape);

/* The host's values of a variable, to be changed before a run. */
void *rig_values(struct rig *rig, const struct wg_node *variable);
/* The same as doubles, and their absolute values. */
double *rig_doubles(struct rig *rig, const struct wg_node *variable);
double *rig_magnitudes(struct rig *rig, const struct wg_node *variable);

/* The scalar sum of y * r, whose gradient to y is r exactly. */
struct wg_node *rig_inner(struct rig *rig, struct wg_node *y, struct wg_node *r);

/* Plans the targets as one schedule, binds it, writes all variables, and runs it once. May be
 * called again, with other targets or another implementation forced (see wg_plan_create). */
void rig_run(struct rig *rig, const char *forced, struct wg_node *const *targets, int count);

/* A fixture: the device promises larger groups than those in which it runs a kernel, as it may of
 * one that needs many registers. */
void rig_promise_large_groups(void);
void rig_promise_no_more(void);

/* What a target or a variable holds after the run, as long as the rig lives. */
float *rig_result(struct rig *rig, const struct wg_node *node);
/* The same as doubles. */
double *rig_wide(struct rig *rig, const struct wg_node *node);

/* The implementation that the last run took for a node. */
const char *rig_implementation(const struct rig *rig, const struct wg_node *node);

/* Whether the op of this node has an implementation of this name that suits it. */
bool rig_suits(const struct wg_node *node, const char *implementation);

/* Fails unless the node, all of whose inputs are variables, left what its op should compute from
 * them, as wg_expect has it. */
void rig_check_node(struct rig *rig, const struct wg_node *node);

/* Fails unless |result - expected| <= units * 2^-24 * magnitude in every element of the node. */
void rig_check(struct rig *rig, const struct wg_node *node, const double *expected,
               const double *magnitude, double units);

/* Sum of a * b. */
double rig_dot(size_t count, const double *a, const double *b);

/* A scalar of some inputs, computed in double by the reference. */
typedef double rig_loss(void *context, double *const x[]);

enum { RIG_SLOPE_MAX = 4 };

/*
 * Fails unless the gradients dx[i] that the run computed are those of the loss at the variables
 * x[i] (NULL ends both lists): their projection on a random direction d of all inputs at once
 * against (loss(x + h d) - loss(x - h d)) / 2h, h = 1e-5. Allowed are `units` roundings of the
 * projection's terms, and 1e-7 for the difference's own error, h^2 times the third derivative.
 */
void rig_check_slope(struct rig *rig, struct wg_node *const x[], struct wg_node *const dx[],
                     rig_loss *loss, void *context, double units);

/* Fails unless the graph has failed with "graph: OP: ...", the result of the builder being NULL;
 * then goes on with an empty graph. */
void rig_check_refused(struct rig *rig, const struct wg_node *result, const char *op);

#endif
