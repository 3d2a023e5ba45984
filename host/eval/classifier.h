/*
 * The judge: a small classifier of 28x28 grey images of ten classes. Its probabilities say what an
 * image shows, the outputs of its last hidden layer are the space in which images are compared, as
 * those of Inception are for photographs.
 *
 *   conv 4x4 /2, leaky ReLU 0.2    14 x 14 x 32
 *   conv 4x4 /2, leaky ReLU 0.2     7 x  7 x 64
 *   dense, leaky ReLU 0.2          128           scaled to length 1, the features
 *   dense                           10           softmax gives the probabilities
 *
 * The length of the hidden layer's output says little but how sure the classifier is. Unscaled, all
 * that it has no opinion of lies about the origin, amid the wide balls around the few ambiguous
 * real images, and an untrained generator is found to be precise.
 */
#ifndef WG_EVAL_CLASSIFIER_H
#define WG_EVAL_CLASSIFIER_H

#include "host/gan/model.h"
#include "host/graph/function.h"

enum { WG_CLASSES = 10, WG_FEATURES = 128 };

/* Adds the classifier's variables to a graph. */
void wg_classifier_network(struct wg_network *network, struct wg_graph *g);

/* The logits [N, 10] of images [N, 28, 28, 1] in [-1, 1], and the hidden layer's output [N, 128].
 */
struct wg_node *wg_classifier_build(const struct wg_network *network, struct wg_graph *g,
                                    struct wg_node *images, struct wg_node **ret_hidden);

/* A classifier on a device, to look at images. */
struct wg_classifier;

/* Its weights are zeros, and to be written. */
bool wg_classifier_create(struct wg_device *device, struct wg_classifier **ret_classifier);
void wg_classifier_destroy(struct wg_classifier *classifier);

/* Names and shapes of the weights, and access to them by number. */
const struct wg_network *wg_classifier_weights(const struct wg_classifier *classifier);
bool wg_classifier_write(struct wg_classifier *classifier, int weight, const float *data);
bool wg_classifier_read(struct wg_classifier *classifier, int weight, float *ret_data);

/* Features [count, 128], each of length 1, and probabilities [count, 10] of images [count, 28, 28]
 * in [-1, 1]. What an image gets does not depend on its companions. */
bool wg_classifier_run(struct wg_classifier *classifier, const float *images, size_t count,
                       float *ret_features, float *ret_probabilities);

#endif
