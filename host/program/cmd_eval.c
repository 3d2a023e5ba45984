/*
 * wgan-cl eval: how good a checkpoint's images are.
 */
#include "program.h"
#include "progress.h"

#include <stdlib.h>
#include <string.h>

/* ---- the table ---- */

static void print_row(const char *name, const char *format, double generated, double held_out,
                      const char *meaning)
{
    char first[32], second[32];
    snprintf(first, sizeof first, format, generated);
    snprintf(second, sizeof second, format, held_out);
    printf("%-18s %10s %10s   %s\n", name, first, second, meaning);
}

static void print_shares(const struct wg_eval_result *r)
{
    printf("\nclass, %%          ");
    for (int c = 0; c < WG_EVAL_CLASSES; c++)
        printf("%6d", c);
    printf("\ngenerated         ");
    for (int c = 0; c < WG_EVAL_CLASSES; c++)
        printf("%6.1f", 100 * r->generated.shares[c]);
    printf("\nheld-out          ");
    for (int c = 0; c < WG_EVAL_CLASSES; c++)
        printf("%6.1f", 100 * r->held_out.shares[c]);
    printf("\n");
}

static void print_result(const struct wg_eval_result *r)
{
    const struct wg_eval_figures *g = &r->generated, *h = &r->held_out;
    printf("checkpoint  %s, step %d\n", r->checkpoint, r->step);
    printf("data        %s, %d images to learn from, %d held out\n", r->data, r->training_images,
           r->held_out_images);
    printf("classifier  %.2f %% of the held-out images right; ", 100 * r->accuracy);
    if (r->is_cached)
        printf("from the cache\n");
    else
        printf("trained in %.1f s\n", r->train_seconds);
    printf("\n%-18s %10s %10s\n", "", "generated", "held-out");
    print_row("images", "%.0f", g->images, h->images, "in score and classes");
    print_row("classifier score", "%.3f", g->score, h->score, "1 to 10, 10 is best");
    print_row("missing classes", "%.0f", g->missing, h->missing, "of 10");
    print_row("images compared", "%.0f", r->compared, r->compared, "and as many training images");
    print_row("Frechet distance", "%.4g", g->frechet, h->frechet, "0 is best");
    print_row("precision", "%.3f", g->precision, h->precision, "1 is best");
    print_row("recall", "%.3f", g->recall, h->recall, "1 is best");
    print_row("wasserstein", "%.4g", g->wasserstein, h->wasserstein, "the critic's, 0 is best");
    print_shares(r);
}

/* ---- the command ---- */

static void show_warning(void *user, const char *text)
{
    progress_finish_stage(user);
    fprintf(stderr, "wgan-cl: warning: %s\n", text);
}

static int print_json(const struct wg_eval_result *result)
{
    char *text = wg_eval_json(result);
    if (!text)
        return report_failure();
    puts(text);
    free(text);
    return EXIT_OK;
}

static int run(const char *selector, const char *source, const char *data,
               const struct wg_eval_settings *settings, bool json)
{
    struct wg_device *device;
    struct wg_eval_result result;
    struct progress progress;
    if (!open_device(selector, &device))
        return report_failure();
    progress_init(&progress);
    const struct wg_eval_callbacks callbacks = {
        .user = &progress, .warning = show_warning, .progress = progress_stage};
    bool ok = wg_eval(device, source, data, settings, &callbacks, &result);
    progress_finish_stage(&progress);
    wg_device_close(device);
    if (!ok)
        return report_failure();
    if (json)
        return print_json(&result);
    print_result(&result);
    return EXIT_OK;
}

int command_eval(int argc, const char **argv, const char *device)
{
    struct wg_eval_settings settings = wg_eval_settings_default();
    const char *data = NULL, *operands[2];
    bool json = false;
    struct option options[] = {
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &data,
         .argument = "SRC",
         .help = "digits, or labelled images as for train [what the run was trained on]"},
        {.name = "number",
         .letter = 'n',
         .kind = OPTION_INT,
         .value = &settings.images,
         .argument = "N",
         .help = "images to generate",
         .low = 1,
         .high = 1000000},
        {.name = "k",
         .kind = OPTION_INT,
         .value = &settings.k,
         .argument = "K",
         .help = "nearest neighbour that bounds a ball of precision and recall",
         .low = 1,
         .high = 100},
        {.name = "seed",
         .kind = OPTION_SEED,
         .value = &settings.seed,
         .argument = "N",
         .help = "which images are generated, as for sample"},
        OPTION_JSON(json),
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "eval RUN-or-CHECKPOINT [--data SRC] [-n 10000] [--json]",
        .text = "Judges generated images by a classifier of the data's ten classes, which it\n"
                "trains first, once for each data set: needs labels. Held-out real images in the\n"
                "place of the generated ones give the best that can be hoped for.\n",
        .options = options,
        .operands_max = 1,
        .needs = "a run folder or a checkpoint",
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    return run(device, operands[0], data, &settings, json);
}
