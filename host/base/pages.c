#define _DEFAULT_SOURCE // madvise, MAP_ANONYMOUS

#include "host/base/pages.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Huge pages; without them the memory is as good as any. */
static void wish(void *memory, size_t size)
{
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)size;
#endif
}

static void *allocate(size_t size)
{
    void *memory;
    if (posix_memalign(&memory, WG_HUGE_PAGE, size) != 0)
        return NULL;
    wish(memory, size);
    return memory;
}

/* ---- what is kept ---- */

/* Addresses for more than is asked for: what was touched of them once is there for the next, and
 * grows if that one needs more. What finds no place here comes and goes as otherwise. */
static struct block {
    void *memory; // NULL: a free place
    size_t size, touched;
    size_t used; // 0: by nobody
} blocks[32];
enum { BLOCKS = sizeof blocks / sizeof blocks[0] };

static const size_t reserved = (size_t)1 << 30;

static int keepers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct block *find(const void *memory)
{
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->memory == memory)
            return b;
    return NULL;
}

/* The unused one of which just enough is touched, else that of which most is; NULL: there is none.
 */
static struct block *choose(size_t size)
{
    struct block *best = NULL;
    for (struct block *b = blocks; b < blocks + BLOCKS; b++)
        if (b->memory && b->used == 0 && b->size >= size &&
            (!best || (best->touched < size ? b->touched > best->touched
                                            : b->touched >= size && b->touched < best->touched)))
            best = b;
    return best;
}

static struct block *reserve(size_t size)
{
    struct block *block = find(NULL);
    char *memory = block ? mmap(NULL, size + WG_HUGE_PAGE, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                         : MAP_FAILED;
    if (memory == MAP_FAILED)
        return NULL;
    size_t before = WG_HUGE_PAGE - (uintptr_t)memory % WG_HUGE_PAGE;
    munmap(memory, before);
    if (before < WG_HUGE_PAGE)
        munmap(memory + before + size, WG_HUGE_PAGE - before);
    *block = (struct block){.memory = memory + before, .size = size};
    wish(block->memory, size);
    return block;
}

/* All of it or, if it is used, what nobody has asked for. */
static void forget(struct block *block)
{
    if (block->used < block->size)
        munmap((char *)block->memory + block->used, block->size - block->used);
    block->size = block->touched = block->used;
    if (block->used == 0)
        *block = (struct block){0};
}

static void *reuse_or_allocate(size_t size)
{
    struct block *block = choose(size);
    if (!block)
        block = reserve(size > reserved ? size : reserved);
    if (!block)
        return allocate(size);
    block->used = size;
    block->touched = size > block->touched ? size : block->touched;
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
    if (block)
        block->used = 0;
    if (block && keepers == 0)
        forget(block);
    else if (!block)
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
        if (b->memory)
            forget(b);
    pthread_mutex_unlock(&lock);
}
