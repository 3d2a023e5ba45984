/* Going on with a run: what it needs, and what it refuses. One run serves all tests, in order; it
 * is of a few images, so that most of the time goes into what is tested. */
#include "tests/program/programlib.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* A run of two steps in "r", on the ten images of "data". */
START_TEST(there_is_a_run)
{
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "2", "--out", "r");
    check_done(&train);
}
END_TEST

static void check_no_step_3(void)
{
    ck_assert_int_eq(count_files("r/checkpoints", ""), 2); // before the first and the last
    ck_assert_int_eq(count_files("r", ".part"), 0);
}

START_TEST(a_run_that_is_done_is_done)
{
    const struct outcome same = run("train", "--resume", "r");
    check_failed(&same, 2, "2 steps are done already", "--steps takes the number of steps in all");
    const struct outcome fewer = run("train", "--resume", "r", "--steps", "1");
    check_failed(&fewer, 2, "2 steps are done already, 1 were asked for");
    check_no_step_3();
}
END_TEST

START_TEST(other_data_is_refused)
{
    const char *other = write_images("other", 10, 2);
    const struct outcome resume = run("train", "--resume", "r", "--steps", "3", "--data", other);
    check_failed(&resume, 1, other, "not the data this run was trained on", "/data");
    const struct outcome digits = run("train", "--resume", "r", "--steps", "3", "--data", "digits");
    check_failed(&digits, 1, "digits: not the data this run was trained on");
    check_no_step_3();
}
END_TEST

START_TEST(data_that_has_moved_is_told)
{
    ck_assert_int_eq(rename(temporary_path("data"), temporary_path("moved")), 0);
    const struct outcome resume = run("train", "--resume", "r", "--steps", "3");
    check_failed(&resume, 1, "/data: No such file", "the data of this run; --data says where");
    ck_assert_int_eq(rename(temporary_path("moved"), temporary_path("data")), 0);
    check_no_step_3();
}
END_TEST

START_TEST(only_a_run_folder_can_be_resumed)
{
    const struct outcome missing = run("train", "--resume", "nowhere");
    check_failed(&missing, 1, "nowhere: No such file or directory", "run folder");
    temporary_make_folder("empty");
    const struct outcome empty = run("train", "--resume", "empty");
    check_failed(&empty, 1, "empty: no checkpoint", "empty/checkpoints/NNNNNN.safetensors");
    const struct outcome part = run("train", "--resume", "r/checkpoints/", "--steps", "3");
    check_failed(&part, 1, "r/checkpoints/: a part of a run", "run folder: r)");
    const char *checkpoint = "r/checkpoints/000002.safetensors";
    const struct outcome file = run("train", "--resume", checkpoint, "--steps", "3");
    check_failed(&file, 1, checkpoint, "not a run folder");
    check_no_step_3();
}
END_TEST

START_TEST(a_damaged_run_is_refused)
{
    size_t size;
    char *log = read_file("r/log.csv", &size);
    temporary_write("r/log.csv", log, size - 10);
    const struct outcome cut = run("train", "--resume", "r", "--steps", "3");
    check_failed(&cut, 1, "r/log.csv", "step 2 is missing or damaged");
    ck_assert_int_eq(remove(temporary_path("r/log.csv")), 0);
    const struct outcome gone = run("train", "--resume", "r", "--steps", "3");
    check_failed(&gone, 1, "r/log.csv: No such file or directory");
    temporary_write("r/log.csv", log, size);
    free(log);

    char *bytes = read_file("r/checkpoints/000002.safetensors", &size);
    temporary_write("r/checkpoints/000002.safetensors", bytes, size / 2);
    const struct outcome truncated = run("train", "--resume", "r", "--steps", "3");
    check_failed(&truncated, 1, "r/checkpoints/000002.safetensors");
    bytes[size - 100] ^= 1;
    temporary_write("r/checkpoints/000002.safetensors", bytes, size);
    const struct outcome flipped = run("train", "--resume", "r", "--steps", "3");
    check_failed(&flipped, 1, "r/checkpoints/000002.safetensors: damaged");
    bytes[size - 100] ^= 1;
    temporary_write("r/checkpoints/000002.safetensors", bytes, size);
    free(bytes);
    check_no_step_3();
}
END_TEST

START_TEST(data_may_move)
{
    ck_assert_int_eq(rename(temporary_path("data"), temporary_path("moved")), 0);
    const struct outcome lost = run("train", "--resume", "r", "--steps", "3");
    check_failed(&lost, 1, "/data", "No such file or directory");
    check_no_step_3();
    const struct outcome found =
        run("train", "--resume", "r", "--steps", "3", "--data", temporary_path("moved"));
    check_done(&found);
    ck_assert(is_there("r/checkpoints/000003.safetensors"));
}
END_TEST

START_TEST(a_run_may_move)
{
    ck_assert_int_eq(rename(temporary_path("r"), temporary_path("renamed")), 0);
    const struct outcome resume = run("train", "--resume", "renamed/", "--steps", "4");
    check_done(&resume); // on the data where it lay last
    ck_assert(!contains(resume.out, "//"));
    ck_assert(is_there("renamed/checkpoints/000004.safetensors"));
    ck_assert(!is_there("r"));
}
END_TEST

START_TEST(a_run_is_held_by_one_process)
{
    int folder = open(temporary_path("renamed"), O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(flock(folder, LOCK_EX), 0); // as another training does
    const struct outcome resume = run("train", "--resume", "renamed", "--steps", "5");
    check_failed(&resume, 1, "renamed: ", " trains in this folder; wait for it");
    ck_assert(!is_there("renamed/checkpoints/000005.safetensors"));
    const struct outcome sample = run("sample", "renamed", "-n", "1", "--out", "one.png");
    check_done(&sample);
    close(folder);
}
END_TEST

/* The lock is a training's from its first step on, and goes with it. */
START_TEST(a_killed_training_holds_nothing)
{
    struct process first = start("train", "--resume", "renamed", "--steps", "1000000");
    program_await(&first, "resuming");
    const struct outcome second = run("train", "--resume", "renamed", "--steps", "1000000");
    check_failed(&second, 1, "renamed: ", " trains in this folder; wait for it");
    ck_assert_int_eq(kill(first.id, SIGKILL), 0);
    ck_assert_int_eq(program_finish(&first).signal, SIGKILL);
    const struct outcome third = run("train", "--resume", "renamed", "--steps", "5");
    check_done(&third);
}
END_TEST

START_TEST(folders_that_are_gone_are_made_again)
{
    ck_assert_int_eq(rename(temporary_path("renamed/imgs"), temporary_path("gone")), 0);
    const struct outcome resume = run("train", "--resume", "renamed", "--steps", "6");
    check_done(&resume);
    ck_assert(is_there("renamed/imgs/000006.png"));
    ck_assert(is_there("renamed/imgs/real.png"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        there_is_a_run,
        a_run_that_is_done_is_done,
        other_data_is_refused,
        data_that_has_moved_is_told,
        only_a_run_folder_can_be_resumed,
        a_damaged_run_is_refused,
        data_may_move,
        a_run_may_move,
        a_run_is_held_by_one_process,
        a_killed_training_holds_nothing,
        folders_that_are_gone_are_made_again,
    };
    return run_tests("resume", tests, countof(tests), true);
}
