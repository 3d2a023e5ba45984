/* Keras' model files, out and in, as a user does it. One folder and one run serve all tests. */
#include "tests/program/programlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"Generator.h5", "Discriminator.h5", "Adversarial.h5"};

/* Settings of the run; import is told them again. */
#define SETTINGS "--batch", "2", "--critic-steps", "2", "--clip", "0.02", "--seed", "5"

static const char *data_path(void)
{
    return temporary_path("data");
}

START_TEST(a_training_leaves_the_files)
{
    write_images("data", 10, 1);
    const struct outcome train = run("train", "--data", data_path(), "--steps", "1", "--out", "r",
                                     "--lr-critic", "0.0002", SETTINGS);
    check_done(&train);
    for (size_t i = 0; i < countof(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "r/%s", names[i]);
        ck_assert_msg(is_there(path), "%s is missing", path);
    }
}
END_TEST

START_TEST(an_export_is_what_the_training_left)
{
    const struct outcome of_run = run("export", "r", "--format", "h5", "--out", "a"),
                         of_file = run("export", "r/checkpoints/000001.safetensors", "-o", "b"),
                         here = run("export", "r");
    check_done(&of_run);
    check_done(&of_file);
    check_done(&here);
    ck_assert_str_eq(of_run.out, "a/Generator.h5, Discriminator.h5, Adversarial.h5: step 1\n");
    for (size_t i = 0; i < countof(names); i++) {
        char left[64], a[64], b[64];
        snprintf(left, sizeof left, "r/%s", names[i]);
        snprintf(a, sizeof a, "a/%s", names[i]);
        snprintf(b, sizeof b, "b/%s", names[i]);
        ck_assert(same_files(left, a) && same_files(left, b) && same_files(left, names[i]));
    }
}
END_TEST

START_TEST(an_imported_run_goes_on_as_if_it_had_stayed)
{
    const struct outcome import =
        run("import", "a", "--data", data_path(), "--out", "again", "--steps", "1", SETTINGS);
    check_done(&import);
    ck_assert(contains(import.out, "critic     learning rate 0.0002, RMSprop from the file"));
    ck_assert(contains(import.out, "again/checkpoints/000001.safetensors, after step 1"));
    ck_assert(
        same_files("r/checkpoints/000001.safetensors", "again/checkpoints/000001.safetensors"));
    const struct outcome stayed = run("train", "--resume", "r", "--steps", "2"),
                         came = run("train", "--resume", "again", "--steps", "2");
    check_done(&stayed);
    check_done(&came);
    ck_assert(
        same_files("r/checkpoints/000002.safetensors", "again/checkpoints/000002.safetensors"));
    ck_assert(same_files("r/imgs/000002.png", "again/imgs/000002.png"));
    ck_assert(is_there("again/loss.png"));
}
END_TEST

START_TEST(an_imported_run_can_be_sampled)
{
    const struct outcome import = run("import", "a", "--data", data_path(), "--out", "sampled"),
                         of_run = run("sample", "r/checkpoints/000001.safetensors", "-o", "r.npy"),
                         of_import = run("sample", "sampled", "-o", "i.npy");
    check_done(&import);
    check_done(&of_run);
    check_done(&of_import);
    ck_assert(same_files("r.npy", "i.npy"));
}
END_TEST

START_TEST(without_adversarial_it_says_so)
{
    temporary_make_folder("two");
    for (size_t i = 0; i < 2; i++) {
        char from[64], to[64];
        size_t size;
        snprintf(from, sizeof from, "a/%s", names[i]);
        snprintf(to, sizeof to, "two/%s", names[i]);
        char *bytes = read_file(from, &size);
        temporary_write(to, bytes, size);
        free(bytes);
    }
    const struct outcome import = run("import", "two", "--data", data_path(), "--out", "fresh");
    check_done(&import);
    ck_assert(contains(import.out, "generator  learning rate 5e-05, RMSprop none in the file: "
                                   "accumulators begin at 0"));
}
END_TEST

/* ---- refusals ---- */

/* libhdf5 crashes on a length of 2^64 / 256 in the heap of strings, or calls it an error. */
START_TEST(a_file_that_ends_the_library_is_refused)
{
    enum { FIRST_LENGTH = 24 }; // of a heap, from its signature on
    size_t size, at = 0;
    char *bytes = read_file("two/Discriminator.h5", &size);
    while (at + 4 < size && memcmp(bytes + at, "GCOL", 4) != 0)
        at++;
    ck_assert_uint_lt(at + 32, size);
    bytes[at + FIRST_LENGTH + 7] = (char)0xff;
    temporary_make_folder("damaged");
    temporary_write("damaged/Discriminator.h5", bytes, size);
    free(bytes);
    bytes = read_file("two/Generator.h5", &size);
    temporary_write("damaged/Generator.h5", bytes, size);
    free(bytes);
    const struct outcome import = run("import", "damaged", "--data", data_path(), "--out", "none");
    check_failed(&import, 1, "damaged/Discriminator.h5");
    ck_assert(!is_there("none"));
}
END_TEST

START_TEST(wrong_words_are_refused)
{
    const struct outcome nothing = run("export"), format = run("export", "r", "--format", "onnx"),
                         no_run = run("export", "data"), folder = run("export", "r", "-o", "data"),
                         no_folder = run("import"), missing = run("import", "nowhere"),
                         taken = run("import", "a", "--data", data_path(), "--out", "r");
    check_failed(&nothing, 2, "export needs a run folder or a checkpoint");
    check_failed(&format, 2, "--format 'onnx': expected h5");
    check_failed(&no_run, 1, "data");
    check_failed(&folder, 1, "data: exists and is no folder");
    check_failed(&no_folder, 2, "import needs a folder");
    check_failed(&missing, 1, "nowhere: No such file or directory", "Generator.h5");
    check_failed(&taken, 1, "r: exists and is not empty");
}
END_TEST

START_TEST(a_damaged_file_leaves_no_run)
{
    size_t size;
    char *bytes = read_file("two/Discriminator.h5", &size);
    temporary_write("two/Discriminator.h5", bytes, size / 2);
    free(bytes);
    const struct outcome import = run("import", "two", "--data", data_path(), "--out", "none");
    check_failed(&import, 1, "two/Discriminator.h5", "truncated");
    ck_assert(!is_there("none"));
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
    temporary_make_folder("mine");
    program_limit_files(1000000);
    const struct outcome export = run("export", "r", "--out", "full"),
                         import = run("import", "a", "--data", data_path(), "--out", "none"),
                         mine = run("import", "a", "--data", data_path(), "--out", "mine");
    program_limit_files(0);
    check_failed(&export, 1, "full/Generator.h5", "File too large");
    ck_assert(!is_there("full/Generator.h5"));
    check_failed(&import, 1, "none/checkpoints/000001.safetensors", "File too large");
    check_failed(&mine, 1, "mine/checkpoints/000001.safetensors", "File too large");
    ck_assert(!is_there("none"));
    ck_assert(is_there("mine")); // it was there before
    ck_assert_int_eq(count_files("mine", ""), 0);
    ck_assert_int_eq(count_files("", ".part"), 0);
}
END_TEST

/* The first two files would fit. */
START_TEST(a_disk_that_fills_up_keeps_all_old_files)
{
    temporary_make_folder("old");
    for (size_t i = 0; i < countof(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "old/%s", names[i]);
        temporary_write(path, names[i], strlen(names[i]));
    }
    program_limit_files(6000000);
    const struct outcome export = run("export", "r", "--format", "h5", "--out", "old");
    program_limit_files(0);
    check_failed(&export, 1, "old/Adversarial.h5", "File too large");
    for (size_t i = 0; i < countof(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "old/%s", names[i]);
        char *content = read_file(path, NULL);
        ck_assert_str_eq(content, names[i]);
        free(content);
    }
    ck_assert_int_eq(count_files("old", ""), (int)countof(names));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_training_leaves_the_files,
        an_export_is_what_the_training_left,
        an_imported_run_goes_on_as_if_it_had_stayed,
        an_imported_run_can_be_sampled,
        without_adversarial_it_says_so,
        a_file_that_ends_the_library_is_refused,
        wrong_words_are_refused,
        a_damaged_file_leaves_no_run,
        a_full_disk_leaves_nothing,
        a_disk_that_fills_up_keeps_all_old_files,
    };
    return run_tests("export", tests, countof(tests), true);
}
