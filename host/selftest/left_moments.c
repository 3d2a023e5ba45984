#include "host/selftest/left_moments.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/selftest/expect_work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of a channel: sums of x, |x| and x^2. Doubles hold the squares of floats, and their sums lose
 * nothing that floats would show. */
enum { VALUES, SIZES, SQUARES, KINDS };

enum { PARTS = 64 };

struct work {
    const float *x;
    size_t rows, c;
    double *sums; // [PARTS, KINDS, c]
};

static void add_part(void *user, size_t index)
{
    const struct work *w = user;
    const struct wg_part part = wg_part(index, wg_divide_up(w->rows, PARTS), w->rows);
    double *sums = w->sums + index * KINDS * w->c;
    for (size_t row = part.first; row < part.last; row++)
        for (size_t i = 0; i < w->c; i++) {
            double x = (double)w->x[row * w->c + i];
            sums[VALUES * w->c + i] += x;
            sums[SIZES * w->c + i] += fabs(x);
            sums[SQUARES * w->c + i] += x * x;
        }
}

/* The mean over the rows of one of the sums of a channel. */
static double mean_of(const struct work *w, int kind, size_t channel)
{
    double total = 0;
    for (size_t part = 0; part < PARTS; part++)
        total += w->sums[(part * KINDS + (size_t)kind) * w->c + channel];
    return total / (double)w->rows;
}

static void compare(const char *what, size_t channel, double got, double right, double allowed,
                    struct wg_deviation *deviation)
{
    double off = fabs(got - right), error = off == 0 ? 0 : off / allowed;
    if (error <= deviation->error) // false if it is a NaN
        return;
    deviation->error = isnan(error) ? INFINITY : error;
    snprintf(deviation->text, sizeof deviation->text,
             "the %s of channel %zu is %.9g, that of what was computed %.9g, within %.3g", what,
             channel, got, right, allowed);
}

bool wg_left_moments_compare(const struct wg_node *node, const float *x, const float *m,
                             struct wg_deviation *deviation)
{
    struct work w = {x, wg_shape_rows(&node->shape), wg_shape_last(&node->shape), NULL};
    w.sums = calloc(PARTS * KINDS * w.c, sizeof *w.sums);
    if (!w.sums)
        return wg_fail_memory("the moments of a test");
    wg_parallel(wg_divide_up(w.rows, wg_divide_up(w.rows, PARTS)), add_part, &w);
    for (size_t i = 0; i < w.c; i++) {
        double mean = mean_of(&w, VALUES, i), allowed[2];
        double variance = fmax(mean_of(&w, SQUARES, i) - mean * mean, 0);
        wg_allow_moments(&node->shape, mean_of(&w, SIZES, i), variance, &allowed[0], &allowed[1]);
        compare("mean", i, (double)m[i], mean, allowed[0], deviation);
        compare("variance", i, (double)m[w.c + i], variance, allowed[1], deviation);
    }
    free(w.sums);
    return true;
}
