/*
 * Keras' model files back into the tensors of a checkpoint: what write.h writes, and what
 * tf.keras 2.15 and Keras 3 write when they save such models as .h5.
 *
 * Everything is matched as Keras itself does it, by its order alone: layers in that of layer_names,
 * those without weights left out, weights and RMSprop's accumulators in that of weight_names. Names
 * mean nothing. Everything is checked: classes, settings that change what is computed, shapes,
 * types.
 */
#ifndef WG_KERAS_READ_H
#define WG_KERAS_READ_H

#include "host/files/safetensors.h"
#include "host/keras/config.h"

#include <stdint.h>

/* What a file says about its RMSprop. */
struct wg_keras_rmsprop {
    bool is_there;   // false: the accumulators are 0
    int64_t updates; // done so far; 0 if it is not there
    struct wg_keras_rate rate;
};

struct wg_keras_state {
    struct wg_safetensor *tensors; // all of a checkpoint, under their names there
    int count;
    struct wg_keras_rmsprop generator; // from Adversarial.h5
    struct wg_keras_rmsprop critic;    // from Discriminator.h5
};

/*
 * Reads FOLDER/Generator.h5 and FOLDER/Discriminator.h5, and FOLDER/Adversarial.h5 if there is
 * one: of it the optimizer, as long as its weights are bit for bit those of the other two, since
 * Keras saves the three from the same variables. Fails with WG_ERROR_FILE, or with WG_ERROR_DATA:
 * file, layer, what is there and what was expected. `begin` is told of each file before it is read;
 * NULL: nobody is.
 */
bool wg_keras_read(const char *folder, void (*begin)(const char *path),
                   struct wg_keras_state *ret_state);
void wg_keras_state_free(struct wg_keras_state *state);

#endif
