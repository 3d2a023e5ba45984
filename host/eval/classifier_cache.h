/*
 * Classifiers in the user's cache, classifiers/KEY.safetensors: a data set's is trained once. The
 * key is a hash of the images and labels it learns from and of how it learns; not of the device,
 * so that one classifier serves all devices of a machine and their figures can be compared.
 */
#ifndef WG_EVAL_CLASSIFIER_CACHE_H
#define WG_EVAL_CLASSIFIER_CACHE_H

#include "host/eval/training.h"

/* Both may be NULL. */
struct wg_classifier_callbacks {
    void *user;
    void (*warning)(void *user, const char *text);
    void (*progress)(void *user, int done, int total); // updates of the training
};

/*
 * The classifier of these images: from the cache, or trained in `steps` updates and put there. A
 * cache that can't be used, or a damaged file in it, costs one warning and a training.
 */
bool wg_classifier_obtain(struct wg_device *device, const struct wg_labelled *images, int steps,
                          const struct wg_classifier_callbacks *callbacks,
                          struct wg_classifier **ret_classifier, bool *ret_cached);

#endif
