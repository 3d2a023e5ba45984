/*
 * Interrupts: SIGINT and SIGTERM ask for a stop, SIGPIPE for nothing.
 */
#include "program.h"

#include <signal.h>

static volatile sig_atomic_t caught;

/* The first one asks for a stop after the step; a second one kills, as people expect. */
static void on_signal(int number)
{
    caught = number;
    signal(number, SIG_DFL);
}

bool asked_to_stop(void *user)
{
    (void)user;
    return caught != 0;
}

int stop_code(void)
{
    return caught ? 128 + caught : EXIT_OK;
}

void catch_stop_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Blocked, not ignored, for the same reason as in main. */
void outlive_readers(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    sigprocmask(SIG_BLOCK, &signals, NULL);
}
