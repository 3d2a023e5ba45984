/*
 * One of the networks alone, in inference mode: images from noise, or scores from images.
 */
#ifndef WG_GAN_INFERENCE_H
#define WG_GAN_INFERENCE_H

#include "host/gan/model.h"

enum wg_player { WG_GENERATOR, WG_CRITIC };

/* One batch size for all users, so that the kernels are the same ones. */
enum { WG_INFERENCE_BATCH = 64 };

struct wg_inference;

/* Builds the network for `batch` rows at a time; its weights are to be written. */
bool wg_inference_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                         enum wg_player player, struct wg_inference **ret_inference);
void wg_inference_destroy(struct wg_inference *inference);

const struct wg_network *wg_inference_network(const struct wg_inference *inference);
bool wg_inference_write(struct wg_inference *inference, const struct wg_node *weight,
                        const float *data);

/* Images [count, 28, 28] in (-1, 1) from noise [count, widths.noise], or scores [count] of images
 * [count, 28, 28] in [-1, 1]. What a row gives does not depend on its companions. */
bool wg_inference_run(struct wg_inference *inference, const float *in, size_t count,
                      float *ret_out);

/* ---- samples, by a seed and their numbers ---- */

/* images [count, 28, 28] first ... first + count - 1 of a seed, by wg_sample_noise. */
bool wg_inference_sample(struct wg_inference *generator, uint64_t seed, size_t first, size_t count,
                         float *ret_images);

/*
 * Noise [count, size] ~ N(0, 1) of images first ... first + count - 1 of a seed: drawn on the host
 * from WG_STREAM_SAMPLES, element i of the whole stream being lane i % 4 of block i / 4, so that
 * an image depends on its seed and number alone.
 */
void wg_sample_noise(uint64_t seed, size_t first, size_t count, size_t size, float *ret_noise);

#endif
