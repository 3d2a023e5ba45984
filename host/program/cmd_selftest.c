/*
 * wgan-cl selftest: every kernel of a training on this device, against plain formulas on the host.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_row(const struct wg_selftest_row *row)
{
    printf("%-20s %-14s %6d  %-22s %9.3g  %s\n", row->op, row->implementation, row->shapes,
           row->worst_shape, row->error, row->passed ? "pass" : "FAIL");
    if (!row->passed) // without a compiler's log: JSON has it
        printf("    %.*s\n", (int)strcspn(row->failure, "\n"), row->failure);
}

static void print_test(const struct wg_selftest *test, const struct wg_device_info *device)
{
    printf("%s, driver %s, %s, batch %d, tuning %s\n\n", device->name, device->driver_version,
           device->opencl_version, test->batch, test->tuning);
    printf("%-20s %-14s %6s  %-22s %9s\n", "op", "by", "shapes", "worst shape", "error");
    for (int i = 0; i < test->count; i++)
        print_row(&test->rows[i]);
    printf("\nerror: the largest, in units of what rounding allows; up to 1 is right\n");
    if (test->failed)
        printf("FAILED: %d of %d, %.1f s; a training on this device would go wrong\n", test->failed,
               test->count, test->seconds);
    else
        printf("all %d pass, %.1f s\n", test->count, test->seconds);
}

static void show_progress(void *user, int done, int total)
{
    (void)user;
    fprintf(stderr, "\r\033[Ktesting %d of %d%s", done, total, done == total ? "\r\033[K" : "");
}

/* Not among the rows. */
static void show_message(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "wgan-cl: %s\n", text);
}

struct request {
    int batch; // 0: not given
    bool quick;
    bool untuned;
    bool json;
};

static int run(const char *selector, const struct request *request)
{
    struct wg_device *device;
    struct wg_selftest *test;
    const struct wg_train_callbacks callbacks = {.message = show_message,
                                                 .building =
                                                     isatty(STDERR_FILENO) ? show_progress : NULL,
                                                 .untuned = request->untuned};
    if (!open_device(selector, &device))
        return report_failure();
    bool ok = wg_selftest_run(device, request->batch, request->quick, &callbacks, &test);
    if (!ok) {
        wg_device_close(device);
        return report_failure();
    }
    char *text = request->json ? wg_selftest_json(test, device) : NULL;
    if (text)
        puts(text);
    else if (!request->json)
        print_test(test, wg_device_get_info(device));
    bool passed = test->failed == 0;
    ok = text || !request->json;
    free(text);
    wg_selftest_destroy(test);
    wg_device_close(device);
    if (!ok)
        return report_failure();
    return passed ? EXIT_OK : EXIT_FAILED;
}

int command_selftest(int argc, const char **argv, const char *device)
{
    struct request request = {.batch = wg_train_settings_default().batch};
    const char *operands[1];
    struct option options[] = {
        {.name = "batch",
         .kind = OPTION_INT,
         .value = &request.batch,
         .argument = "N",
         .help = "images per update of the trainings to come",
         .low = 1,
         .high = 1000000},
        {.name = "quick",
         .kind = OPTION_FLAG,
         .value = &request.quick,
         .help = "only what a training does before its first step"},
        OPTION_UNTUNED(request.untuned),
        OPTION_JSON(request.json),
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "selftest [--batch N] [--quick] [--untuned] [--json]",
        .text = "Runs every op of the training graph, by every implementation that can run on the\n"
                "device, and one whole training step, against double-precision formulas on the\n"
                "host: at the sizes of a training of this batch, there also as wgan-cl tune has\n"
                "chosen for it, and at small ones. Without --batch a device too small for the\n"
                "default one is tested with as much of it as fits.\n"
                "Errors are in units of what rounding allows by the rules of OpenCL: up to 1 is\n"
                "right. Exit code 1 if anything fails: the driver, or wgan-cl, computes wrong\n"
                "numbers there, and a training would not tell.\n",
        .options = options,
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    if (!options[0].given)
        request.batch = 0;
    return run(device, &request);
}
