#include "host/eval/neighbours.h"

#include "host/base/error.h"
#include "host/graph/function.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Points on either side of a tile. */
enum { TILE = 1024 };

struct wg_distances {
    size_t size;
    struct wg_function function;
    struct wg_node *a, *b; // [TILE, size]
    struct wg_node *products;
    float *points;  // [TILE, size], to fill a short tile up
    float *squares; // [TILE, TILE]: the products, then the squared distances
    double norms[2][TILE];
};

/* ---- distances ---- */

bool wg_distances_create(struct wg_device *device, size_t size, struct wg_distances **ret_distances)
{
    struct wg_distances *d = calloc(1, sizeof *d);
    if (!d)
        return wg_fail_memory("distances");
    struct wg_graph *g = d->function.graph = wg_graph_create();
    d->size = size;
    d->a = wg_variable(g, "a", WG_F32, wg_shape(TILE, size));
    d->b = wg_variable(g, "b", WG_F32, wg_shape(TILE, size));
    d->products = wg_matmul(g, d->a, false, d->b, true);
    d->points = calloc(TILE * size, sizeof *d->points);
    d->squares = malloc(sizeof *d->squares * TILE * TILE);
    bool ok = (d->points && d->squares) || wg_fail_memory("distances");
    const struct wg_targets targets = {.name = "distances", .nodes = &d->products, .count = 1};
    if (!ok || !wg_function_compile(&d->function, device, &targets, 1)) {
        wg_distances_destroy(d);
        return false;
    }
    *ret_distances = d;
    return true;
}

void wg_distances_destroy(struct wg_distances *d)
{
    if (!d)
        return;
    wg_function_finish(&d->function);
    free(d->points);
    free(d->squares);
    free(d);
}

/* Part of a set, at most TILE points. */
struct part {
    const float *points;
    size_t first, count;
};

static struct part part_of(const float *points, size_t count, size_t first, size_t size)
{
    size_t left = count - first;
    return (struct part){points + first * size, first, left < TILE ? left : TILE};
}

static bool write_part(struct wg_distances *d, const struct wg_node *node, struct part part,
                       double *ret_norms)
{
    memcpy(d->points, part.points, part.count * d->size * sizeof *d->points);
    for (size_t i = 0; i < part.count; i++) {
        ret_norms[i] = 0;
        for (size_t k = 0; k < d->size; k++)
            ret_norms[i] += (double)d->points[i * d->size + k] * (double)d->points[i * d->size + k];
    }
    return wg_exec_write(d->function.exec, node, d->points);
}

/* d->squares[i * TILE + j]: the squared distance of point i of a and point j of b */
static bool measure(struct wg_distances *d, struct part a, struct part b)
{
    if (!write_part(d, d->a, a, d->norms[0]) || !write_part(d, d->b, b, d->norms[1]) ||
        !wg_exec_run(d->function.exec, 0) ||
        !wg_exec_read_target(d->function.exec, 0, d->products, d->squares))
        return false;
    for (size_t i = 0; i < a.count; i++)
        for (size_t j = 0; j < b.count; j++) {
            float *at = &d->squares[i * TILE + j];
            *at = (float)fmax(d->norms[0][i] + d->norms[1][j] - 2.0 * (double)*at, 0);
        }
    return true;
}

/* ---- manifolds ---- */

/* Puts a distance among the k smallest, which are ascending. */
static void insert(float *smallest, int k, float distance)
{
    int at = k - 1;
    for (; at > 0 && smallest[at - 1] > distance; at--)
        smallest[at] = smallest[at - 1];
    smallest[at] = distance;
}

static void collect(const struct wg_distances *d, struct part a, struct part b, int k,
                    float *smallest)
{
    for (size_t i = 0; i < a.count; i++) {
        float *mine = smallest + i * (size_t)k;
        for (size_t j = 0; j < b.count; j++) {
            float distance = d->squares[i * TILE + j];
            if (distance < mine[k - 1] && a.first + i != b.first + j)
                insert(mine, k, distance);
        }
    }
}

/* The radii of one part of the points, from all of them. */
static bool find_radii(struct wg_distances *d, const float *points, size_t count, struct part a,
                       int k, float *smallest, float *radii)
{
    for (size_t i = 0; i < a.count * (size_t)k; i++)
        smallest[i] = INFINITY;
    for (size_t first = 0; first < count; first += TILE) {
        struct part b = part_of(points, count, first, d->size);
        if (!measure(d, a, b))
            return false;
        collect(d, a, b, k, smallest);
    }
    for (size_t i = 0; i < a.count; i++)
        radii[a.first + i] = smallest[(i + 1) * (size_t)k - 1];
    return true;
}

bool wg_manifold_create(struct wg_distances *d, const float *points, size_t count, int k,
                        struct wg_manifold *ret_manifold)
{
    if (k < 1 || k > WG_NEIGHBOURS_MAX || (size_t)k >= count)
        return wg_fail(WG_ERROR_ARGUMENT,
                       "k is %d, expected 1 to %d, and fewer than the %zu images to compare", k,
                       WG_NEIGHBOURS_MAX, count);
    float *radii = malloc(count * sizeof *radii);
    float *smallest = malloc(sizeof *smallest * TILE * (size_t)k);
    bool ok = (radii && smallest) || wg_fail_memory("neighbours");
    for (size_t first = 0; ok && first < count; first += TILE)
        ok = find_radii(d, points, count, part_of(points, count, first, d->size), k, smallest,
                        radii);
    free(smallest);
    if (ok)
        *ret_manifold = (struct wg_manifold){.points = points, .count = count, .radii = radii};
    else
        free(radii);
    return ok;
}

void wg_manifold_free(struct wg_manifold *manifold)
{
    free(manifold->radii);
    *manifold = (struct wg_manifold){0};
}

/* ---- precision and recall ---- */

/* Marks the points of either part that lie in a ball of the other. */
static void mark(const struct wg_distances *d, struct part a, const float *radii_a, bool *inside_a,
                 struct part b, const float *radii_b, bool *inside_b)
{
    for (size_t i = 0; i < a.count; i++)
        for (size_t j = 0; j < b.count; j++) {
            float distance = d->squares[i * TILE + j];
            inside_a[a.first + i] |= distance <= radii_b[b.first + j];
            inside_b[b.first + j] |= distance <= radii_a[a.first + i];
        }
}

static double share(const bool *inside, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += inside[i];
    return (double)found / (double)count;
}

bool wg_precision_recall(struct wg_distances *d, const struct wg_manifold *real,
                         const struct wg_manifold *generated, double *ret_precision,
                         double *ret_recall)
{
    bool *in_real = calloc(generated->count, sizeof *in_real);
    bool *in_generated = calloc(real->count, sizeof *in_generated);
    bool ok = (in_real && in_generated) || wg_fail_memory("neighbours");
    for (size_t i = 0; ok && i < real->count; i += TILE)
        for (size_t j = 0; ok && j < generated->count; j += TILE) {
            struct part a = part_of(real->points, real->count, i, d->size);
            struct part b = part_of(generated->points, generated->count, j, d->size);
            ok = measure(d, a, b);
            if (ok)
                mark(d, a, real->radii, in_generated, b, generated->radii, in_real);
        }
    if (ok) {
        *ret_precision = share(in_real, generated->count);
        *ret_recall = share(in_generated, real->count);
    }
    free(in_real);
    free(in_generated);
    return ok;
}
