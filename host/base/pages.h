/*
 * Host memory for what is large and touched at once: in huge pages where the system has them, since
 * it hands out and looks up pages one by one.
 */
#ifndef WG_BASE_PAGES_H
#define WG_BASE_PAGES_H

#include <stddef.h>

/* What x86-64 and most others have; elsewhere it is an alignment like any other. */
enum { WG_HUGE_PAGE = 2 << 20 };

/* As malloc, to be freed by wg_pages_free; from WG_HUGE_PAGE bytes on aligned to that. */
void *wg_pages_allocate(size_t bytes);
void wg_pages_free(void *memory);

/*
 * From wg_pages_keep to wg_pages_drop large memory that is freed is kept for who asks next: a new
 * page costs more than all that is done with it, since the system clears it first, and a virtual
 * machine may have to be given it. Pairs of them may nest. Any thread may call any of these.
 */
void wg_pages_keep(void);
void wg_pages_drop(void);

#endif
