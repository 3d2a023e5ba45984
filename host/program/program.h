/*
 * What the commands of the program share.
 */
#ifndef WG_PROGRAM_PROGRAM_H
#define WG_PROGRAM_PROGRAM_H

#include "options.h"

#include <wgan_cl.h>

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DEVICE = 3,
    EXIT_INTERRUPTED = 130, // 128 + SIGINT
    EXIT_TERMINATED = 143,  // 128 + SIGTERM
};

/* One file per command. argv[0] is the command's name, `device` what stood before it, or NULL. */
int command_devices(int argc, const char **argv, const char *device);
int command_train(int argc, const char **argv, const char *device);
int command_sample(int argc, const char **argv, const char *device);
int command_bench(int argc, const char **argv, const char *device);
int command_selftest(int argc, const char **argv, const char *device);

/* The row of --device that every command has. */
#define OPTION_DEVICE(variable)                                                                    \
    {                                                                                              \
        .name = "device", .letter = 'd', .kind = OPTION_TEXT, .value = &(variable),                \
        .argument = "SEL", .help = "0, 0:0, gpu, cpu, or a part of the name; see wgan-cl devices"  \
    }

/* Opens what --device or WGAN_CL_DEVICE selects. */
bool open_device(const char *selector, struct wg_device **ret_device);

/* Prints the library's last error and returns the exit code for it. */
int report_failure(void);

#endif
