/* A training that does not go its way: signals, a full disk, a driver that ends the process; and
 * what a terminal shows. */
#include "tests/program/programlib.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct process start_long(void)
{
    const char *data = write_images("data", 10, 1);
    return start("train", "--data", data, "--batch", "2", "--steps", "1000000", "--out", "r");
}

/* The step after which it stopped, from what it printed last. */
static int stopped_after(const struct outcome *outcome)
{
    const char *at = strstr(outcome->out, "stopped after step ");
    ck_assert_msg(at != NULL, "said: %s%s", outcome->out, outcome->err);
    return atoi(at + strlen("stopped after step "));
}

static void check_resumes(int done)
{
    char steps[32], name[64];
    snprintf(steps, sizeof steps, "%d", done + 2);
    const struct outcome resume = run("train", "--resume", "r", "--steps", steps);
    check_done(&resume);
    snprintf(name, sizeof name, "r/checkpoints/%06d.safetensors", done + 2);
    ck_assert(is_there(name));
}

static void check_stopped(const struct outcome *train, int code)
{
    char name[64];
    ck_assert_int_eq(train->code, code);
    ck_assert_str_eq(train->err, "");
    ck_assert(contains(train->out, "to go on: wgan-cl train --resume r\n"));
    snprintf(name, sizeof name, "r/checkpoints/%06d.safetensors", stopped_after(train));
    ck_assert(is_there(name));
    ck_assert_int_eq(count_files("r", ".part"), 0);
    char *text = read_file("r/run.json", NULL);
    ck_assert(contains(text, "\"status\": \"interrupted\""));
    free(text);
}

START_TEST(an_interrupt_saves_and_says_how_to_go_on)
{
    struct process process = start_long();
    program_await(&process, "\nstep 1 of");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome train = program_finish(&process);
    check_stopped(&train, 130);
    ck_assert_int_ge(stopped_after(&train), 1);
    check_resumes(stopped_after(&train));
}
END_TEST

START_TEST(termination_saves_as_well)
{
    struct process process = start_long();
    program_await(&process, "\nstep 1 of");
    ck_assert_int_eq(kill(process.id, SIGTERM), 0);
    const struct outcome train = program_finish(&process);
    check_stopped(&train, 143);
}
END_TEST

START_TEST(an_interrupt_before_the_first_step_is_not_lost)
{
    struct process process = start_long();
    program_await(&process, "run folder r");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome train = program_finish(&process);
    check_stopped(&train, 130);
    check_resumes(stopped_after(&train));
}
END_TEST

/* With nothing in pocl's cache they are built for many seconds. */
START_TEST(while_kernels_are_built_there_is_nothing_to_save)
{
    static const int signals[] = {SIGINT, SIGTERM};
    program_keep_kernels(temporary_make_folder("kernels"));
    for (size_t i = 0; i < countof(signals); i++) {
        struct process process = start_long();
        program_await(&process, "building kernels");
        ck_assert_int_eq(kill(process.id, signals[i]), 0);
        const struct outcome train = program_finish(&process);
        check_failed(&train, 128 + signals[i], "stopped before a step was done");
        ck_assert(!is_there("r"));
    }
    program_keep_kernels(NULL);
}
END_TEST

/* A GPU is measured before the first training there; what was interrupted is to be done again. */
START_TEST(half_a_short_tuning_is_not_kept)
{
    const char *before = getenv("XDG_CACHE_HOME");
    char *cache = strdup(before ? before : "");
    program_use_cache(temporary_make_folder("cache"));
    program_emulate("gpu");
    struct process process = start_long();
    program_await(&process, "this device is new");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome train = program_finish(&process);
    program_emulate(NULL);
    program_use_cache(cache);
    free(cache);
    check_failed(&train, 130, "stopped before a step was done");
    ck_assert(!contains(train.out, "of a step measured"));
    ck_assert_int_eq(count_files("cache/wgan-cl/tuning", ""), 0);
}
END_TEST

START_TEST(a_run_that_is_stopped_before_it_goes_on_is_as_it_was)
{
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "r");
    check_done(&train);
    char *before = read_file("r/run.json", NULL), *log = read_file("r/log.csv", NULL);
    struct process process = start("train", "--resume", "r", "--steps", "1000000");
    program_await(&process, "building kernels");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome on = program_finish(&process);
    check_failed(&on, 130, "stopped before a step was done", "as it was");
    char *after = read_file("r/run.json", NULL), *log_after = read_file("r/log.csv", NULL);
    ck_assert_str_eq(after, before);
    ck_assert_str_eq(log_after, log);
    free(before);
    free(after);
    free(log);
    free(log_after);
}
END_TEST

START_TEST(what_a_killed_training_left_goes_when_it_goes_on)
{
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "r");
    check_done(&train);
    struct process other = start("--version");
    char left[64];
    snprintf(left, sizeof left, "r/checkpoints/000002.safetensors.%ld-0.part", (long)other.id);
    program_finish(&other);
    temporary_write(left, "half", 4);
    temporary_write("r/notes.part", "mine", 4);
    check_resumes(1);
    ck_assert(!is_there(left));
    ck_assert(is_there("r/notes.part"));
}
END_TEST

/* ---- a full disk ---- */

/* Large enough for what a driver writes into its cache, too small for a checkpoint. */
enum { DISK = 1000000 };

START_TEST(a_checkpoint_that_does_not_fit_is_not_there)
{
    const char *data = write_images("data", 10, 1);
    program_limit_files(DISK);
    const struct outcome train = run("train", "--data", data, "--batch", "2", "--steps", "2",
                                     "--checkpoint-every", "0", "--out", "full");
    check_failed(&train, 1, "full/checkpoints/000002.safetensors", "File too large");
    ck_assert_int_eq(count_files("full/checkpoints", ""), 0);
    ck_assert_int_eq(count_files("", ".part"), 0);
    char *text = read_file("full/run.json", NULL); // who reads it sees that nothing runs any more
    ck_assert(contains(text, "\"status\": \"failed\""));
    ck_assert(contains(text, "000002.safetensors") && contains(text, "File too large"));
    free(text);
}
END_TEST

START_TEST(the_newest_checkpoint_survives_a_full_disk)
{
    struct process process = start_long();
    program_await(&process, "\nstep 1 of");
    ck_assert_int_eq(kill(process.id, SIGINT), 0);
    const struct outcome train = program_finish(&process);
    int done = stopped_after(&train);
    char steps[32];
    snprintf(steps, sizeof steps, "%d", done + 1);
    program_limit_files(DISK);
    const struct outcome full = run("train", "--resume", "r", "--steps", steps);
    check_failed(&full, 1, ".safetensors", "File too large");
    ck_assert_int_eq(count_files("r", ".part"), 0);
    program_limit_files(0);
    check_resumes(done);
    char *text = read_file("r/run.json", NULL);
    ck_assert(contains(text, "\"status\": \"finished\"") && !contains(text, "failure"));
    free(text);
}
END_TEST

/* ---- a driver that ends the process ---- */

static struct outcome meet(const char *fault)
{
    const char *data = write_images("data", 10, 1);
    program_emulate(fault);
    const struct outcome outcome =
        run("train", "--data", data, "--batch", "2", "--steps", "2", "--out", "r");
    program_emulate(NULL);
    return outcome;
}

START_TEST(a_crash_is_explained)
{
    const struct outcome crash = meet("crash=advance");
    ck_assert_int_eq(crash.signal, SIGSEGV);
    ck_assert_int_eq(count_of(crash.err, "ended from within, most likely by the OpenCL driver"), 1);
}
END_TEST

START_TEST(an_exit_is_explained)
{
    const struct outcome crash = meet("exit=advance");
    check_failed(&crash, 1, "ended from within", "--resume");
}
END_TEST

/* ---- a terminal ---- */

START_TEST(a_terminal_shows_one_updating_line)
{
    int code;
    const char *data = write_images("data", 10, 1);
    char *text = run_on_terminal(&code, "train", "--data", data, "--batch", "2", "--steps", "5",
                                 "--sample-every", "1", "--out", "r");
    ck_assert_int_eq(code, 0);
    const char *first = strstr(text, "\r\033[K1/5  d_loss "), *last = strstr(text, "\r\033[K5/5  ");
    ck_assert_msg(first && last && first < last, "shown: %s", text);
    for (const char *at = first; at < last; at++)
        ck_assert_msg(*at != '\n', "broken in two: %s", first);
    // No update is wider than the terminal: it could not be drawn over.
    for (const char *at = first; at && at <= last; at = strstr(at + 1, "\r\033[K"))
        ck_assert_uint_lt(strcspn(at + 4, "\r\n"), 80);
    ck_assert(contains(text, "\r\033[Kbuilding kernels: 1 of "));
    ck_assert(contains(last, "checkpoint r/checkpoints/000005.safetensors"));
    free(text);
}
END_TEST

START_TEST(a_narrow_terminal_is_no_wider)
{
    int code;
    const char *data = write_images("data", 10, 1);
    program_set_columns(30);
    char *text = run_on_terminal(&code, "train", "--data", data, "--batch", "2", "--steps", "3",
                                 "--out", "r");
    ck_assert_int_eq(code, 0);
    const char *line = strstr(text, "\r\033[K3/3  d_loss ");
    ck_assert_msg(line != NULL, "shown: %s", text);
    ck_assert_uint_eq(strcspn(line + 4, "\r\n"), 29);
    free(text);
}
END_TEST

/* ---- no streams ---- */

/* What would be said must not go into the run's files, which take the lowest numbers there are. */
START_TEST(without_streams_the_files_are_whole)
{
    const char *data = write_images("data", 10, 1);
    program_close_streams(true);
    const struct outcome train = run("train", "--data", data, "--batch", "2", "--steps", "2",
                                     "--sample-every", "1", "--out", "r");
    program_close_streams(false);
    ck_assert_int_eq(train.code, 1); // nobody has seen its output
    char *log = read_file("r/log.csv", NULL);
    ck_assert_msg(count_of(log, "\n") == 3 && !contains(log, "steps/s"), "%s", log);
    free(log);
    check_resumes(2);
}
END_TEST

/* As with head behind it: what counts is in the run folder. */
START_TEST(a_reader_that_goes_ends_no_training)
{
    const char *data = write_images("data", 10, 1);
    program_lose_reader(true);
    const struct outcome train = run("train", "--data", data, "--batch", "2", "--steps", "2",
                                     "--sample-every", "1", "--out", "r");
    program_lose_reader(false);
    check_failed(&train, 1, "the output can't be written: Broken pipe");
    char *text = read_file("r/run.json", NULL);
    ck_assert(contains(text, "\"status\": \"finished\""));
    free(text);
    check_resumes(2);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_interrupt_saves_and_says_how_to_go_on,
        termination_saves_as_well,
        an_interrupt_before_the_first_step_is_not_lost,
        while_kernels_are_built_there_is_nothing_to_save,
        half_a_short_tuning_is_not_kept,
        a_run_that_is_stopped_before_it_goes_on_is_as_it_was,
        what_a_killed_training_left_goes_when_it_goes_on,
        a_checkpoint_that_does_not_fit_is_not_there,
        the_newest_checkpoint_survives_a_full_disk,
        a_crash_is_explained,
        an_exit_is_explained,
        a_terminal_shows_one_updating_line,
        a_narrow_terminal_is_no_wider,
        without_streams_the_files_are_whole,
        a_reader_that_goes_ends_no_training,
    };
    return run_tests("interrupt", tests, countof(tests), false);
}
