#include "host/gan/scorer.h"

#include "host/base/error.h"

#include <stdlib.h>

struct wg_scorer {
    struct wg_function function;
    struct wg_model model;
    struct wg_node *images;
    struct wg_node *scores;
};

bool wg_scorer_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                      struct wg_scorer **ret_scorer)
{
    struct wg_scorer *scorer = calloc(1, sizeof *scorer);
    if (!scorer)
        return wg_fail_memory("a scorer");
    struct wg_graph *g = scorer->function.graph = wg_graph_create();
    wg_model_init(&scorer->model, g, widths);
    scorer->images = wg_variable(g, "images", WG_F32, wg_shape(batch, 28, 28, 1));
    scorer->scores = wg_critic(&scorer->model, g, scorer->images);
    const struct wg_targets targets = {.name = "score", .nodes = &scorer->scores, .count = 1};
    if (!wg_function_compile(&scorer->function, device, &targets, 1)) {
        wg_scorer_destroy(scorer);
        return false;
    }
    *ret_scorer = scorer;
    return true;
}

void wg_scorer_destroy(struct wg_scorer *scorer)
{
    if (scorer)
        wg_function_finish(&scorer->function);
    free(scorer);
}

const struct wg_model *wg_scorer_model(const struct wg_scorer *scorer)
{
    return &scorer->model;
}

bool wg_scorer_write(struct wg_scorer *scorer, const struct wg_node *weight, const float *data)
{
    return wg_exec_write(scorer->function.exec, weight, data);
}

bool wg_scorer_run(struct wg_scorer *scorer, const float *images, size_t count, float *ret_scores)
{
    const struct wg_rows rows[] = {{.node = scorer->images, .from = images},
                                   {.node = scorer->scores, .to = ret_scores}};
    return wg_function_map(&scorer->function, 0, count, rows, 2);
}
