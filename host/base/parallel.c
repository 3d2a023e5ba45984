#define _GNU_SOURCE // sched_getaffinity

#include "host/base/parallel.h"

#include "host/base/size.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

/* More are rarely of use: what is done here soon waits for memory. */
enum { THREADS_MAX = 16 };

struct loop {
    void (*function)(void *user, size_t i);
    void *user;
    size_t count;
    atomic_size_t next;
};

static void *run(void *context)
{
    struct loop *loop = context;
    size_t i;
    while ((i = atomic_fetch_add(&loop->next, 1)) < loop->count)
        loop->function(loop->user, i);
    return NULL;
}

size_t wg_cores(void)
{
#ifdef CPU_COUNT
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
#endif
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (size_t)cores : 1;
}

void wg_parallel(size_t count, void (*function)(void *user, size_t i), void *user)
{
    struct loop loop = {.function = function, .user = user, .count = count};
    pthread_t threads[THREADS_MAX];
    size_t started = 0, wanted = count > 1 ? wg_smaller(count, wg_cores()) : 1;
    wanted = wg_smaller(wanted, THREADS_MAX);
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, run, &loop) == 0)
        started++;
    run(&loop);
    while (started-- > 0)
        pthread_join(threads[started], NULL);
}

static void *run_beside(void *context)
{
    const struct wg_beside *beside = context;
    beside->function(beside->user);
    return NULL;
}

void wg_beside_start(struct wg_beside *beside, void (*function)(void *user), void *user)
{
    *beside = (struct wg_beside){.function = function, .user = user};
    beside->is_running =
        wg_cores() > 1 && pthread_create(&beside->thread, NULL, run_beside, beside) == 0;
}

void wg_beside_wait(struct wg_beside *beside)
{
    if (beside->is_running)
        pthread_join(beside->thread, NULL);
    else
        beside->function(beside->user);
}
