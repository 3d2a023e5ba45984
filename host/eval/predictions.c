#include "host/eval/predictions.h"

#include <math.h>

double wg_classifier_score(const float *p, size_t count)
{
    double marginal[WG_CLASSES] = {0}, divergence = 0;
    for (size_t i = 0; i < count * WG_CLASSES; i++)
        marginal[i % WG_CLASSES] += (double)p[i] / (double)count;
    for (size_t i = 0; i < count * WG_CLASSES; i++)
        if (p[i] > 0) // p log p goes to 0 with p
            divergence += (double)p[i] * log((double)p[i] / marginal[i % WG_CLASSES]);
    return exp(divergence / (double)count);
}

/* The first of the largest. */
static int most_probable(const float *p)
{
    int best = 0;
    for (int c = 1; c < WG_CLASSES; c++)
        if (p[c] > p[best])
            best = c;
    return best;
}

void wg_class_shares(const float *p, size_t count, double ret_shares[WG_CLASSES])
{
    size_t found[WG_CLASSES] = {0};
    for (size_t i = 0; i < count; i++)
        found[most_probable(p + i * WG_CLASSES)]++;
    for (int c = 0; c < WG_CLASSES; c++)
        ret_shares[c] = (double)found[c] / (double)count;
}

double wg_accuracy(const float *p, const uint8_t *labels, size_t count)
{
    size_t right = 0;
    for (size_t i = 0; i < count; i++)
        right += most_probable(p + i * WG_CLASSES) == labels[i];
    return (double)right / (double)count;
}

int wg_missing_modes(const double shares[WG_CLASSES], const double real[WG_CLASSES],
                     bool ret_missing[WG_CLASSES])
{
    int missing = 0;
    for (int c = 0; c < WG_CLASSES; c++)
        missing += ret_missing[c] = shares[c] < WG_MISSING_SHARE * real[c];
    return missing;
}
