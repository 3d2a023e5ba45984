#include "host/keras/probe.h"

#include "host/base/child.h"
#include "host/base/error.h"
#include "host/keras/read.h"

#include <stdio.h>
#include <string.h>

static const double seconds_most = 60;

bool wg_keras_probe(const char *folder)
{
    char line[WG_CHILD_LINE_MAX], file[WG_CHILD_LINE_MAX] = "";
    struct wg_child *child;
    enum wg_child_event event = WG_CHILD_QUIET;
    int index;
    if (!wg_child_possible())
        return true;
    if (!wg_child_start(WG_KERAS_TASK, (const char *[]){folder, NULL}, -1, seconds_most, &child))
        return false;
    while (wg_child_await(&child, 1, &index, &event, line))
        if (event == WG_CHILD_LINE)
            memcpy(file, line, sizeof file);
    bool ok = event == WG_CHILD_DONE ||
              wg_fail(WG_ERROR_DATA, "%s: damaged: HDF5 does not survive reading it (%s)",
                      *file ? file : folder, wg_child_failure(child));
    wg_child_destroy(child);
    return ok;
}

static void announce(const char *path)
{
    puts(path);
    fflush(stdout);
}

bool wg_keras_serve(const char *folder)
{
    struct wg_keras_state state;
    if (wg_keras_read(folder, announce, &state))
        wg_keras_state_free(&state);
    return true; // what is wrong is met again
}
