/*
 * The self-test passes here, leaves nothing of a training out, and notices kernels that are wrong:
 * each of these is the built-in one with a single mistake, as a compiler might make it.
 */
#include "host/device/program.h"
#include "host/device/sources.h"
#include "host/gan/trainer.h"
#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct wg_selftest *run(bool quick)
{
    static const struct wg_train_callbacks callbacks = {.untuned = true}; // whatever the user has
    struct wg_selftest *test;
    ck_assert_msg(wg_selftest_run(test_device(), 0, quick, &callbacks, &test), "%s",
                  wg_error_message());
    ck_assert_str_eq(test->tuning, "none");
    return test;
}

static const struct wg_selftest_row *find(const struct wg_selftest *test, const char *op,
                                          const char *implementation)
{
    for (int i = 0; i < test->count; i++)
        if (strcmp(test->rows[i].op, op) == 0 &&
            (!implementation || strcmp(test->rows[i].implementation, implementation) == 0))
            return &test->rows[i];
    return NULL;
}

/* ---- kernels as they are ---- */

/* Every implementation that a training of the default size takes has its row. */
static bool check_row(void *user, const struct wg_task *task, int runs)
{
    (void)runs;
    ck_assert_msg(find(user, task->node->name, task->implementation->name) != NULL,
                  "the self-test does not try %s by %s", task->node->name,
                  task->implementation->name);
    return true;
}

static void check_complete(struct wg_selftest *test)
{
    struct wg_train_settings settings = wg_train_settings_default();
    const struct wg_dataset dataset = {.count = 1000, .height = 28, .width = 28};
    const struct wg_trainer_params params = {.settings = &settings, .dataset = &dataset};
    ck_assert(wg_trainer_visit_tasks(test_device(), &params, check_row, test));
}

static void check_passed(const struct wg_selftest *test)
{
    for (int i = 0; i < test->count; i++) {
        const struct wg_selftest_row *row = &test->rows[i];
        ck_assert_msg(row->passed && row->error >= 0 && row->error <= 1, "%s by %s: %s", row->op,
                      row->implementation, row->failure);
        ck_assert_str_eq(row->failure, "");
        ck_assert_int_gt(row->shapes, 0);
        ck_assert(row->worst_shape[0] != '\0');
    }
    ck_assert_int_eq(test->failed, 0);
    ck_assert_double_gt(test->seconds, 0);
}

START_TEST(this_device_passes_and_nothing_is_left_out)
{
    struct wg_selftest *test = run(false);
    check_passed(test);
    check_complete(test);
    // The plain kernels run everywhere, whatever a training takes.
    ck_assert(find(test, "conv2d", "ref") && find(test, "conv2d_data", "ref") &&
              find(test, "conv2d_filter", "ref") && find(test, "matmul", "ref"));
    ck_assert_ptr_nonnull(find(test, "training step", "all"));
    wg_selftest_destroy(test);
}
END_TEST

START_TEST(the_quick_form_tries_what_a_training_takes)
{
    struct wg_selftest *test = run(true);
    check_passed(test);
    check_complete(test);
    ck_assert_ptr_null(find(test, "training step", NULL));
    wg_selftest_destroy(test);
}
END_TEST

/* ---- kernels with a mistake ---- */

/* A text that stands in a kernel, what stands there instead, and the row that must fail. Those of
 * one round are made all at once: each op is tried alone, so no mistake hides another. */
static const struct mistake {
    int round;
    const char *file, *right, *wrong, *op, *implementation;
} mistakes[] = {
    {0, "bias", "ACTIVATE_GRADIENT(out, grad), dx", "grad, dx", "activation_gradient", "ref"},
    {0, "batch_norm", "load(x + at) - mean[v], factor", "load(x + at) - 1.001f * mean[v], factor",
     "batch_norm", "ref"},
    {0, "batch_norm", "store(squares / divisor", "store(squares / (divisor - 1.0f)", "moments",
     "ref"},
    {0, "batch_norm", "product[v] / sqrt", "product[v] * sqrt", "batch_norm_sums", "ref"},
    {0, "batch_norm", "deviation, offset[v]", "deviation, 0.0f", "batch_norm_data", "ref"},
    {0, "moving_average", "momentum * moving[i]", "moving[i]", "moving_average", "ref"},
    {0, "rmsprop", "sqrt(mean_square + EPSILON)", "(sqrt(mean_square) + EPSILON)", "rmsprop",
     "ref"},
    {0, "rmsprop_joined", "lane; i < left", "lane; i < left - 1", "rmsprop", "joined"},
    {0, "random", "cospi(2.0f * turn), sinpi", "sinpi(2.0f * turn), cospi", "normal", "ref"},
    {0, "random", "/ 127.5f", "/ 127.6f", "batch", "ref"},
    {0, "sum_rows", "row < last", "row < last - 1", "sum_rows", "ref"},
    {0, "mean", "i < count; i++", "i + 1 < count; i++", "record", "ref"},
    {0, "copy", "x[offset + i];", "x[i];", "slice", "ref"},
    {0, "advance", "clock[0] += 1", "clock[0] += 2", "advance", "ref"},
    {0, "matmul", "n >= N", "n >= 0", "matmul", "ref"}, // does nothing
    {0, "matmul", "int i = 0; i < VW; i++)\n        total",
     "int i = 1; i < VW; i++)\n        total", "matmul", "dot"},
    {0, "conv2d_ref", "INSIDE(iy, H) && INSIDE(ix, W))\n                for",
     "INSIDE(iy, H) && INSIDE(ix, W) && kx < K - 1)\n                for", "conv2d", "ref"},
    {0, "conv2d_ref", "int o = 0; o < OC", "int o = 1; o < OC", "conv2d_data", "ref"},
    {0, "conv2d_ref", "sum += line;", "sum = line;", "conv2d_filter", "ref"},
    {0, "conv2d_direct", "row < rows; row += MR", "row < rows - MR; row += MR", "conv2d", "direct"},
    {0, "conv2d_direct", "row < rows; row += MR", NULL, "conv2d_data", "direct"},
    {0, "conv2d_filter_direct", "tap < K * K; tap++)\n                add",
     "tap < K * K - 1; tap++)\n                add", "conv2d_filter", "direct"},
    {0, "conv2d_winograd", "k < SLICE; k += UNROLL", "k < SLICE - UNROLL; k += UNROLL", "conv2d",
     "winograd"},
    {0, "conv2d_winograd", "k < SLICE; k += UNROLL", NULL, "conv2d_data", "winograd"},
    {0, "conv2d_filter_winograd", "row < rows; row++", "row < rows - 1; row++", "conv2d_filter",
     "winograd"},
    {0, "thin", "p < count && iy >= 0", "p < count && iy > 0", "conv2d", "thin"},
    {0, "thin", "p < count && iy >= 0", NULL, "layer_filter", "thin"},
    {0, "thin", "p < count && iy >= 0", NULL, "norm_up_sums", "thin"},
    {0, "thin", "p < count && iy >= 0", NULL, "norm_up_gradient", "thin"},
    {0, "conv2d_thin", "oy < end; oy++", "oy < end - 1; oy++", "conv2d_data", "thin"},
    {0, "conv2d_thin", "oy < end; oy++", NULL, "layer_data", "thin"},
    {0, "conv2d_thin", "oy < end; oy++", NULL, "norm_up", "thin"},
    {0, "layer_ref", "sum += line;", "sum = line;", "layer_filter", "ref"},
    {0, "layer_ref", "int o = 0; o < OC", "int o = 1; o < OC", "layer_data", "ref"},
    {0, "norm_up_ref", "sum += line;", "sum = line;", "norm_up_sums", "ref"},
    {0, "norm_up_ref", "sum += bias[c];", "sum -= bias[c];", "norm_up", "ref"},
    {0, "norm_up_ref", "- xhat * sums", "+ xhat * sums", "norm_up_gradient", "ref"},
    {0, "norm_weights", "gamma[c] / sqrt(m[channels + c] + EPSILON);",
     "gamma[c] / sqrt(m[channels + c]);", "norm_kernel", "ref"},
    {0, "norm_weights", "b[c] - m[c]", "b[c] + m[c]", "norm_bias", "ref"},
    {0, "im2col", "kx = k / C % K", "kx = 0", "conv2d", "gemm"},
    {0, "col2im", "oy = (iy + PAD) / S - ty", "oy = (iy + PAD) / S", "conv2d_data", "gemm"},
    {1, "random", "round < 10", "round < 9", "normal", "ref"},
    {1, "random", "round < 10", NULL, "batch", "ref"},
    {1, "copy", "i < count", "i < count - 1", "assign", "ref"}, // stops too early
    {1, "rmsprop", "weight > bound ? bound : weight < -bound ? -bound : weight", "weight",
     "rmsprop", "ref"},
    {1, "rmsprop_joined", "block >= 0", "block > 0", "rmsprop", "joined"},
    {1, "mean", "__kernel", "kernel__", "record", "ref"}, // does not build
    {1, "moving_average", "void moving_average", "void wrong_name", "moving_average",
     "ref"}, // can't be found
    {1, "matmul", "total, bias[0]", "total, 1.001f * bias[0]", "matmul", "dot"},
    {1, "norm_up", "LOADV(dgamma + o) / sqrt", "1.001f * LOADV(dgamma + o) / sqrt", "norm_up_sums",
     "thin"}, // one of the longest sums, slightly wrong
    {1, "norm_up_ref", "? sum / norm.root", "? 1.001f * sum / norm.root", "norm_up_sums", "ref"},
    {1, "conv2d_pack", "r < depth", "r < depth - 1", "conv2d", "direct"},
    {1, "conv2d_pack", "r < depth", NULL, "matmul", "direct"},
    {1, "winograd", "d[step] = d3 - d2", "d[step] = d3 + d2", "conv2d", "winograd"},
    {1, "winograd", "d[step] = d3 - d2", NULL, "conv2d_data", "winograd"},
    {1, "winograd", "d[step] = d3 - d2", NULL, "conv2d_filter", "winograd"},
    // What shows only where a training is tried as it is: its batch, its seed, many images.
    {2, "random", "(uint)key0, (uint)key1", "(uint)key0, 0u", "normal", "ref"},
    {2, "random", "stream), (uint)images)", "stream), (uint)images) % 256", "batch", "ref"},
    {2, "advance", "(clock[1] + 1) %", "0 %", "advance", "ref"},
    {2, "mean", "lost, x[i]", "lost, x[i < 64 ? i : 0]", "record", "ref"},
    {2, "bias", "(ACTIVATE_GRADIENT(out, grad), dx",
     "(i > 40000 ? grad : ACTIVATE_GRADIENT(out, grad), dx", "activation_gradient", "ref"},
    {2, "batch_norm", "ACTIVATE(value), y", "row > 4000 ? value : ACTIVATE(value), y", "batch_norm",
     "ref"},
    {2, "sum_rows", "rows_per_chunk, rows)", "rows_per_chunk, rows - (rows > 5000))", "sum_rows",
     "ref"},
    {2, "conv2d_thin", "ACTIVATE_GRADIENT(LOADV(out + (at)), LOADV(gradient + (at)))",
     "(N > 64 ? LOADV(gradient + (at))"
     " : ACTIVATE_GRADIENT(LOADV(out + (at)), LOADV(gradient + (at))))",
     "layer_filter", "thin"},
    {2, "conv2d_thin", "LOADV(gradient + (at)))", NULL, "layer_data", "thin"},
    {2, "thin_norm", "BENT(value)", "OC == 256 ? value : BENT(value)", "norm_up", "thin"},
    {2, "conv2d_winograd", "apart * apart * (before * share)", "apart * apart * share",
     "conv2d_data", "winograd"}, // what is left beside the result
    {2, "conv2d_winograd_pack", "taps_of(m, g);",
     "taps_of(m, g);\nif (c == 10)\ng[0] = (floatv)(0.0f);", "conv2d_filter", "winograd"},
    {2, "conv2d_thin", "STREAMV(ACTIVATE(tile[p][v]), to",
     "if (n < N - 1 || oy < OH - 1 || ox + p < OW - 1 || o + (v + 1) * VW < OC)\n"
     "STREAMV(ACTIVATE(tile[p][v]), to",
     "conv2d", "thin"},
    {2, "norm_up", "g = BEND(value, dr)", "g = N > 64 ? dr : BEND(value, dr)", "norm_up_sums",
     "thin"},
    // A single vector of a large result, in the middle of an image in the middle of the batch.
    {3, "conv2d_thin", "ACTIVATE(tile[p][v]), to",
     "(n == 60 && oy == 5 && ox + p == 9 && o + v * VW == VW ? 1.001f : 1.0f) * "
     "ACTIVATE(tile[p][v]), to",
     "conv2d", "thin"},
    {3, "conv2d_winograd", "    finish_all(&todo);\n}",
     "    finish_all(&todo);\n"
     "for (int i = first_unit(get_global_id(0)); i < first_unit(get_global_id(0) + 1); i++)\n"
     "if (i % (PHASES * PHASES) == 0 && i / (PHASES * PHASES) == 60 / IMAGES)\n"
     "out[((60 * OUT_H + 3) * OUT_W + 5) * (size_t)WIDTH + 9] += 0.02f;\n}",
     "conv2d", "winograd"}, // one element
    {3, "conv2d_winograd", "    finish_all(&todo);\n}", NULL, "conv2d_data", "winograd"},
    {3, "conv2d_winograd_pack", "taps_of(m, g);",
     "taps_of(m, g);\nif (c == 10 && o == VW)\ng[0] *= 1.1f;", "conv2d_filter", "winograd"},
    {3, "matmul", "    STOREV(ACTIVATE(sum), c",
     "    if (m == 61 && n / VW == 100 / VW)\nsum *= 1.001f;\n    STOREV(ACTIVATE(sum), c",
     "matmul", "ref"},
    {3, "conv2d_thin", "BIAS_ARGUMENT image);",
     "BIAS_ARGUMENT image);\n"
     "if (n == 60 && first <= 14 && last > 14)\nimage[14 * W + 9] *= 1.2f;",
     "layer_data", "thin"},
    {3, "conv2d_thin", "BIAS_ARGUMENT image);", NULL, "norm_up", "thin"},
    {3, "conv2d_thin", "BIAS_ARGUMENT image);", NULL, "conv2d_data", "thin"},
    {3, "norm_up", "STREAMV(MAC(LOADV(norm + OC + c), g, mean_part), du",
     "STREAMV((n == 60 && oy == 5 && ox + p == 9 && c == VW ? 1.001f : 1.0f) * "
     "MAC(LOADV(norm + OC + c), g, mean_part), du",
     "norm_up_gradient", "thin"},
    {3, "batch_norm", "store(ACTIVATE(value), y",
     "store((at / VW == 2345 ? 1.001f : 1.0f) * ACTIVATE(value), y", "batch_norm", "ref"},
    {3, "batch_norm", "store(MAC(factor[v], g, MAC(tilt[v]",
     "store((at / VW == 2345 ? 1.001f : 1.0f) * MAC(factor[v], g, MAC(tilt[v]", "batch_norm_data",
     "ref"},
    {3, "bias", "store(ACTIVATE_GRADIENT(out, grad), dx",
     "store((i == 2345 ? 1.001f : 1.0f) * ACTIVATE_GRADIENT(out, grad), dx", "activation_gradient",
     "ref"},
    {3, "conv2d_operands", "finish(vload4(v, acc[m]), column",
     "finish((at / COLUMNS == 60 && column + COLUMN_OF(v) == 8 ? 1.001f : 1.0f) * "
     "vload4(v, acc[m]), column",
     "conv2d", "tiled"},
    {3, "conv2d_operands", "finish(vload4(v, acc[m]), column", NULL, "conv2d_data", "tiled"},
    {3, "conv2d_operands", "finish(vload4(v, acc[m]), column", NULL, "conv2d_filter", "tiled"},
    {3, "conv2d_operands", "finish(vload4(v, acc[m]), column", NULL, "matmul", "tiled"},
};
enum { ROUNDS = 4, MISTAKES = sizeof mistakes / sizeof mistakes[0], SOURCE_MAX = 1 << 16 };

/* The first `right` in the text becomes `wrong`. */
static void make_mistake(char *text, const struct mistake *mistake)
{
    char *at = strstr(text, mistake->right);
    ck_assert_msg(at != NULL, "'%s' does not stand in %s.cl", mistake->right, mistake->file);
    size_t right = strlen(mistake->right), wrong = strlen(mistake->wrong);
    ck_assert_uint_lt(strlen(text) + wrong, SOURCE_MAX);
    memmove(at + wrong, at + right, strlen(at + right) + 1);
    memcpy(at, mistake->wrong, wrong);
}

/* All kernels, with the mistakes of a round, in the temporary folder. */
static void write_kernels(int round)
{
    static char text[SOURCE_MAX];
    for (const struct wg_source *source = wg_sources; source->name; source++) {
        char name[64];
        text[0] = '\0';
        size_t length = 0;
        for (const char *const *line = source->lines; *line; line++) {
            ck_assert_uint_lt(length + strlen(*line), SOURCE_MAX);
            strcpy(text + length, *line);
            length += strlen(*line);
        }
        for (int i = 0; i < MISTAKES; i++)
            if (mistakes[i].round == round && mistakes[i].wrong &&
                strcmp(mistakes[i].file, source->name) == 0)
                make_mistake(text, &mistakes[i]);
        snprintf(name, sizeof name, "%s.cl", source->name);
        temporary_write(name, text, strlen(text));
    }
    setenv("WGAN_CL_KERNELS", temporary_path(""), 1);
    wg_programs_release(test_device()); // those built from the embedded text
}

static void forget_kernels(void)
{
    unsetenv("WGAN_CL_KERNELS");
    wg_programs_release(test_device());
    temporary_remove();
}

static void check_noticed(const struct wg_selftest *test, const struct mistake *mistake)
{
    const struct wg_selftest_row *row = find(test, mistake->op, mistake->implementation);
    if (!row) { // what only CPUs run
        ck_assert(strcmp(mistake->implementation, "direct") == 0 ||
                  strcmp(mistake->implementation, "dot") == 0 ||
                  strcmp(mistake->implementation, "thin") == 0 ||
                  strcmp(mistake->implementation, "winograd") == 0 ||
                  strstr(mistake->file, "layer") || strstr(mistake->file, "norm_up"));
        ck_assert(!wg_device_is_cpu(test_device()));
        return;
    }
    ck_assert_msg(!row->passed, "%s by %s passes (%g) with a mistake in %s.cl: %s", row->op,
                  row->implementation, row->error, mistake->file, mistake->right);
    ck_assert_str_ne(row->failure, "");
    if (strcmp(mistake->file, "mean") !=
        0) // which is not to build; else the mistake proves nothing
        ck_assert_msg(!strstr(row->failure, "failed to build"), "%s: %s", mistake->wrong,
                      row->failure);
}

/* What fails in the driver is told in the driver's words; what is as it should be passes. */
static void check_words(const struct wg_selftest *test)
{
    ck_assert_ptr_nonnull(strstr(find(test, "record", "ref")->failure, "'mean' failed to build"));
    ck_assert_ptr_nonnull(
        strstr(find(test, "moving_average", "ref")->failure, "kernel 'moving_average'"));
    const char *failure = find(test, "batch", "ref")->failure;
    ck_assert_msg(strstr(failure, "element") && strstr(failure, "expected"), "%s", failure);
    ck_assert(find(test, "batch_norm", "ref")->passed && find(test, "conv2d", "ref")->passed);
}

/* _i: the round */
START_TEST(mistakes_are_noticed_where_they_are)
{
    write_kernels(_i);
    struct wg_selftest *test = run(false);
    for (int i = 0; i < MISTAKES; i++)
        if (mistakes[i].round == _i)
            check_noticed(test, &mistakes[i]);
    if (_i < 2)
        ck_assert(!find(test, "training step", "all")->passed);
    if (_i == 1)
        check_words(test);
    wg_selftest_destroy(test);
}
END_TEST

/* The quick form is as sharp, in what it tries. */
START_TEST(the_quick_form_notices_them_as_well)
{
    write_kernels(_i);
    struct wg_selftest *test = run(true);
    int tried = 0;
    for (int i = 0; i < MISTAKES; i++)
        if (mistakes[i].round == _i && find(test, mistakes[i].op, mistakes[i].implementation)) {
            check_noticed(test, &mistakes[i]);
            tried++;
        }
    ck_assert_int_ge(tried, 5);
    wg_selftest_destroy(test);
}
END_TEST

int main(int argc, char **argv)
{
    int code;
    if (wg_child_main(argc, argv, &code)) // some hundred kernels are built
        return code;
    TCase *tests = tcase_create("selftest");
    tcase_add_test(tests, this_device_passes_and_nothing_is_left_out);
    tcase_add_test(tests, the_quick_form_tries_what_a_training_takes);

    TCase *wrong = tcase_create("mistakes");
    tcase_add_checked_fixture(wrong, temporary_create, forget_kernels);
    // The last round is of large results, which the full form looks at as the quick one does.
    tcase_add_loop_test(wrong, mistakes_are_noticed_where_they_are, 0, ROUNDS - 1);
    tcase_add_loop_test(wrong, the_quick_form_notices_them_as_well, 0, ROUNDS);

    Suite *suite = suite_create("selftest");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, wrong);
    return test_run(suite);
}
