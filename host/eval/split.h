/*
 * Labelled images in two parts: those the classifier learns from, and those held out to judge it,
 * and to be judged beside the generated ones.
 *
 *   digits                        all 60,000; held out are 10,000 drawn with another seed
 *   .../train-images-idx3-ubyte   all of them; held out is the t10k-images-idx3-ubyte beside it
 *   any other set                 four of every five images of each class; the fifth is held out
 *
 * Each part is in a random order that depends on the number of images alone, so that its first N
 * images are a fair sample of it.
 */
#ifndef WG_EVAL_SPLIT_H
#define WG_EVAL_SPLIT_H

#include "include/wgan_cl.h"

struct wg_labelled {
    size_t count;
    uint8_t *pixels; // [count, 28, 28]
    uint8_t *labels; // [count], 0 to 9
};

/* NULL is fine; for each part. */
void wg_labelled_free(struct wg_labelled *part);

/* Images first ... first + count - 1 of a part, in [-1, 1]. */
void wg_labelled_images(const struct wg_labelled *part, size_t first, size_t count,
                        float *ret_images);

/*
 * Opens `source` and splits it; ret_source takes what struct wg_dataset has as such. Fails as
 * wg_dataset_open does, and with WG_ERROR_DATA if there are no labels, one is above 9, or a class
 * has no image in a part.
 */
bool wg_split_open(const char *source, char ret_source[1024], struct wg_labelled *ret_training,
                   struct wg_labelled *ret_held_out);

#endif
