/*
 * normal, batch, batch_labels, shift: the device's Philox against the known answers, draws against
 * the reference's and against their distributions, and what a draw may depend on.
 */
#include "host/device/clerror.h"
#include "host/device/program.h"
#include "host/device/sources.h"
#include "host/reference/philox_draws.h"
#include "tests/ops/oplib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the generator itself ---- */

/* Of Random123's kat_vectors, "philox4x32 10". */
static const struct {
    uint32_t counter[4], key[2], expected[4];
} known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

/* words = counter [4], key [2]; then the block is put in place of the counter. */
static const char probe[] = "\n__kernel void probe(__global uint *words)\n"
                            "{\n"
                            "    vstore4(philox(vload4(0, words), vload2(2, words)), 0, words);\n"
                            "}\n";

static void write_source(const char *folder, const char *name, const char *more)
{
    char path[512];
    const struct wg_source *source = wg_sources;
    while (source->name && strcmp(source->name, name) != 0)
        source++;
    ck_assert_ptr_nonnull(source->name);
    snprintf(path, sizeof path, "%s/%s.cl", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (const char *const *line = source->lines; *line; line++)
        fputs(*line, file);
    fputs(more, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void remove_source(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.cl", folder, name);
    remove(path);
}

/* A kernel of cl/random.cl as it is, plus the probe. */
static cl_kernel build_probe(struct wg_device *device)
{
    char folder[] = "/tmp/wgan-cl-random-XXXXXX";
    cl_kernel kernel = NULL;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_source(folder, "prelude", "");
    write_source(folder, "random", probe);
    setenv("WGAN_CL_KERNELS", folder, 1);
    wg_programs_release(device); // those built from the embedded text
    bool ok = wg_program_kernel(device, "random", "probe", NULL, &kernel);
    unsetenv("WGAN_CL_KERNELS");
    wg_programs_release(device);
    remove_source(folder, "prelude");
    remove_source(folder, "random");
    remove(folder);
    ck_assert_msg(ok, "%s", wg_error_message());
    return kernel;
}

START_TEST(philox_gives_the_known_answers)
{
    struct wg_device *device = test_device();
    cl_kernel kernel = build_probe(device);
    const size_t one = 1;
    for (int i = 0; i < 3; i++) {
        uint32_t words[6];
        memcpy(words, known_answers[i].counter, 16);
        memcpy(words + 4, known_answers[i].key, 8);
        cl_int code;
        cl_mem buffer = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                       sizeof words, words, &code);
        ck_assert_int_eq(code, CL_SUCCESS);
        ck_assert(CL_OK(clSetKernelArg(kernel, 0, sizeof buffer, &buffer)));
        ck_assert(CL_OK(
            clEnqueueNDRangeKernel(device->queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL)));
        ck_assert(CL_OK(clEnqueueReadBuffer(device->queue, buffer, CL_TRUE, 0, sizeof words, words,
                                            0, NULL, NULL)));
        clReleaseMemObject(buffer);
        for (int w = 0; w < 4; w++)
            ck_assert_uint_eq(words[w], known_answers[i].expected[w]);
    }
    clReleaseKernel(kernel);
}
END_TEST

/* ---- normal ---- */

struct draw {
    uint64_t seed;
    uint32_t step, iteration, stream;
};

/* Normal numbers by the device, to be freed. */
static float *draw_normals(const struct draw *draw, size_t count)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    uint32_t *now = rig_values(&rig, clock);
    now[WG_CLOCK_STEP] = draw->step;
    now[WG_CLOCK_ITERATION] = draw->iteration;
    struct wg_node *y = wg_normal(rig.graph, clock, draw->seed, draw->stream, wg_shape(count));
    rig_run(&rig, NULL, &y, 1);
    float *normals = malloc(count * sizeof *normals);
    ck_assert_ptr_nonnull(normals);
    memcpy(normals, rig_result(&rig, y), count * sizeof *normals);
    rig_finish(&rig);
    return normals;
}

static const struct draw draws[] = {
    {1, 0, 0, 1},
    {0x123456789abcdef0, 9999, 4, 2},
    {UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
};

/* log 3 ulp, half of it after the root; sqrt 3 ulp; cospi 4 ulp; a product: 6 / 2 + 6 + 8 + 1. */
START_TEST(normals_agree_with_the_reference)
{
    static const size_t counts[] = {1, 31, 32, 33, 1002};
    const struct draw *draw = &draws[_i];
    const struct ref_draw ref = {draw->seed, draw->step, draw->iteration,
                                 (enum ref_stream)draw->stream};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        double expected[1002], magnitude[1002];
        size_t worst = 0;
        ref_draw_normals(&ref, counts[c], expected);
        for (size_t i = 0; i < counts[c]; i++)
            magnitude[i] = fabs(expected[i]);
        float *got = draw_normals(draw, counts[c]);
        double error = test_rounding(got, expected, magnitude, counts[c], &worst);
        ck_assert_msg(error <= 18, "[%zu] of %zu is %.9g, expected %.9g, off by %g units", worst,
                      counts[c], (double)got[worst], expected[worst], error);
        free(got);
    }
}
END_TEST

/* Each word of counter and key must count, and nothing else. */
START_TEST(a_draw_depends_on_clock_seed_and_stream_alone)
{
    enum { COUNT = 67 };
    const struct draw base = {5, 3, 2, 1};
    const struct draw others[] = {
        {6, 3, 2, 1}, {5 + (UINT64_C(1) << 32), 3, 2, 1}, {5, 4, 2, 1}, {5, 3, 0, 1}, {5, 3, 2, 0},
    };
    float *first = draw_normals(&base, COUNT), *again = draw_normals(&base, COUNT);
    ck_assert_mem_eq(first, again, COUNT * sizeof *first);
    free(again);
    for (size_t o = 0; o < sizeof others / sizeof others[0]; o++) {
        float *other = draw_normals(&others[o], COUNT);
        for (int i = 0; i < COUNT; i++)
            ck_assert_float_ne(other[i], first[i]);
        free(other);
    }
    float *longer = draw_normals(&base, 2 * COUNT); // not on how many were asked for
    ck_assert_mem_eq(longer, first, COUNT * sizeof *first);
    free(longer);
    free(first);
}
END_TEST

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

enum { DRAWS = 200000 };

/* The moments of N(0, 1) within five standard errors, sqrt(k / n) with k = 1, 2, 6, 24 (15 and 96
 * about the known mean and variance). */
START_TEST(normals_have_the_moments_of_the_normal_distribution)
{
    float *x = draw_normals(&draws[0], DRAWS);
    double moments[5] = {0}, neighbours = 0, halves = 0;
    for (int i = 0; i < DRAWS; i++) {
        double power = 1;
        for (int k = 1; k <= 4; k++) {
            power *= (double)x[i];
            moments[k] += power / DRAWS;
        }
        neighbours += (double)x[i] * (double)x[i ^ 1] / DRAWS; // the pair of one radius
        halves += (double)x[i] * (double)x[i ^ 2] / DRAWS;     // of one block
    }
    const double n = DRAWS;
    ck_assert_double_eq_tol(moments[1], 0.0, 5 * sqrt(1 / n));
    ck_assert_double_eq_tol(moments[2], 1.0, 5 * sqrt(2 / n));
    ck_assert_double_eq_tol(moments[3], 0.0, 5 * sqrt(15 / n));
    ck_assert_double_eq_tol(moments[4], 3.0, 5 * sqrt(96 / n));
    ck_assert_double_eq_tol(neighbours, 0.0, 5 * sqrt(2 / n)); // each product counts twice
    ck_assert_double_eq_tol(halves, 0.0, 5 * sqrt(2 / n));
    free(x);
}
END_TEST

/* Kolmogorov and Smirnov: sqrt(n) times the largest distance between the distribution functions is
 * above 2.2 once in 8,000. Box and Muller from 2^-24 up end at sqrt(-2 ln 2^-24) = 5.77. */
START_TEST(normals_have_the_distribution_function_of_the_normal_distribution)
{
    float *x = draw_normals(&draws[0], DRAWS);
    double distance = 0;
    qsort(x, DRAWS, sizeof *x, compare);
    for (int i = 0; i < DRAWS; i++) {
        double p = 0.5 * erfc(-(double)x[i] * sqrt(0.5));
        distance = fmax(distance, fmax(p - (double)i / DRAWS, (double)(i + 1) / DRAWS - p));
    }
    ck_assert_double_lt(distance * sqrt(DRAWS), 2.2);
    ck_assert_float_gt(x[0], -5.78f);
    ck_assert_float_lt(x[DRAWS - 1], 5.78f);
    ck_assert_float_lt(x[0], -4.0f); // tails there are: the 200,000th part lies beyond 4.4
    ck_assert_float_gt(x[DRAWS - 1], 4.0f);
    free(x);
}
END_TEST

/* ---- batch ---- */

/* n images of a data set whose pixels tell their index; floats, to be freed. */
static float *draw_batch(const struct draw *draw, size_t images, size_t n)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *dataset = rig_integers(&rig, "dataset", WG_U8, wg_shape(images, 1, 2));
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    uint8_t *pixels = rig_values(&rig, dataset);
    uint32_t *now = rig_values(&rig, clock);
    for (size_t i = 0; i < images; i++) {
        pixels[2 * i] = (uint8_t)(i % 256);
        pixels[2 * i + 1] = (uint8_t)(i / 256);
    }
    now[WG_CLOCK_STEP] = draw->step;
    now[WG_CLOCK_ITERATION] = draw->iteration;
    struct wg_node *y = wg_batch(rig.graph, dataset, clock, draw->seed, draw->stream, n);
    ck_assert(wg_shape_equal(&y->shape, &wg_shape(n, 1, 2, 1)));
    rig_run(&rig, NULL, &y, 1);
    float *images_drawn = malloc(2 * n * sizeof *images_drawn);
    ck_assert_ptr_nonnull(images_drawn);
    memcpy(images_drawn, rig_result(&rig, y), 2 * n * sizeof *images_drawn);
    rig_finish(&rig);
    return images_drawn;
}

static uint32_t index_of(const float *image)
{
    return (uint32_t)(lround(((double)image[0] + 1) * 127.5) +
                      256 * lround(((double)image[1] + 1) * 127.5));
}

START_TEST(batches_take_the_images_of_the_reference)
{
    static const size_t counts[] = {1, 2, 33, 60000};
    enum { N = 131 };
    const struct draw *draw = &draws[_i];
    const struct ref_draw ref = {draw->seed, draw->step, draw->iteration,
                                 (enum ref_stream)draw->stream};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        uint32_t expected[N];
        ref_draw_indices(&ref, counts[c], N, expected);
        float *got = draw_batch(draw, counts[c], N);
        for (int i = 0; i < N; i++)
            ck_assert_uint_eq(index_of(&got[2 * i]), expected[i]);
        free(got);
    }
}
END_TEST

/* Every byte b becomes b / 127.5 - 1: the division is good to 2.5 ulp of a quotient of at most 2.
 */
START_TEST(bytes_become_numbers_from_minus_one_to_one)
{
    enum { N = 4096 };
    bool seen[256] = {false};
    float *got = draw_batch(&draws[0], 256, N);
    for (int i = 0; i < N; i++) {
        uint32_t byte = index_of(&got[2 * i]);
        seen[byte] = true;
        ck_assert_double_eq_tol((double)got[2 * i], byte / 127.5 - 1.0, 6 * 0x1p-24 * 2);
        ck_assert_float_eq(got[2 * i + 1], -1.0f); // of byte 0, exactly
    }
    for (int byte = 0; byte < 256; byte++)
        ck_assert_msg(seen[byte], "%d of 256 was not drawn in 4096 draws", byte);
    free(got);
}
END_TEST

/* Chi square of 100 equal cells: 99 on average, 99 + 5 sqrt(2 * 99) = 169.4 at the outside. */
START_TEST(batches_are_drawn_evenly)
{
    enum { CELLS = 100, N = 50000 };
    double chi_square = 0;
    int found[CELLS] = {0};
    float *got = draw_batch(&draws[1], CELLS, N);
    for (int i = 0; i < N; i++)
        found[index_of(&got[2 * i])]++;
    free(got);
    for (int cell = 0; cell < CELLS; cell++) {
        double excess = found[cell] - (double)N / CELLS;
        chi_square += excess * excess / ((double)N / CELLS);
    }
    ck_assert_double_lt(chi_square, 169.4);
    ck_assert_double_gt(chi_square, 40.0); // nor too even to be drawn
}
END_TEST

/* ---- batch_labels ---- */

START_TEST(labels_are_those_of_the_images_drawn)
{
    enum { N = 131 };
    static const size_t counts[] = {1, 2, 33, 60000};
    const struct draw *draw = &draws[_i];
    const struct ref_draw ref = {draw->seed, draw->step, draw->iteration,
                                 (enum ref_stream)draw->stream};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct rig rig;
        uint32_t expected[N];
        uint8_t got[N];
        rig_init(&rig);
        struct wg_node *labels = rig_integers(&rig, "labels", WG_U8, wg_shape(counts[c]));
        struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
        uint8_t *values = rig_values(&rig, labels);
        uint32_t *now = rig_values(&rig, clock);
        for (size_t i = 0; i < counts[c]; i++)
            values[i] = (uint8_t)(i * 7 + i / 256);
        now[WG_CLOCK_STEP] = draw->step;
        now[WG_CLOCK_ITERATION] = draw->iteration;
        struct wg_node *y = wg_batch_labels(rig.graph, labels, clock, draw->seed, draw->stream, N);
        rig_run(&rig, NULL, &y, 1);
        ck_assert(wg_exec_read_target(rig.exec, 0, y, got));
        ref_draw_indices(&ref, counts[c], N, expected);
        for (int i = 0; i < N; i++)
            ck_assert_uint_eq(got[i], values[expected[i]]);
        rig_finish(&rig);
    }
}
END_TEST

/* ---- shift ---- */

/* Every image moved by what the reference draws from 2 reach + 1 choices, on either axis. */
START_TEST(shifts_move_each_image_as_drawn)
{
    enum { N = 37, H = 6, W = 5, C = 2, REACH = 2 };
    const struct draw *draw = &draws[_i];
    const struct ref_draw ref = {draw->seed, draw->step, draw->iteration,
                                 (enum ref_stream)draw->stream};
    bool seen[2 * REACH + 1] = {false};
    struct rig rig;
    uint32_t choices[2 * N];
    rig_init(&rig);
    struct wg_node *x = rig_variable(&rig, "x", wg_shape(N, H, W, C));
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    uint32_t *now = rig_values(&rig, clock);
    now[WG_CLOCK_STEP] = draw->step;
    now[WG_CLOCK_ITERATION] = draw->iteration;
    struct wg_node *y = wg_shift(rig.graph, x, clock, draw->seed, draw->stream, REACH, -3.0f);
    rig_run(&rig, NULL, &y, 1);
    const float *from = rig_values(&rig, x), *got = rig_result(&rig, y);
    ref_draw_indices(&ref, 2 * REACH + 1, 2 * N, choices);
    for (int at = 0; at < N * H * W * C; at++) {
        int c = at % C, n = at / (H * W * C);
        int i = at / (W * C) % H + (int)choices[2 * n] - REACH;
        int j = at / C % W + (int)choices[2 * n + 1] - REACH;
        bool inside = i >= 0 && i < H && j >= 0 && j < W;
        ck_assert_float_eq(got[at], inside ? from[((n * H + i) * W + j) * C + c] : -3.0f);
        seen[choices[2 * n]] = true;
    }
    for (int choice = 0; choice < 2 * REACH + 1; choice++)
        ck_assert(seen[choice]);
    rig_finish(&rig);
}
END_TEST

START_TEST(refusals_name_the_op)
{
    struct rig rig;
    rig_init(&rig);
    struct wg_node *clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    struct wg_node *floats = rig_variable(&rig, "floats", wg_shape(2, 3, 3));
    rig_check_refused(&rig, wg_batch(rig.graph, floats, clock, 1, 0, 4), "batch");

    clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    struct wg_node *flat = rig_integers(&rig, "flat", WG_U8, wg_shape(2, 9));
    rig_check_refused(&rig, wg_batch(rig.graph, flat, clock, 1, 0, 4), "batch");
    rig_check_refused(&rig, wg_normal(rig.graph, NULL, 1, 0, wg_shape(4)), "normal");

    clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    flat = rig_integers(&rig, "flat", WG_U8, wg_shape(2, 9));
    rig_check_refused(&rig, wg_batch_labels(rig.graph, flat, clock, 1, 0, 4), "batch_labels");
    clock = rig_integers(&rig, "clock", WG_U32, wg_shape(WG_CLOCK_COUNT));
    flat = rig_integers(&rig, "flat", WG_U8, wg_shape(2, 9));
    rig_check_refused(&rig, wg_shift(rig.graph, flat, clock, 1, 0, 2, 0.0f), "shift");
    rig_finish(&rig);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("random");
    tcase_add_test(tests, philox_gives_the_known_answers);
    tcase_add_loop_test(tests, normals_agree_with_the_reference, 0, 3);
    tcase_add_test(tests, a_draw_depends_on_clock_seed_and_stream_alone);
    tcase_add_loop_test(tests, batches_take_the_images_of_the_reference, 0, 3);
    tcase_add_test(tests, bytes_become_numbers_from_minus_one_to_one);
    tcase_add_loop_test(tests, labels_are_those_of_the_images_drawn, 0, 3);
    tcase_add_loop_test(tests, shifts_move_each_image_as_drawn, 0, 3);
    tcase_add_test(tests, refusals_name_the_op);

    TCase *large = tcase_create("large"); // too much for a simulated device
    tcase_set_tags(large, "large");
    tcase_add_test(large, normals_have_the_moments_of_the_normal_distribution);
    tcase_add_test(large, normals_have_the_distribution_function_of_the_normal_distribution);
    tcase_add_test(large, batches_are_drawn_evenly);

    Suite *suite = suite_create("random");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, large);
    return test_run(suite);
}
