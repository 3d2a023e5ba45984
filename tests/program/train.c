/* A whole short training through the program, and every file it leaves. One folder serves all
 * tests: the runs are shared. */
#include "tests/program/programlib.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 12 };

/* The run in question, "straight/r": 12 steps, samples and checkpoints every 5. */
static struct outcome train_12(const char *folder, const char *seed)
{
    temporary_make_folder(folder);
    program_enter(folder);
    const struct outcome train = run("train", "--batch", "2", "--steps", "12", "--sample-every",
                                     "5", "--checkpoint-every", "5", "--seed", seed, "--out", "r");
    program_enter("");
    return train;
}

/* ---- what it prints ---- */

START_TEST(a_training_succeeds)
{
    const struct outcome train = train_12("straight", "1");
    check_done(&train);
    ck_assert(contains(train.out, "run folder r\n"));
    ck_assert(contains(train.out, "760481\n")); // parameters of the generator
    ck_assert(contains(train.out, "663041\n")); // and of the critic
    ck_assert(contains(train.out, "\nstep 1 of 12  d_loss "));
    ck_assert(contains(train.out, "\nstep 12 of 12  d_loss "));
    ck_assert(contains(train.out, "\ncheckpoint r/checkpoints/000012.safetensors\n"));
    ck_assert(contains(train.out, "wgan-cl sample r\n"));
    // A log is plain text: no line is drawn over, nothing is coloured.
    ck_assert(!contains(train.out, "\r"));
    ck_assert(!contains(train.out, "\033"));
}
END_TEST

/* ---- what it leaves ---- */

START_TEST(every_file_is_there)
{
    static const char *const files[] = {
        "run.json",
        "log.csv",
        "discriminator_loss.npy",
        "generator_loss.npy",
        "loss.png",
        "training.gif",
        "Generator.h5",
        "Discriminator.h5",
        "Adversarial.h5",
        "imgs/000000.png",
        "imgs/000005.png",
        "imgs/000010.png",
        "imgs/000012.png",
        "imgs/real.png",
        "checkpoints/000000.safetensors",
        "checkpoints/000005.safetensors",
        "checkpoints/000010.safetensors",
        "checkpoints/000012.safetensors",
    };
    for (size_t i = 0; i < countof(files); i++) {
        char name[128];
        snprintf(name, sizeof name, "straight/r/%s", files[i]);
        ck_assert_msg(is_there(name), "%s is missing", name);
    }
    ck_assert_int_eq(count_files("straight/r", ""), (int)countof(files) + 2); // and two folders
}
END_TEST

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    ck_assert_msg(value != NULL, "no '%s'", key);
    return value;
}

START_TEST(run_json_tells_what_the_run_was)
{
    static const char *const others[] = {"version", "clblast",        "started",      "updated",
                                         "seconds", "gflop_per_step", "device_bytes", "grid"};
    json_error_t error;
    char *text = read_file("straight/r/run.json", NULL);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    const json_t *settings = member(root, "settings"), *data = member(root, "data"),
                 *device = member(root, "device");
    ck_assert_str_eq(json_string_value(member(root, "program")), "wgan-cl");
    ck_assert_str_eq(json_string_value(member(root, "status")), "finished");
    ck_assert_int_eq(json_integer_value(member(root, "steps_done")), STEPS);
    for (size_t i = 0; i < countof(others); i++)
        member(root, others[i]);
    ck_assert_int_eq(json_integer_value(member(settings, "steps")), STEPS);
    ck_assert_int_eq(json_integer_value(member(settings, "batch")), 2);
    ck_assert_int_eq(json_integer_value(member(settings, "seed")), 1);
    ck_assert_int_eq(json_integer_value(member(settings, "critic_steps")), 1);
    ck_assert_int_eq(json_integer_value(member(settings, "sample_every")), 5);
    ck_assert_int_eq(json_integer_value(member(settings, "checkpoint_every")), 5);
    ck_assert_double_eq(json_real_value(member(settings, "lr_generator")), 5e-5);
    ck_assert_double_eq(json_real_value(member(settings, "lr_critic")), 5e-5);
    ck_assert_double_eq(json_real_value(member(settings, "clip")), 0.01);
    ck_assert_str_eq(json_string_value(member(data, "source")), "digits");
    ck_assert_int_eq(json_integer_value(member(data, "images")), 60000);
    ck_assert_str_ne(json_string_value(member(device, "name")), "");
    ck_assert_str_ne(json_string_value(member(device, "driver")), "");
    json_decref(root);
    free(text);
}
END_TEST

struct row {
    int step;
    double d_loss, d_loss_real, d_loss_fake, g_loss, wasserstein, seconds;
};

/* Reads the next row of a log; an estimate that was not taken is NaN. */
static const char *parse_row(const char *line, struct row *row)
{
    char estimate[64] = "";
    int length = 0;
    int got = sscanf(line, "%d,%lf,%lf,%lf,%lf,%n", &row->step, &row->d_loss, &row->d_loss_real,
                     &row->d_loss_fake, &row->g_loss, &length);
    ck_assert_msg(got == 5 && length > 0, "not a row: %.80s", line);
    line += length;
    size_t n = strcspn(line, ",");
    ck_assert_uint_lt(n, sizeof estimate);
    memcpy(estimate, line, n);
    row->wasserstein = n > 0 ? atof(estimate) : NAN;
    ck_assert_int_eq(sscanf(line + n, ",%lf", &row->seconds), 1);
    return line + strcspn(line, "\n") + 1;
}

/* The rows of a log of 12 steps. */
static void read_log(const char *name, struct row rows[STEPS])
{
    char *text = read_file(name, NULL);
    const char *at = strchr(text, '\n') + 1;
    ck_assert_int_eq(strncmp(text, "step,d_loss,d_loss_real,d_loss_fake,g_loss,wasserstein,seconds",
                             (size_t)(at - text - 1)),
                     0);
    for (int i = 0; i < STEPS; i++)
        at = parse_row(at, &rows[i]);
    ck_assert_str_eq(at, "");
    free(text);
}

START_TEST(the_log_has_a_row_for_each_step)
{
    struct row rows[STEPS];
    read_log("straight/r/log.csv", rows);
    for (int i = 0; i < STEPS; i++) {
        ck_assert_int_eq(rows[i].step, i + 1);
        ck_assert_double_eq_tol(rows[i].d_loss, 0.5 * (rows[i].d_loss_real + rows[i].d_loss_fake),
                                1e-9);
        ck_assert(isfinite(rows[i].d_loss) && isfinite(rows[i].g_loss));
        ck_assert_int_eq(isnan(rows[i].wasserstein), rows[i].step != 10);
        ck_assert_double_ge(rows[i].seconds, i > 0 ? rows[i - 1].seconds : 0.0);
    }
}
END_TEST

/* A column of doubles. */
static void check_npy(const char *name, const double *expected, size_t count)
{
    size_t size;
    char *bytes = read_file(name, &size);
    ck_assert_mem_eq(bytes, "\x93NUMPY\x01\x00", 8);
    const size_t data = 10 + (size_t)(uint8_t)bytes[8] + 256 * (size_t)(uint8_t)bytes[9];
    ck_assert_uint_eq(size, data + count * sizeof(double));
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, bytes + data + i * sizeof value, sizeof value);
        ck_assert_double_eq_tol(value, expected[i], 1e-8 * fabs(expected[i]));
    }
    free(bytes);
}

START_TEST(losses_are_there_as_arrays)
{
    struct row rows[STEPS];
    double d_loss[STEPS], g_loss[STEPS];
    read_log("straight/r/log.csv", rows);
    for (int i = 0; i < STEPS; i++) {
        d_loss[i] = rows[i].d_loss;
        g_loss[i] = rows[i].g_loss;
    }
    check_npy("straight/r/discriminator_loss.npy", d_loss, STEPS);
    check_npy("straight/r/generator_loss.npy", g_loss, STEPS);
}
END_TEST

START_TEST(pictures_are_pictures)
{
    static const char *const pngs[] = {"loss.png", "imgs/000000.png", "imgs/000012.png",
                                       "imgs/real.png"};
    for (size_t i = 0; i < countof(pngs); i++) {
        char name[128];
        size_t size;
        snprintf(name, sizeof name, "straight/r/%s", pngs[i]);
        char *bytes = read_file(name, &size);
        ck_assert_uint_gt(size, 1000);
        ck_assert_mem_eq(bytes, "\x89PNG\r\n\x1a\n", 8);
        free(bytes);
    }
    char *gif = read_file("straight/r/training.gif", NULL);
    ck_assert_mem_eq(gif, "GIF89a", 6);
    free(gif);
    ck_assert(!same_files("straight/r/imgs/000000.png", "straight/r/imgs/000012.png"));
}
END_TEST

START_TEST(the_first_checkpoint_is_the_state_before_any_step)
{
    const struct outcome sample =
        run("sample", "straight/r/checkpoints/000000.safetensors", "--out", "initial.png");
    check_done(&sample);
    ck_assert(same_files("initial.png", "straight/r/imgs/000000.png"));
}
END_TEST

/* ---- the same again, and another ---- */

static const char *const repeatable[] = {
    "discriminator_loss.npy",
    "generator_loss.npy",
    "loss.png",
    "Generator.h5",
    "Discriminator.h5",
    "Adversarial.h5",
    "imgs/000000.png",
    "imgs/000005.png",
    "imgs/000010.png",
    "imgs/000012.png",
    "imgs/real.png",
    "checkpoints/000010.safetensors",
    "checkpoints/000012.safetensors",
};

static void check_same_run(const char *a, const char *b)
{
    struct row a_rows[STEPS], b_rows[STEPS];
    char a_name[128], b_name[128];
    for (size_t i = 0; i < countof(repeatable); i++) {
        snprintf(a_name, sizeof a_name, "%s/%s", a, repeatable[i]);
        snprintf(b_name, sizeof b_name, "%s/%s", b, repeatable[i]);
        ck_assert_msg(same_files(a_name, b_name), "%s and %s differ", a_name, b_name);
    }
    snprintf(a_name, sizeof a_name, "%s/log.csv", a);
    snprintf(b_name, sizeof b_name, "%s/log.csv", b);
    read_log(a_name, a_rows);
    read_log(b_name, b_rows);
    for (int i = 0; i < STEPS; i++) {
        a_rows[i].seconds = b_rows[i].seconds = 0; // all that may differ
        if (isnan(a_rows[i].wasserstein) && isnan(b_rows[i].wasserstein))
            a_rows[i].wasserstein = b_rows[i].wasserstein = 0;
        ck_assert_int_eq(a_rows[i].step, b_rows[i].step);
        ck_assert_double_eq(a_rows[i].d_loss, b_rows[i].d_loss);
        ck_assert_double_eq(a_rows[i].d_loss_real, b_rows[i].d_loss_real);
        ck_assert_double_eq(a_rows[i].d_loss_fake, b_rows[i].d_loss_fake);
        ck_assert_double_eq(a_rows[i].g_loss, b_rows[i].g_loss);
        ck_assert_double_eq(a_rows[i].wasserstein, b_rows[i].wasserstein);
    }
}

START_TEST(the_same_seed_gives_the_same_bytes)
{
    const struct outcome train = train_12("again", "1");
    check_done(&train);
    check_same_run("straight/r", "again/r");
    ck_assert(same_files("straight/r/training.gif", "again/r/training.gif"));
    ck_assert(same_files("straight/r/checkpoints/000005.safetensors",
                         "again/r/checkpoints/000005.safetensors"));
}
END_TEST

START_TEST(another_seed_gives_another_run)
{
    struct row one[STEPS], other[STEPS];
    const struct outcome train = train_12("other", "2");
    check_done(&train);
    read_log("straight/r/log.csv", one);
    read_log("other/r/log.csv", other);
    for (int i = 0; i < STEPS; i++)
        ck_assert_double_ne(one[i].g_loss, other[i].g_loss);
    ck_assert(!same_files("straight/r/imgs/000000.png", "other/r/imgs/000000.png"));
    ck_assert(!same_files("straight/r/imgs/000012.png", "other/r/imgs/000012.png"));
    ck_assert(same_files("straight/r/imgs/real.png", "other/r/imgs/real.png"));
}
END_TEST

START_TEST(a_resumed_run_is_the_uninterrupted_one)
{
    temporary_make_folder("resumed");
    program_enter("resumed");
    const struct outcome half = run("train", "--batch", "2", "--steps", "6", "--sample-every", "5",
                                    "--checkpoint-every", "5", "--seed", "1", "--out", "r");
    check_done(&half);
    const struct outcome rest = run("train", "--resume", "r", "--steps", "12");
    program_enter("");
    check_done(&rest);
    ck_assert(contains(rest.out, "after step 6 from r/checkpoints/000006.safetensors"));
    check_same_run("straight/r", "resumed/r");
    // The animation has a frame of step 6 in addition, and so has the folder.
    ck_assert(is_there("resumed/r/imgs/000006.png"));
}
END_TEST

START_TEST(what_is_advised_can_be_typed)
{
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "Ann's run");
    check_done(&train);
    ck_assert(contains(train.out, "\nrun folder Ann's run\n"));
    ck_assert_msg(contains(train.out, "wgan-cl sample 'Ann'\\''s run'\n"), "%s", train.out);
}
END_TEST

START_TEST(nothing_unfinished_is_left)
{
    ck_assert_int_eq(count_files("", ".part"), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_training_succeeds,
        every_file_is_there,
        run_json_tells_what_the_run_was,
        the_log_has_a_row_for_each_step,
        losses_are_there_as_arrays,
        pictures_are_pictures,
        the_first_checkpoint_is_the_state_before_any_step,
        the_same_seed_gives_the_same_bytes,
        another_seed_gives_another_run,
        a_resumed_run_is_the_uninterrupted_one,
        what_is_advised_can_be_typed,
        nothing_unfinished_is_left,
    };
    return run_tests("train", tests, countof(tests), true);
}
