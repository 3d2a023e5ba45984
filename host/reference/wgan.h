/*
 * The whole WGAN in double precision, with hand-derived gradients: what one training step must
 * compute, at any width of the layers.
 *
 * Spatial sizes are those of the model (7, 14, 28). The parity target is Keras 2.15; every weight
 * starts as the product starts it and every random draw is the product's (philox_draws.h), so
 * that a training can be compared tensor by tensor. Not made for speed: at the full widths a step
 * takes about half a second per image.
 */
#ifndef WG_REFERENCE_WGAN_H
#define WG_REFERENCE_WGAN_H

#include <stddef.h>
#include <stdint.h>

/* Channels of the layers; in the comments those of the model proper. */
struct ref_widths {
    int noise; // 100
    int base;  // 32, at 7x7
    int up1;   // 128, at 14x14
    int up2;   // 256, at 28x28
    int down1; // 256, at 14x14
    int down2; // 128, at 7x7
    int down3; // 64, at 7x7
};

struct ref_settings {
    double lr_generator; // learning rate, > 0
    double lr_critic;    // learning rate, > 0
    double clip;         // largest magnitude of a critic's weight, > 0
    int critic_steps;    // critic iterations for one of the generator, >= 1
};

/* The tensors in their running order, which also numbers the draws of the initial weights. */
enum ref_tensor_id {
    REF_GENERATOR_DENSE_KERNEL, // [noise, 49 base]
    REF_GENERATOR_DENSE_BIAS,
    REF_GENERATOR_NORM0_GAMMA, // [49 base]
    REF_GENERATOR_NORM0_BETA,
    REF_GENERATOR_NORM0_MOVING_MEAN,
    REF_GENERATOR_NORM0_MOVING_VARIANCE,
    REF_GENERATOR_CONV1_KERNEL, // [4, 4, up1, base]
    REF_GENERATOR_CONV1_BIAS,
    REF_GENERATOR_NORM1_GAMMA, // [up1]
    REF_GENERATOR_NORM1_BETA,
    REF_GENERATOR_NORM1_MOVING_MEAN,
    REF_GENERATOR_NORM1_MOVING_VARIANCE,
    REF_GENERATOR_CONV2_KERNEL, // [4, 4, up2, up1]
    REF_GENERATOR_CONV2_BIAS,
    REF_GENERATOR_NORM2_GAMMA, // [up2]
    REF_GENERATOR_NORM2_BETA,
    REF_GENERATOR_NORM2_MOVING_MEAN,
    REF_GENERATOR_NORM2_MOVING_VARIANCE,
    REF_GENERATOR_CONV3_KERNEL, // [4, 4, 1, up2]
    REF_GENERATOR_CONV3_BIAS,
    REF_CRITIC_CONV1_KERNEL, // [4, 4, 1, down1]
    REF_CRITIC_CONV1_BIAS,
    REF_CRITIC_CONV2_KERNEL, // [4, 4, down1, down2]
    REF_CRITIC_CONV2_BIAS,
    REF_CRITIC_CONV3_KERNEL, // [4, 4, down2, down3]
    REF_CRITIC_CONV3_BIAS,
    REF_CRITIC_DENSE_KERNEL, // [49 down3, 1]
    REF_CRITIC_DENSE_BIAS,
    REF_TENSOR_COUNT,
};

struct ref_tensor {
    const char *name;    // "generator.norm0.moving_mean"
    int shape[4];        // zero beyond the rank
    int rank;            // 1, 2 or 4
    size_t size;         // elements
    double *weight;      // [size]
    double *gradient;    // [size], of the loss last differentiated; NULL for moving statistics
    double *accumulator; // [size], of RMSprop; NULL for moving statistics
};

struct ref_activations;

struct ref_wgan {
    struct ref_widths widths;
    struct ref_settings settings;
    int batch; // images
    struct ref_tensor tensors[REF_TENSOR_COUNT];
    struct ref_activations *activations; // private
};

/*
 * All memory of a training with batches of `batch` images. Weights are those before any
 * initialisation: biases, beta and moving means 0, gamma and moving variances 1, and kernels 0.
 * NULL if out of memory.
 */
struct ref_wgan *ref_wgan_create(const struct ref_widths *widths, int batch,
                                 const struct ref_settings *settings);
void ref_wgan_destroy(struct ref_wgan *w);

/* The tensor called "generator.conv1.kernel", say; NULL if there is none of that name. */
struct ref_tensor *ref_wgan_find(struct ref_wgan *w, const char *name);

/* Kernels uniform in +-sqrt(6 / (fan_in + fan_out)) from the seed, all else as created, the
 * accumulators 0. Glorot, Bengio (2010), equation 16. */
void ref_wgan_init(struct ref_wgan *w, uint64_t seed);

/*
 * One training step, number `step` of the draws:
 *
 *   critic_steps times:
 *     the critic learns to lower  mean(-D(real)), then mean(+D(fake)), two updates;
 *     fake = G(noise) with the moving statistics; then every critic weight is clipped
 *   the generator learns to lower mean(-D(G(noise))) with the statistics of the batch
 *
 *   dataset  u8 [count, 28, 28], scaled x / 127.5 - 1; batches are drawn with replacement
 *   losses   [3] real, fake, generator: each before its own update, those of the critic from its
 *            last iteration
 */
void ref_wgan_step(struct ref_wgan *w, uint32_t step, uint64_t seed, const uint8_t *dataset,
                   size_t count, double losses[3]);

/* Images of inference mode: noise [count, noise] -> images [count, 28, 28] in (-1, 1). */
void ref_wgan_generate(struct ref_wgan *w, const double *noise, size_t count, double *images);

/*
 * The loss mean(label * D(images)) of one batch, with its gradients in the critic's tensors.
 *
 *   images  [batch, 28, 28];  label -1 for real, +1 for generated
 */
double ref_wgan_critic_gradient(struct ref_wgan *w, const double *images, double label);

/*
 * The loss mean(-D(G(noise))) of one batch in training mode, with its gradients in the
 * generator's tensors. The moving statistics are neither used nor changed.
 *
 *   noise  [batch, noise]
 */
double ref_wgan_generator_gradient(struct ref_wgan *w, const double *noise);

#endif
