/*
 * The generator alone, in inference mode: images from noise.
 */
#ifndef WG_GAN_SAMPLER_H
#define WG_GAN_SAMPLER_H

#include "host/gan/model.h"
#include "host/graph/function.h"

struct wg_sampler;

/* One batch size for all users, so that the kernels are the same ones. */
enum { WG_SAMPLER_BATCH = 64 };

/* Builds the generator for `batch` images at a time; its weights are to be written. */
bool wg_sampler_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                       struct wg_sampler **ret_sampler);
void wg_sampler_destroy(struct wg_sampler *sampler);

const struct wg_model *wg_sampler_model(const struct wg_sampler *sampler);
bool wg_sampler_write(struct wg_sampler *sampler, const struct wg_node *weight, const float *data);

/* images [count, 28, 28] in (-1, 1) from noise [count, widths.noise] */
bool wg_sampler_run(struct wg_sampler *sampler, const float *noise, size_t count,
                    float *ret_images);

/* images [count, 28, 28] numbers first ... first + count - 1 of a seed, by wg_sample_noise. */
bool wg_sampler_draw(struct wg_sampler *sampler, uint64_t seed, size_t first, size_t count,
                     float *ret_images);

/*
 * Noise [count, size] ~ N(0, 1) of images first ... first + count - 1 of a seed: drawn on the host
 * from WG_STREAM_SAMPLES, element i of the whole stream being lane i % 4 of block i / 4, so that
 * an image depends on its seed and number alone.
 */
void wg_sample_noise(uint64_t seed, size_t first, size_t count, size_t size, float *ret_noise);

#endif
