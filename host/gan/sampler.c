#include "host/gan/sampler.h"

#include "host/base/error.h"
#include "host/base/philox.h"
#include "host/gan/streams.h"
#include "host/graph/fuse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct wg_sampler {
    struct wg_graph *graph;
    struct wg_model model;
    struct wg_node *noise;
    struct wg_node *images;
    struct wg_plan *plan;
    struct wg_exec *exec;
};

static bool build(struct wg_sampler *sampler, const struct wg_device *device,
                  const struct wg_widths *widths, size_t batch)
{
    struct wg_graph *g = sampler->graph = wg_graph_create();
    if (!g)
        return false;
    wg_model_init(&sampler->model, g, widths);
    sampler->noise = wg_variable(g, "noise", WG_F32, wg_shape(batch, widths->noise));
    sampler->images = wg_generator(&sampler->model, g, sampler->noise, false, NULL);
    return wg_fuse(g, device);
}

bool wg_sampler_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                       struct wg_sampler **ret_sampler)
{
    struct wg_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return wg_fail_memory("a sampler");
    bool ok = build(sampler, device, widths, batch);
    const struct wg_targets targets = {.name = "sample", .nodes = &sampler->images, .count = 1};
    if (!ok || !wg_plan_create(sampler->graph, device, &targets, 1, NULL, &sampler->plan) ||
        !wg_exec_create(device, sampler->plan, NULL, NULL, &sampler->exec)) {
        wg_sampler_destroy(sampler);
        return false;
    }
    *ret_sampler = sampler;
    return true;
}

void wg_sampler_destroy(struct wg_sampler *sampler)
{
    if (!sampler)
        return;
    wg_exec_destroy(sampler->exec);
    wg_plan_destroy(sampler->plan);
    wg_graph_destroy(sampler->graph);
    free(sampler);
}

const struct wg_model *wg_sampler_model(const struct wg_sampler *sampler)
{
    return &sampler->model;
}

bool wg_sampler_write(struct wg_sampler *sampler, const struct wg_node *weight, const float *data)
{
    return wg_exec_write(sampler->exec, weight, data);
}

bool wg_sampler_run(struct wg_sampler *sampler, const float *noise, float *ret_images)
{
    return wg_exec_write(sampler->exec, sampler->noise, noise) && wg_exec_run(sampler->exec, 0) &&
           wg_exec_read_target(sampler->exec, 0, sampler->images, ret_images);
}

bool wg_sampler_draw(struct wg_sampler *sampler, uint64_t seed, size_t first, size_t count,
                     float *ret_images)
{
    const size_t batch = sampler->noise->shape.dim[0], size = sampler->noise->shape.dim[1];
    const size_t pixels = wg_shape_count(&sampler->images->shape) / batch;
    float *noise = malloc(batch * size * sizeof *noise);
    float *drawn = malloc(batch * pixels * sizeof *drawn);
    bool ok = (noise && drawn) || wg_fail_memory("images");
    // The last batch is drawn whole and cut: an image does not depend on its companions.
    for (size_t done = 0; ok && done < count; done += batch) {
        size_t wanted = count - done < batch ? count - done : batch;
        wg_sample_noise(seed, first + done, batch, size, noise);
        ok = wg_sampler_run(sampler, noise, drawn);
        if (ok)
            memcpy(ret_images + done * pixels, drawn, wanted * pixels * sizeof *drawn);
    }
    free(noise);
    free(drawn);
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
