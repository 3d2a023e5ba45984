/*
 * The training step: Arjovsky et al. 2017, algorithm 1, with the update order of the Keras program
 * this follows. All of it runs on the device:
 *
 *   critic_steps times
 *     real    draw images, one RMSprop update of the critic, loss = mean(-D(real))
 *     fake    draw noise, generator in inference mode, a second update, loss = mean(D(fake)),
 *             then clip every critic weight
 *   generator fresh noise, generator in training mode, loss = mean(-D(G(z))), one update
 *
 * plus, when asked for, the Wasserstein estimate: both means once more, at the clipped weights, on
 * the same images. Nothing here writes files or knows of run folders.
 */
#ifndef WG_GAN_TRAINER_H
#define WG_GAN_TRAINER_H

#include "host/gan/model.h"
#include "host/graph/exec.h"

struct wg_trainer;

/* What one step reported. */
struct wg_losses {
    float d_real;    // mean(-D(real)) before that update; of the last critic iteration
    float d_fake;    // mean(D(fake)) before that update; of the last critic iteration
    float generator; // mean(-D(G(z))) before the update
    float estimate;  // mean D(real) - mean D(fake) after the clip; NaN if it was not asked for
};

/* Memory a run needs, from the plan. */
struct wg_memory {
    uint64_t weight_bytes; // weights, statistics, accumulators, and what else outlives a step
    uint64_t dataset_bytes;
    uint64_t arena_bytes;   // activations and gradients
    uint64_t alive_bytes;   // of these at one time, at most
    uint64_t total_bytes;   // all buffers together
    uint64_t largest_bytes; // the largest single buffer
};

struct wg_trainer_params {
    const struct wg_train_settings *settings;
    const struct wg_dataset *dataset;
    const struct wg_widths *widths;                    // NULL: the default
    const char *forced;                                // see wg_plan_create; may be NULL
    void (*progress)(void *user, int done, int total); // kernels built; may be NULL
    void *user;
};

/*
 * Builds, plans and binds everything for the settings; the weights get their initial values. The
 * data set is copied to the device. Fails with WG_ERROR_MEMORY if the plan does not fit the device;
 * the message says what is needed, what is there, and which batch would fit.
 */
bool wg_trainer_create(struct wg_device *device, const struct wg_trainer_params *params,
                       struct wg_trainer **ret_trainer);
void wg_trainer_destroy(struct wg_trainer *trainer);

/* Builds the kernels of such a run, as far as that can be done in parallel (wg_exec_prebuild), so
 * that wg_trainer_create finds them. Fails if the plan can't be made. */
bool wg_trainer_prebuild(struct wg_device *device, const struct wg_trainer_params *params);

/*
 * Plans a run as wg_trainer_create would and shows every task of a step and how often it runs in
 * one, until `visit` returns false. Those of the estimate, which few steps take, are shown with 0.
 * Nothing is allocated on the device; the tasks are gone afterwards. Fails if the plan can't be
 * made or a visit failed.
 */
typedef bool wg_trainer_visit_task(void *user, const struct wg_task *task, int runs);
bool wg_trainer_visit_tasks(struct wg_device *device, const struct wg_trainer_params *params,
                            wg_trainer_visit_task *visit, void *user);

/* Whether such a run fits the device; fails as wg_trainer_create, and as soon, if it does not. */
bool wg_trainer_fits(const struct wg_device *device, const struct wg_trainer_params *params);

/* The memory such a run needs. Nothing is allocated on the device. Fails if the plan can't be made.
 */
bool wg_trainer_plan_memory(const struct wg_device *device, const struct wg_trainer_params *params,
                            struct wg_memory *ret_memory);

/* Enqueues one step; does not wait. With `estimate` the step's Wasserstein estimate is taken. */
bool wg_trainer_step(struct wg_trainer *trainer, bool estimate);

/*
 * Does one step and hands every task of it over, in order, with its time on the device. Slower
 * than wg_trainer_step, since it waits for each kernel.
 */
typedef bool wg_trainer_visit(void *user, const struct wg_task *task,
                              const struct wg_task_time *time);
bool wg_trainer_profile(struct wg_trainer *trainer, wg_trainer_visit *visit, void *user);

/* Steps enqueued since the beginning of the run. */
uint32_t wg_trainer_steps_done(const struct wg_trainer *trainer);

/* Losses stay on the device for this many steps. */
enum { WG_LOSS_HISTORY = 64 };

/* Waits, then reads the losses of steps first .. first + count - 1 (counted from 0), which must be
 * among the last WG_LOSS_HISTORY. */
bool wg_trainer_read_losses(struct wg_trainer *trainer, uint32_t first, int count,
                            struct wg_losses *ret_losses);

/* Images of a sample. */
enum { WG_SAMPLE_BATCH = 25 };

/* images [WG_SAMPLE_BATCH, 28, 28] in (-1, 1) by the generator in inference mode, from noise
 * [WG_SAMPLE_BATCH, noise]. Waits. */
bool wg_trainer_sample(struct wg_trainer *trainer, const float *noise, float *ret_images);

/* The state of a run: read and written by checkpoints. */
const struct wg_model *wg_trainer_model(const struct wg_trainer *trainer);
bool wg_trainer_read(struct wg_trainer *trainer, const struct wg_node *variable, float *ret_data);
bool wg_trainer_write(struct wg_trainer *trainer, const struct wg_node *variable,
                      const float *data);
/* Continues as if `steps` had been done. */
bool wg_trainer_set_steps_done(struct wg_trainer *trainer, uint32_t steps);

const struct wg_memory *wg_trainer_memory(const struct wg_trainer *trainer);

/* Additions and multiplications of one step, counted directly; bytes moved if every tensor is read
 * and written once per use; kernel launches. */
double wg_trainer_flops(const struct wg_trainer *trainer);
double wg_trainer_moved_bytes(const struct wg_trainer *trainer);
int wg_trainer_launches(const struct wg_trainer *trainer);

#endif
