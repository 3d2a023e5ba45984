/*
 * Work on all cores that this process may use.
 */
#ifndef WG_BASE_PARALLEL_H
#define WG_BASE_PARALLEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* How many cores this process may use: it may be held to some of them. At least 1. */
size_t wg_cores(void);

/*
 * Calls function(user, i) for every i below `count`, several at a time and in any order, and
 * returns when all are done. What one call computes must not depend on the others, so that the
 * result is the same for any number of threads. Threads are started each time, which takes some
 * 0.05 ms; where none can be, the caller does all of it. Errors that a call records are those of
 * its thread, and lost: it must leave in `user` whether it failed.
 */
void wg_parallel(size_t count, void (*function)(void *user, size_t i), void *user);

/* A function that runs beside its caller. */
struct wg_beside {
    void (*function)(void *user);
    void *user;
    pthread_t thread;
    bool is_running;
};

/* Begins function(user) on another core; if there is none, or no thread can be started, it is
 * called by wg_beside_wait, which is to follow, and returns when it is done. Of errors see above.
 */
void wg_beside_start(struct wg_beside *beside, void (*function)(void *user), void *user);
void wg_beside_wait(struct wg_beside *beside);

/* Elements from `first` to before `last`: part `i` of `count` of them, in parts of `length`. */
struct wg_part {
    size_t first, last;
};
static inline struct wg_part wg_part(size_t i, size_t length, size_t count)
{
    size_t first = i * length;
    return (struct wg_part){first, count - first < length ? count : first + length};
}

#endif
