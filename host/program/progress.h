/*
 * Progress of a training: one line that updates on a terminal, a plain line now and then in a log.
 */
#ifndef WG_PROGRAM_PROGRESS_H
#define WG_PROGRAM_PROGRESS_H

#include <wgan_cl.h>

struct progress {
    bool is_terminal;
    bool line_open;      // the terminal's line has text and no newline yet
    double seconds_next; // log: when the next plain line is due
};

void progress_init(struct progress *progress);

/* Ends the updating line. */
void progress_finish(struct progress *progress);

/* Callbacks of wg_train; `user` is the struct progress. */
void progress_message(void *user, const char *text);
void progress_building(void *user, int done, int total);
void progress_step(void *user, const struct wg_progress *now);
void progress_tuning(void *user, const struct wg_tune_progress *now); // of wg_tune

/*
 * Stages of other work, for its callback `progress`: one line on standard error that updates, if
 * that is a terminal, and nothing otherwise: the result is on standard output. The line goes when
 * its stage is done, or by progress_finish_stage.
 */
void progress_stage(void *user, const char *stage, int done, int total);
void progress_finish_stage(struct progress *progress);

#endif
