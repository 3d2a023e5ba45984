/*
 * Keras' model files from the tensors of a checkpoint: Generator.h5, Discriminator.h5 and
 * Adversarial.h5, laid out as tf.keras 2.15 writes them.
 *
 *   /                       model_config, training_config, keras_version, backend
 *   /model_weights          layer_names; a group per layer with weight_names and the arrays
 *   /optimizer_weights      weight_names: the iteration, then RMSprop's accumulators
 *
 * One thing is not as the Keras program leaves it: there Discriminator.h5 says that nothing in it
 * is to be trained, since the program freezes the critic after it was compiled. Here it can be.
 *
 * The generator alone was never compiled and has neither training_config nor optimizer; its
 * RMSprop is that of Adversarial.h5, where the critic stands frozen behind it.
 */
#ifndef WG_KERAS_WRITE_H
#define WG_KERAS_WRITE_H

#include "host/files/safetensors.h"

#include <stdint.h>

struct wg_keras_training {
    float lr_generator;
    float lr_critic;
    int64_t generator_updates; // of RMSprop so far
    int64_t critic_updates;    // two per critic iteration
};

/* Writes the three into a folder that is there. They appear together or not at all, see
 * wg_output_commit_all(). Fails with WG_ERROR_FILE, or with WG_ERROR_DATA, naming the tensor, if
 * one is missing or of another shape. */
bool wg_keras_write(const char *folder, const struct wg_safetensors *tensors,
                    const struct wg_keras_training *training);

#endif
