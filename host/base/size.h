/*
 * Arithmetic of sizes.
 */
#ifndef WG_BASE_SIZE_H
#define WG_BASE_SIZE_H

#include <stddef.h>

static inline size_t wg_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t wg_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t wg_divide_up(size_t value, size_t by)
{
    return (value + by - 1) / by;
}

static inline size_t wg_round_up(size_t value, size_t multiple)
{
    return wg_divide_up(value, multiple) * multiple;
}

#endif
