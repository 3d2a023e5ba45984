/*
 * What a classifier's predictions say about a set of images: how sure and how varied they are, and
 * which classes they take. All of it in double precision; p [count, 10] are probabilities.
 */
#ifndef WG_EVAL_PREDICTIONS_H
#define WG_EVAL_PREDICTIONS_H

#include "host/eval/classifier.h"

/*
 * The classifier score: exp(mean over x of KL(p(y|x) || p(y))), p(y) being the mean of all p(y|x).
 * From 1, every image alike or none clear, to 10, every image clear and all classes equally many.
 * Salimans et al., "Improved techniques for training GANs" (2016), section 4, the Inception score,
 * with this classifier in the place of Inception.
 */
double wg_classifier_score(const float *p, size_t count);

/* The share of the images whose most probable class is c. */
void wg_class_shares(const float *p, size_t count, double ret_shares[WG_CLASSES]);

/* The share of images whose most probable class is their label. */
double wg_accuracy(const float *p, const uint8_t *labels, size_t count);

/* A class is a missing mode if its share is below this part of what it is among real images. */
#define WG_MISSING_SHARE 0.1

/* How many are, and which. */
int wg_missing_modes(const double shares[WG_CLASSES], const double real[WG_CLASSES],
                     bool ret_missing[WG_CLASSES]);

#endif
