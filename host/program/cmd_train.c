/*
 * wgan-cl train: a whole training, with progress on the terminal, stopped by Ctrl-C.
 */
#include "program.h"
#include "progress.h"

#include <string.h>

/* ---- the command ---- */

struct request {
    const char *device;
    const char *data;
    const char *out;
    const char *resume;
    int steps; // of a resumed run in all; 0: as it was started
    bool force;
    bool untuned;
    struct wg_train_settings settings;
};

static bool start(const struct request *request, struct wg_device *device,
                  const struct wg_train_callbacks *callbacks, struct wg_train_result *result)
{
    if (request->resume)
        return wg_resume(device, request->resume, request->data, request->steps, callbacks, result);
    struct wg_dataset *dataset;
    if (!wg_dataset_open(request->data, &dataset))
        return false;
    bool ok = wg_train(device, dataset, &request->settings, request->out, callbacks, result);
    wg_dataset_close(dataset);
    return ok;
}

/* What to type next. */
static void advise(const char *command, const char *folder)
{
    printf("%s ", command);
    print_shell_word(folder);
    printf("\n");
}

static int conclude(const struct wg_train_result *result)
{
    printf("pictures   %s/imgs/, %s/training.gif, %s/loss.png\n", result->folder, result->folder,
           result->folder);
    printf("checkpoint %s\n", result->checkpoint);
    if (!result->stopped) {
        advise("next       wgan-cl sample", result->folder);
        return EXIT_OK;
    }
    printf("stopped after step %d; to go on: ", result->steps_done);
    advise("wgan-cl train --resume", result->folder);
    return stop_code();
}

static int run(const struct request *request)
{
    struct wg_device *device;
    struct wg_train_result result;
    struct progress progress;
    outlive_readers();
    if (!open_device(request->device, &device))
        return report_failure();
    progress_init(&progress);
    const struct wg_train_callbacks callbacks = {
        .user = &progress,
        .message = progress_message,
        .building = progress_building,
        .progress = progress_step,
        .stop = asked_to_stop,
        .force = request->force,
        .untuned = request->untuned,
    };
    catch_stop_signals();
    bool ok = start(request, device, &callbacks, &result);
    progress_finish(&progress);
    wg_device_close(device);
    return ok ? conclude(&result) : report_failure();
}

/* A resumed run keeps its settings: only these may stand beside --resume. */
static bool check_resume(const struct option *options)
{
    static const char *const allowed[] = {"device", "data", "resume", "steps", "force"};
    for (const struct option *o = options; o->name; o++) {
        bool found = !o->given;
        for (size_t a = 0; a < sizeof allowed / sizeof allowed[0]; a++)
            found = found || strcmp(o->name, allowed[a]) == 0;
        if (!found) {
            fprintf(stderr,
                    "wgan-cl: --%s: a resumed run keeps its settings; beside --resume only "
                    "--steps, --data, --device and --force can be given\n",
                    o->name);
            return false;
        }
    }
    return true;
}

static const char help[] =
    "Trains a Wasserstein GAN with weight clipping (Arjovsky et al. 2017). Data:\n"
    "  digits    60,000 built-in drawings of digits, the default\n"
    "  FILE      IDX images 28x28 (MNIST, Fashion-MNIST, ...), gzipped or not\n"
    "  FOLDER    its train-images-idx3-ubyte[.gz], else its t10k-images-idx3-ubyte[.gz]\n"
    "\n"
    "The run folder gets imgs/ (a 5x5 grid every few steps from fixed noise), training.gif,\n"
    "loss.png, log.csv, run.json, the losses as .npy, checkpoints/ and the models as Keras .h5.\n"
    "Ctrl-C finishes the step and saves; --resume RUN goes on, bit for bit as if nothing had\n"
    "happened.\n"
    "\n"
    "Examples:\n"
    "  wgan-cl train --steps 500\n"
    "  wgan-cl --device gpu train --data data/mnist --out runs/mnist\n"
    "  wgan-cl train --resume runs/mnist --steps 20000\n";

int command_train(int argc, const char **argv, const char *device)
{
    struct request request = {.device = device, .settings = wg_train_settings_default()};
    struct wg_train_settings *s = &request.settings;
    const char *operands[1];
    struct option options[] = {
        {.name = "data",
         .kind = OPTION_TEXT,
         .value = &request.data,
         .argument = "SRC",
         .help = "digits, an IDX file or a folder [digits]"},
        {.name = "out",
         .letter = 'o',
         .kind = OPTION_TEXT,
         .value = &request.out,
         .argument = "DIR",
         .help = "run folder, new or empty [runs/NNNNN-DATA]"},
        OPTIONS_TRAINING(s),
        {.name = "resume",
         .kind = OPTION_TEXT,
         .value = &request.resume,
         .argument = "RUN",
         .help = "go on with a run folder; --steps: in all"},
        {.name = "force",
         .kind = OPTION_FLAG,
         .value = &request.force,
         .help = "train even if the device fails its self-test"},
        OPTION_UNTUNED(request.untuned),
        OPTION_DEVICE(request.device),
        {.name = NULL},
    };
    const struct command_line line = {.usage = "train [OPTIONS]", .text = help, .options = options};
    int code;
    if (!options_parse(&line, argc, argv, false, operands, NULL, &code))
        return code;
    if (request.resume && !check_resume(options))
        return EXIT_USAGE;
    for (const struct option *o = options; o->name; o++)
        if (o->given && strcmp(o->name, "steps") == 0)
            request.steps = s->steps;
    return run(&request);
}
