/*
 * The picture of a training, through cairo, which is included nowhere else: losses above, the
 * Wasserstein estimate below, over the training step. One kind of plot, not a plotting library.
 */
#ifndef WG_FILES_PLOT_H
#define WG_FILES_PLOT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Curves of `count` points each, count >= 0. A value that is NaN, infinite or beyond 1e100 is left
 * out and the line goes on at the next one; a point whose step is such a value is left out
 * altogether. A curve that is NULL is empty.
 */
struct wg_plot_losses {
    size_t count;
    const double *step;        // training step, ascending
    const double *d_loss;      // loss of the critic
    const double *g_loss;      // loss of the generator
    const double *wasserstein; // NaN where it was not measured
    const char *title;         // UTF-8; NULL for none
};

/*
 * Draws the curves into a PNG of 1200 x 800 pixels. Curves of more than 200 points are drawn
 * thin, with their running median on top. Where a few outliers would squeeze everything else into
 * a line, the axis leaves them out, and the picture says how many.
 * Fails with WG_ERROR_FILE or WG_ERROR_MEMORY.
 */
bool wg_plot_losses_write(const char *path, const struct wg_plot_losses *losses);

#endif
