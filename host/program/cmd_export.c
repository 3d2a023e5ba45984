/*
 * wgan-cl export: a checkpoint as files of other programs.
 */
#include "program.h"

#include <string.h>

static int run(const char *source, const char *folder)
{
    struct wg_export_result result;
    catch_stop_signals(); // it takes a moment, and half of it would be of no use
    if (!wg_export(source, WG_EXPORT_H5, folder, &result))
        return report_failure();
    printf("%s/Generator.h5, Discriminator.h5, Adversarial.h5: step %d\n", folder, result.step);
    return stop_code();
}

int command_export(int argc, const char **argv, const char *device)
{
    const char *format = "h5", *out = ".", *operands[2];
    (void)device; // none is needed
    struct option options[] = {
        {.name = "format",
         .letter = 'f',
         .kind = OPTION_TEXT,
         .value = &format,
         .argument = "NAME",
         .help = "h5, the files of Keras [h5]"},
        {.name = "out",
         .letter = 'o',
         .kind = OPTION_TEXT,
         .value = &out,
         .argument = "DIR",
         .help = "where the files go, made if it is missing [.]"},
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "export RUN-or-CHECKPOINT [--format h5] [--out DIR]",
        .text = "RUN is a run folder (its newest checkpoint), CHECKPOINT a .safetensors file.\n"
                "\n"
                "h5 writes Generator.h5, Discriminator.h5 and Adversarial.h5, which load_model of\n"
                "tf.keras 2.15 and of Keras 3 opens. Older files of these names are replaced.\n"
                "RMSprop's state is in them; README.md says how to go on training in Keras.\n",
        .options = options,
        .operands_max = 1,
        .needs = "a run folder or a checkpoint",
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    if (strcmp(format, "h5") != 0) {
        fprintf(stderr, "wgan-cl: --format '%s': expected h5\n", format);
        return EXIT_USAGE;
    }
    return run(operands[0], out);
}
