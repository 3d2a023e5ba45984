/*
 * A case of the self-test: one node of a training, alone. Its inputs become variables with values
 * that suit its op, so that whatever it gets wrong is its own doing and not that of a node before.
 */
#ifndef WG_SELFTEST_CASE_H
#define WG_SELFTEST_CASE_H

#include "host/graph/function.h"
#include "host/selftest/expect.h"

/* How the results of a case are known. */
enum wg_case_form {
    WG_CASE_WHOLE,    // by the formula of the op
    WG_CASE_SAMPLED,  // in some elements, and in sums (sample.h)
    WG_CASE_REPEATED, // by that of a few images (repeat.h)
};

struct wg_case {
    struct wg_graph *graph;
    struct wg_node *node;
    enum wg_case_form form;      // for the caller to set
    bool is_run_once;            // likewise: a run may use the values up instead of copying them
    void *values[WG_INPUTS_MAX]; // of node->in[i]
    struct wg_expectation expectation;
};

/* How far a run was off. */
struct wg_deviation {
    double error;   // the largest, in units of what rounding allows: up to 1 is right
    char text[320]; // which element, what it is and should be
};

/* What the clock of a training shows in a test. */
enum { WG_CASE_STEP = 0x01020304, WG_CASE_ITERATION = 3 };

/* A copy of `node` in a graph of its own. Cheap: values come with wg_case_prepare. */
bool wg_case_create(const struct wg_node *node, struct wg_case *ret_case);
void wg_case_finish(struct wg_case *c);

/* Whether both would test the same. */
bool wg_case_equal(const struct wg_case *a, const struct wg_case *b);

/* Draws the inputs; nothing is expected of them. */
bool wg_case_fill(struct wg_case *c);

/* Draws the inputs and computes what is expected of this implementation, on all cores; other cases
 * may run meanwhile. Fails with WG_ERROR_ARGUMENT if the op is unknown to wg_expect, and with
 * WG_ERROR_MEMORY. */
bool wg_case_prepare(struct wg_case *c, const struct wg_implementation *by);

/* Frees what these made. */
void wg_case_forget(struct wg_case *c);

/* Notes the programs that the node needs by this implementation, which suits it; NULL: by its
 * choice. */
bool wg_case_note(const struct wg_case *c, struct wg_device *device, const char *implementation,
                  struct wg_prebuild *notes);

/* Runs the prepared node by an implementation that suits it; NULL: by its choice. Fails with the
 * device's own words. */
bool wg_case_run(const struct wg_case *c, struct wg_device *device, const char *implementation,
                 struct wg_deviation *ret_deviation);

/* The two halves of that: binds the node, filled or prepared, and runs it; to be finished in either
 * case. Then how far the worst of all tensors it wrote is off. */
bool wg_case_bind(const struct wg_case *c, struct wg_device *device, const char *implementation,
                  struct wg_function *ret_bound);
bool wg_case_compare(const struct wg_case *c, struct wg_exec *exec,
                     struct wg_deviation *ret_deviation);

/* "2 x 14 x 14 x 256" */
void wg_case_shape(const struct wg_case *c, char *text, size_t size);

#endif
