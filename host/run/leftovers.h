/*
 * What a training that was killed left in its run folder: files that were being written.
 */
#ifndef WG_RUN_LEFTOVERS_H
#define WG_RUN_LEFTOVERS_H

/*
 * Removes the temporary files (output.h) of a run's own files, if the process that wrote them runs
 * no more; nothing else. For who holds the folder's lock. Returns how many; what can't be removed
 * stays.
 */
int wg_leftovers_remove(const char *folder);

#endif
