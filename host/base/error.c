#include "host/base/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local struct {
    enum wg_status status;
    // Long enough for a compiler's log: a kernel that fails to build is reported in full.
    char message[64 * 1024];
    // A new message may quote the old one, so it is composed aside.
    char draft[64 * 1024];
} last_error;

/* Names may come from files: nothing that a terminal would obey. */
static void disarm(char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && *text != '\n' && *text != '\t')
            *text = '?';
}

bool wg_fail(enum wg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last_error.draft, sizeof last_error.draft, format, arguments);
    va_end(arguments);
    disarm(last_error.draft);
    memcpy(last_error.message, last_error.draft, sizeof last_error.message);
    last_error.status = status;
    return false;
}

bool wg_fail_memory(const char *what)
{
    return wg_fail(WG_ERROR_MEMORY, "out of memory on the host, allocating %s", what);
}

enum wg_status wg_error_status(void)
{
    return last_error.status;
}

const char *wg_error_message(void)
{
    return last_error.message;
}
