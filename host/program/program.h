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
};

/* One file per command. argv[0] is the command's name, `device` what stood before it, or NULL. */
int command_devices(int argc, const char **argv, const char *device);
int command_train(int argc, const char **argv, const char *device);
int command_sample(int argc, const char **argv, const char *device);
int command_eval(int argc, const char **argv, const char *device);
int command_export(int argc, const char **argv, const char *device);
int command_import(int argc, const char **argv, const char *device);
int command_bench(int argc, const char **argv, const char *device);
int command_selftest(int argc, const char **argv, const char *device);
int command_tune(int argc, const char **argv, const char *device);

/* The row of --device that every command has which uses one. */
#define OPTION_DEVICE(variable)                                                                    \
    {                                                                                              \
        .name = "device", .letter = 'd', .kind = OPTION_TEXT, .value = &(variable),                \
        .argument = "SEL", .help = "0, 0:0, gpu, cpu, or a part of the name; see wgan-cl devices"  \
    }

/* For results that programs read, and for what follows a tuning. */
#define OPTION_JSON(variable)                                                                      \
    {                                                                                              \
        .name = "json", .kind = OPTION_FLAG, .value = &(variable),                                 \
        .help = "print JSON, for programs"                                                         \
    }
#define OPTION_UNTUNED(variable)                                                                   \
    {                                                                                              \
        .name = "untuned", .kind = OPTION_FLAG, .value = &(variable),                              \
        .help = "do not use what wgan-cl tune measured"                                            \
    }

/* The rows of a training's settings, which go to the struct wg_train_settings that s points to. */
#define OPTIONS_TRAINING(s)                                                                        \
    {.name = "steps",                                                                              \
     .kind = OPTION_INT,                                                                           \
     .value = &s->steps,                                                                           \
     .argument = "N",                                                                              \
     .help = "generator updates",                                                                  \
     .low = 1,                                                                                     \
     .high = 1e9},                                                                                 \
        {.name = "batch",                                                                          \
         .kind = OPTION_INT,                                                                       \
         .value = &s->batch,                                                                       \
         .argument = "N",                                                                          \
         .help = "images per update",                                                              \
         .low = 1,                                                                                 \
         .high = 1e6},                                                                             \
        {.name = "lr-generator",                                                                   \
         .kind = OPTION_FLOAT,                                                                     \
         .value = &s->lr_generator,                                                                \
         .argument = "X",                                                                          \
         .help = "learning rate of the generator",                                                 \
         .low = 0,                                                                                 \
         .high = WG_LEARNING_RATE_MAX},                                                            \
        {.name = "lr-critic",                                                                      \
         .kind = OPTION_FLOAT,                                                                     \
         .value = &s->lr_critic,                                                                   \
         .argument = "X",                                                                          \
         .help = "learning rate of the critic",                                                    \
         .low = 0,                                                                                 \
         .high = WG_LEARNING_RATE_MAX},                                                            \
        {.name = "clip",                                                                           \
         .kind = OPTION_FLOAT,                                                                     \
         .value = &s->clip,                                                                        \
         .argument = "X",                                                                          \
         .help = "largest magnitude of a critic weight",                                           \
         .low = 0,                                                                                 \
         .high = 1e6},                                                                             \
        {.name = "critic-steps",                                                                   \
         .kind = OPTION_INT,                                                                       \
         .value = &s->critic_steps,                                                                \
         .argument = "N",                                                                          \
         .help = "critic iterations per generator update",                                         \
         .low = 1,                                                                                 \
         .high = 1000},                                                                            \
        {.name = "sample-every",                                                                   \
         .kind = OPTION_INT,                                                                       \
         .value = &s->sample_every,                                                                \
         .argument = "N",                                                                          \
         .help = "steps between sample grids",                                                     \
         .low = 1,                                                                                 \
         .high = 1e9},                                                                             \
        {.name = "checkpoint-every",                                                               \
         .kind = OPTION_INT,                                                                       \
         .value = &s->checkpoint_every,                                                            \
         .argument = "N",                                                                          \
         .help = "steps between checkpoints; 0: at the end only",                                  \
         .low = 0,                                                                                 \
         .high = 1e9},                                                                             \
    {                                                                                              \
        .name = "seed", .kind = OPTION_SEED, .value = &s->seed, .argument = "N",                   \
        .help = "of initial weights, batches and noise"                                            \
    }

/* From now on SIGINT and SIGTERM only ask for a stop, the first time. */
void catch_stop_signals(void);
bool asked_to_stop(void *user); // a callback of the library
int stop_code(void);            // EXIT_OK, or that of the signal that asked

/* From now on a reader of the output that goes away, as head does, ends nothing: for commands whose
 * work lies in files. main tells that something was not read. */
void outlive_readers(void);

/* From now on, unless main_returns was called, the end of the process is explained. */
void speak_if_ended(void);
void main_returns(void);

/* Opens what --device or WGAN_CL_DEVICE selects. */
bool open_device(const char *selector, struct wg_device **ret_device);

/* Prints a word of a command as a shell takes it: in quotes where it needs them. */
void print_shell_word(const char *word);

/* Prints the library's last error and returns the exit code for it. */
int report_failure(void);

#endif
