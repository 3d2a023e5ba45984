/*
 * Checkpoints: all of a run's state in one safetensors file.
 *
 * Tensors: every weight under its name; batch norm's statistics as ...moving_mean and
 * ...moving_variance; RMSprop's accumulators as rmsprop.NAME. Metadata: format, version, step,
 * settings (JSON, with the seed), data (source and digest), hash of these and all tensor bytes.
 */
#ifndef WG_RUN_CHECKPOINT_H
#define WG_RUN_CHECKPOINT_H

#include "host/files/safetensors.h"
#include "host/gan/inference.h"
#include "host/gan/trainer.h"

/* What a checkpoint says about its run. */
struct wg_checkpoint_info {
    uint32_t step;
    struct wg_train_settings settings;
    char data_source[1024];
    uint64_t data_hash;
};

/* Writes the trainer's state. Waits for it. Fails with WG_ERROR_DATA if a number in it is not
 * finite, and with WG_ERROR_FILE and the like; an older file of that name then stays. */
bool wg_checkpoint_write(const char *path, struct wg_trainer *trainer,
                         const struct wg_checkpoint_info *info);

/* Writes a state that is no trainer's: `tensors` under the names a checkpoint has for them. */
bool wg_checkpoint_write_tensors(const char *path, const struct wg_safetensor *tensors, int count,
                                 const struct wg_checkpoint_info *info);

/*
 * An opened checkpoint, checked: written by wgan-cl, undamaged, of a known version.
 * Fails with WG_ERROR_FILE or WG_ERROR_DATA.
 */
struct wg_checkpoint;
bool wg_checkpoint_open(const char *path, struct wg_checkpoint **ret_checkpoint);
void wg_checkpoint_close(struct wg_checkpoint *checkpoint);
const struct wg_checkpoint_info *wg_checkpoint_info(const struct wg_checkpoint *checkpoint);

/* All its tensors; they live as long as it is open. */
const struct wg_safetensors *wg_checkpoint_tensors(const struct wg_checkpoint *checkpoint);

/* Puts all state into the trainer, or one network's weights where it is alone. Fails with
 * WG_ERROR_DATA, naming the tensor, if one is missing or of another shape. */
bool wg_checkpoint_load_trainer(const struct wg_checkpoint *checkpoint, struct wg_trainer *trainer);
bool wg_checkpoint_load_network(const struct wg_checkpoint *checkpoint,
                                struct wg_inference *inference);

#endif
