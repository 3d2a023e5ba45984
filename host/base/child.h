/*
 * Children: this very program, started again, for work that may crash or that only processes can
 * do side by side. A child is told what to do by its arguments, says what it did line by line on
 * its standard output, and may be late, wrong or dead without harm to its parent.
 *
 * An OpenCL context must not cross a fork, so children are spawned: they begin at main, which asks
 * wg_child_task first. A program that does not ask has no children, and none are started.
 */
#ifndef WG_BASE_CHILD_H
#define WG_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>

enum { WG_CHILD_ARGUMENTS_MAX = 32, WG_CHILD_LINE_MAX = 4096, WG_CHILDREN_MAX = 64 };

/*
 * For main, with its own arguments. In a child: the name of its task, whose arguments are argv[3]
 * to argv[argc - 1]. In the program that a user started: NULL, and from now on it may have
 * children.
 */
const char *wg_child_task(int argc, char **argv);

/* Whether wg_child_start can work at all: main has asked. */
bool wg_child_possible(void);

/* Whether this process is such a child: main has asked. */
bool wg_child_is_one(void);

struct wg_child;

/*
 * Starts a child with a task and its arguments (NULL ends them), which is killed after so many
 * seconds, and on Linux when its parent ends. It reads from `input`, a file descriptor, or nothing
 * (-1); what it says on standard error is lost, and SIGINT does not reach it. Fails with
 * WG_ERROR_FILE if no process can be had, WG_ERROR_ARGUMENT if main has not asked for its task.
 */
bool wg_child_start(const char *task, const char *const *arguments, int input, double seconds,
                    struct wg_child **ret_child);

/* From now on it may take so many seconds more. */
void wg_child_allow(struct wg_child *child, double seconds);

/* Kills the child if it still runs, and frees it. NULL is fine. */
void wg_child_destroy(struct wg_child *child);

enum wg_child_event {
    WG_CHILD_LINE,   // said a line
    WG_CHILD_DONE,   // ended with exit code 0, all its lines read
    WG_CHILD_FAILED, // ended otherwise; wg_child_failure says how
    WG_CHILD_QUIET,  // nothing of any child for a quarter of a second: a chance to look elsewhere
};

/*
 * Waits until one of `count` children has something to tell, but not for long; those that are NULL
 * or have ended are passed over. Stores its index, and a line without its newline; one that is too
 * long comes in pieces. Returns false, which is no error, once all have ended.
 */
bool wg_child_await(struct wg_child *const *children, int count, int *ret_index,
                    enum wg_child_event *ret_event, char ret_line[WG_CHILD_LINE_MAX]);

/* How it failed: "exit code 1", "signal 11", "killed after 20 s". */
const char *wg_child_failure(const struct wg_child *child);

#endif
