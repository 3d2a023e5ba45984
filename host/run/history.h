/*
 * The history of a run: the losses of every step, in memory and in log.csv.
 */
#ifndef WG_RUN_HISTORY_H
#define WG_RUN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wg_history_row {
    uint32_t step;      // counted from 1
    double d_loss;      // 0.5 * (d_loss_real + d_loss_fake)
    double d_loss_real; // a float's value, as the next three
    double d_loss_fake; //
    double g_loss;      //
    double wasserstein; // NaN where it was not taken
    double seconds;     // of training up to here, all sessions together
};

struct wg_history {
    struct wg_history_row *rows; // rows[i].step == i + 1
    size_t count;
    FILE *log;
    char path[1024];
};

/* A new log at `path`, with its heading. Fails with WG_ERROR_FILE. */
bool wg_history_create(struct wg_history *history, const char *path);

/*
 * Reads the rows of steps 1 ... `steps` from the log at `path`, drops later ones from the file,
 * and goes on after them. Fails with WG_ERROR_FILE or, if rows are missing, WG_ERROR_DATA.
 */
bool wg_history_continue(struct wg_history *history, const char *path, uint32_t steps);

/* Adds a row to memory and, written through, to the log: what a kill leaves is whole rows. */
bool wg_history_add(struct wg_history *history, const struct wg_history_row *row);

/* Closes the log, frees the rows. */
void wg_history_finish(struct wg_history *history);

/* One field of all rows, [count], to be freed with free(); NULL if out of memory. `offset` is that
 * of a double in struct wg_history_row. */
double *wg_history_column(const struct wg_history *history, size_t offset);

#endif
