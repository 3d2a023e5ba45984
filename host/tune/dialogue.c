#include "host/tune/dialogue.h"

#include "host/base/child.h"
#include "host/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Questions go through a socket: to write to one whose reader is dead is an error, to a pipe a
 * signal. */
struct wg_dialogue {
    struct wg_child *child;
    int questions;
    wg_dialogue_stop *stop;
    void *user;
};

static bool listen_to(struct wg_dialogue *dialogue, char *ret_answer, size_t size)
{
    static const size_t mark = sizeof WG_DIALOGUE_MARK - 1;
    char line[WG_CHILD_LINE_MAX];
    enum wg_child_event event;
    int index;
    for (;;) {
        if (dialogue->stop(dialogue->user))
            return wg_fail(WG_ERROR_STOPPED, "stopped while an answer was awaited");
        if (!wg_child_await(&dialogue->child, 1, &index, &event, line))
            return wg_fail(WG_ERROR_DEVICE, "its process has ended");
        if (event == WG_CHILD_LINE && strncmp(line, WG_DIALOGUE_MARK, mark) == 0) {
            snprintf(ret_answer, size, "%s", line + mark);
            return true;
        }
        if (event == WG_CHILD_DONE || event == WG_CHILD_FAILED) {
            const char *failure = wg_child_failure(dialogue->child);
            return wg_fail(WG_ERROR_DEVICE, "its process ended: %s",
                           event == WG_CHILD_DONE ? "too early" : failure);
        }
    }
}

bool wg_dialogue_start(const char *task, const char *const *arguments, double seconds,
                       wg_dialogue_stop *stop, void *user, struct wg_dialogue **ret_dialogue)
{
    int ends[2];
    char answer[64];
    struct wg_dialogue *dialogue = calloc(1, sizeof *dialogue);
    if (!dialogue)
        return wg_fail_memory("a child");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        free(dialogue);
        return wg_fail(WG_ERROR_FILE, "no socket for a child: %s", strerror(errno));
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    dialogue->questions = ends[0];
    dialogue->stop = stop;
    dialogue->user = user;
    bool ok = wg_child_start(task, arguments, ends[1], seconds, &dialogue->child);
    close(ends[1]);
    if (!ok || !listen_to(dialogue, answer, sizeof answer)) {
        wg_dialogue_end(dialogue);
        return false;
    }
    *ret_dialogue = dialogue;
    return true;
}

bool wg_dialogue_ask(struct wg_dialogue *dialogue, const char *question, double seconds,
                     char *ret_answer, size_t size)
{
    wg_child_allow(dialogue->child, seconds);
    // If it is dead it will be heard.
    if (send(dialogue->questions, question, strlen(question), MSG_NOSIGNAL) >= 0)
        send(dialogue->questions, "\n", 1, MSG_NOSIGNAL);
    return listen_to(dialogue, ret_answer, size);
}

void wg_dialogue_end(struct wg_dialogue *dialogue)
{
    if (!dialogue)
        return;
    close(dialogue->questions);
    wg_child_destroy(dialogue->child);
    free(dialogue);
}
