/*
 * wgan-cl bench: the training step against the device's own peak.
 */
#include "program.h"

#include <stdlib.h>
#include <unistd.h>

static void print_result(const struct wg_bench_result *r)
{
    printf("device              %s\n", r->device);
    printf("batch               %d\n", r->batch);
    printf("seconds per step    %.4f  (median of %d; %.4f to %.4f)\n", r->seconds_per_step,
           r->steps, r->seconds_per_step_min, r->seconds_per_step_max);
    printf("images per second   %.0f\n", r->batch / r->seconds_per_step);
    printf("work per step       %.1f GFLOP, counted directly\n", r->gflop_per_step);
    printf("rate                %.1f GFLOP/s\n", r->gflops);
    printf("peak of the device  %.1f GFLOP/s, multiply-adds on registers\n", r->peak_gflops);
    printf("share of the peak   %.1f %%\n", 100 * r->peak_share);
    printf("memory on device    %.1f MiB\n", (double)r->device_bytes / 0x1p20);
    printf("kernel launches     %d per step\n", r->kernel_launches);
    printf("start to first step %.2f s\n", r->seconds_to_first_step);
}

static void show_building(void *user, int done, int total)
{
    (void)user;
    fprintf(stderr, "\rbuilding kernels %d of %d%s", done, total, done == total ? "\n" : "");
}

static int run(const char *selector, const struct wg_train_settings *settings, int steps, bool json)
{
    struct wg_device *device;
    struct wg_bench_result result;
    const struct wg_train_callbacks callbacks = {.building =
                                                     isatty(STDERR_FILENO) ? show_building : NULL};
    if (!open_device(selector, &device))
        return report_failure();
    bool ok = wg_bench(device, settings, steps, &callbacks, &result);
    wg_device_close(device);
    if (!ok)
        return report_failure();
    if (!json) {
        print_result(&result);
        return EXIT_OK;
    }
    char *text = wg_bench_json(&result);
    if (!text)
        return report_failure();
    puts(text);
    free(text);
    return EXIT_OK;
}

int command_bench(int argc, const char **argv, const char *device)
{
    struct wg_train_settings settings = wg_train_settings_default();
    const char *operands[1];
    int steps = 10;
    bool json = false;
    struct option options[] = {
        {.name = "steps",
         .kind = OPTION_INT,
         .value = &steps,
         .argument = "N",
         .help = "steps to measure, after one to warm up",
         .low = 1,
         .high = 100000},
        {.name = "batch",
         .kind = OPTION_INT,
         .value = &settings.batch,
         .argument = "N",
         .help = "images per update",
         .low = 1,
         .high = 1000000},
        {.name = "critic-steps",
         .kind = OPTION_INT,
         .value = &settings.critic_steps,
         .argument = "N",
         .help = "critic iterations per generator update",
         .low = 1,
         .high = 1000},
        {.name = "json", .kind = OPTION_FLAG, .value = &json, .help = "print JSON, for programs"},
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "bench [--steps N] [--batch N] [--json]",
        .text = "Measures whole training steps on the built-in digits, the median of N, and the\n"
                "device's own peak by a kernel of nothing but multiply-adds. Operations are\n"
                "counted for the direct form of every convolution, whatever runs.\n",
        .options = options,
    };
    switch (options_parse(&line, argc, argv, false, operands, NULL)) {
    case OPTIONS_HELP:
        return EXIT_OK;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_OK:
        return run(device, &settings, steps, json);
    }
    return EXIT_USAGE;
}
