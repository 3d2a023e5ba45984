/*
 * Images from a checkpoint.
 */
#include "host/base/error.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"
#include "host/run/spot_check.h"

#include <stdlib.h>

bool wg_sample(struct wg_device *device, const char *source, size_t count, uint64_t seed,
               float **ret_images)
{
    char path[WG_PATH_MAX];
    struct wg_checkpoint *checkpoint = NULL;
    struct wg_inference *generator = NULL;
    if (count == 0 || count > INT32_MAX / WG_IMAGE_PIXELS)
        return wg_fail(WG_ERROR_ARGUMENT, "%zu images: expected 1 to %d", count,
                       INT32_MAX / WG_IMAGE_PIXELS);
    float *images = malloc(count * WG_IMAGE_PIXELS * sizeof *images);
    bool ok = (images || wg_fail_memory("images")) && wg_folder_find_checkpoint(source, path) &&
              wg_checkpoint_open(path, &checkpoint) &&
              wg_inference_create(device, &wg_widths_default, WG_INFERENCE_BATCH, WG_GENERATOR,
                                  &generator) &&
              wg_checkpoint_load_network(checkpoint, generator) &&
              wg_inference_sample(generator, seed, 0, count, images) &&
              wg_spot_check(device, checkpoint, seed, images, count);
    wg_inference_destroy(generator);
    wg_checkpoint_close(checkpoint);
    if (ok)
        *ret_images = images;
    else
        free(images);
    return ok;
}
