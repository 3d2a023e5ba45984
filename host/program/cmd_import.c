/*
 * wgan-cl import: a run folder of Keras' model files.
 */
#include "program.h"

struct request {
    const char *source;
    const char *data;
    const char *out;
    struct wg_train_settings settings;
};

static const char *rmsprop_text(bool is_there)
{
    return is_there ? "from the file" : "none in the file: accumulators begin at 0";
}

static int run(const struct request *request)
{
    struct wg_dataset *dataset;
    struct wg_import_result result;
    if (!wg_dataset_open(request->data, &dataset))
        return report_failure();
    catch_stop_signals(); // what follows takes a moment, and half a run folder would be of no use
    bool ok = wg_import(request->source, dataset, &request->settings, request->out, &result);
    wg_dataset_close(dataset);
    if (!ok)
        return report_failure();
    printf("generator  learning rate %g, RMSprop %s\n", (double)result.lr_generator,
           rmsprop_text(result.has_generator_rmsprop));
    printf("critic     learning rate %g, RMSprop %s\n", (double)result.lr_critic,
           rmsprop_text(result.has_critic_rmsprop));
    printf("checkpoint %s, after step %d\n", result.checkpoint, result.step);
    printf("next       wgan-cl train --resume ");
    print_shell_word(result.folder);
    printf(" --steps %d\n",
           result.step < request->settings.steps ? request->settings.steps : result.step + 1000);
    return stop_code();
}

static const char help[] =
    "DIR holds Generator.h5 and Discriminator.h5, and Adversarial.h5 if the generator's RMSprop "
    "is\n"
    "to be kept, as wgan-cl, tf.keras 2.15 or Keras 3 saved them. Weights and RMSprop's\n"
    "state come from the files, and so do the learning rates that are left at 0; all else comes\n"
    "from the options. --steps counts the steps done as well; their losses stay unknown.\n";

int command_import(int argc, const char **argv, const char *device)
{
    struct request request = {.settings = wg_train_settings_default()};
    struct wg_train_settings *s = &request.settings;
    const char *operands[2];
    (void)device; // none is needed
    s->lr_generator = s->lr_critic = 0;
    struct option options[] = {
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &request.data,
         .argument = "SRC",
         .help = "to go on with: digits, an IDX file or a folder [digits]"},
        {.name = "out",
         .letter = 'o',
         .kind = OPTION_TEXT,
         .value = &request.out,
         .argument = "RUN",
         .help = "run folder, new or empty [runs/NNNNN-DATA]"},
        OPTIONS_TRAINING(s),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "import DIR [--data SRC] [--out RUN] [OPTIONS]",
        .text = help,
        .options = options,
        .operands_max = 1,
        .needs = "a folder with .h5 files",
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    request.source = operands[0];
    return run(&request);
}
