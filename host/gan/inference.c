#include "host/gan/inference.h"

#include "host/base/error.h"
#include "host/base/philox.h"
#include "host/gan/streams.h"
#include "host/graph/function.h"

#include <math.h>
#include <stdlib.h>

struct wg_inference {
    struct wg_function function;
    struct wg_model model;
    const struct wg_network *network;
    struct wg_node *in, *out;
};

bool wg_inference_create(struct wg_device *device, const struct wg_widths *widths, size_t batch,
                         enum wg_player player, struct wg_inference **ret_inference)
{
    struct wg_inference *inference = calloc(1, sizeof *inference);
    if (!inference)
        return wg_fail_memory("a network");
    struct wg_graph *g = inference->function.graph = wg_graph_create();
    struct wg_model *model = &inference->model;
    wg_model_init(model, g, widths);
    if (player == WG_GENERATOR) {
        inference->network = &model->generator;
        inference->in = wg_variable(g, "noise", WG_F32, wg_shape(batch, widths->noise));
        inference->out = wg_generator(model, g, inference->in, false, NULL);
    } else {
        inference->network = &model->critic;
        inference->in =
            wg_variable(g, "images", WG_F32, wg_shape(batch, WG_IMAGE_SIDE, WG_IMAGE_SIDE, 1));
        inference->out = wg_critic(model, g, inference->in);
    }
    const struct wg_targets targets = {inference->network->name, &inference->out, 1};
    if (!wg_function_compile(&inference->function, device, &targets, 1)) {
        wg_inference_destroy(inference);
        return false;
    }
    *ret_inference = inference;
    return true;
}

void wg_inference_destroy(struct wg_inference *inference)
{
    if (inference)
        wg_function_finish(&inference->function);
    free(inference);
}

const struct wg_network *wg_inference_network(const struct wg_inference *inference)
{
    return inference->network;
}

bool wg_inference_write(struct wg_inference *inference, const struct wg_node *weight,
                        const float *data)
{
    return wg_exec_write(inference->function.exec, weight, data);
}

bool wg_inference_run(struct wg_inference *inference, const float *in, size_t count, float *ret_out)
{
    const struct wg_rows rows[] = {{.node = inference->in, .from = in},
                                   {.node = inference->out, .to = ret_out}};
    return wg_function_map(&inference->function, 0, count, rows, 2);
}

/* ---- samples ---- */

bool wg_inference_sample(struct wg_inference *generator, uint64_t seed, size_t first, size_t count,
                         float *ret_images)
{
    const size_t size = generator->model.widths.noise;
    float *noise = malloc(count * size * sizeof *noise);
    if (!noise)
        return wg_fail_memory("noise");
    wg_sample_noise(seed, first, count, size, noise);
    bool ok = wg_inference_run(generator, noise, count, ret_images);
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
