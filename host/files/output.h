/*
 * An output file that appears whole or not at all: it is written under a temporary name in the
 * same folder and renamed when everything has reached the disk.
 *
 * Every writer of the program goes through here. An interrupted run leaves at most a file ending
 * in ".part", never a truncated one under the final name; what stood there before stays until the
 * new one is complete. Not for logs, which grow in place.
 */
#ifndef WG_FILES_OUTPUT_H
#define WG_FILES_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct wg_output;

/*
 * Creates the temporary file beside `path`. Fails with WG_ERROR_FILE if the folder is missing or
 * unwritable, or if `path` exists and is anything but a regular file (a folder, a device). A
 * symbolic link at `path` will be replaced, not followed.
 */
bool wg_output_open(const char *path, struct wg_output **ret_output);

/* The file as a stream, for fprintf and the like: its errors are noticed by the commit. Not to be
 * closed. */
FILE *wg_output_stream(struct wg_output *output);

/* Appends bytes. Fails with WG_ERROR_FILE; the commit then fails with the same reason. */
bool wg_output_write(struct wg_output *output, const void *data, size_t bytes);

/*
 * Flushes, waits for the disk, closes, renames to the final path. Fails with WG_ERROR_FILE if any
 * write since the opening failed, a full disk for instance; nothing is left behind then. Frees
 * the output in either case.
 */
bool wg_output_commit(struct wg_output *output);

/*
 * The same for files that belong together, all of them or none: each is whole under its temporary
 * name before the first is renamed. The renames are not one act. If one fails, those before it are
 * taken back where the file system has hard links; a process killed between them leaves new files
 * beside old ones.
 */
bool wg_output_commit_all(struct wg_output *const *outputs, size_t count);

/* Closes and removes the temporary file, frees the output. NULL is fine. */
void wg_output_discard(struct wg_output *output);

/* Whether a file's name is that of a temporary file, and if so, how long the final name before it
 * is and which process wrote it. One that was killed leaves it behind. */
bool wg_output_parse_temporary(const char *name, size_t *ret_length, pid_t *ret_process);

/* Creates the folders above the last part of `path` that are missing. Fails with WG_ERROR_FILE. */
bool wg_make_parents(const char *path);

#endif
