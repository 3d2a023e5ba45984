/*
 * Host memory for what is large and touched at once: in huge pages where the system has them, since
 * it hands out and looks up pages one by one.
 */
#ifndef WG_BASE_PAGES_H
#define WG_BASE_PAGES_H

#include <stddef.h>

/* What x86-64 and most others have; elsewhere it is an alignment like any other. */
enum { WG_HUGE_PAGE = 2 << 20 };

/* As malloc, to be freed by free; from WG_HUGE_PAGE bytes on aligned to that. */
void *wg_pages_allocate(size_t bytes);

#endif
