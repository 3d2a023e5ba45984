/*
 * wgan-cl sample: images from a trained generator.
 */
#include "program.h"

#include <stdlib.h>
#include <string.h>

/* Before the work, not after it: what wg_images_write takes. */
static bool check_ending(const char *out)
{
    const char *dot = strrchr(out, '.');
    if (dot && (strcmp(dot, ".png") == 0 || strcmp(dot, ".npy") == 0))
        return true;
    fprintf(stderr, "wgan-cl: --out '%s': expected FILE.png or FILE.npy\n", out);
    return false;
}

static int run(const char *device_selector, const char *source, int count, uint64_t seed,
               int columns, const char *out)
{
    struct wg_device *device;
    float *images;
    if (!open_device(device_selector, &device))
        return report_failure();
    bool ok = wg_sample(device, source, (size_t)count, seed, &images);
    wg_device_close(device);
    if (!ok)
        return report_failure();
    ok = wg_images_write(out, images, (size_t)count, columns);
    free(images);
    if (!ok)
        return report_failure();
    printf("%s: %d images, seed %llu\n", out, count, (unsigned long long)seed);
    return EXIT_OK;
}

int command_sample(int argc, const char **argv, const char *device)
{
    const char *out = "samples.png", *operands[2];
    int count = 25, columns = 0;
    uint64_t seed = 1;
    struct option options[] = {
        {.name = "number",
         .letter = 'n',
         .kind = OPTION_INT,
         .value = &count,
         .argument = "N",
         .help = "images",
         .low = 1,
         .high = 1000000},
        {.name = "seed",
         .kind = OPTION_SEED,
         .value = &seed,
         .argument = "N",
         .help = "which images: the same seed gives the same ones"},
        {.name = "out",
         .letter = 'o',
         .kind = OPTION_TEXT,
         .value = &out,
         .argument = "FILE",
         .help = "FILE.png, a grid, or FILE.npy [samples.png]"},
        {.name = "columns",
         .kind = OPTION_INT,
         .value = &columns,
         .argument = "N",
         .help = "of the grid; 0: as square as it gets",
         .low = 0,
         .high = 1000},
        OPTION_DEVICE(device),
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "sample RUN-or-CHECKPOINT [-n 25] [--seed N] [--out grid.png | images.npy]",
        .text = "RUN is a run folder (its newest checkpoint), CHECKPOINT a .safetensors file.\n"
                "The .npy array is float32 [n, 28, 28] in [0, 1]. The generator runs in inference\n"
                "mode: image i depends on the seed and i alone.\n",
        .options = options,
        .operands_max = 1,
        .needs = "a run folder or a checkpoint",
    };
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    if (!check_ending(out))
        return EXIT_USAGE;
    return run(device, operands[0], count, seed, columns, out);
}
