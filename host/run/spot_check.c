#include "host/run/spot_check.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/base/size.h"
#include "host/reference/wgan.h"

#include <math.h>
#include <string.h>

/*
 * What may be off: an eighth of a grey level, and what the image changes by where the noise is off
 * by 2^-18, which is what rounding a long sum comes to, a few times over. The latter is far less,
 * unless the weights are such that large numbers cancel.
 */
#define OFF   1e-3
#define NUDGE 0x1p-18
#define TIMES 8

/* Images that are drawn again: some 0.3 s on two cores. */
enum { DRAWN_MAX = 8 };

enum { NOISE_MAX = 256 };

/* What became of one of them. */
struct verdict {
    size_t image;
    bool is_drawn;   // false: no memory
    int pixel;       // the worst
    double expected; // there
    double off;      // there
    double allowed;
};

struct check {
    const struct wg_checkpoint *checkpoint;
    uint64_t seed;
    const float *images;
    struct verdict verdicts[DRAWN_MAX];
};

/* ---- which images ---- */

/* Number `i` of the `drawn` that stand for `count` images. Their rows in the device's batches, each
 * of which is work of another part of the kernels, lie evenly in it, and so do their batches in
 * all. The last one is the last image. */
static size_t choose_image(size_t i, size_t drawn, size_t count)
{
    const size_t last_row = wg_smaller(count, WG_INFERENCE_BATCH) - 1;
    const size_t last_batch = (count - 1) / WG_INFERENCE_BATCH;
    if (i + 1 == drawn)
        return count - 1;
    const size_t batch = i * last_batch / (drawn - 1), row = i * last_row / (drawn - 1);
    return batch * WG_INFERENCE_BATCH + row;
}

/* ---- one image ---- */

/* The checkpoint's weights, in the reference of a batch of one image. NULL if out of memory. */
static struct ref_wgan *create_reference(const struct wg_checkpoint *checkpoint)
{
    const struct wg_widths *w = &wg_widths_default;
    const struct ref_widths widths = {(int)w->noise, (int)w->base,  (int)w->up1,  (int)w->up2,
                                      (int)w->down1, (int)w->down2, (int)w->down3};
    const struct ref_settings settings = {1, 1, 1, 1}; // of a training: none matters
    struct ref_wgan *reference = ref_wgan_create(&widths, 1, &settings);
    if (!reference)
        return NULL;
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

/* Where the formulas have no number, of a training that has diverged, an image is off by nothing;
 * where the device alone has none, by more than anything. */
static void find_worst(const float *image, const double *expected, struct verdict *verdict)
{
    verdict->off = 0;
    for (int p = 0; p < WG_IMAGE_PIXELS; p++) {
        double off = fabs((double)image[p] - expected[p]);
        if (!isfinite(expected[p])) {
            verdict->off = 0;
            return;
        }
        if (!isfinite(off))
            off = INFINITY;
        if (off > verdict->off) {
            verdict->off = off;
            verdict->expected = expected[p];
            verdict->pixel = p;
        }
    }
}

static double allow(const double *expected, const double *nudged)
{
    double most = 0;
    for (int p = 0; p < WG_IMAGE_PIXELS; p++)
        most = fmax(most, fabs(nudged[p] - expected[p]));
    return OFF + TIMES * most;
}

static void judge(void *user, size_t i)
{
    struct check *check = user;
    struct verdict *verdict = &check->verdicts[i];
    double expected[WG_IMAGE_PIXELS], nudged[WG_IMAGE_PIXELS];
    struct ref_wgan *reference = create_reference(check->checkpoint);
    if (!reference)
        return;
    draw(reference, check->seed, verdict->image, 0, expected);
    find_worst(check->images + verdict->image * WG_IMAGE_PIXELS, expected, verdict);
    verdict->allowed = OFF;
    if (verdict->off > OFF) { // which is rare
        draw(reference, check->seed, verdict->image, NUDGE, nudged);
        verdict->allowed = allow(expected, nudged);
    }
    verdict->is_drawn = true;
    ref_wgan_destroy(reference);
}

/* ---- all of them ---- */

static bool accept(const struct wg_device *device, const struct check *check,
                   const struct verdict *verdict)
{
    const int p = verdict->pixel;
    if (!verdict->is_drawn)
        return wg_fail_memory("an image on the host");
    return verdict->off <= verdict->allowed ||
           wg_fail(WG_ERROR_DEVICE,
                   "device %s draws other images than the formulas: pixel %d, %d of image %zu is "
                   "%.3g, expected %.3g (wgan-cl selftest shows what it gets wrong; --device takes "
                   "another)",
                   device->info.name, p / WG_IMAGE_SIDE, p % WG_IMAGE_SIDE, verdict->image,
                   (double)check->images[verdict->image * WG_IMAGE_PIXELS + (size_t)p],
                   verdict->expected);
}

bool wg_spot_check(const struct wg_device *device, const struct wg_checkpoint *checkpoint,
                   uint64_t seed, const float *images, size_t count)
{
    struct check check = {.checkpoint = checkpoint, .seed = seed, .images = images};
    const size_t drawn = wg_smaller(count, DRAWN_MAX);
    for (size_t i = 0; i < drawn; i++)
        check.verdicts[i].image = choose_image(i, drawn, count);
    wg_parallel(drawn, judge, &check);
    for (size_t i = 0; i < drawn; i++)
        if (!accept(device, &check, &check.verdicts[i]))
            return false;
    return true;
}
