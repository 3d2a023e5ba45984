/*
 * A child that answers questions, line by line.
 */
#ifndef WG_TUNE_DIALOGUE_H
#define WG_TUNE_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>

/* What an answer begins with; other lines are a driver's and pass unheard. */
#define WG_DIALOGUE_MARK "wgan-cl: "

struct wg_dialogue;

/* Asked several times a second while an answer is awaited; true: it is not awaited any more. */
typedef bool wg_dialogue_stop(void *user);

/* Starts a child of this task, as wg_child_start does. It may be asked once it has said so: a first
 * answer, for which it has so many seconds, is awaited. Fails with WG_ERROR_STOPPED, too. */
bool wg_dialogue_start(const char *task, const char *const *arguments, double seconds,
                       wg_dialogue_stop *stop, void *user, struct wg_dialogue **ret_dialogue);

/*
 * Asks a line and gives the answer, without its mark. Fails with WG_ERROR_DEVICE if the child takes
 * longer than so many seconds or ends, saying how, and with WG_ERROR_STOPPED; it can't be asked any
 * more then.
 */
bool wg_dialogue_ask(struct wg_dialogue *dialogue, const char *question, double seconds,
                     char *ret_answer, size_t size);

/* NULL is fine. */
void wg_dialogue_end(struct wg_dialogue *dialogue);

#endif
