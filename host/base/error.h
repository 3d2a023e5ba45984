/*
 * Errors: the innermost function that knows what went wrong says so once, everyone above cleans
 * up and returns false.
 *
 * The record belongs to the calling thread and is read through the public header
 * (wg_error_status, wg_error_message); nothing in the library prints or exits.
 */
#ifndef WG_BASE_ERROR_H
#define WG_BASE_ERROR_H

#include <stdbool.h>

#include "include/wgan_cl.h"

#if defined(__GNUC__)
#define WG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WG_PRINTF(text, first)
#endif

/*
 * Records an error of this thread and returns false, so that a failing function ends in
 *
 *     return wg_fail(WG_ERROR_DATA, "%s: %zu bytes, expected %zu", path, got, expected);
 *
 * The message is one sentence without a full stop or newline: what failed, where, what was
 * expected. It replaces the record of an earlier error.
 */
bool wg_fail(enum wg_status status, const char *format, ...) WG_PRINTF(2, 3);

/* The same for functions that return a pointer. */
#define wg_fail_null(...) (wg_fail(__VA_ARGS__), NULL)

/* Out of memory on the host, for `what`, as in "the device list". Returns false. */
bool wg_fail_memory(const char *what);

#define wg_fail_memory_null(what) (wg_fail_memory(what), NULL)

#endif
