/*
 * Arrays that grow by one element at a time.
 */
#ifndef WG_BASE_ARRAY_H
#define WG_BASE_ARRAY_H

#include <stddef.h>

/*
 * The array with room for one more element of `size` bytes behind its `count`; it may have moved.
 * It begins as NULL, is grown by this function alone, and is to be freed. NULL, with a message that
 * names `what`, if there is no memory: the array is as it was.
 *
 *     struct row *grown = wg_array_grow(table->rows, table->count, sizeof *grown, "a table");
 *     if (!grown)
 *         return false;
 *     table->rows = grown;
 *     table->rows[table->count++] = row;
 */
void *wg_array_grow(void *array, size_t count, size_t size, const char *what);

#endif
