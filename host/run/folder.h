/*
 * The run folder: its name, its creation, the paths in it.
 */
#ifndef WG_RUN_FOLDER_H
#define WG_RUN_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

enum { WG_PATH_MAX = 1024 };

/*
 * Creates the folder of a new run, with its imgs and checkpoints folders. `wanted` must not exist
 * or be empty; missing parents are created. NULL takes runs/NNNNN-NAME, one above the highest
 * number there. Fails with WG_ERROR_FILE, or WG_ERROR_ARGUMENT if `wanted` is empty.
 */
bool wg_folder_create(const char *wanted, const char *name, char ret_folder[WG_PATH_MAX]);

/* The same refusals without creating anything: a run asks before it builds its kernels. */
bool wg_folder_check(const char *wanted);

/*
 * Holds the folder of a run for this process, until wg_folder_unlock or its end, however it ends:
 * two that write there would spoil the run. Fails with WG_ERROR_FILE if another one holds it,
 * naming it where the system tells which. Where a folder can't be locked, as on some network file
 * systems, nothing is held and *ret_lock is -1. Who only reads a run does not ask.
 */
bool wg_folder_lock(const char *folder, int *ret_lock);
void wg_folder_unlock(int lock);

/* Creates the folders in the folder of a run that are missing. Fails with WG_ERROR_FILE. */
bool wg_folder_complete(const char *folder);

/* FOLDER/FORMAT...; fails with WG_ERROR_FILE if that is too long. */
bool wg_folder_path(char ret_path[WG_PATH_MAX], const char *folder, const char *format, ...);

/* FOLDER/checkpoints/STEP.safetensors, and FOLDER/imgs/STEP.png */
bool wg_folder_checkpoint_path(char ret_path[WG_PATH_MAX], const char *folder, uint32_t step);
bool wg_folder_image_path(char ret_path[WG_PATH_MAX], const char *folder, uint32_t step);

/*
 * The checkpoint `source` means: the file itself, or the one with the highest step in a run
 * folder. Fails with WG_ERROR_FILE, saying what was looked for and, where another folder or file is
 * meant, which.
 */
bool wg_folder_find_checkpoint(const char *source, char ret_path[WG_PATH_MAX]);

/* Steps of the sample grids in the folder, ascending, to be freed with free(). */
bool wg_folder_list_images(const char *folder, uint32_t **ret_steps, int *ret_count);

#endif
