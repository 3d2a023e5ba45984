/*
 * A whole file in memory: the counterpart of output.h for the readers of this folder. Not for
 * data sets, which may be compressed.
 */
#ifndef WG_FILES_INPUT_H
#define WG_FILES_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads `path` to its end. The bytes are to be freed with free(); a zero follows the last one, so
 * that text is a string. A pipe is read as well, but not waited for where it has no writer. Fails
 * with WG_ERROR_FILE or WG_ERROR_MEMORY.
 */
bool wg_input_read(const char *path, uint8_t **ret_bytes, size_t *ret_size);

#endif
