/*
 * wgan-cl tune: measures what is fastest on a device, and remembers it.
 */
#include "program.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

/* Below this share of a step a row without news is not worth a line. */
#define SMALL 1e-3

/* The node without its geometry, which its shapes tell. */
static int length_of(const char *node)
{
    return (int)strcspn(node, ";");
}

static void print_row(const struct wg_tune_row *row, double step)
{
    bool is_same = strcmp(row->before, row->after) == 0;
    printf("%-60.*s %3d %9.3f %9.3f %6.1f  %s%s%s", length_of(row->node), row->node, row->runs,
           1e3 * row->seconds_before, 1e3 * row->seconds_after,
           100 * row->runs * row->seconds_before / step, row->before, is_same ? "" : " -> ",
           is_same ? "" : row->after);
    if (row->rejected)
        printf("  (%d of %d rejected)", row->rejected, row->tried);
    printf("\n");
}

static void print_rejections(const struct wg_tune_result *r)
{
    for (int i = 0; i < r->rejection_count; i++) {
        const struct wg_tune_rejection *rejection = &r->rejections[i];
        printf("rejected    %d x %s, %s; first %s\n", rejection->count, rejection->way,
               rejection->fault, rejection->first);
    }
}

static void print_result(const struct wg_tune_result *r)
{
    double rest = 0;
    int small = 0, unknown = 0;
    printf("device  %s, batch %d\n\n", r->device, r->batch);
    printf("%-60s %3s %9s %9s %6s  %s\n", "node", "x", "ms before", "ms after", "step %", "by");
    for (int i = 0; i < r->count; i++) {
        const struct wg_tune_row *row = &r->rows[i];
        unknown += row->runs > 0 && row->seconds_before <= 0;
        if (row->runs * row->seconds_before >= SMALL * r->step_before || row->rejected ||
            strcmp(row->before, row->after) != 0) {
            print_row(row, r->step_before);
        } else {
            rest += row->runs * row->seconds_before;
            small++;
        }
    }
    printf("%d others, %.3f ms\n\n", small, 1e3 * rest);
    printf("step        %.4f s expected, ", r->step_after);
    if (unknown)
        printf("not known before: %d nodes do not run as heuristics have it\n", unknown);
    else
        printf("%.4f s before: the sum of its nodes\n", r->step_before);
    if (r->missing)
        printf("            %d of its nodes were not reached, and are in neither\n", r->missing);
    if (strcmp(r->blas_before, r->blas_after) != 0)
        printf("CLBlast     by tiles of %s, before %s\n", r->blas_after, r->blas_before);
    printf("tried       %d ways in %.1f s%s\n", r->tried, r->seconds,
           r->complete ? "" : "; there are more: --seconds");
    print_rejections(r);
    printf("tuning      %s%s%s\n", r->digest, r->path[0] ? ", remembered in " : "", r->path);
}

/* ---- the command ---- */

static int run(const char *selector, const struct wg_tune_settings *settings)
{
    struct wg_device *device;
    struct wg_tune_result result;
    struct progress progress;
    outlive_readers();
    if (!open_device(selector, &device))
        return report_failure();
    progress_init(&progress);
    catch_stop_signals();
    const struct wg_tune_callbacks callbacks = {.user = &progress,
                                                .message = progress_message,
                                                .progress = progress_tuning,
                                                .stop = asked_to_stop};
    bool ok = wg_tune(device, settings, &callbacks, &result);
    progress_finish(&progress);
    wg_device_close(device);
    if (!ok)
        return report_failure();
    print_result(&result);
    int code = stop_code();
    if (code == EXIT_OK && !result.path[0]) {
        fprintf(stderr, "wgan-cl: what was measured is remembered nowhere, as the warning says\n");
        code = EXIT_FAILED;
    }
    wg_tune_finish(&result);
    return code;
}

int command_tune(int argc, const char **argv, const char *device)
{
    struct wg_tune_settings settings = wg_tune_settings_default();
    int seconds = (int)settings.seconds;
    const char *operands[1];
    struct option options[] = {
        {.name = "batch",
         .kind = OPTION_INT,
         .value = &settings.batch,
         .argument = "N",
         .help = "images per update of the trainings to come",
         .low = 1,
         .high = 1000000},
        {.name = "seconds",
         .kind = OPTION_INT,
         .value = &seconds,
         .argument = "S",
         .help = "the time it may take",
         .low = 1,
         .high = 86400},
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "tune [--batch N] [--seconds S]",
        .text =
            "Measures, for everything a training step computes, each implementation there is,\n"
            "the sizes it leaves open, and CLBlast's parameters, on this device at these shapes.\n"
            "They run in a child process, since drivers crash and hang; what crashes twice or\n"
            "hangs is rejected, as are wrong numbers, and another child goes on.\n"
            "\n"
            "What is fastest is remembered in $XDG_CACHE_HOME/wgan-cl/tuning for this device,\n"
            "driver, program, its kernels, CLBlast and batch; train, bench and selftest follow\n"
            "it, and without it decide by rules that are meant to be nearly as good. On a GPU,\n"
            "train does a short form by itself. A run goes on with what it began with, so a new\n"
            "tuning changes no run's numbers. Ctrl-C keeps what is known so far.\n"
            "\n"
            "Examples:\n"
            "  wgan-cl tune\n"
            "  wgan-cl --device gpu tune --batch 256 --seconds 300\n"
            "  wgan-cl bench; wgan-cl bench --untuned\n",
        .options = options,
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    settings.seconds = seconds;
    return run(device, &settings);
}
