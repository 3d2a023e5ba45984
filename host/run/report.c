#include "host/run/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void wg_report(const struct wg_train_callbacks *callbacks, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (callbacks->message)
        callbacks->message(callbacks->user, text);
}

void wg_report_settings(const struct wg_train_settings *s, const struct wg_dataset *dataset,
                        const struct wg_device *device, wg_message_function *message, void *user)
{
    char text[2048];
    const struct wg_device_info *info = &device->info;
    snprintf(text, sizeof text, "device     %d: %s (%s, %u compute units, %s)", info->index,
             info->name, wg_device_type_name(info->type), info->compute_units,
             info->driver_version);
    message(user, text);
    snprintf(text, sizeof text, "data       %s: %zu images of %dx%d", dataset->source,
             dataset->count, dataset->height, dataset->width);
    message(user, text);
    snprintf(text, sizeof text,
             "settings   steps %d, batch %d, lr generator %g, lr critic %g, clip %g, critic steps "
             "%d, seed %" PRIu64,
             s->steps, s->batch, (double)s->lr_generator, (double)s->lr_critic, (double)s->clip,
             s->critic_steps, s->seed);
    message(user, text);
}

/* "14 x 14 x 256" */
static void print_shape(const struct wg_shape *shape, char *text, size_t size)
{
    size_t used = 0;
    for (int d = 0; d < shape->rank && used < size; d++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", d ? " x " : "", shape->dim[d]);
}

void wg_report_network(const struct wg_network *network, wg_message_function *message, void *user)
{
    char text[256], shape[64];
    snprintf(text, sizeof text, "\n%-28s %-16s %10s", network->name, "output", "parameters");
    message(user, text);
    for (int i = 0; i < network->layer_count; i++) {
        const struct wg_layer *layer = &network->layers[i];
        print_shape(&layer->output, shape, sizeof shape);
        snprintf(text, sizeof text, "  %-26s %-16s %10zu", layer->name, shape, layer->parameters);
        message(user, text);
    }
    snprintf(text, sizeof text, "  %-26s %-16s %10zu", "all", "", wg_network_parameters(network));
    message(user, text);
}

void wg_report_memory(const struct wg_trainer *trainer, wg_message_function *message, void *user)
{
    char text[512];
    const struct wg_memory *m = wg_trainer_memory(trainer);
    snprintf(text, sizeof text,
             "\nmemory     %.1f MiB on the device: %.1f weights and state, %.1f data, %.1f "
             "activations and gradients (%.1f of them at one time); largest buffer %.1f MiB",
             (double)m->total_bytes / 0x1p20, (double)m->weight_bytes / 0x1p20,
             (double)m->dataset_bytes / 0x1p20, (double)m->arena_bytes / 0x1p20,
             (double)m->alive_bytes / 0x1p20, (double)m->largest_bytes / 0x1p20);
    message(user, text);
    snprintf(text, sizeof text,
             "step       %.1f GFLOP counted directly, %.2f GB moved at least, %d kernel launches",
             wg_trainer_flops(trainer) * 1e-9, wg_trainer_moved_bytes(trainer) * 1e-9,
             wg_trainer_launches(trainer));
    message(user, text);
}
