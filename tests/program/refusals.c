/* What a training refuses before it begins: data, places and sizes that do not do. None leaves a
 * run folder behind. */
#include "tests/program/programlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- data ---- */

static void check_data_refused(const char *path, const char *reason)
{
    const struct outcome train = run("train", "--data", path);
    check_failed(&train, 1, path, reason);
    ck_assert(!is_there("runs"));
}

/* An IDX header: two zeros, type, rank, then rank dimensions, big-endian. */
static const char *write_idx(int type, int rank, const uint32_t *dims, size_t bytes)
{
    static uint8_t idx[4 + 4 * 4 + 4 * 28 * 28];
    size_t size = 4;
    memset(idx, 0, sizeof idx);
    idx[2] = (uint8_t)type;
    idx[3] = (uint8_t)rank;
    for (int d = 0; d < rank; d++)
        for (int shift = 24; shift >= 0; shift -= 8)
            idx[size++] = (uint8_t)(dims[d] >> shift);
    ck_assert_uint_le(size + bytes, sizeof idx);
    return temporary_write("idx", idx, size + bytes);
}

START_TEST(missing_data_is_named)
{
    check_data_refused(temporary_path("nowhere"), "No such file or directory");
    check_data_refused("nowhere/relative", "No such file or directory");
}
END_TEST

START_TEST(a_folder_without_data_is_told_what_belongs_there)
{
    check_data_refused(temporary_make_folder("folder"), "train-images-idx3-ubyte.gz");
}
END_TEST

START_TEST(files_of_another_kind_are_refused)
{
    static const char text[] = "Some text, certainly no picture of a digit.\n";
    check_data_refused(temporary_write("text", text, sizeof text), "not an IDX file");
    check_data_refused(temporary_write("short", text, 2), "");
    check_data_refused(temporary_write("empty", text, 0), "");
}
END_TEST

/* To open a pipe without a writer is to wait for one. */
START_TEST(a_pipe_is_not_waited_for)
{
    const char *pipe = temporary_path("pipe");
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    check_data_refused(pipe, "is a pipe");
    const struct outcome sample = run("sample", "pipe"), export = run("export", "pipe"),
                         bench = run("bench", "--steps", "1", "--batch", "2", "--compare", "pipe");
    check_failed(&sample, 1, "pipe: cannot read: it is a pipe that nobody writes to");
    check_failed(&export, 1, "pipe: cannot read: it is a pipe that nobody writes to");
    check_failed(&bench, 1, "pipe: cannot read: it is a pipe that nobody writes to");
}
END_TEST

START_TEST(idx_of_another_rank_or_type_is_refused)
{
    static const uint32_t images[] = {4, 28, 28};
    check_data_refused(write_idx(0x08, 1, images, 4), "rank 1");
    check_data_refused(write_idx(0x0d, 3, images, 4 * 28 * 28), "float");
    check_data_refused(write_idx(0x77, 3, images, 4 * 28 * 28), "");
}
END_TEST

START_TEST(images_of_another_size_are_refused)
{
    static const uint32_t images[] = {2, 32, 32};
    check_data_refused(write_idx(0x08, 3, images, 2 * 32 * 32), "32x32");
}
END_TEST

START_TEST(an_empty_set_is_refused)
{
    static const uint32_t images[] = {0, 28, 28};
    check_data_refused(write_idx(0x08, 3, images, 0), "");
}
END_TEST

START_TEST(a_truncated_file_is_noticed)
{
    static const uint32_t images[] = {4, 28, 28}, many[] = {0xffffffff, 0xffffffff, 0xffffffff};
    check_data_refused(write_idx(0x08, 3, images, 4 * 28 * 28 - 1), "");
    check_data_refused(write_idx(0x08, 3, images, 0), "");
    check_data_refused(write_idx(0x08, 3, many, 28 * 28), "");
}
END_TEST

START_TEST(truncated_gzip_is_noticed)
{
    size_t size, zipped_size;
    write_images("images", 3, 1);
    char *bytes = read_file("images", &size);
    uint8_t *zipped = temporary_gzip(bytes, size, &zipped_size);
    check_data_refused(temporary_write("cut.gz", zipped, zipped_size / 2), "");
    check_data_refused(temporary_write("cut.gz", zipped, 12), "");
    zipped[zipped_size - 5] ^= 1; // the check sum
    check_data_refused(temporary_write("damaged.gz", zipped, zipped_size), "");
    free(zipped);
    free(bytes);
}
END_TEST

/* ---- the run folder ---- */

static void check_out_refused(const char *out, const char *reason)
{
    int before = count_files("", "");
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", out);
    check_failed(&train, 1, out, reason);
    ck_assert_int_eq(count_files("", ""), before + 1); // the data
    ck_assert_int_eq(remove(data), 0);
}

START_TEST(a_folder_with_something_in_it_is_refused)
{
    temporary_make_folder("mine");
    temporary_write("mine/notes", "x", 1);
    check_out_refused("mine", "not empty");
    check_out_refused("mine", "wgan-cl train --resume mine");
    check_out_refused(temporary_path("mine"), "not empty");
}
END_TEST

START_TEST(a_file_is_no_run_folder)
{
    temporary_write("file", "x", 1);
    check_out_refused("file", "is no folder");
}
END_TEST

START_TEST(an_unwritable_place_is_refused)
{
    temporary_write("file", "x", 1); // not even root can write below a file
    check_out_refused("file/run", "Not a directory");
}
END_TEST

START_TEST(no_kernel_is_built_for_a_folder_that_is_taken)
{
    temporary_make_folder("mine");
    temporary_write("mine/notes", "x", 1);
    const struct outcome train = run("train", "--out", "mine");
    check_failed(&train, 1, "mine");
    ck_assert_msg(!contains(train.out, "building"), "said: %s", train.out);
}
END_TEST

/* ---- sizes ---- */

/* The batch that a refusal says would fit. */
static int batch_that_fits(const char *message)
{
    const char *at = strstr(message, "; --batch ");
    ck_assert_msg(at != NULL, "no advice in: %s", message);
    return atoi(at + strlen("; --batch "));
}

START_TEST(a_batch_too_large_is_told_what_would_fit)
{
    const struct outcome train = run("train", "--batch", "1000000");
    check_failed(&train, 1, "batch 1000000 does not fit", "; --batch ", " does");
    ck_assert(!is_there("runs"));
    int fits = batch_that_fits(train.err);
    ck_assert_int_ge(fits, 1);
    ck_assert_int_lt(fits, 1000000);

    // One more does not fit either, and here it is memory that counts: needed, and there.
    char batch[32], what[64];
    snprintf(batch, sizeof batch, "%d", fits + 1);
    snprintf(what, sizeof what, "batch %d does not fit", fits + 1);
    const struct outcome more = run("train", "--batch", batch);
    check_failed(&more, 1, what, "MiB");
    ck_assert_int_eq(batch_that_fits(more.err), fits);
    ck_assert(!is_there("runs"));
}
END_TEST

START_TEST(bench_refuses_a_batch_too_large_as_well)
{
    const struct outcome bench = run("bench", "--batch", "1000000");
    check_failed(&bench, 1, "batch 1000000 does not fit", "; --batch ", " does");
    ck_assert_str_eq(bench.out, "");
}
END_TEST

START_TEST(an_empty_name_is_none)
{
    const struct outcome import = run("import", "", "--out", "r");
    check_failed(&import, 2, "import", "empty");
    const struct outcome sample = run("sample", "");
    check_failed(&sample, 2, "sample", "empty");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        missing_data_is_named,
        a_folder_without_data_is_told_what_belongs_there,
        files_of_another_kind_are_refused,
        a_pipe_is_not_waited_for,
        idx_of_another_rank_or_type_is_refused,
        images_of_another_size_are_refused,
        an_empty_set_is_refused,
        a_truncated_file_is_noticed,
        truncated_gzip_is_noticed,
        a_folder_with_something_in_it_is_refused,
        a_file_is_no_run_folder,
        an_unwritable_place_is_refused,
        no_kernel_is_built_for_a_folder_that_is_taken,
        a_batch_too_large_is_told_what_would_fit,
        bench_refuses_a_batch_too_large_as_well,
        an_empty_name_is_none,
    };
    return run_tests("refusals", tests, countof(tests), false);
}
