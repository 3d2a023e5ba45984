/*
 * Last words: OpenCL drivers end the process that uses them, by a signal when they crash, by exit
 * when their compiler meets a full disk. Its user should hear whose doing that was and how to go
 * on.
 */
#include "program.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static const char words[] =
    "wgan-cl: ended from within, most likely by the OpenCL driver, which may have said why above "
    "(a crash, a full disk, a file beyond ulimit -f?); wgan-cl selftest tries the device, --device "
    "takes another, and a training goes on from its newest checkpoint with wgan-cl train --resume "
    "FOLDER\n";

static volatile sig_atomic_t has_returned;

/* Nothing but write is safe where a signal may come from. */
static void say(void)
{
    ssize_t written = write(STDERR_FILENO, words, sizeof words - 1);
    (void)written; // then nobody hears them
}

static void on_crash(int number)
{
    say();
    has_returned = true;
    raise(number); // its default is in place again, and comes once this returns
}

static void on_exit_by_others(void)
{
    if (!has_returned)
        say();
}

void speak_if_ended(void)
{
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        sigaction(crashes[i], &action, NULL);
    atexit(on_exit_by_others);
}

void main_returns(void)
{
    has_returned = true;
}
