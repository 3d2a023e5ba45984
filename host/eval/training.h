/*
 * The classifier learns: RMSprop on the mean cross-entropy of batches drawn with replacement, each
 * image moved at random by up to two pixels, the learning rate falling in stages. All of it runs
 * on the device.
 */
#ifndef WG_EVAL_TRAINING_H
#define WG_EVAL_TRAINING_H

#include "host/eval/classifier.h"
#include "host/eval/split.h"

/* Changes whenever another classifier would come out of the same data. */
#define WG_CLASSIFIER_VERSION "1"

/* Updates for so many images. */
int wg_classifier_steps(size_t images);

/* Trains from initial weights that depend on nothing but constants, and writes the result into
 * `classifier`. `progress` may be NULL. */
bool wg_classifier_train(struct wg_classifier *classifier, struct wg_device *device,
                         const struct wg_labelled *images, int steps,
                         void (*progress)(void *user, int done, int total), void *user);

#endif
