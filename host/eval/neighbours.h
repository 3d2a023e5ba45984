/*
 * Precision and recall of a set of points against another one, by nearest neighbours. The manifold
 * of a set is the union of balls around its points, each reaching to the point's k-th nearest
 * neighbour in the set:
 *
 *   precision  the share of generated points in the manifold of the real ones
 *   recall     the share of real points in the manifold of the generated ones
 *
 * Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models"
 * (2019), section 2, equations 1 and 2. Both depend on the number of points: compare at one.
 *
 * Distances are |a|^2 + |b|^2 - 2 a b, the products as matrix products on the device, in tiles. In
 * single precision a squared distance is off by up to some size * 2^-24 * (|a|^2 + |b|^2).
 */
#ifndef WG_EVAL_NEIGHBOURS_H
#define WG_EVAL_NEIGHBOURS_H

#include "include/wgan_cl.h"

enum { WG_NEIGHBOURS_MAX = 100 };

/* Distances between points of `size` numbers. */
struct wg_distances;
bool wg_distances_create(struct wg_device *device, size_t size,
                         struct wg_distances **ret_distances);
void wg_distances_destroy(struct wg_distances *distances);

/* Points [count, size] and, squared, the distance of each to its k-th neighbour. */
struct wg_manifold {
    const float *points;
    size_t count;
    float *radii; // [count], squared
};

/* The manifold of points, which must outlive it; 1 <= k < count, k <= WG_NEIGHBOURS_MAX. A point
 * is no neighbour of its own, its duplicates are. */
bool wg_manifold_create(struct wg_distances *distances, const float *points, size_t count, int k,
                        struct wg_manifold *ret_manifold);
void wg_manifold_free(struct wg_manifold *manifold);

bool wg_precision_recall(struct wg_distances *distances, const struct wg_manifold *real,
                         const struct wg_manifold *generated, double *ret_precision,
                         double *ret_recall);

#endif
