#define _DEFAULT_SOURCE // madvise

#include "host/base/pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *allocate(size_t size)
{
    void *memory;
    if (posix_memalign(&memory, WG_HUGE_PAGE, size) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE); // a wish; without it the memory is as good as any
#endif
    return memory;
}

/* ---- what is kept ---- */

/* Memory allocated while some is kept. What finds no place here comes and goes as otherwise. */
static struct block {
    void *memory; // NULL: a free place
    size_t size;
    bool is_used;
} blocks[32];
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

static int keepers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The smallest unused one of this size or more, else the largest one, which is to give way; NULL:
 * there is none. */
static struct block *choose(size_t size)
{
    struct block *best = NULL;
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->memory && !b->is_used &&
            (!best ||
             (best->size < size ? b->size > best->size : b->size >= size && b->size < best->size)))
            best = b;
    return best;
}

static struct block *find(const void *memory)
{
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->memory == memory)
            return b;
    return NULL;
}

static void forget(struct block *block)
{
    free(block->memory);
    *block = (struct block){0};
}

/* Whoever is too small gives way, until there is memory for this one. */
static void *reuse_or_allocate(size_t size)
{
    struct block *block = choose(size);
    while (block && block->size < size) {
        forget(block);
        block->memory = allocate(size);
        block->size = size;
        if (!block->memory)
            block = choose(size);
    }
    if (!block && (block = find(NULL)))
        *block = (struct block){.memory = allocate(size), .size = size};
    if (!block)
        return allocate(size);
    block->is_used = block->memory;
    return block->memory;
}

/* ---- all of it ---- */

void *wg_pages_allocate(size_t bytes)
{
    if (bytes < WG_HUGE_PAGE)
        return malloc(bytes);
    size_t size = (bytes + WG_HUGE_PAGE - 1) / WG_HUGE_PAGE * WG_HUGE_PAGE;
    pthread_mutex_lock(&lock);
    void *memory = keepers > 0 ? reuse_or_allocate(size) : allocate(size);
    pthread_mutex_unlock(&lock);
    return memory;
}

void wg_pages_free(void *memory)
{
    pthread_mutex_lock(&lock);
    struct block *block = memory ? find(memory) : NULL;
    if (block && keepers > 0)
        block->is_used = false;
    else if (block)
        forget(block);
    else
        free(memory);
    pthread_mutex_unlock(&lock);
}

void wg_pages_keep(void)
{
    pthread_mutex_lock(&lock);
    keepers++;
    pthread_mutex_unlock(&lock);
}

void wg_pages_drop(void)
{
    pthread_mutex_lock(&lock);
    keepers--;
    for (struct block *b = blocks; keepers == 0 && b < blocks + BLOCKS; b++)
        if (!b->is_used)
            forget(b);
    pthread_mutex_unlock(&lock);
}
