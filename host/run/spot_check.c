#include "host/run/spot_check.h"

#include "host/base/error.h"
#include "host/reference/wgan.h"

#include <math.h>
#include <string.h>

/*
 * What may be off: a seventh of a grey level, and what the image changes by where the noise is off
 * by 2^-18, which is what rounding a long sum comes to, a few times over. The latter is far less,
 * unless the weights are such that large numbers cancel.
 */
#define OFF   1e-3
#define NUDGE 0x1p-18
#define TIMES 8

enum { NOISE_MAX = 256 };

/* The checkpoint's weights, in the reference of a batch of one image. */
static struct ref_wgan *create_reference(const struct wg_checkpoint *checkpoint)
{
    const struct wg_widths *w = &wg_widths_default;
    const struct ref_widths widths = {(int)w->noise, (int)w->base,  (int)w->up1,  (int)w->up2,
                                      (int)w->down1, (int)w->down2, (int)w->down3};
    const struct ref_settings settings = {1, 1, 1, 1}; // of a training: none matters
    struct ref_wgan *reference = ref_wgan_create(&widths, 1, &settings);
    if (!reference) {
        wg_fail_memory("an image on the host");
        return NULL;
    }
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *to = &reference->tensors[i];
        // The network that was loaded had all of them, in these shapes.
        const struct wg_safetensor *from =
            wg_safetensors_find(wg_checkpoint_tensors(checkpoint), to->name);
        for (size_t k = 0; from && i < REF_CRITIC_CONV1_KERNEL && k < to->size; k++)
            to->weight[k] = (double)from->data[k];
    }
    return reference;
}

static void draw(struct ref_wgan *reference, uint64_t seed, size_t index, double nudge,
                 double ret_image[WG_IMAGE_PIXELS])
{
    const size_t size = wg_widths_default.noise;
    float noise[NOISE_MAX];
    double wide[NOISE_MAX];
    wg_sample_noise(seed, index, 1, size, noise);
    for (size_t i = 0; i < size; i++)
        wide[i] = (double)noise[i] * (i % 2 ? 1 + nudge : 1 - nudge);
    ref_wgan_generate(reference, wide, 1, ret_image);
}

static bool compare(const struct wg_device *device, size_t index, const float *image,
                    const double *expected, const double *nudged)
{
    double allowed = OFF, worst = 0;
    int at = 0;
    for (int p = 0; p < WG_IMAGE_PIXELS; p++) {
        double error = fabs((double)image[p] - expected[p]);
        if (!isfinite(error))
            return true;
        allowed = fmax(allowed, OFF + TIMES * fabs(nudged[p] - expected[p]));
        if (error > worst) {
            worst = error;
            at = p;
        }
    }
    return worst <= allowed ||
           wg_fail(WG_ERROR_DEVICE,
                   "device %s draws other images than the formulas: pixel %d, %d of image %zu is "
                   "%.3g, expected %.3g (wgan-cl selftest shows what it gets wrong; --device takes "
                   "another)",
                   device->info.name, at / WG_IMAGE_SIDE, at % WG_IMAGE_SIDE, index,
                   (double)image[at], expected[at]);
}

bool wg_spot_check(const struct wg_device *device, const struct wg_checkpoint *checkpoint,
                   uint64_t seed, size_t index, const float image[WG_IMAGE_PIXELS])
{
    double expected[WG_IMAGE_PIXELS], nudged[WG_IMAGE_PIXELS];
    struct ref_wgan *reference = create_reference(checkpoint);
    if (!reference)
        return false;
    draw(reference, seed, index, 0, expected);
    draw(reference, seed, index, NUDGE, nudged);
    ref_wgan_destroy(reference);
    return compare(device, index, image, expected, nudged);
}
