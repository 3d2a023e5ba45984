/*
 * Time for measuring: seconds on a clock that never jumps.
 */
#ifndef WG_BASE_CLOCK_H
#define WG_BASE_CLOCK_H

#include <time.h>

static inline double wg_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
