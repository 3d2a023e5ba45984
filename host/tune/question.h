/*
 * What the tuner asks its child, and what that answers: the time of one node computed one way.
 */
#ifndef WG_TUNE_QUESTION_H
#define WG_TUNE_QUESTION_H

#include "host/graph/choices.h"

/* A way to compute a node. */
struct wg_tune_way {
    char implementation[16];
    int knob[WG_KNOBS_MAX];
    char blas[16]; // set of CLBlast's parameters; empty: the default
};

struct wg_tune_question {
    char key[WG_NODE_KEY_MAX];
    struct wg_tune_way way;
    char yardstick[16]; // the implementation that tells what is right; empty: not checked
    double seconds;     // to be spent on timing
};

enum wg_tune_verdict {
    WG_TUNE_TIMED,  // right, and so fast
    WG_TUNE_WRONG,  // runs, but the numbers are wrong
    WG_TUNE_FAILED, // an error of the driver
    // Of a child that gives no answer:
    WG_TUNE_CRASHED,
    WG_TUNE_HUNG,
};

struct wg_tune_answer {
    enum wg_tune_verdict verdict;
    double seconds; // of one run
    char text[512]; // what was wrong
};

/* Texts of one line. The readers return false if the text is none of theirs. */
void wg_tune_question_write(const struct wg_tune_question *question, char *text, size_t size);
bool wg_tune_question_read(const char *text, struct wg_tune_question *ret_question);
void wg_tune_answer_write(const struct wg_tune_answer *answer, char *text, size_t size);
bool wg_tune_answer_read(const char *text, struct wg_tune_answer *ret_answer);

#endif
