/*
 * wgan-cl bench: the training step against the device's own peak.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* " (0.71 of before)", where there is a before. */
static void print_ratio(double now, const struct wg_bench_result *old, double before)
{
    if (old && before > 0)
        printf("  %.3f of before", now / before);
    putchar('\n');
}

/* A word of the result, and that of before if it is another. */
static void print_word(const char *label, const char *now, const char *before)
{
    printf("%-19s %s", label, now);
    if (before && strcmp(now, before) != 0)
        printf("  (before: %s)", before);
    putchar('\n');
}

static void print_result(const struct wg_bench_result *r, const struct wg_bench_result *old)
{
    print_word("device", r->device, old ? old->device : NULL);
    print_word("tuning", r->tuning, old && old->tuning[0] ? old->tuning : NULL);
    printf("batch               %d\n", r->batch);
    if (r->critic_steps != 1)
        printf("critic steps        %d\n", r->critic_steps);
    if (r->widths != 1)
        printf("widths              %d times the model's\n", r->widths);
    printf("seconds per step    %.4f  (median of %d; %.4f to %.4f)", r->seconds_per_step, r->steps,
           r->seconds_per_step_min, r->seconds_per_step_max);
    print_ratio(r->seconds_per_step, old, old ? old->seconds_per_step : 0);
    printf("images per second   %.0f\n", r->batch / r->seconds_per_step);
    printf("work per step       %.1f GFLOP, counted directly\n", r->gflop_per_step);
    printf("rate                %.1f GFLOP/s\n", r->gflops);
    printf("peak of the device  %.1f GFLOP/s, multiply-adds on registers", r->peak_gflops);
    print_ratio(r->peak_gflops, old, old ? old->peak_gflops : 0);
    printf("share of the peak   %.1f %%\n", 100 * r->peak_share);
    printf("memory on device    %.1f MiB\n", (double)r->device_bytes / 0x1p20);
    printf("kernel launches     %d per step\n", r->kernel_launches);
    printf("start to first step %.2f s", r->seconds_to_first_step);
    print_ratio(r->seconds_to_first_step, old, old ? old->seconds_to_first_step : 0);
}

/* The row of another profile for the same result, by whatever implementation. */
static const struct wg_bench_node *find_node(const struct wg_bench_result *r,
                                             const struct wg_bench_node *like)
{
    for (int i = 0; r && i < r->node_count; i++)
        if (strcmp(r->nodes[i].op, like->op) == 0 && strcmp(r->nodes[i].output, like->output) == 0)
            return &r->nodes[i];
    return NULL;
}

static void print_node(const struct wg_bench_result *r, const struct wg_bench_node *node,
                       double total, const struct wg_bench_result *old)
{
    const struct wg_bench_node *before = find_node(old, node);
    double gbytes = node->gbytes / node->seconds;
    printf("%-19s %-14s %-23s %3d %8.2f %5.1f", node->op, node->implementation, node->output,
           node->calls, 1e3 * node->seconds, 100 * node->seconds / total);
    if (node->gflop > 0)
        printf(" %8.1f %5.1f", node->gflop / node->seconds,
               100 * node->gflop / node->seconds / r->peak_gflops);
    else
        printf(" %8s %5s", "", "");
    printf(" %7.2f %5.1f", gbytes, 100 * gbytes / r->peak_gbytes);
    print_ratio(node->seconds, old, before ? before->seconds : 0);
}

/* Below this share of a step a row is not worth a line. */
#define SMALL 1e-3

enum { WIDTH_BEFORE_MS = 62 };

static void print_profile(const struct wg_bench_result *r, const struct wg_bench_result *old)
{
    double total = 0, gbytes = 0;
    for (int i = 0; i < r->node_count; i++) {
        total += r->nodes[i].seconds;
        gbytes += r->nodes[i].gbytes;
    }
    printf("memory              %.1f GB/s, reading and writing\n", r->peak_gbytes);
    printf("moved per step      %.2f GB at least, every tensor once per use\n\n", gbytes);
    printf("%-19s %-14s %-23s %3s %8s %5s %8s %5s %7s %5s\n", "op", "by", "result", "x", "ms", "%",
           "GFLOP/s", "peak%", "GB/s", "mem%");
    double rest = 0;
    int small = 0;
    for (int i = 0; i < r->node_count; i++)
        if (r->nodes[i].seconds >= SMALL * total) {
            print_node(r, &r->nodes[i], total, old);
        } else {
            rest += r->nodes[i].seconds;
            small++;
        }
    char label[32];
    snprintf(label, sizeof label, "%d others", small);
    printf("%-*s %8.2f %5.1f\n", WIDTH_BEFORE_MS, label, 1e3 * rest, 100 * rest / total);
    printf("%-*s %8.2f\n", WIDTH_BEFORE_MS, "all kernels", 1e3 * total);
}

static void show_building(void *user, int done, int total)
{
    (void)user;
    fprintf(stderr, "\rbuilding kernels %d of %d%s", done, total, done == total ? "\n" : "");
}

/* Not among the figures. */
static void show_message(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "wgan-cl: %s\n", text);
}

struct request {
    struct wg_train_settings settings;
    int widths;
    int steps;
    bool profile;
    bool json;
    bool untuned;
    const char *compare; // a file, or NULL
};

static int print(const struct request *request, const struct wg_bench_result *result,
                 const struct wg_bench_result *old)
{
    if (!request->json) {
        print_result(result, old);
        if (result->nodes)
            print_profile(result, old);
        return EXIT_OK;
    }
    char *text = wg_bench_json(result);
    if (!text)
        return report_failure();
    puts(text);
    free(text);
    return EXIT_OK;
}

static int run(const char *selector, const struct request *request)
{
    struct wg_device *device;
    struct wg_bench_result result, old = {0};
    const struct wg_train_callbacks callbacks = {.message = show_message,
                                                 .building =
                                                     isatty(STDERR_FILENO) ? show_building : NULL,
                                                 .untuned = request->untuned};
    if (request->compare && !wg_bench_read(request->compare, &old))
        return report_failure();
    if ((request->compare && !wg_bench_check_same(&old, &request->settings, request->widths)) ||
        !open_device(selector, &device)) {
        wg_bench_finish(&old);
        return report_failure();
    }
    bool ok = wg_bench(device, &request->settings, request->widths, request->steps,
                       request->profile, &callbacks, &result);
    wg_device_close(device);
    int code = EXIT_FAILED;
    if (ok) {
        code = print(request, &result, request->compare ? &old : NULL);
        wg_bench_finish(&result);
    } else {
        code = report_failure();
    }
    wg_bench_finish(&old);
    return code;
}

int command_bench(int argc, const char **argv, const char *device)
{
    struct request request = {.settings = wg_train_settings_default(), .widths = 1, .steps = 10};
    const char *operands[1];
    struct option options[] = {
        {.name = "steps",
         .kind = OPTION_INT,
         .value = &request.steps,
         .argument = "N",
         .help = "steps to measure, after one to warm up",
         .low = 1,
         .high = 100000},
        {.name = "batch",
         .kind = OPTION_INT,
         .value = &request.settings.batch,
         .argument = "N",
         .help = "images per update",
         .low = 1,
         .high = 1000000},
        {.name = "critic-steps",
         .kind = OPTION_INT,
         .value = &request.settings.critic_steps,
         .argument = "N",
         .help = "critic iterations per generator update",
         .low = 1,
         .high = 1000},
        {.name = "widths",
         .kind = OPTION_INT,
         .value = &request.widths,
         .argument = "N",
         .help = "every layer so many times as wide",
         .low = 1,
         .high = 16},
        {.name = "profile",
         .kind = OPTION_FLAG,
         .value = &request.profile,
         .help = "where the time goes: three more steps, kernel by kernel"},
        OPTION_UNTUNED(request.untuned),
        OPTION_JSON(request.json),
        {.name = "compare",
         .kind = OPTION_TEXT,
         .value = &request.compare,
         .argument = "FILE",
         .help = "of an earlier --json, of the same work: print the ratios to it"},
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "bench [OPTIONS]",
        .text =
            "Measures whole training steps on the built-in digits, the median of N, and the\n"
            "device's own peak by a kernel of nothing but multiply-adds. Operations are\n"
            "counted for the direct form of every convolution, whatever runs, so that a better\n"
            "algorithm shows as a higher rate, perhaps beyond the peak.\n"
            "\n"
            "--profile adds a row for all that is computed: by which implementation, how often,\n"
            "milliseconds and share of the step, rate and share of the peak; GB/s count inputs\n"
            "and results once, against what a copying kernel reaches.\n",
        .options = options,
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    if (request.json && request.compare) {
        fprintf(stderr, "wgan-cl: --compare: prints its ratios as text, expected no --json\n");
        return EXIT_USAGE;
    }
    return run(device, &request);
}
