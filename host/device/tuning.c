#include "host/device/tuning.h"

#include "host/device/blas.h"

#include <stdlib.h>
#include <string.h>

const struct wg_tuned_node *wg_tuning_find(const struct wg_tuning *tuning, const char *key)
{
    for (int i = 0; i < tuning->count; i++)
        if (strcmp(tuning->nodes[i].key, key) == 0)
            return &tuning->nodes[i];
    return NULL;
}

bool wg_device_tune(struct wg_device *device, struct wg_tuning *tuning)
{
    if (tuning != device->tuning)
        wg_tuning_destroy(device->tuning);
    device->tuning = tuning;
    if (wg_blas_use(device, tuning ? tuning->blas : ""))
        return true;
    wg_tuning_destroy(tuning);
    device->tuning = NULL;
    device->blas = NULL; // whatever CLBlast has now
    return false;
}

void wg_tuning_destroy(struct wg_tuning *tuning)
{
    if (tuning)
        free(tuning->nodes);
    free(tuning);
}
