/*
 * Images from a checkpoint.
 */
#include "host/base/error.h"
#include "host/run/checkpoint.h"
#include "host/run/folder.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = 28 * 28, BATCH_MAX = 64 };

static bool draw(struct wg_sampler *sampler, size_t batch, size_t count, uint64_t seed,
                 float *images)
{
    size_t size = wg_sampler_model(sampler)->widths.noise;
    float *noise = malloc(batch * size * sizeof *noise);
    float *drawn = malloc(batch * PIXELS * sizeof *drawn);
    bool ok = (noise && drawn) || wg_fail_memory("images");
    // The last batch is drawn whole and cut: an image does not depend on its companions.
    for (size_t first = 0; ok && first < count; first += batch) {
        size_t wanted = count - first < batch ? count - first : batch;
        wg_sample_noise(seed, first, batch, size, noise);
        ok = wg_sampler_run(sampler, noise, drawn);
        if (ok)
            memcpy(images + first * PIXELS, drawn, wanted * PIXELS * sizeof *drawn);
    }
    free(noise);
    free(drawn);
    return ok;
}

bool wg_sample(struct wg_device *device, const char *source, size_t count, uint64_t seed,
               float **ret_images)
{
    char path[WG_PATH_MAX];
    struct wg_checkpoint *checkpoint = NULL;
    struct wg_sampler *sampler = NULL;
    if (count == 0 || count > INT32_MAX / PIXELS)
        return wg_fail(WG_ERROR_ARGUMENT, "%zu images: expected 1 to %d", count,
                       INT32_MAX / PIXELS);
    float *images = malloc(count * PIXELS * sizeof *images);
    // One batch size for all counts, so that the kernels are the same ones.
    bool ok = (images || wg_fail_memory("images")) && wg_folder_find_checkpoint(source, path) &&
              wg_checkpoint_open(path, &checkpoint) &&
              wg_sampler_create(device, &wg_widths_default, BATCH_MAX, &sampler) &&
              wg_checkpoint_load_sampler(checkpoint, sampler) &&
              draw(sampler, BATCH_MAX, count, seed, images);
    wg_sampler_destroy(sampler);
    wg_checkpoint_close(checkpoint);
    if (ok)
        *ret_images = images;
    else
        free(images);
    return ok;
}
