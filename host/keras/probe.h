/*
 * Whether libhdf5 survives Keras' files: some damaged ones it never returns from, or crashes on.
 */
#ifndef WG_KERAS_PROBE_H
#define WG_KERAS_PROBE_H

#include <stdbool.h>

/*
 * Reads the files of wg_keras_read in a child first (base/child.h), for a minute at most. Fails
 * with WG_ERROR_DATA, naming the file, if the child does not survive that; files that are only
 * wrong are left to wg_keras_read. Without children nothing is tried.
 */
bool wg_keras_probe(const char *folder);

/* The task of such a child, and its work. */
#define WG_KERAS_TASK "keras"
bool wg_keras_serve(const char *folder);

#endif
