#include "host/tune/nodes.h"

#include "host/base/array.h"
#include "host/gan/trainer.h"

#include <stdlib.h>
#include <string.h>

/* What a device does in the time it takes to move a byte; only an order follows from it. */
#define FLOPS_PER_BYTE 20.0

struct wg_tune_node *wg_tune_nodes_find(const struct wg_tune_nodes *nodes, const char *key)
{
    for (int i = 0; i < nodes->count; i++)
        if (strcmp(nodes->nodes[i].key, key) == 0)
            return &nodes->nodes[i];
    return NULL;
}

static double work_of(const struct wg_node *node)
{
    double flops = node->op->flops ? node->op->flops(node) : 0;
    return flops + FLOPS_PER_BYTE * wg_node_moved_bytes(node);
}

static bool add(void *user, const struct wg_task *task, int runs)
{
    struct wg_tune_nodes *nodes = user;
    char key[WG_NODE_KEY_MAX];
    wg_node_key(task->node, key);
    struct wg_tune_node *node = wg_tune_nodes_find(nodes, key);
    if (node) {
        node->runs += runs;
        return true;
    }
    struct wg_tune_node *grown =
        wg_array_grow(nodes->nodes, (size_t)nodes->count, sizeof *grown, "the nodes to be tuned");
    if (!grown)
        return false;
    nodes->nodes = grown;
    node = &nodes->nodes[nodes->count];
    *node = (struct wg_tune_node){.runs = runs, .work = work_of(task->node)};
    memcpy(node->key, key, sizeof key);
    if (!wg_case_create(task->node, &node->alone))
        return false;
    node->alone.node->choice = (struct wg_choice){0};
    nodes->count++;
    return true;
}

static int by_work(const void *a, const void *b)
{
    const struct wg_tune_node *x = a, *y = b;
    double more = x->runs * x->work - y->runs * y->work;
    return more > 0 ? -1 : more < 0 ? 1 : strcmp(x->key, y->key);
}

bool wg_tune_nodes_init(struct wg_tune_nodes *nodes, struct wg_device *device, int batch)
{
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_dataset dataset = {
        .count = 1024, .height = WG_IMAGE_SIDE, .width = WG_IMAGE_SIDE};
    const struct wg_trainer_params params = {.settings = &settings, .dataset = &dataset};
    settings.batch = batch;
    *nodes = (struct wg_tune_nodes){0};
    bool ok =
        wg_trainer_fits(device, &params) && wg_trainer_visit_tasks(device, &params, add, nodes);
    if (nodes->count > 0)
        qsort(nodes->nodes, (size_t)nodes->count, sizeof *nodes->nodes, by_work);
    return ok;
}

void wg_tune_nodes_finish(struct wg_tune_nodes *nodes)
{
    for (int i = 0; i < nodes->count; i++)
        wg_case_finish(&nodes->nodes[i].alone);
    free(nodes->nodes);
    *nodes = (struct wg_tune_nodes){0};
}

int wg_tune_count_suiting(const struct wg_node *node, const struct wg_device *device)
{
    const struct wg_implementation *const *list = node->op->implementations;
    int count = 0;
    for (; *list; list++)
        count += wg_suits(*list, node, device);
    return count;
}
