#include "host/gan/sampler.h"

#include "host/base/error.h"
#include "host/base/philox.h"
#include "host/gan/streams.h"

#include <math.h>
#include <stdlib.h>

struct wg_sampler {
    struct wg_function function;
    struct wg_model model;
    struct wg_node *noise;
    struct wg_node *images;
};

bool wg_sampler_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                       struct wg_sampler **ret_sampler)
{
    struct wg_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return wg_fail_memory("a sampler");
    struct wg_graph *g = sampler->function.graph = wg_graph_create();
    wg_model_init(&sampler->model, g, widths);
    sampler->noise = wg_variable(g, "noise", WG_F32, wg_shape(batch, widths->noise));
    sampler->images = wg_generator(&sampler->model, g, sampler->noise, false, NULL);
    const struct wg_targets targets = {.name = "sample", .nodes = &sampler->images, .count = 1};
    if (!wg_function_compile(&sampler->function, device, &targets, 1)) {
        wg_sampler_destroy(sampler);
        return false;
    }
    *ret_sampler = sampler;
    return true;
}

void wg_sampler_destroy(struct wg_sampler *sampler)
{
    if (sampler)
        wg_function_finish(&sampler->function);
    free(sampler);
}

const struct wg_model *wg_sampler_model(const struct wg_sampler *sampler)
{
    return &sampler->model;
}

bool wg_sampler_write(struct wg_sampler *sampler, const struct wg_node *weight, const float *data)
{
    return wg_exec_write(sampler->function.exec, weight, data);
}

bool wg_sampler_run(struct wg_sampler *sampler, const float *noise, size_t count, float *ret_images)
{
    const struct wg_rows rows[] = {{.node = sampler->noise, .from = noise},
                                   {.node = sampler->images, .to = ret_images}};
    return wg_function_map(&sampler->function, 0, count, rows, 2);
}

bool wg_sampler_draw(struct wg_sampler *sampler, uint64_t seed, size_t first, size_t count,
                     float *ret_images)
{
    const size_t size = sampler->model.widths.noise;
    float *noise = malloc(count * size * sizeof *noise);
    if (!noise)
        return wg_fail_memory("images");
    wg_sample_noise(seed, first, count, size, noise);
    bool ok = wg_sampler_run(sampler, noise, count, ret_images);
    free(noise);
    return ok;
}

void wg_sample_noise(uint64_t seed, size_t first, size_t count, size_t size, float *ret_noise)
{
    const double turn = 6.283185307179586;
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (size_t i = 0; i < count * size; i++) {
        size_t element = first * size + i;
        const uint32_t counter[4] = {(uint32_t)(element / 4), 0, 0, WG_STREAM_SAMPLES};
        struct wg_philox_block block = wg_philox(counter, key);
        size_t pair = element % 4 / 2 * 2; // lanes (0, 1) and (2, 3) are Box-Muller pairs
        double radius = sqrt(-2.0 * log((double)wg_uniform_float(block.v[pair])));
        double angle = turn * (double)wg_uniform_float(block.v[pair + 1]);
        ret_noise[i] = (float)(radius * (element % 2 == 0 ? cos(angle) : sin(angle)));
    }
}
