/*
 * wgan-cl: finds the command and runs it. Everything the program does is in its commands, and
 * everything they do is in the library.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, const char **argv, const char *device);
} commands[] = {
    {"devices", command_devices}, {"train", command_train},       {"sample", command_sample},
    {"eval", command_eval},       {"export", command_export},     {"import", command_import},
    {"bench", command_bench},     {"selftest", command_selftest}, {"tune", command_tune},
};

static const char help[] =
    "Trains Wasserstein GANs through OpenCL, on any device.\n"
    "\n"
    "Commands:\n"
    "  devices    list the OpenCL devices and mark the default\n"
    "  train      train a GAN; pictures, losses and checkpoints go to a run folder\n"
    "  sample     draw images with a trained generator\n"
    "  eval       judge the images of a trained generator by a classifier\n"
    "  export     write a trained GAN as Keras model files\n"
    "  import     make a run of Keras model files\n"
    "  bench      measure the training step against the device's own peak\n"
    "  selftest   hold every kernel on a device against plain formulas\n"
    "  tune       measure what is fastest on a device, for train and bench\n"
    "\n"
    "wgan-cl COMMAND --help tells more. To begin:\n"
    "  wgan-cl devices\n"
    "  wgan-cl train --steps 500\n"
    "\n"
    "Environment:\n"
    "  WGAN_CL_DEVICE    the device, where --device is not given\n"
    "  WGAN_CL_KERNELS   a folder whose .cl files replace the built-in kernels\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 wrong option or value, 3 no OpenCL device,\n"
    "130 and 143 interrupted (a training that had begun has saved its state).\n";

/* "devices, train, sample" */
static const char *list_commands(char *text, size_t size)
{
    int used = 0;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        used += snprintf(text + used, size - (size_t)used, "%s%s", i ? ", " : "", commands[i].name);
    return text;
}

static const char *origin = ""; // of the device that could not be opened

int report_failure(void)
{
    fflush(stdout);
    fprintf(stderr, "wgan-cl: %s%s\n", wg_error_message(), origin);
    switch (wg_error_status()) {
    case WG_ERROR_ARGUMENT:
        return EXIT_USAGE;
    case WG_ERROR_NO_DEVICE:
        return EXIT_NO_DEVICE;
    case WG_ERROR_STOPPED:
        return stop_code();
    default:
        return EXIT_FAILED;
    }
}

void print_shell_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./+:,@%=";
    if (strspn(word, plain) == strlen(word)) {
        fputs(word, stdout);
        return;
    }
    putchar('\'');
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*word);
    putchar('\'');
}

bool open_device(const char *selector, struct wg_device **ret_device)
{
    const char *wanted = getenv("WGAN_CL_DEVICE");
    if (!wg_device_open(selector ? selector : wanted, ret_device)) {
        if (!selector && wanted && *wanted && wg_error_status() == WG_ERROR_DEVICE)
            origin = " (WGAN_CL_DEVICE chose it)";
        return false;
    }
    const char *warning = wg_device_warning(*ret_device);
    if (warning)
        fprintf(stderr, "wgan-cl: warning: %s\n", warning);
    return true;
}

static int run(int argc, char **argv)
{
    char names[256];
    const char *device = NULL;
    bool version = false;
    int rest = 0;
    struct option options[] = {
        OPTION_DEVICE(device),
        {.name = "version", .kind = OPTION_FLAG, .value = &version, .help = "print the version"},
        {.name = NULL},
    };
    const struct command_line line = {
        .usage = "[--device SEL] COMMAND [OPTIONS]", .text = help, .options = options};
    int code;
    if (!options_parse(&line, argc, (const char **)argv, true, NULL, &rest, &code))
        return code;
    if (version) {
        printf("wgan-cl %s\n", wg_version());
        return EXIT_OK;
    }
    if (rest == argc) {
        fprintf(stderr, "wgan-cl: no command (expected one of %s; see --help)\n",
                list_commands(names, sizeof names));
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[rest], commands[i].name) == 0)
            return commands[i].run(argc - rest, (const char **)argv + rest, device);
    fprintf(stderr, "wgan-cl: '%s' is no command (expected one of %s; see --help)\n", argv[rest],
            list_commands(names, sizeof names));
    return EXIT_USAGE;
}

/* Who starts a program may have closed its standard streams; the next file opened would take their
 * place, and the log of a run get what is said to the user. To write to what stands there now
 * fails. */
static void hold_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDONLY); // the lowest number that is free: this one
}

int main(int argc, char **argv)
{
    hold_streams();
    // A file size limit is reported by the write that meets it, as a full disk is. Blocked, not
    // ignored: a driver's compiler may install a handler of its own (LLVM does).
    sigset_t limits;
    sigemptyset(&limits);
    sigaddset(&limits, SIGXFSZ);
    sigprocmask(SIG_BLOCK, &limits, NULL);
    int code;
    if (wg_child_main(argc, argv, &code))
        return code;
    speak_if_ended();
    code = run(argc, argv);
    main_returns();
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_OK) {
        fprintf(stderr, "wgan-cl: the output can't be written: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return code;
}
