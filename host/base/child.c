#include "host/base/child.h"

#include "host/base/clock.h"
#include "host/base/error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct wg_child {
    pid_t id;
    int output;      // -1 once it has closed it
    bool has_ended;  // and has been told so
    double seconds;  // it may take
    double deadline; // on wg_clock_seconds
    char failure[64];
    char text[WG_CHILD_LINE_MAX - 1]; // read and not yet told
    size_t length;
};

/* What the first argument of a child is; no command of a program is called so. */
static const char mark[] = "--child-of-wgan-cl";

static const char *program; // NULL: main has not asked for its task, or there can be no child
static bool is_child;

/* ---- the program ---- */

/* Whether the running file is the dynamic loader, told what to run: `ld.so PROGRAM`. A child would
 * need the same arguments, which nobody tells. */
static bool is_loader(void)
{
    char path[4096] = "";
    if (readlink("/proc/self/exe", path, sizeof path - 1) < 0)
        return false;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.so", 5) == 0;
}

const char *wg_child_task(int argc, char **argv)
{
    is_child = argc >= 3 && strcmp(argv[1], mark) == 0;
    if (is_child) {
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); // a driver may hang, and nobody else would end it
#endif
        return argv[2];
    }
    if (is_loader())
        return NULL;
    // The running file itself, even if another has taken its name meanwhile.
    program = access("/proc/self/exe", X_OK) == 0 ? "/proc/self/exe" : argv[0];
    return NULL;
}

bool wg_child_possible(void)
{
    return program != NULL;
}

bool wg_child_is_one(void)
{
    return is_child;
}

/* ---- starting ---- */

/* Both ends are closed in every child that does not get them as a standard stream. */
static bool open_pipe(int ret_ends[2])
{
    if (pipe(ret_ends) != 0)
        return wg_fail(WG_ERROR_FILE, "no pipe for a child: %s", strerror(errno));
    fcntl(ret_ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ret_ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

static int set_streams(posix_spawn_file_actions_t *actions, int input, int output)
{
    int code = input >= 0 ? posix_spawn_file_actions_adddup2(actions, input, STDIN_FILENO)
                          : posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null",
                                                             O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    return code;
}

/* A terminal's Ctrl-C goes to all of its processes, but what follows from it the parent decides. A
 * child whose parent no longer reads has nothing to do. */
static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    sigaddset(&blocked, SIGINT);
    sigdelset(&blocked, SIGPIPE);
    int code = posix_spawnattr_setsigmask(attributes, &blocked);
    return code == 0 ? posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK) : code;
}

static int spawn(char *const *argv, int input, int output, pid_t *ret_id)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        code = set_streams(&actions, input, output);
        code = code == 0 ? set_signals(&attributes) : code;
        if (code == 0)
            code = posix_spawnp(ret_id, program, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

bool wg_child_start(const char *task, const char *const *arguments, int input, double seconds,
                    struct wg_child **ret_child)
{
    char *argv[WG_CHILD_ARGUMENTS_MAX + 4] = {(char *)"wgan-cl", (char *)mark, (char *)task};
    int ends[2] = {-1, -1}, count = 0;
    if (!program)
        return wg_fail(WG_ERROR_ARGUMENT, "this program does not run as its own child");
    for (; arguments[count]; count++) {
        if (count == WG_CHILD_ARGUMENTS_MAX)
            return wg_fail(WG_ERROR_ARGUMENT, "a child takes %d arguments", count);
        argv[3 + count] = (char *)arguments[count];
    }
    struct wg_child *child = calloc(1, sizeof *child);
    if (!child)
        return wg_fail_memory("a child");
    if (!open_pipe(ends)) {
        free(child);
        return false;
    }
    int code = spawn(argv, input, ends[1], &child->id);
    close(ends[1]);
    if (code != 0) {
        close(ends[0]);
        free(child);
        return wg_fail(WG_ERROR_FILE, "%s can't be started as a child: %s", program,
                       strerror(code));
    }
    child->output = ends[0];
    child->seconds = seconds;
    child->deadline = wg_clock_seconds() + seconds;
    *ret_child = child;
    return true;
}

void wg_child_allow(struct wg_child *child, double seconds)
{
    child->seconds = seconds;
    child->deadline = wg_clock_seconds() + seconds;
}

/* ---- ending ---- */

static void end(struct wg_child *child)
{
    if (child->output >= 0)
        close(child->output);
    child->output = -1;
    child->has_ended = true;
}

static void kill_late(struct wg_child *child)
{
    int status;
    kill(child->id, SIGKILL);
    while (waitpid(child->id, &status, 0) < 0 && errno == EINTR)
        ;
    snprintf(child->failure, sizeof child->failure, "killed after %g s", child->seconds);
    end(child);
}

/* Whether the child has died, which it does soon after it has closed its output. */
static bool reap(struct wg_child *child)
{
    int status;
    pid_t id = waitpid(child->id, &status, WNOHANG);
    if (id == 0 || (id < 0 && errno == EINTR))
        return false;
    if (id < 0)
        snprintf(child->failure, sizeof child->failure, "lost: %s", strerror(errno));
    else if (WIFSIGNALED(status))
        snprintf(child->failure, sizeof child->failure, "signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        snprintf(child->failure, sizeof child->failure, "exit code %d", WEXITSTATUS(status));
    end(child);
    return true;
}

void wg_child_destroy(struct wg_child *child)
{
    if (child && !child->has_ended)
        kill_late(child);
    free(child);
}

const char *wg_child_failure(const struct wg_child *child)
{
    return child->failure;
}

/* ---- listening ---- */

/* The next line of what has been read; at the end of the output what is left is one. */
static bool take_line(struct wg_child *child, char ret_line[WG_CHILD_LINE_MAX])
{
    char *newline = memchr(child->text, '\n', child->length);
    size_t length = newline ? (size_t)(newline - child->text) : child->length;
    bool is_whole = newline || length == sizeof child->text || (child->output < 0 && length > 0);
    if (!is_whole)
        return false;
    memcpy(ret_line, child->text, length);
    ret_line[length] = '\0';
    size_t taken = newline ? length + 1 : length;
    child->length -= taken;
    memmove(child->text, child->text + taken, child->length);
    return true;
}

static void read_output(struct wg_child *child)
{
    ssize_t got =
        read(child->output, child->text + child->length, sizeof child->text - child->length);
    if (got > 0) {
        child->length += (size_t)got;
    } else if (got == 0 || errno != EINTR) {
        close(child->output);
        child->output = -1;
    }
}

/* Whether there is something to tell of this child. */
static bool has_news(struct wg_child *child, enum wg_child_event *ret_event,
                     char ret_line[WG_CHILD_LINE_MAX])
{
    if (!take_line(child, ret_line)) {
        if (wg_clock_seconds() >= child->deadline)
            kill_late(child);
        else if (child->output >= 0 || !reap(child))
            return false;
        *ret_event = child->failure[0] ? WG_CHILD_FAILED : WG_CHILD_DONE;
        return true;
    }
    *ret_event = WG_CHILD_LINE;
    return true;
}

#define QUIET_SECONDS 0.25

/* Waits for output of those children, or a while, or until one is late, and reads it; whether there
 * was reason to look again. */
static bool listen_to(struct wg_child *const *children, int count)
{
    struct pollfd polls[WG_CHILDREN_MAX];
    double wait = QUIET_SECONDS;
    for (int i = 0; i < count; i++) {
        polls[i] = (struct pollfd){.fd = -1, .events = POLLIN}; // passed over
        if (!children[i] || children[i]->has_ended)
            continue;
        polls[i].fd = children[i]->output;
        double left = children[i]->output >= 0 ? children[i]->deadline - wg_clock_seconds()
                                               : 1e-3; // dying: looked at again
        wait = left < wait ? left : wait;
    }
    int ready = poll(polls, (nfds_t)count, wait > 0 ? (int)(1e3 * wait) + 1 : 0);
    for (int i = 0; ready > 0 && i < count; i++)
        if (polls[i].revents)
            read_output(children[i]);
    return ready > 0 || wait < QUIET_SECONDS;
}

bool wg_child_await(struct wg_child *const *children, int count, int *ret_index,
                    enum wg_child_event *ret_event, char ret_line[WG_CHILD_LINE_MAX])
{
    assert(count <= WG_CHILDREN_MAX);
    for (;;) {
        bool is_any_left = false;
        for (int i = 0; i < count; i++) {
            if (!children[i] || children[i]->has_ended)
                continue;
            is_any_left = true;
            *ret_index = i;
            if (has_news(children[i], ret_event, ret_line))
                return true;
        }
        if (!is_any_left)
            return false;
        if (!listen_to(children, count)) {
            *ret_event = WG_CHILD_QUIET;
            return true;
        }
    }
}
