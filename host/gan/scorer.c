#include "host/gan/scorer.h"

#include "host/base/error.h"
#include "host/graph/fuse.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28 };

struct wg_scorer {
    struct wg_graph *graph;
    struct wg_model model;
    struct wg_node *images;
    struct wg_node *scores;
    struct wg_plan *plan;
    struct wg_exec *exec;
    size_t batch;
    float *batch_images; // [batch, 28, 28], to fill a short batch up
    float *batch_scores; // [batch]
};

static bool build(struct wg_scorer *scorer, const struct wg_device *device,
                  const struct wg_widths *widths)
{
    struct wg_graph *g = scorer->graph = wg_graph_create();
    scorer->batch_images = calloc(scorer->batch * PIXELS, sizeof *scorer->batch_images);
    scorer->batch_scores = malloc(scorer->batch * sizeof *scorer->batch_scores);
    if (!g || !scorer->batch_images || !scorer->batch_scores)
        return wg_fail_memory("a scorer");
    wg_model_init(&scorer->model, g, widths);
    scorer->images = wg_variable(g, "images", WG_F32, wg_shape(scorer->batch, 28, 28, 1));
    scorer->scores = wg_critic(&scorer->model, g, scorer->images);
    return wg_fuse(g, device);
}

bool wg_scorer_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                      struct wg_scorer **ret_scorer)
{
    struct wg_scorer *scorer = calloc(1, sizeof *scorer);
    if (!scorer)
        return wg_fail_memory("a scorer");
    scorer->batch = batch;
    bool ok = build(scorer, device, widths);
    const struct wg_targets targets = {.name = "score", .nodes = &scorer->scores, .count = 1};
    if (!ok || !wg_plan_create(scorer->graph, device, &targets, 1, NULL, &scorer->plan) ||
        !wg_exec_create(device, scorer->plan, NULL, NULL, &scorer->exec)) {
        wg_scorer_destroy(scorer);
        return false;
    }
    *ret_scorer = scorer;
    return true;
}

void wg_scorer_destroy(struct wg_scorer *scorer)
{
    if (!scorer)
        return;
    wg_exec_destroy(scorer->exec);
    wg_plan_destroy(scorer->plan);
    wg_graph_destroy(scorer->graph);
    free(scorer->batch_images);
    free(scorer->batch_scores);
    free(scorer);
}

const struct wg_model *wg_scorer_model(const struct wg_scorer *scorer)
{
    return &scorer->model;
}

bool wg_scorer_write(struct wg_scorer *scorer, const struct wg_node *weight, const float *data)
{
    return wg_exec_write(scorer->exec, weight, data);
}

bool wg_scorer_run(struct wg_scorer *scorer, const float *images, size_t count, float *ret_scores)
{
    for (size_t first = 0; first < count; first += scorer->batch) {
        size_t n = count - first < scorer->batch ? count - first : scorer->batch;
        memcpy(scorer->batch_images, images + first * PIXELS, n * PIXELS * sizeof *images);
        if (!wg_exec_write(scorer->exec, scorer->images, scorer->batch_images) ||
            !wg_exec_run(scorer->exec, 0) ||
            !wg_exec_read_target(scorer->exec, 0, scorer->scores, scorer->batch_scores))
            return false;
        memcpy(ret_scores + first, scorer->batch_scores, n * sizeof *ret_scores);
    }
    return true;
}
