/*
 * The JSON inside Keras' model files: model_config, which rebuilds a model, and training_config,
 * with which it is compiled.
 *
 * Written so that tf.keras 2.15 and Keras 3 both take it, by settings that both know. Read from
 * files of either; what is compared are the settings that change what a network computes.
 */
#ifndef WG_KERAS_CONFIG_H
#define WG_KERAS_CONFIG_H

#include "host/files/json.h"
#include "host/keras/layers.h"

/* A network alone, trainable; and the generator followed by the frozen critic. NULL if out of
 * memory. */
struct wg_json *wg_keras_network_config(const struct wg_keras_network *network);
struct wg_json *wg_keras_adversarial_config(void);
#define WG_KERAS_ADVERSARIAL_INPUT "input_3" // its first layer

/* RMSprop with this learning rate, and accuracy as the metric, which the Keras program has for the
 * critic alone. The loss is left out. NULL if out of memory. */
struct wg_json *wg_keras_training_config(float learning_rate, bool with_accuracy);

/* The models, each of which has a file of its name. */
enum wg_keras_model { WG_KERAS_GENERATOR, WG_KERAS_DISCRIMINATOR, WG_KERAS_ADVERSARIAL };

/* Checks that a model_config describes the model, layer after layer; activations may be layers or
 * arguments. Fails with WG_ERROR_DATA: the first layer that differs, setting, what it is and should
 * be, or which other of the models it is. */
bool wg_keras_check_model(const struct wg_json *config, enum wg_keras_model model);

/* A learning rate, or the class of a schedule that gives it. */
struct wg_keras_rate {
    float value;       // 0: none is named
    char schedule[48]; // "ExponentialDecay"; empty: none
};

/* Checks that a training_config is of RMSprop as it is computed here, whatever the loss. Fails
 * with WG_ERROR_DATA. */
bool wg_keras_check_training(const struct wg_json *config, struct wg_keras_rate *ret_rate);

#endif
