/*
 * What children do: their tasks by name.
 */
#include "host/base/child.h"
#include "host/device/prebuild.h"
#include "host/keras/probe.h"
#include "host/tune/worker.h"
#include "include/wgan_cl.h"

#include <stdlib.h>
#include <string.h>

/* A task's arguments come after the program, the mark and the task. */
static bool serve_build(int argc, char **argv)
{
    return argc == 4 && wg_prebuild_serve(argv[3]);
}

static bool serve_keras(int argc, char **argv)
{
    return argc == 4 && wg_keras_serve(argv[3]);
}

static bool serve_tune(int argc, char **argv)
{
    return argc == 5 && wg_tune_serve(argv[3], atoi(argv[4]), stdin, stdout);
}

static const struct {
    const char *name;
    bool (*run)(int argc, char **argv);
} tasks[] = {
    {WG_PREBUILD_TASK, serve_build},
    {WG_KERAS_TASK, serve_keras},
    {WG_TUNE_TASK, serve_tune},
};

bool wg_child_main(int argc, char **argv, int *ret_code)
{
    const char *task = wg_child_task(argc, argv);
    if (!task)
        return false;
    *ret_code = EXIT_FAILURE;
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++)
        if (strcmp(tasks[i].name, task) == 0 && tasks[i].run(argc, argv))
            *ret_code = EXIT_SUCCESS;
    return true;
}
