/* Loops on several threads: every turn is taken once, wherever; without threads by the caller. */
#define _GNU_SOURCE // sched_setaffinity

#include "host/base/parallel.h"

#include "tests/testlib.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum { TURNS = 1000 };

struct turns {
    atomic_int taken[TURNS];
    pthread_t caller;
    atomic_int elsewhere; // not by the caller
};

static void take(void *user, size_t i)
{
    struct turns *turns = user;
    turns->taken[i]++;
    turns->elsewhere += !pthread_equal(pthread_self(), turns->caller);
}

static void check_all_taken(size_t count, struct turns *turns)
{
    *turns = (struct turns){.caller = pthread_self()};
    wg_parallel(count, take, turns);
    for (size_t i = 0; i < TURNS; i++)
        ck_assert_int_eq(turns->taken[i], i < count);
}

START_TEST(every_turn_is_taken_once)
{
    struct turns turns;
    for (size_t count = 0; count < 40; count++)
        check_all_taken(count, &turns);
    check_all_taken(TURNS, &turns);
}
END_TEST

/* Both have begun before either ends, or this never does. */
static void meet(void *user, size_t i)
{
    (void)i;
    atomic_int *begun = user;
    ++*begun;
    while (*begun < 2)
        sched_yield();
}

START_TEST(turns_are_taken_at_the_same_time)
{
    cpu_set_t cores;
    atomic_int begun = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof cores, &cores), 0);
    if (CPU_COUNT(&cores) > 1)
        wg_parallel(2, meet, &begun);
}
END_TEST

START_TEST(a_process_held_to_one_core_starts_no_thread)
{
    cpu_set_t before, one;
    struct turns turns;
    CPU_ZERO(&one);
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    for (size_t core = 0; CPU_COUNT(&one) == 0; core++)
        if (CPU_ISSET(core, &before))
            CPU_SET(core, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    check_all_taken(TURNS, &turns);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
    ck_assert_int_eq(turns.elsewhere, 0);
}
END_TEST

static void take_first(void *user)
{
    take(user, 0);
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define MAPS_FOR_ITSELF 1 // and ends the process where it can't
#else
#define MAPS_FOR_ITSELF 0
#endif

/* No thread gets a stack where nothing can be mapped; those of threads that ended are used again,
 * so this comes before any other test. */
START_TEST(without_threads_the_caller_takes_all)
{
    struct rlimit limit;
    struct turns turns;
    struct wg_beside beside;
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
    const struct rlimit none = {.rlim_cur = 1, .rlim_max = limit.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    turns = (struct turns){.caller = pthread_self()};
    wg_parallel(TURNS, take, &turns);
    wg_beside_start(&beside, take_first, &turns);
    ck_assert_int_eq(turns.taken[0], 1); // not yet again
    wg_beside_wait(&beside);
    ck_assert_int_eq(turns.taken[0]--, 2);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(turns.elsewhere, 0);
    for (size_t i = 0; i < TURNS; i++)
        ck_assert_int_eq(turns.taken[i], 1);
}
END_TEST

static void count_up(void *user)
{
    ++*(atomic_int *)user;
}

static void meet_alone(void *user)
{
    meet(user, 0);
}

/* As above, if there is another core. */
START_TEST(one_runs_beside_its_caller)
{
    cpu_set_t cores;
    struct wg_beside beside;
    atomic_int begun = 0, counted = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof cores, &cores), 0);
    if (CPU_COUNT(&cores) > 1) {
        wg_beside_start(&beside, meet_alone, &begun);
        meet(&begun, 0);
        wg_beside_wait(&beside);
    }
    wg_beside_start(&beside, count_up, &counted);
    wg_beside_wait(&beside);
    ck_assert_int_eq(counted, 1);
}
END_TEST

static void note_part(void *user, size_t i)
{
    size_t *taken = user;
    const struct wg_part part = wg_part(i, 64, 150);
    for (size_t k = part.first; k < part.last; k++)
        taken[k]++;
}

START_TEST(parts_cover_everything_once)
{
    size_t taken[150] = {0};
    for (size_t i = 0; i < 3; i++)
        note_part(taken, i);
    for (size_t k = 0; k < 150; k++)
        ck_assert_uint_eq(taken[k], 1);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("parallel");
    if (!MAPS_FOR_ITSELF)
        tcase_add_test(tests, without_threads_the_caller_takes_all);
    tcase_add_test(tests, every_turn_is_taken_once);
    tcase_add_test(tests, turns_are_taken_at_the_same_time);
    tcase_add_test(tests, a_process_held_to_one_core_starts_no_thread);
    tcase_add_test(tests, one_runs_beside_its_caller);
    tcase_add_test(tests, parts_cover_everything_once);

    Suite *suite = suite_create("parallel");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
