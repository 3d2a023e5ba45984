/*
 * Classifiers in the user's cache, classifiers/KEY.safetensors: a data set's is trained once. The
 * key is a hash of the images and labels it learns from and of how it learns; not of the device,
 * so that one classifier serves all devices of a machine and their figures can be compared. What
 * it is worth is measured before it is put there, and whenever it is taken from there.
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

struct wg_judge {
    struct wg_classifier *classifier;
    bool is_cached;  // it was trained before
    double accuracy; // share of the held-out images it gets right
};

/*
 * The classifier of the images `training`: from the cache, or trained in `steps` updates and put
 * there. A cache that can't be used, or a damaged file in it, costs one warning and a training; so
 * does a file that gets less than half of the images `held_out` right. A new classifier that gets
 * no more right is not kept, and one below nine tenths costs a warning.
 */
bool wg_classifier_obtain(struct wg_device *device, const struct wg_labelled *training,
                          const struct wg_labelled *held_out, int steps,
                          const struct wg_classifier_callbacks *callbacks,
                          struct wg_judge *ret_judge);

#endif
