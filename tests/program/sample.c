/* Images from a checkpoint: always the same ones, and never from anything else. One folder and one
 * run serve all tests. */
#include "tests/program/programlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28 };

static const char checkpoint[] = "r/checkpoints/000001.safetensors";

START_TEST(there_is_a_run)
{
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "r");
    check_done(&train);
}
END_TEST

/* ---- images ---- */

START_TEST(the_same_seed_gives_the_same_images)
{
    const struct outcome first = run("sample", "r"), second = run("sample", "r", "--out", "b.png"),
                         other = run("sample", "r", "--seed", "2", "--out", "c.png");
    check_done(&first);
    check_done(&second);
    check_done(&other);
    ck_assert_str_eq(first.out, "samples.png: 25 images, seed 1\n");
    ck_assert_str_eq(other.out, "c.png: 25 images, seed 2\n");
    ck_assert(same_files("samples.png", "b.png"));
    ck_assert(!same_files("samples.png", "c.png"));
}
END_TEST

START_TEST(a_checkpoint_gives_what_its_run_gives)
{
    const struct outcome file = run("sample", checkpoint, "--out", "file.png"),
                         copy = run("sample", "r/", "-o", "run.png");
    check_done(&file);
    check_done(&copy);
    ck_assert(same_files("file.png", "run.png"));
}
END_TEST

/* The pixels of an array of images, to be freed, after a look at its header. */
static char *read_images(const char *name, size_t count)
{
    char shape[64];
    size_t size;
    char *bytes = read_file(name, &size);
    ck_assert_mem_eq(bytes, "\x93NUMPY\x01\x00", 8);
    const size_t data = 10 + (size_t)(uint8_t)bytes[8] + 256 * (size_t)(uint8_t)bytes[9];
    ck_assert_uint_eq(size, data + count * PIXELS * sizeof(float));
    bytes[data - 1] = '\0';
    snprintf(shape, sizeof shape, "'shape': (%zu, 28, 28)", count);
    ck_assert(contains(bytes + 10, shape));
    ck_assert(contains(bytes + 10, "'descr': '<f4'"));
    memmove(bytes, bytes + data, size - data);
    return bytes;
}

START_TEST(an_image_depends_on_its_number_alone)
{
    // 100 images take more than one batch of the generator.
    static const size_t counts[] = {1, 3, 30, 100};
    char *all[countof(counts)];
    for (size_t i = 0; i < countof(counts); i++) {
        char count[32], name[32];
        snprintf(count, sizeof count, "%zu", counts[i]);
        snprintf(name, sizeof name, "%zu.npy", counts[i]);
        const struct outcome sample = run("sample", "r", "-n", count, "--out", name);
        check_done(&sample);
        all[i] = read_images(name, counts[i]);
    }
    for (size_t i = 0; i + 1 < countof(counts); i++)
        ck_assert_mem_eq(all[i], all[countof(counts) - 1], counts[i] * PIXELS * sizeof(float));
    for (size_t i = 0; i < 100 * PIXELS; i++) {
        float value;
        memcpy(&value, all[3] + i * sizeof value, sizeof value);
        ck_assert(value >= 0.0f && value <= 1.0f);
    }
    for (size_t i = 0; i < countof(counts); i++)
        free(all[i]);
}
END_TEST

/* Width and height from the header of a PNG. */
static void check_png_size(const char *name, int width, int height)
{
    char *bytes = read_file(name, NULL);
    ck_assert_mem_eq(bytes, "\x89PNG\r\n\x1a\n", 8);
    ck_assert_int_eq((uint8_t)bytes[18] * 256 + (uint8_t)bytes[19], width);
    ck_assert_int_eq((uint8_t)bytes[22] * 256 + (uint8_t)bytes[23], height);
    free(bytes);
}

START_TEST(a_grid_has_the_columns_asked_for)
{
    enum { CELL = 3 * 28 + 2 };
    const struct outcome wide = run("sample", "r", "-n", "7", "--columns", "4", "-o", "wide.png"),
                         square = run("sample", "r", "-n", "7", "-o", "square.png");
    check_done(&wide);
    check_done(&square);
    check_png_size("wide.png", 4 * CELL + 2, 2 * CELL + 2);
    check_png_size("square.png", 3 * CELL + 2, 3 * CELL + 2);
}
END_TEST

START_TEST(an_older_file_is_replaced)
{
    temporary_write("old.png", "old", 3);
    const struct outcome sample = run("sample", "r", "--out", "old.png");
    check_done(&sample);
    check_png_size("old.png", 5 * 86 + 2, 5 * 86 + 2);
}
END_TEST

/* ---- refusals ---- */

static void check_source_refused(const char *source, const char *reason)
{
    const struct outcome sample = run("sample", source, "--out", "refused.png");
    check_failed(&sample, 1, source, reason);
    ck_assert_str_eq(sample.out, "");
    ck_assert(!is_there("refused.png"));
}

START_TEST(what_is_no_run_is_refused)
{
    static const char text[] = "Neither a checkpoint nor a folder with one.\n";
    check_source_refused("nowhere", "No such file or directory");
    temporary_make_folder("empty");
    check_source_refused("empty", "no checkpoint");
    temporary_write("text", text, sizeof text);
    check_source_refused("text", "");
    temporary_write("nothing", text, 0);
    check_source_refused("nothing", "");
    check_source_refused("r/run.json", "");
    check_source_refused("r/checkpoints", "expected its run folder: r)");
    check_source_refused(".", "r is one)");
}
END_TEST

START_TEST(a_damaged_checkpoint_is_refused)
{
    size_t size;
    char *bytes = read_file(checkpoint, &size);
    temporary_write("cut.safetensors", bytes, size - 1);
    check_source_refused("cut.safetensors", "");
    temporary_write("cut.safetensors", bytes, size / 2);
    check_source_refused("cut.safetensors", "");
    bytes[size / 2] ^= 1;
    temporary_write("flipped.safetensors", bytes, size);
    check_source_refused("flipped.safetensors", "damaged");
    free(bytes);
}
END_TEST

START_TEST(weights_of_other_programs_are_refused)
{
    static const char header[] =
        "{\"weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   ";
    char bytes[8 + sizeof header - 1 + 4] = {(char)(sizeof header - 1)};
    memcpy(bytes + 8, header, sizeof header - 1);
    temporary_write("foreign.safetensors", bytes, sizeof bytes);
    check_source_refused("foreign.safetensors", "not a checkpoint of wgan-cl");
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_named)
{
    const struct outcome missing = run("sample", "r", "--out", "nowhere/x.png");
    check_failed(&missing, 1, "nowhere/x.png", "No such file or directory");
    temporary_make_folder("folder.npy");
    const struct outcome folder = run("sample", "r", "--out", "folder.npy");
    check_failed(&folder, 1, "folder.npy");
    program_limit_files(1000000); // enough for what a driver may write
    const struct outcome full = run("sample", "r", "-n", "400", "--out", "full.npy");
    check_failed(&full, 1, "full.npy", "File too large");
    ck_assert(!is_there("full.npy"));
    ck_assert_int_eq(count_files("", ".part"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        there_is_a_run,
        the_same_seed_gives_the_same_images,
        a_checkpoint_gives_what_its_run_gives,
        an_image_depends_on_its_number_alone,
        a_grid_has_the_columns_asked_for,
        an_older_file_is_replaced,
        what_is_no_run_is_refused,
        a_damaged_checkpoint_is_refused,
        weights_of_other_programs_are_refused,
        a_place_that_cannot_be_written_is_named,
    };
    return run_tests("sample", tests, countof(tests), true);
}
