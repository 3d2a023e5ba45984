#include "host/base/array.h"

#include "host/base/error.h"

#include <stdint.h>
#include <stdlib.h>

/* Elements of the smallest array, a power of two. */
enum { FEW = 16 };

/* It doubles where the count is a power of two, so nobody needs to remember how much room there is.
 */
void *wg_array_grow(void *array, size_t count, size_t size, const char *what)
{
    bool is_full = count == 0 || (count >= FEW && (count & (count - 1)) == 0);
    if (!is_full)
        return array;
    size_t room = count == 0 ? FEW : 2 * count;
    void *grown = room <= SIZE_MAX / size && room > count ? realloc(array, room * size) : NULL;
    return grown ? grown : wg_fail_memory_null(what);
}
