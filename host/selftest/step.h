/*
 * Whole training steps of a small model, every number of which is compared with the
 * double-precision reference: losses, weights, moving statistics, accumulators, samples.
 *
 * The bound, in units of u = 2^-24. A sum of n rounded terms is typically off by sqrt(n) units of
 * its terms' size; the longest sums here, over all pixels of a batch, have 3 * 784 terms, so each
 * layer may add 64 units. A number passes eight of them at most, four layers forward and four
 * back or the other network's four: 512 units for everything that is a sum: losses, moments, and a
 * gradient in terms of the largest of its tensor, of which the accumulators hold a tenth of the
 * square.
 *
 * An update moves a weight by rate * g / sqrt(v + 1e-7), whose derivative to g is at most
 * rate / sqrt(v + 1e-7), v being the accumulator after it. So the weight may be off by as much
 * times the error of the gradient, summed over the updates, and by their own roundings. The biases
 * in front of a batch norm have no gradient: in float it is rounding alone, of the size that the
 * gradient of their kernel rounds with, and they drift by up to 3162 * rate times that.
 */
#ifndef WG_SELFTEST_STEP_H
#define WG_SELFTEST_STEP_H

#include "host/gan/trainer.h"
#include "host/reference/wgan.h"
#include "host/selftest/case.h"

enum { WG_STEP_BATCH = 3, WG_STEP_IMAGES = 50 };

/* Odd channels, so that vectors and tiles have remainders. */
extern const struct wg_widths wg_step_widths;

/*
 * A seed with which no activation of the first step comes so close to zero that rounding decides
 * on its sign, and so on its gradient: all that goes into a (leaky) ReLU and comes back is at
 * least 1.3e-4, or 2,000 units, of the largest of its tensor, with one critic iteration.
 */
#define WG_STEP_SEED UINT64_C(22821)

/* A trainer and the reference side by side. */
struct wg_step_test {
    struct wg_trainer *trainer;
    struct ref_wgan *reference;
    uint64_t seed;
    struct wg_dataset dataset; // blots of ink that differ from image to image
    struct wg_deviation worst; // of all comparisons so far
};

/* `forced`: see wg_plan_create. */
bool wg_step_test_create(struct wg_device *device, int critic_steps, uint64_t seed,
                         const char *forced, struct wg_step_test *ret_test);
void wg_step_test_finish(struct wg_step_test *test);

/* One step of both, its Wasserstein estimate included, and the comparison of all state. */
bool wg_step_test_step(struct wg_step_test *test);

/* Samples of both. */
bool wg_step_test_sample(struct wg_step_test *test);

#endif
