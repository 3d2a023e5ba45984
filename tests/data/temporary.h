/*
 * Files of a test's own: a folder that exists from setup to teardown, and ways to fill it.
 */
#ifndef TESTS_DATA_TEMPORARY_H
#define TESTS_DATA_TEMPORARY_H

#include <stddef.h>
#include <stdint.h>

/* For tcase_add_checked_fixture: a new folder, and its removal with everything in it. */
void temporary_create(void);
void temporary_remove(void);

/* The path of a name in the folder ("" is the folder itself); valid for the next few calls. */
const char *temporary_path(const char *name);

/* Makes a folder in the folder, writes a file. Both return the path, as above. */
const char *temporary_make_folder(const char *name);
const char *temporary_write(const char *name, const void *bytes, size_t size);

/*
 * A gzip file that holds the bytes in stored blocks (RFC 1951, 1952), made without zlib.
 * temporary_gzip returns it in memory, to be freed.
 */
uint8_t *temporary_gzip(const void *bytes, size_t size, size_t *ret_size);
const char *temporary_write_gzip(const char *name, const void *bytes, size_t size);

#endif
