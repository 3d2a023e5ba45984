/* Where a run goes: which folders are taken, which refused, what is found in them. */
#include "host/run/folder.h"
#include "host/run/leftovers.h"

#include "tests/run/runlib.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static char taken[WG_PATH_MAX];

/* Run folders without a name lie in the working folder. */
static void enter(void)
{
    ck_assert_int_eq(chdir(temporary_path("")), 0);
}

static void leave(void)
{
    ck_assert_int_eq(chdir("/"), 0);
}

/* ---- names ---- */

START_TEST(numbers_runs_upwards_from_0)
{
    enter();
    ck_assert(wg_folder_create(NULL, "digits", taken));
    ck_assert_str_eq(taken, "runs/00000-digits");
    ck_assert(file_exists("runs/00000-digits/imgs"));
    ck_assert(file_exists("runs/00000-digits/checkpoints"));
    ck_assert(wg_folder_create(NULL, "mnist", taken));
    ck_assert_str_eq(taken, "runs/00001-mnist");
    leave();
}
END_TEST

START_TEST(goes_on_after_the_highest_number)
{
    enter();
    temporary_make_folder("runs");
    temporary_make_folder("runs/00041-digits");
    temporary_make_folder("runs/00007-digits");
    temporary_make_folder("runs/99-too-short");
    temporary_make_folder("runs/notes");
    ck_assert(wg_folder_create(NULL, "digits", taken));
    ck_assert_str_eq(taken, "runs/00042-digits");
    leave();
}
END_TEST

START_TEST(numbers_have_as_many_digits_as_they_need)
{
    enter();
    temporary_make_folder("runs");
    temporary_make_folder("runs/99999-digits");
    ck_assert(wg_folder_create(NULL, "digits", taken));
    ck_assert_str_eq(taken, "runs/100000-digits");
    ck_assert(wg_folder_create(NULL, "digits", taken));
    ck_assert_str_eq(taken, "runs/100001-digits");
    leave();
}
END_TEST

START_TEST(refuses_runs_that_is_a_file)
{
    enter();
    write_text("runs", "in the way");
    strcpy(taken, "untouched");
    ck_assert(!wg_folder_create(NULL, "digits", taken));
    check_error(WG_ERROR_FILE, "runs/00000-digits");
    ck_assert_str_eq(taken, "untouched");
    leave();
}
END_TEST

/* ---- a folder of one's own ---- */

START_TEST(makes_a_wanted_folder_with_its_parents)
{
    ck_assert(wg_folder_create(temporary_path("a/b/c//"), "digits", taken));
    ck_assert_str_eq(taken, temporary_path("a/b/c"));
    ck_assert(file_exists(temporary_path("a/b/c/imgs")));
    ck_assert(file_exists(temporary_path("a/b/c/checkpoints")));
}
END_TEST

START_TEST(takes_an_empty_folder)
{
    const char *path = temporary_make_folder("empty");
    ck_assert(wg_folder_check(path));
    ck_assert(wg_folder_create(path, "digits", taken));
    ck_assert_str_eq(taken, path);
    ck_assert(file_exists(temporary_path("empty/imgs")));
}
END_TEST

/* By the check before the work, and by the creation after it. */
static void check_refused(const char *path, const char *reason)
{
    strcpy(taken, "untouched");
    ck_assert(!wg_folder_check(path));
    check_error(WG_ERROR_FILE, reason);
    ck_assert(!wg_folder_create(path, "digits", taken));
    check_error(WG_ERROR_FILE, path);
    check_error(WG_ERROR_FILE, reason);
    ck_assert_str_eq(taken, "untouched");
}

START_TEST(refuses_a_folder_with_something_in_it)
{
    const char *path = temporary_make_folder("full");
    write_text("full/.hidden", "");
    check_refused(path, "--resume");
    ck_assert(!file_exists(temporary_path("full/imgs")));
}
END_TEST

START_TEST(refuses_a_file)
{
    check_refused(write_text("file", "text"), "is no folder");
}
END_TEST

START_TEST(refuses_a_place_below_a_file)
{
    write_text("file", "text");
    check_refused(temporary_path("file/run"), "Not a directory");
    ck_assert(!wg_folder_create(temporary_path("file/a/run"), "digits", taken));
    check_error(WG_ERROR_FILE, "file/a/run: the folder can't be created: Not a directory");
}
END_TEST

START_TEST(refuses_a_link_to_nothing)
{
    ck_assert_int_eq(symlink("nothing", temporary_path("link")), 0);
    check_refused(temporary_path("link"), "link is a symbolic link to nothing");
    check_refused(temporary_path("link/a/run"), "link is a symbolic link to nothing");
    enter();
    ck_assert(wg_folder_check(NULL));
    ck_assert_int_eq(symlink("nothing", temporary_path("runs")), 0);
    ck_assert(!wg_folder_check(NULL));
    check_error(WG_ERROR_FILE, "runs is a symbolic link to nothing");
    leave();
}
END_TEST

/* Of which the system makes none, though there is room for the path. */
START_TEST(refuses_a_name_that_is_too_long)
{
    char name[301] = "";
    memset(name, 'a', 300);
    check_refused(temporary_path(name), "File name too long");
}
END_TEST

/* Not root, who can write anywhere. */
START_TEST(refuses_a_place_that_cannot_be_written)
{
    const char *path = temporary_make_folder("closed");
    ck_assert_int_eq(chmod(path, 0555), 0);
    if (access(path, W_OK) != 0) {
        check_refused(path, "no run can be written there: Permission denied");
        check_refused(temporary_path("closed/a/run."), "Permission denied");
    }
    ck_assert_int_eq(chmod(path, 0755), 0);
    ck_assert(wg_folder_check(temporary_path("closed/a/run.")));
}
END_TEST

START_TEST(refuses_a_path_that_is_too_long)
{
    char path[2 * WG_PATH_MAX];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    ck_assert(!wg_folder_check(path));
    check_error(WG_ERROR_FILE, "too long");
    ck_assert(!wg_folder_create(path, "digits", taken));
    check_error(WG_ERROR_FILE, "too long");
    ck_assert(!wg_folder_path(taken, path, "log.csv"));
    check_error(WG_ERROR_FILE, "longer than");
    ck_assert(!wg_folder_path(taken, "run", "%s", path));
    check_error(WG_ERROR_FILE, "longer than");
}
END_TEST

START_TEST(refuses_an_empty_name)
{
    strcpy(taken, "untouched");
    ck_assert(!wg_folder_check(""));
    check_error(WG_ERROR_ARGUMENT, "the name of the run folder is empty");
    ck_assert(!wg_folder_create("", "digits", taken));
    check_error(WG_ERROR_ARGUMENT, "the name of the run folder is empty");
    ck_assert_str_eq(taken, "untouched");
}
END_TEST

START_TEST(checks_without_creating)
{
    enter();
    ck_assert(wg_folder_check(NULL));
    leave();
    ck_assert(wg_folder_check(temporary_path("new")));
    ck_assert(!file_exists(temporary_path("new")));
}
END_TEST

START_TEST(makes_what_is_missing_in_it)
{
    temporary_make_folder("run");
    temporary_make_folder("run/imgs");
    ck_assert(wg_folder_complete(temporary_path("run")));
    ck_assert(wg_folder_complete(temporary_path("run")));
    ck_assert(file_exists(temporary_path("run/checkpoints")));
    ck_assert(!wg_folder_complete(temporary_path("nowhere")));
    check_error(WG_ERROR_FILE, "nowhere/imgs");
}
END_TEST

START_TEST(is_held_by_one)
{
    int first, second;
    temporary_make_folder("run");
    ck_assert(wg_folder_lock(temporary_path("run"), &first));
    ck_assert_int_ge(first, 0);
    ck_assert(!wg_folder_lock(temporary_path("run"), &second));
    check_error(WG_ERROR_FILE, "run: ");
    check_error(WG_ERROR_FILE, " trains in this folder; wait for it");
    wg_folder_unlock(second); // of none: nothing happens
    wg_folder_unlock(first);
    ck_assert(wg_folder_lock(temporary_path("run"), &second));
    wg_folder_unlock(second);
}
END_TEST

/* Another process that holds the folder until it is killed. */
static pid_t start_holder(const char *path)
{
    int ready[2], lock;
    char byte = 0;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        byte = wg_folder_lock(path, &lock) && lock >= 0;
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 1);
    close(ready[0]);
    close(ready[1]);
    return process;
}

/* Whether this system lists whose lock it is. */
static bool is_listed(const char *path)
{
    char line[256], place[64];
    struct stat status;
    bool found = false;
    FILE *locks = fopen("/proc/locks", "r");
    ck_assert_int_eq(stat(path, &status), 0);
    snprintf(place, sizeof place, " %02x:%02x:%llu ", major(status.st_dev), minor(status.st_dev),
             (unsigned long long)status.st_ino);
    while (locks && !found && fgets(line, sizeof line, locks))
        found = strstr(line, place) != NULL;
    if (locks)
        fclose(locks);
    return found;
}

START_TEST(who_holds_it_is_named)
{
    int lock;
    char who[32] = "another process";
    const char *path = temporary_make_folder("run");
    write_text("run/log.csv", "");
    pid_t holder = start_holder(path);
    bool listed = is_listed(path);
    if (listed)
        snprintf(who, sizeof who, "process %ld", (long)holder);
    ck_assert(!wg_folder_lock(path, &lock));
    check_error(WG_ERROR_FILE, who);
    ck_assert(!wg_folder_check(path));
    check_error(WG_ERROR_FILE, listed ? who : "is not empty");
    ck_assert_int_eq(kill(holder, SIGKILL), 0);
    ck_assert_int_eq(waitpid(holder, NULL, 0), holder);
    ck_assert(!wg_folder_check(path));
    check_error(WG_ERROR_FILE, "is not empty");
    ck_assert(wg_folder_lock(path, &lock));
    ck_assert_int_ge(lock, 0);
    wg_folder_unlock(lock);
}
END_TEST

/* ---- what is in it ---- */

START_TEST(composes_paths)
{
    ck_assert(wg_folder_checkpoint_path(taken, "r", 200));
    ck_assert_str_eq(taken, "r/checkpoints/000200.safetensors");
    ck_assert(wg_folder_checkpoint_path(taken, "r", 1234567));
    ck_assert_str_eq(taken, "r/checkpoints/1234567.safetensors");
    ck_assert(wg_folder_image_path(taken, "r", 0));
    ck_assert_str_eq(taken, "r/imgs/000000.png");
    ck_assert(wg_folder_path(taken, "r", "%s.%d", "log", 5));
    ck_assert_str_eq(taken, "r/log.5");
}
END_TEST

START_TEST(finds_the_newest_checkpoint_by_its_number)
{
    const char *run = temporary_make_folder("run");
    temporary_make_folder("run/checkpoints");
    write_text("run/checkpoints/1000000.safetensors", "");
    write_text("run/checkpoints/000005.safetensors", "");
    write_text("run/checkpoints/999999.safetensors", "");
    write_text("run/checkpoints/2000000.safetensors.part", "");
    write_text("run/checkpoints/best.safetensors", "");
    ck_assert(wg_folder_find_checkpoint(run, taken));
    ck_assert_str_eq(taken, temporary_path("run/checkpoints/1000000.safetensors"));
}
END_TEST

START_TEST(takes_a_checkpoint_by_its_path)
{
    const char *path = write_text("best.safetensors", "");
    ck_assert(wg_folder_find_checkpoint(path, taken));
    ck_assert_str_eq(taken, path);
}
END_TEST

START_TEST(says_what_it_looked_for)
{
    const char *run = temporary_make_folder("run");
    strcpy(taken, "untouched");
    ck_assert(!wg_folder_find_checkpoint(run, taken));
    check_error(WG_ERROR_FILE, "run/checkpoints/NNNNNN.safetensors");
    ck_assert(!wg_folder_find_checkpoint(temporary_path("nowhere"), taken));
    check_error(WG_ERROR_FILE, "nowhere: No such file or directory");
    ck_assert_str_eq(taken, "untouched");
}
END_TEST

/* Both by name and from within; what is beside it is named. */
START_TEST(says_which_folder_is_meant)
{
    temporary_make_folder("runs");
    temporary_make_folder("runs/0");
    write_text("runs/0/log.csv", "");
    temporary_make_folder("runs/0/imgs");
    temporary_make_folder("runs/0/checkpoints");
    write_text("runs/0/checkpoints/000200.safetensors", "");
    strcpy(taken, "untouched");
    ck_assert(!wg_folder_find_checkpoint(temporary_path("runs/0/checkpoints//"), taken));
    check_error(WG_ERROR_FILE, "a part of a run (expected its run folder: ");
    check_error(WG_ERROR_FILE, "/runs/0)");
    ck_assert(!wg_folder_find_checkpoint(temporary_path("runs/0/imgs"), taken));
    check_error(WG_ERROR_FILE, "/runs/0)");
    ck_assert(!wg_folder_find_checkpoint(temporary_path("runs"), taken));
    check_error(WG_ERROR_FILE, "/runs/0 is one)");

    ck_assert_int_eq(chdir(temporary_path("runs/0")), 0);
    ck_assert(!wg_folder_find_checkpoint("imgs", taken));
    check_error(WG_ERROR_FILE, "imgs: a part of a run (expected its run folder: .)");
    ck_assert_int_eq(chdir("checkpoints"), 0);
    ck_assert(!wg_folder_find_checkpoint(".", taken));
    check_error(WG_ERROR_FILE, "or a file: 000200.safetensors is the newest");
    leave();
    ck_assert_str_eq(taken, "untouched");
}
END_TEST

START_TEST(says_what_another_folder_is)
{
    const char *keras = temporary_make_folder("keras");
    write_text("keras/Generator.h5", "");
    ck_assert(!wg_folder_find_checkpoint(keras, taken));
    check_error(WG_ERROR_FILE, "wgan-cl import");
    int lock;
    const char *run = temporary_make_folder("run");
    temporary_make_folder("run/checkpoints");
    ck_assert(!wg_folder_find_checkpoint(run, taken));
    check_error(WG_ERROR_FILE, "has to begin again");
    ck_assert(wg_folder_lock(run, &lock));
    ck_assert(!wg_folder_find_checkpoint(run, taken));
    check_error(WG_ERROR_FILE, is_listed(run) ? "no checkpoint yet" : "has to begin again");
    wg_folder_unlock(lock);
}
END_TEST

/* The number of a process that is no more. */
static long dead_process(void)
{
    pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(process, NULL, 0), process);
    return process;
}

/* `process` has left a file for `name`; it is taken away, or not. */
static void check_left(const char *name, long process, const char *ending, bool taken_away)
{
    char left[128];
    snprintf(left, sizeof left, "run/%s.%ld-0%s", name, process, ending);
    write_text(left, "half");
    ck_assert_int_eq(wg_leftovers_remove(temporary_path("run")), taken_away);
    ck_assert_msg(file_exists(temporary_path(left)) != taken_away, "%s", left);
    if (!taken_away)
        ck_assert_int_eq(remove(temporary_path(left)), 0);
}

START_TEST(removes_what_a_killed_training_left)
{
    static const char *const ours[] = {"run.json",         "log.csv",
                                       "training.gif",     "Adversarial.h5",
                                       "imgs/000200.png",  "imgs/1000000.png",
                                       "imgs/real.png",    "generator_loss.npy",
                                       "loss.png",         "tuning.json",
                                       "Discriminator.h5", "checkpoints/000200.safetensors"};
    static const char *const others[] = {"notes.txt", "imgs/mine.png", "imgs/000200.gif",
                                         "000200.png", "checkpoints/200.safetensors"};
    long dead = dead_process();
    temporary_make_folder("run");
    temporary_make_folder("run/imgs");
    temporary_make_folder("run/checkpoints");
    for (size_t i = 0; i < countof(ours); i++) {
        check_left(ours[i], dead, ".part", true);
        check_left(ours[i], dead, ".old.part", true);
        check_left(ours[i], getpid(), ".part", true); // of an earlier process of this number
        check_left(ours[i], getppid(), ".part", false);
        check_left(ours[i], dead, ".part.txt", false);
    }
    for (size_t i = 0; i < countof(others); i++)
        check_left(others[i], dead, ".part", false);
    write_text("run/run.json", "");
    write_text("run/run.json.part", "");
    ck_assert_int_eq(wg_leftovers_remove(temporary_path("run")), 0);
    ck_assert(file_exists(temporary_path("run/run.json.part")));
    ck_assert(file_exists(temporary_path("run/run.json")));
    ck_assert_int_eq(wg_leftovers_remove(temporary_path("nowhere")), 0);
}
END_TEST

START_TEST(lists_sample_grids_in_the_order_of_their_steps)
{
    uint32_t *steps;
    int count;
    const char *run = temporary_make_folder("run");
    temporary_make_folder("run/imgs");
    write_text("run/imgs/000200.png", "");
    write_text("run/imgs/1000000.png", "");
    write_text("run/imgs/000000.png", "");
    write_text("run/imgs/real.png", "");
    write_text("run/imgs/000400.png.part", "");
    ck_assert(wg_folder_list_images(run, &steps, &count));
    ck_assert_int_eq(count, 3);
    ck_assert_uint_eq(steps[0], 0);
    ck_assert_uint_eq(steps[1], 200);
    ck_assert_uint_eq(steps[2], 1000000);
    free(steps);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        numbers_runs_upwards_from_0,
        goes_on_after_the_highest_number,
        numbers_have_as_many_digits_as_they_need,
        refuses_runs_that_is_a_file,
        makes_a_wanted_folder_with_its_parents,
        takes_an_empty_folder,
        refuses_a_folder_with_something_in_it,
        refuses_a_file,
        refuses_a_place_below_a_file,
        refuses_a_link_to_nothing,
        refuses_a_name_that_is_too_long,
        refuses_a_place_that_cannot_be_written,
        refuses_a_path_that_is_too_long,
        refuses_an_empty_name,
        checks_without_creating,
        makes_what_is_missing_in_it,
        is_held_by_one,
        who_holds_it_is_named,
        composes_paths,
        finds_the_newest_checkpoint_by_its_number,
        takes_a_checkpoint_by_its_path,
        says_what_it_looked_for,
        says_which_folder_is_meant,
        says_what_another_folder_is,
        removes_what_a_killed_training_left,
        lists_sample_grids_in_the_order_of_their_steps,
    };
    return run_tests("folder", tests, countof(tests));
}
