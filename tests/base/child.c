/* Children of this very program: what they say, how they end, that none is waited for too long. */
#include "host/base/child.h"
#include "host/base/clock.h"

#include "tests/testlib.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char line[WG_CHILD_LINE_MAX];
static enum wg_child_event event;

/* ---- what the children do ---- */

static void say(int argc, char **argv)
{
    for (int i = 3; i < argc; i++)
        printf("%s\n", argv[i]);
}

static void say_without_end(int argc, char **argv)
{
    fputs(argv[argc - 1], stdout);
}

static void say_much(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (int i = 0; i < 2 * WG_CHILD_LINE_MAX + 100; i++)
        putchar('a' + i % 26);
    putchar('\n');
}

static void echo(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin))
        printf("heard %s", line);
}

static void end_badly(int argc, char **argv)
{
    fprintf(stderr, "a driver's last words\n");
    exit(atoi(argv[argc - 1]));
}

static void be_interrupted(int argc, char **argv)
{
    raise(SIGINT);
    say(argc, argv);
}

static void crash(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("before\n");
    fflush(stdout);
    raise(SIGKILL); // as good as any other, and leaves no core
}

static void hang(int argc, char **argv)
{
    say(argc, argv);
    fflush(stdout);
    pause();
}

static void hang_without_output(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    close(STDOUT_FILENO);
    pause();
}

static const struct {
    const char *name;
    void (*run)(int argc, char **argv);
} tasks[] = {
    {"say", say},
    {"say without end", say_without_end},
    {"echo", echo},
    {"say much", say_much},
    {"fail", end_badly},
    {"crash", crash},
    {"hang", hang},
    {"hang without output", hang_without_output},
    {"be interrupted", be_interrupted},
};

/* ---- the tests ---- */

static struct wg_child *start_reading(int input, double seconds, const char *task,
                                      const char *argument)
{
    struct wg_child *child = NULL;
    const char *const arguments[] = {argument, NULL};
    ck_assert_msg(wg_child_start(task, arguments, input, seconds, &child), "%s",
                  wg_error_message());
    return child;
}

static struct wg_child *start(double seconds, const char *task, const char *argument)
{
    return start_reading(-1, seconds, task, argument);
}

static bool await(struct wg_child *child)
{
    int index;
    bool is_any;
    do
        is_any = wg_child_await(&child, 1, &index, &event, line);
    while (is_any && event == WG_CHILD_QUIET);
    return is_any;
}

static void expect_line(struct wg_child *child, const char *expected)
{
    ck_assert(await(child));
    ck_assert_int_eq(event, WG_CHILD_LINE);
    ck_assert_str_eq(line, expected);
}

static void expect_end(struct wg_child *child, enum wg_child_event how, const char *failure)
{
    ck_assert(await(child));
    ck_assert_int_eq(event, how);
    ck_assert_str_eq(wg_child_failure(child), failure);
    ck_assert(!await(child));
    wg_child_destroy(child);
}

START_TEST(says_its_lines_and_is_done)
{
    const char *const arguments[] = {"one", "", "three and more", NULL};
    struct wg_child *child;
    ck_assert(wg_child_start("say", arguments, -1, 20, &child));
    expect_line(child, "one");
    expect_line(child, "");
    expect_line(child, "three and more");
    expect_end(child, WG_CHILD_DONE, "");
}
END_TEST

START_TEST(the_last_line_needs_no_newline)
{
    struct wg_child *child = start(20, "say without end", "the end");
    expect_line(child, "the end");
    expect_end(child, WG_CHILD_DONE, "");
}
END_TEST

START_TEST(a_long_line_comes_in_pieces)
{
    struct wg_child *child = start(20, "say much", NULL);
    for (int i = 0, length = 2 * WG_CHILD_LINE_MAX + 100; i < length;) {
        ck_assert(await(child));
        ck_assert_int_eq(event, WG_CHILD_LINE);
        ck_assert_uint_gt(strlen(line), 0);
        for (const char *at = line; *at; at++, i++)
            ck_assert_int_eq(*at, 'a' + i % 26);
    }
    expect_end(child, WG_CHILD_DONE, "");
}
END_TEST

START_TEST(reads_what_it_is_given)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC); // else the child waits for itself to close it
    struct wg_child *child = start_reading(ends[0], 20, "echo", NULL);
    close(ends[0]);
    ck_assert_int_eq(write(ends[1], "this\n", 5), 5);
    expect_line(child, "heard this");
    ck_assert_int_eq(write(ends[1], "that\n", 5), 5);
    close(ends[1]);
    expect_line(child, "heard that");
    expect_end(child, WG_CHILD_DONE, "");
}
END_TEST

START_TEST(has_nothing_to_read_otherwise)
{
    expect_end(start(20, "echo", NULL), WG_CHILD_DONE, "");
}
END_TEST

START_TEST(its_failure_is_told)
{
    struct wg_child *child = start(20, "crash", NULL);
    expect_line(child, "before");
    expect_end(child, WG_CHILD_FAILED, "signal 9");
    expect_end(start(20, "fail", "3"), WG_CHILD_FAILED, "exit code 3");
    expect_end(start(20, "no such task", NULL), WG_CHILD_FAILED, "exit code 127");
}
END_TEST

/* Ctrl-C at a terminal is its parent's to follow. */
START_TEST(is_not_interrupted)
{
    struct wg_child *child = start(20, "be interrupted", "still here");
    expect_line(child, "still here");
    ck_assert(await(child));
    ck_assert_int_eq(event, WG_CHILD_DONE);
    wg_child_destroy(child);
}
END_TEST

START_TEST(is_killed_when_it_is_late)
{
    double begin = wg_clock_seconds();
    struct wg_child *child = start(0.3, "hang", "still here");
    expect_line(child, "still here");
    expect_end(child, WG_CHILD_FAILED, "killed after 0.3 s");
    expect_end(start(0.3, "hang without output", NULL), WG_CHILD_FAILED, "killed after 0.3 s");
    wg_child_destroy(start(1000, "hang", NULL)); // whoever has enough of it need not wait
    ck_assert_double_lt(wg_clock_seconds() - begin, 10);
}
END_TEST

START_TEST(who_waits_may_look_elsewhere)
{
    double begin = wg_clock_seconds();
    int index;
    struct wg_child *child = start(1000, "hang", NULL);
    ck_assert(wg_child_await(&child, 1, &index, &event, line));
    ck_assert_int_eq(event, WG_CHILD_QUIET);
    wg_child_destroy(child);
    ck_assert_double_lt(wg_clock_seconds() - begin, 10);
}
END_TEST

/* Each waits for the other's word to be passed on, so they run side by side or not at all. */
START_TEST(several_run_at_once)
{
    enum { CHILDREN = 3 };
    struct wg_child *children[CHILDREN + 1] = {NULL}; // the last one is none
    int ends[CHILDREN][2], lines = 0, done = 0, index;
    for (int i = 0; i < CHILDREN; i++) {
        ck_assert_int_eq(pipe(ends[i]), 0);
        fcntl(ends[i][1], F_SETFD, FD_CLOEXEC);
        children[i] = start_reading(ends[i][0], 20, "echo", NULL);
        close(ends[i][0]);
    }
    ck_assert_int_eq(write(ends[0][1], "0\n", 2), 2);
    while (wg_child_await(children, CHILDREN + 1, &index, &event, line)) {
        if (event == WG_CHILD_LINE) {
            const char expected[] = {'h', 'e', 'a', 'r', 'd', ' ', (char)('0' + index), 0};
            ck_assert_str_eq(line, expected);
            if (++lines < CHILDREN)
                ck_assert_int_eq(write(ends[lines][1], (char[]){(char)('0' + lines), '\n'}, 2), 2);
            for (int i = 0; lines == CHILDREN && i < CHILDREN; i++)
                close(ends[i][1]);
        } else if (event != WG_CHILD_QUIET) {
            ck_assert_int_eq(event, WG_CHILD_DONE);
            done++;
        }
    }
    ck_assert_int_eq(lines, CHILDREN);
    ck_assert_int_eq(done, CHILDREN);
    for (int i = 0; i < CHILDREN; i++)
        wg_child_destroy(children[i]);
}
END_TEST

int main(int argc, char **argv)
{
    const char *task = wg_child_task(argc, argv);
    for (size_t i = 0; task && i < sizeof tasks / sizeof tasks[0]; i++)
        if (strcmp(tasks[i].name, task) == 0) {
            tasks[i].run(argc, argv);
            return 0;
        }
    if (task)
        return 127;
    TCase *tcase = tcase_create("child");
    tcase_add_test(tcase, says_its_lines_and_is_done);
    tcase_add_test(tcase, the_last_line_needs_no_newline);
    tcase_add_test(tcase, a_long_line_comes_in_pieces);
    tcase_add_test(tcase, reads_what_it_is_given);
    tcase_add_test(tcase, has_nothing_to_read_otherwise);
    tcase_add_test(tcase, its_failure_is_told);
    tcase_add_test(tcase, is_not_interrupted);
    tcase_add_test(tcase, is_killed_when_it_is_late);
    tcase_add_test(tcase, who_waits_may_look_elsewhere);
    tcase_add_test(tcase, several_run_at_once);
    Suite *suite = suite_create("child");
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
