/*
 * The nodes that are tuned: those of a training's step, equal ones (by wg_node_key) once.
 */
#ifndef WG_TUNE_NODES_H
#define WG_TUNE_NODES_H

#include "host/graph/choices.h"
#include "host/selftest/case.h"

struct wg_tune_node {
    char key[WG_NODE_KEY_MAX];
    struct wg_case alone; // the node in a graph of its own, without a choice
    int runs;             // in a step
    double work;          // additions and multiplications or, without these, bytes moved; a guess
};

struct wg_tune_nodes {
    struct wg_tune_node *nodes; // the most work in a step first
    int count;
};

/* For a training of the default model with this batch. Fails with WG_ERROR_MEMORY if that does not
 * fit the device. To be finished. */
bool wg_tune_nodes_init(struct wg_tune_nodes *nodes, struct wg_device *device, int batch);
void wg_tune_nodes_finish(struct wg_tune_nodes *nodes);

/* The node of this key; NULL if there is none. */
struct wg_tune_node *wg_tune_nodes_find(const struct wg_tune_nodes *nodes, const char *key);

/* How many of its op's implementations suit the node. */
int wg_tune_count_suiting(const struct wg_node *node, const struct wg_device *device);

#endif
