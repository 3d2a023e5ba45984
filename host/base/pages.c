#define _DEFAULT_SOURCE // madvise

#include "host/base/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

void *wg_pages_allocate(size_t bytes)
{
    void *memory;
    if (bytes < WG_HUGE_PAGE)
        return malloc(bytes);
    size_t size = (bytes + WG_HUGE_PAGE - 1) / WG_HUGE_PAGE * WG_HUGE_PAGE;
    if (posix_memalign(&memory, WG_HUGE_PAGE, size) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE); // a wish; without it the memory is as good as any
#endif
    return memory;
}
