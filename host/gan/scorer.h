/*
 * The critic alone: scores of images.
 */
#ifndef WG_GAN_SCORER_H
#define WG_GAN_SCORER_H

#include "host/gan/model.h"
#include "host/graph/function.h"

struct wg_scorer;

/* Builds the critic for `batch` images at a time; its weights are to be written. */
bool wg_scorer_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                      struct wg_scorer **ret_scorer);
void wg_scorer_destroy(struct wg_scorer *scorer);

const struct wg_model *wg_scorer_model(const struct wg_scorer *scorer);
bool wg_scorer_write(struct wg_scorer *scorer, const struct wg_node *weight, const float *data);

/* scores [count] of images [count, 28, 28] in [-1, 1] */
bool wg_scorer_run(struct wg_scorer *scorer, const float *images, size_t count, float *ret_scores);

#endif
