/* Output files appear whole or not at all. */
#include "host/files/output.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/files/scratch.h"

static char content[64];

static const char *content_of(const char *path)
{
    content[scratch_get(path, content, sizeof content)] = '\0';
    return content;
}

START_TEST(commit_puts_the_file_in_place)
{
    struct wg_output *output;
    const char *path = scratch_path("a.txt");
    ck_assert(wg_output_open(path, &output));
    ck_assert(wg_output_write(output, "one ", 4));
    fprintf(wg_output_stream(output), "two %d", 3);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert(wg_output_commit(output));
    ck_assert_str_eq(content_of(path), "one two 3");
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(old_file_stays_until_the_commit)
{
    struct wg_output *output;
    const char *path = scratch_path("a.txt");
    scratch_put(path, "old", 3);
    ck_assert(wg_output_open(path, &output));
    ck_assert(wg_output_write(output, "new", 3));
    ck_assert_int_eq(fflush(wg_output_stream(output)), 0);
    ck_assert_str_eq(content_of(path), "old");
    wg_output_discard(output);
    ck_assert_str_eq(content_of(path), "old");
    ck_assert_int_eq(scratch_count(), 1);

    ck_assert(wg_output_open(path, &output));
    ck_assert(wg_output_write(output, "newer", 5));
    ck_assert(wg_output_commit(output));
    ck_assert_str_eq(content_of(path), "newer");
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(two_at_once_do_not_mix)
{
    struct wg_output *first, *second;
    const char *path = scratch_path("a.txt");
    ck_assert(wg_output_open(path, &first));
    ck_assert(wg_output_open(path, &second));
    ck_assert(wg_output_write(first, "first", 5));
    ck_assert(wg_output_write(second, "second", 6));
    ck_assert(wg_output_commit(first));
    ck_assert_str_eq(content_of(path), "first");
    ck_assert(wg_output_commit(second));
    ck_assert_str_eq(content_of(path), "second");
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(permissions_follow_the_umask)
{
    struct stat status;
    struct wg_output *output;
    const mode_t before = umask(027);
    ck_assert(wg_output_open(scratch_path("a.txt"), &output));
    ck_assert(wg_output_commit(output));
    umask(before);
    ck_assert_int_eq(stat(scratch_path("a.txt"), &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0640);
}
END_TEST

START_TEST(full_disk_fails_the_commit)
{
    struct wg_output *output;
    const char *path = scratch_path("a.txt");
    scratch_put(path, "old", 3);
    scratch_fill_disk(100000);
    ck_assert(wg_output_open(path, &output));
    for (int i = 0; i < 100000; i++)
        fprintf(wg_output_stream(output), "%d ", i);
    scratch_empty_disk(); // room again, but bytes are lost
    ck_assert(!wg_output_commit(output));
    check_error(WG_ERROR_FILE, path);
    ck_assert_str_eq(content_of(path), "old");
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

/* A few bytes stay in the stream's buffer: only the flush at the end meets the full disk. */
START_TEST(full_disk_at_the_last_moment_fails_the_commit)
{
    struct wg_output *output;
    scratch_fill_disk(0);
    ck_assert(wg_output_open(scratch_path("a.txt"), &output));
    ck_assert(wg_output_write(output, "few", 3));
    ck_assert(!wg_output_commit(output));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, strerror(EFBIG));
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(full_disk_fails_the_write_and_stays_failed)
{
    struct wg_output *output;
    static const char zeros[1 << 16];
    bool ok = true;
    scratch_fill_disk(100000);
    ck_assert(wg_output_open(scratch_path("a.txt"), &output));
    for (int i = 0; i < 4 && ok; i++)
        ok = wg_output_write(output, zeros, sizeof zeros);
    scratch_empty_disk();
    ck_assert(!ok);
    check_error(WG_ERROR_FILE, strerror(EFBIG));
    ck_assert(!wg_output_write(output, "more", 4));
    ck_assert(!wg_output_commit(output));
    check_error(WG_ERROR_FILE, strerror(EFBIG));
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(impossible_places_are_refused)
{
    struct wg_output *output = NULL;
    ck_assert(!wg_output_open(scratch_path("missing/a.txt"), &output));
    check_error(WG_ERROR_FILE, strerror(ENOENT));
    scratch_put(scratch_path("file"), "x", 1);
    ck_assert(!wg_output_open(scratch_path("file/a.txt"), &output));
    check_error(WG_ERROR_FILE, strerror(ENOTDIR));
    check_error(WG_ERROR_FILE, scratch_path("file/a.txt"));
    ck_assert(!wg_output_open(scratch_folder, &output));
    check_error(WG_ERROR_FILE, "it is a folder");
    ck_assert(!wg_output_open("/dev/null", &output));
    check_error(WG_ERROR_FILE, "/dev/null: cannot write: it is not a regular file");
    ck_assert_ptr_null(output);
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(folder_that_vanishes_fails_the_commit)
{
    struct wg_output *output;
    ck_assert_int_eq(mkdir(scratch_path("sub"), 0777), 0);
    ck_assert(wg_output_open(scratch_path("sub/a.txt"), &output));
    ck_assert_int_eq(rename(scratch_path("sub"), scratch_path("moved")), 0);
    ck_assert(!wg_output_commit(output));
    check_error(WG_ERROR_FILE, strerror(ENOENT));
    DIR *folder = opendir(scratch_path("moved"));
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}
END_TEST

/* Three outputs of a word each; an old file stands in the place of the first and the last. */
static void open_three(struct wg_output *outputs[3])
{
    static const char *const names[] = {"a.txt", "b.txt", "c.txt"};
    scratch_put(scratch_path(names[0]), "old", 3);
    scratch_put(scratch_path(names[2]), "old", 3);
    for (int i = 0; i < 3; i++) {
        ck_assert(wg_output_open(scratch_path(names[i]), &outputs[i]));
        ck_assert(wg_output_write(outputs[i], "new", 3));
    }
}

START_TEST(files_appear_together)
{
    struct wg_output *outputs[3];
    open_three(outputs);
    ck_assert_str_eq(content_of(scratch_path("a.txt")), "old");
    ck_assert(wg_output_commit_all(outputs, 3));
    ck_assert_str_eq(content_of(scratch_path("a.txt")), "new");
    ck_assert_str_eq(content_of(scratch_path("b.txt")), "new");
    ck_assert_str_eq(content_of(scratch_path("c.txt")), "new");
    ck_assert_int_eq(scratch_count(), 3);
}
END_TEST

START_TEST(a_full_disk_for_the_last_keeps_the_first)
{
    struct wg_output *outputs[3];
    open_three(outputs);
    fprintf(wg_output_stream(outputs[2]), " and longer");
    scratch_fill_disk(3);
    ck_assert(!wg_output_commit_all(outputs, 3));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "c.txt: cannot write: File too large");
    ck_assert_str_eq(content_of(scratch_path("a.txt")), "old");
    ck_assert_str_eq(content_of(scratch_path("c.txt")), "old");
    ck_assert_int_eq(scratch_count(), 2);
}
END_TEST

START_TEST(a_rename_that_fails_takes_back_those_before_it)
{
    struct wg_output *outputs[3];
    open_three(outputs);
    ck_assert_int_eq(unlink(scratch_path("c.txt")), 0);
    ck_assert_int_eq(mkdir(scratch_path("c.txt"), 0777), 0);
    ck_assert(!wg_output_commit_all(outputs, 3));
    check_error(WG_ERROR_FILE, "c.txt: cannot write: Is a directory");
    ck_assert_str_eq(content_of(scratch_path("a.txt")), "old");
    ck_assert_int_ne(access(scratch_path("b.txt"), F_OK), 0);
    ck_assert_int_eq(scratch_count(), 2);
}
END_TEST

START_TEST(parents_are_made)
{
    char path[1024];
    ck_assert(wg_make_parents("")); // there are none
    ck_assert(wg_make_parents("/"));
    ck_assert(wg_make_parents("name"));
    snprintf(path, sizeof path, "%s/", scratch_path("a/b//c"));
    ck_assert(wg_make_parents(path));
    ck_assert_int_eq(access(scratch_path("a/b/c"), F_OK), 0);
    ck_assert(wg_make_parents(path)); // they are there
    for (size_t i = 0; i < 3; i++) {
        static const char *const made[] = {"a/b/c", "a/b", "a"};
        ck_assert_int_eq(rmdir(scratch_path(made[i])), 0);
    }
}
END_TEST

START_TEST(temporary_names_are_known_again)
{
    static const char *const others[] = {
        "a.txt",
        "a.txt.part",
        "a.txt.7.part",
        "a.txt.x-0.part",
        "a.txt.7-.part",
        ".7-0.part",
        "7-0.part",
        ".part",
        "",
        "a.txt.7-0.part.txt",
        "a.txt.99999999999-0.part",
        "a.txt.0-0.part",
    };
    size_t length;
    pid_t process;
    struct wg_output *output;
    ck_assert(wg_output_open(scratch_path("a.7-0.part"), &output));
    DIR *folder = opendir(scratch_folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            ck_assert(wg_output_parse_temporary(entry->d_name, &length, &process));
            ck_assert_uint_eq(length, strlen("a.7-0.part"));
            ck_assert_int_eq(process, getpid());
        }
    closedir(folder);
    wg_output_discard(output);
    ck_assert(wg_output_parse_temporary("a.txt.12-3.old.part", &length, &process));
    ck_assert_uint_eq(length, strlen("a.txt"));
    ck_assert_int_eq(process, 12);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        ck_assert_msg(!wg_output_parse_temporary(others[i], &length, &process), "%s", others[i]);
}
END_TEST

START_TEST(discarding_nothing_is_fine)
{
    wg_output_discard(NULL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        commit_puts_the_file_in_place,
        old_file_stays_until_the_commit,
        two_at_once_do_not_mix,
        permissions_follow_the_umask,
        full_disk_fails_the_commit,
        full_disk_at_the_last_moment_fails_the_commit,
        full_disk_fails_the_write_and_stays_failed,
        impossible_places_are_refused,
        folder_that_vanishes_fails_the_commit,
        files_appear_together,
        a_full_disk_for_the_last_keeps_the_first,
        a_rename_that_fails_takes_back_those_before_it,
        parents_are_made,
        temporary_names_are_known_again,
        discarding_nothing_is_fine,
    };
    return run_tests("output", tests, countof(tests));
}
