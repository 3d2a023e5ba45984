/*
 * What the tests of the run layer share: errors, files as bytes. Their folder is that of
 * tests/data/temporary.h.
 */
#ifndef TESTS_RUN_RUNLIB_H
#define TESTS_RUN_RUNLIB_H

#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdbool.h>

/* The last failure had this status, and `part` stands in its one-line message. */
void check_error(enum wg_status status, const char *part);

/* A file's bytes with a zero behind the last, to be freed. */
char *read_bytes(const char *path, size_t *ret_size);

/* Writes a text to a file of the folder; returns its path as temporary_write does. */
const char *write_text(const char *name, const char *text);

bool files_are_equal(const char *a, const char *b);
bool file_exists(const char *path);

/* A suite of these tests, each in a folder of its own. */
int run_tests(const char *name, const TTest *const *tests, size_t count);

#define countof(array) (sizeof(array) / sizeof *(array))

#endif
