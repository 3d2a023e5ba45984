/*
 * FNV-1a, 64 bits (Fowler, Noll, Vo): tells data that changed by accident, not by intent.
 */
#ifndef WG_BASE_HASH_H
#define WG_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define WG_HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of everything that went into `hash`, followed by these bytes. */
static inline uint64_t wg_hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
