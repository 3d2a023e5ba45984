/*
 * The tuner's child.
 */
#ifndef WG_TUNE_WORKER_H
#define WG_TUNE_WORKER_H

#include <stdbool.h>
#include <stdio.h>

/* The name of its task (base/child.h); its arguments are the device and the batch. */
#define WG_TUNE_TASK "tune"

/* Answers questions (question.h) until there are no more. */
bool wg_tune_serve(const char *selector, int batch, FILE *in, FILE *out);

#endif
