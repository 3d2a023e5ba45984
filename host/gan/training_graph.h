/*
 * The graph of a run and its plan, before there is memory on the device: what a step computes, in
 * schedules that the trainer replays.
 */
#ifndef WG_GAN_TRAINING_GRAPH_H
#define WG_GAN_TRAINING_GRAPH_H

#include "host/gan/trainer.h"
#include "host/graph/function.h"

enum {
    WG_SCHEDULE_REAL,      // the critic's update by real images,
    WG_SCHEDULE_FAKE,      // by fakes, and the clip
    WG_SCHEDULE_ITERATE,   // on to the next iteration of the critic
    WG_SCHEDULE_ESTIMATE,  // both means
    WG_SCHEDULE_GENERATOR, // the generator's update, and on to the next step
    WG_SCHEDULE_SAMPLE,
    WG_SCHEDULES
};

/* Columns of the ring of losses. */
enum { WG_LOSS_REAL, WG_LOSS_FAKE, WG_LOSS_GENERATOR, WG_MEAN_REAL, WG_MEAN_FAKE, WG_LOSSES };

struct wg_training {
    struct wg_function function;
    struct wg_model model;
    struct wg_node *clock;   // u32 [2]: step, critic iteration
    struct wg_node *ring;    // [WG_LOSS_HISTORY, WG_LOSSES]
    struct wg_node *dataset; // u8 [count, 28, 28]
    struct wg_node *fakes;   // [N, 28, 28, 1], of the last critic update
    // The kernels of a batch also draw samples: others would only have to be built.
    struct wg_node *sample_noise;  // [N, noise]
    struct wg_node *sample_images; // [N, 28, 28, 1]
};

/* Builds the graph, fuses it and plans its schedules. In either case the function is to be
 * finished. Fails with WG_ERROR_MEMORY if there can be no such plan. */
bool wg_training_init(struct wg_training *training, const struct wg_device *device,
                      const struct wg_trainer_params *params);

#endif
