/*
 * The whole WGAN in double precision; see wgan.h. The backward passes are written out by hand,
 * one line for each line of the forward pass, in reverse.
 */
#include "host/reference/wgan.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/reference/ops.h"
#include "host/reference/philox_draws.h"

enum {
    PIXELS = 28 * 28,
    NORMS = 3,        // batch normalisations of the generator
    CRITIC_CONVS = 3, //
    PARTS = 40,       // arrays below, at most
};

static const double leaky_slope = 0.2;
static const double norm_epsilon = 1e-3;
static const double norm_momentum = 0.8;
static const double rmsprop_rho = 0.9;
static const double rmsprop_epsilon = 1e-7;

/* The generator is: dense, norm0, then conv and norm in turn; after the last conv a tanh. */
static const int generator_kernels[NORMS + 1] = {
    REF_GENERATOR_DENSE_KERNEL,
    REF_GENERATOR_CONV1_KERNEL,
    REF_GENERATOR_CONV2_KERNEL,
    REF_GENERATOR_CONV3_KERNEL,
};
static const int generator_norms[NORMS] = {
    REF_GENERATOR_NORM0_GAMMA,
    REF_GENERATOR_NORM1_GAMMA,
    REF_GENERATOR_NORM2_GAMMA,
};
static const int critic_kernels[CRITIC_CONVS] = {
    REF_CRITIC_CONV1_KERNEL,
    REF_CRITIC_CONV2_KERNEL,
    REF_CRITIC_CONV3_KERNEL,
};

/* What the passes leave for one another; N is the batch. */
struct ref_activations {
    double *noise;                // [N, noise]
    double *norm_in[NORMS];       // [N, 7, 7, base], [N, 14, 14, up1], [N, 28, 28, up2]
    double *norm_out[NORMS];      // after the ReLU
    double *norm_mean[NORMS];     // [channels], of the batch
    double *norm_variance[NORMS]; // [channels], of the batch, biased
    double *fake;                 // [N, 28, 28, 1]
    double *d_norm_in[NORMS];     // gradients of the loss, shapes as above
    double *d_norm_out[NORMS];    //
    double *d_fake;               // to the image, then to what enters the tanh

    double *real;                       // [N, 28, 28, 1]
    uint32_t *indices;                  // [N], of the real images in the dataset
    double *critic_out[CRITIC_CONVS];   // [N, 14, 14, down1], [N, 7, 7, down2], [N, 7, 7, down3]
    double *score;                      // [N, 1]
    double *d_critic_out[CRITIC_CONVS]; // to the output, then to what enters the leaky ReLU
    double *d_critic_image;             // [N, 28, 28, 1]
    double *d_score;                    // [N, 1]

    double *parts[PARTS]; // all of the arrays of doubles, for freeing
    int part_count;
};

/* ---- Memory ------------------------------------------------------------------------------ */

/* Adds `count` zeros to what the activations own; NULL if out of memory. */
static double *take(struct ref_activations *a, size_t count)
{
    double *part = calloc(count, sizeof(*part));

    a->parts[a->part_count++] = part;
    return part;
}

static void activations_destroy(struct ref_activations *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->part_count; i++)
        free(a->parts[i]);
    free(a->indices);
    free(a);
}

static void take_generator(struct ref_activations *a, const struct ref_widths *widths, size_t batch)
{
    const size_t positions[NORMS] = {1, 14 * 14, PIXELS};
    const size_t channels[NORMS] = {(size_t)49 * widths->base, (size_t)widths->up1,
                                    (size_t)widths->up2};

    a->noise = take(a, batch * widths->noise);
    for (int l = 0; l < NORMS; l++) {
        a->norm_in[l] = take(a, batch * positions[l] * channels[l]);
        a->norm_out[l] = take(a, batch * positions[l] * channels[l]);
        a->d_norm_in[l] = take(a, batch * positions[l] * channels[l]);
        a->d_norm_out[l] = take(a, batch * positions[l] * channels[l]);
        a->norm_mean[l] = take(a, channels[l]);
        a->norm_variance[l] = take(a, channels[l]);
    }
    a->fake = take(a, batch * PIXELS);
    a->d_fake = take(a, batch * PIXELS);
}

static void take_critic(struct ref_activations *a, const struct ref_widths *widths, size_t batch)
{
    const size_t sizes[CRITIC_CONVS] = {(size_t)14 * 14 * widths->down1,
                                        (size_t)7 * 7 * widths->down2,
                                        (size_t)7 * 7 * widths->down3};

    a->real = take(a, batch * PIXELS);
    a->d_critic_image = take(a, batch * PIXELS);
    for (int l = 0; l < CRITIC_CONVS; l++) {
        a->critic_out[l] = take(a, batch * sizes[l]);
        a->d_critic_out[l] = take(a, batch * sizes[l]);
    }
    a->score = take(a, batch);
    a->d_score = take(a, batch);
}

static struct ref_activations *activations_create(const struct ref_widths *widths, size_t batch)
{
    struct ref_activations *a = calloc(1, sizeof(*a));

    if (!a)
        return NULL;
    a->indices = calloc(batch, sizeof(*a->indices));
    take_generator(a, widths, batch);
    take_critic(a, widths, batch);

    bool complete = a->indices != NULL;
    for (int i = 0; i < a->part_count; i++)
        complete = complete && a->parts[i];
    if (!complete) {
        activations_destroy(a);
        return NULL;
    }
    return a;
}

/* ---- Tensors ----------------------------------------------------------------------------- */

static void set_names_and_shapes(const struct ref_widths *widths, struct ref_tensor *tensors)
{
    const int units = 7 * 7 * widths->base;
    const struct {
        const char *name;
        int shape[4];
    } table[REF_TENSOR_COUNT] = {
        [REF_GENERATOR_DENSE_KERNEL] = {"generator.dense.kernel", {widths->noise, units}},
        [REF_GENERATOR_DENSE_BIAS] = {"generator.dense.bias", {units}},
        [REF_GENERATOR_NORM0_GAMMA] = {"generator.norm0.gamma", {units}},
        [REF_GENERATOR_NORM0_BETA] = {"generator.norm0.beta", {units}},
        [REF_GENERATOR_NORM0_MOVING_MEAN] = {"generator.norm0.moving_mean", {units}},
        [REF_GENERATOR_NORM0_MOVING_VARIANCE] = {"generator.norm0.moving_variance", {units}},
        [REF_GENERATOR_CONV1_KERNEL] = {"generator.conv1.kernel",
                                        {4, 4, widths->up1, widths->base}},
        [REF_GENERATOR_CONV1_BIAS] = {"generator.conv1.bias", {widths->up1}},
        [REF_GENERATOR_NORM1_GAMMA] = {"generator.norm1.gamma", {widths->up1}},
        [REF_GENERATOR_NORM1_BETA] = {"generator.norm1.beta", {widths->up1}},
        [REF_GENERATOR_NORM1_MOVING_MEAN] = {"generator.norm1.moving_mean", {widths->up1}},
        [REF_GENERATOR_NORM1_MOVING_VARIANCE] = {"generator.norm1.moving_variance", {widths->up1}},
        [REF_GENERATOR_CONV2_KERNEL] = {"generator.conv2.kernel", {4, 4, widths->up2, widths->up1}},
        [REF_GENERATOR_CONV2_BIAS] = {"generator.conv2.bias", {widths->up2}},
        [REF_GENERATOR_NORM2_GAMMA] = {"generator.norm2.gamma", {widths->up2}},
        [REF_GENERATOR_NORM2_BETA] = {"generator.norm2.beta", {widths->up2}},
        [REF_GENERATOR_NORM2_MOVING_MEAN] = {"generator.norm2.moving_mean", {widths->up2}},
        [REF_GENERATOR_NORM2_MOVING_VARIANCE] = {"generator.norm2.moving_variance", {widths->up2}},
        [REF_GENERATOR_CONV3_KERNEL] = {"generator.conv3.kernel", {4, 4, 1, widths->up2}},
        [REF_GENERATOR_CONV3_BIAS] = {"generator.conv3.bias", {1}},
        [REF_CRITIC_CONV1_KERNEL] = {"critic.conv1.kernel", {4, 4, 1, widths->down1}},
        [REF_CRITIC_CONV1_BIAS] = {"critic.conv1.bias", {widths->down1}},
        [REF_CRITIC_CONV2_KERNEL] = {"critic.conv2.kernel", {4, 4, widths->down1, widths->down2}},
        [REF_CRITIC_CONV2_BIAS] = {"critic.conv2.bias", {widths->down2}},
        [REF_CRITIC_CONV3_KERNEL] = {"critic.conv3.kernel", {4, 4, widths->down2, widths->down3}},
        [REF_CRITIC_CONV3_BIAS] = {"critic.conv3.bias", {widths->down3}},
        [REF_CRITIC_DENSE_KERNEL] = {"critic.dense.kernel", {7 * 7 * widths->down3, 1}},
        [REF_CRITIC_DENSE_BIAS] = {"critic.dense.bias", {1}},
    };

    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        tensors[i].name = table[i].name;
        memcpy(tensors[i].shape, table[i].shape, sizeof(table[i].shape));
    }
}

/* Gamma, beta, moving mean and moving variance of norm l. */
static struct ref_tensor *norm_tensors(struct ref_wgan *w, int l)
{
    return &w->tensors[generator_norms[l]];
}

static bool is_moving(const struct ref_tensor *t)
{
    return strstr(t->name, ".moving_") != NULL;
}

static bool tensor_allocate(struct ref_tensor *t)
{
    t->size = 1;
    for (t->rank = 0; t->rank < 4 && t->shape[t->rank]; t->rank++)
        t->size *= (size_t)t->shape[t->rank];

    t->weight = calloc(t->size, sizeof(*t->weight));
    if (is_moving(t))
        return t->weight;
    t->gradient = calloc(t->size, sizeof(*t->gradient));
    t->accumulator = calloc(t->size, sizeof(*t->accumulator));
    return t->weight && t->gradient && t->accumulator;
}

static void fill(struct ref_tensor *t, double value)
{
    for (size_t i = 0; i < t->size; i++)
        t->weight[i] = value;
}

/* Everything but the kernels. */
static void init_constants(struct ref_wgan *w)
{
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *t = &w->tensors[i];

        fill(t, 0.0);
        if (t->accumulator)
            memset(t->accumulator, 0, t->size * sizeof(*t->accumulator));
    }
    for (int l = 0; l < NORMS; l++) {
        fill(&norm_tensors(w, l)[0], 1.0);
        fill(&norm_tensors(w, l)[3], 1.0);
    }
}

struct ref_wgan *ref_wgan_create(const struct ref_widths *widths, int batch,
                                 const struct ref_settings *settings)
{
    struct ref_wgan *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->widths = *widths;
    w->settings = *settings;
    w->batch = batch;
    w->activations = activations_create(widths, (size_t)batch);
    set_names_and_shapes(widths, w->tensors);

    bool complete = w->activations != NULL;
    for (int i = 0; i < REF_TENSOR_COUNT; i++)
        complete = tensor_allocate(&w->tensors[i]) && complete;
    if (!complete) {
        ref_wgan_destroy(w);
        return NULL;
    }
    init_constants(w);
    return w;
}

void ref_wgan_destroy(struct ref_wgan *w)
{
    if (!w)
        return;
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        free(w->tensors[i].weight);
        free(w->tensors[i].gradient);
        free(w->tensors[i].accumulator);
    }
    activations_destroy(w->activations);
    free(w);
}

struct ref_tensor *ref_wgan_find(struct ref_wgan *w, const char *name)
{
    for (int i = 0; i < REF_TENSOR_COUNT; i++)
        if (strcmp(w->tensors[i].name, name) == 0)
            return &w->tensors[i];
    return NULL;
}

/* The sum of a kernel's fans: its last two dimensions, each times the taps of a convolution. */
static double fans(const struct ref_tensor *t)
{
    if (t->rank == 4)
        return (double)t->shape[0] * t->shape[1] * ((double)t->shape[2] + t->shape[3]);
    return (double)t->shape[0] + t->shape[1];
}

void ref_wgan_init(struct ref_wgan *w, uint64_t seed)
{
    init_constants(w);
    for (int i = 0; i < REF_TENSOR_COUNT; i++) {
        struct ref_tensor *t = &w->tensors[i];

        if (t->rank > 1)
            ref_draw_weights(seed, (uint32_t)i, sqrt(6.0 / fans(t)), t->size, t->weight);
    }
}

/* ---- Generator --------------------------------------------------------------------------- */

/* The convolution whose data gradient is the transposed convolution after norm l. */
static struct ref_conv generator_conv(const struct ref_wgan *w, int l, int n)
{
    const struct ref_conv convs[NORMS] = {
        {n, 14, 14, w->widths.up1, 7, 7, w->widths.base, 4, 2, 1},
        {n, 28, 28, w->widths.up2, 14, 14, w->widths.up1, 4, 2, 1},
        {n, 28, 28, 1, 28, 28, w->widths.up2, 4, 1, 1},
    };

    return convs[l];
}

/* Norm l over n images, with the statistics of the batch or the moving ones. */
static struct ref_norm generator_norm(struct ref_wgan *w, int l, int n, bool training)
{
    const struct ref_tensor *t = norm_tensors(w, l);
    const size_t positions[NORMS] = {1, 14 * 14, PIXELS};
    const struct ref_norm norm = {
        .rows = (size_t)n * positions[l],
        .channels = t->shape[0],
        .epsilon = norm_epsilon,
        .mean = training ? w->activations->norm_mean[l] : t[2].weight,
        .variance = training ? w->activations->norm_variance[l] : t[3].weight,
        .gamma = t[0].weight,
        .beta = t[1].weight,
    };

    return norm;
}

static void generator_forward(struct ref_wgan *w, const double *noise, int n, bool training)
{
    struct ref_activations *a = w->activations;
    const struct ref_tensor *dense = &w->tensors[REF_GENERATOR_DENSE_KERNEL];
    const struct ref_product product = {.m = n, .n = dense->shape[1], .k = dense->shape[0]};

    ref_matmul(&product, noise, dense[0].weight, a->norm_in[0]);
    ref_bias_act((size_t)n, dense->shape[1], a->norm_in[0], dense[1].weight, REF_ACT_NONE, 0.0,
                 a->norm_in[0]);
    for (int l = 0; l < NORMS; l++) {
        const struct ref_norm norm = generator_norm(w, l, n, training);
        const struct ref_conv conv = generator_conv(w, l, n);
        const struct ref_tensor *kernel = &w->tensors[generator_kernels[l + 1]];
        const bool last = l == NORMS - 1;
        double *out = last ? a->fake : a->norm_in[l + 1];

        if (training)
            ref_moments(norm.rows, norm.channels, a->norm_in[l], a->norm_mean[l],
                        a->norm_variance[l]);
        ref_batch_norm(&norm, a->norm_in[l], true, a->norm_out[l]);
        ref_conv2d_data(&conv, a->norm_out[l], kernel[0].weight, out);
        ref_bias_act((size_t)n * conv.h * conv.w, conv.c, out, kernel[1].weight,
                     last ? REF_ACT_TANH : REF_ACT_NONE, 0.0, out);
    }
}

/* From d_fake, the gradient to the image, to all of the generator's weights. */
static void generator_backward(struct ref_wgan *w, const double *noise, int n)
{
    struct ref_activations *a = w->activations;
    struct ref_tensor *dense = &w->tensors[REF_GENERATOR_DENSE_KERNEL];
    const struct ref_product product = {
        .m = dense->shape[0], .n = dense->shape[1], .k = n, .a_transposed = true};

    ref_act_gradient((size_t)n * PIXELS, a->fake, a->d_fake, REF_ACT_TANH, 0.0, a->d_fake);
    for (int l = NORMS - 1; l >= 0; l--) {
        const struct ref_norm norm = generator_norm(w, l, n, true);
        const struct ref_conv conv = generator_conv(w, l, n);
        struct ref_tensor *kernel = &w->tensors[generator_kernels[l + 1]];
        struct ref_tensor *gamma = norm_tensors(w, l);
        const double *d_out = l == NORMS - 1 ? a->d_fake : a->d_norm_in[l + 1];

        ref_sum_rows((size_t)n * conv.h * conv.w, conv.c, d_out, kernel[1].gradient);
        ref_conv2d_filter(&conv, d_out, a->norm_out[l], kernel[0].gradient);
        ref_conv2d(&conv, d_out, kernel[0].weight, a->d_norm_out[l]);
        ref_act_gradient(norm.rows * norm.channels, a->norm_out[l], a->d_norm_out[l],
                         REF_ACT_LEAKY_RELU, 0.0, a->d_norm_out[l]);
        ref_batch_norm_gradient(&norm, a->norm_in[l], a->d_norm_out[l], a->d_norm_in[l],
                                gamma[0].gradient, gamma[1].gradient);
    }
    ref_sum_rows((size_t)n, dense->shape[1], a->d_norm_in[0], dense[1].gradient);
    ref_matmul(&product, noise, a->d_norm_in[0], dense[0].gradient);
}

/*
 * The statistics of the batch enter the moving ones. TensorFlow's fused kernel, which Keras takes
 * after convolutions only, makes the variance unbiased on the way.
 */
static void generator_move(struct ref_wgan *w)
{
    for (int l = 0; l < NORMS; l++) {
        const struct ref_norm norm = generator_norm(w, l, w->batch, true);
        const double rows = (double)norm.rows;
        struct ref_tensor *t = norm_tensors(w, l);

        ref_moving_average(t->size, norm.mean, norm_momentum, 1.0, t[2].weight);
        ref_moving_average(t->size, norm.variance, norm_momentum, l == 0 ? 1.0 : rows / (rows - 1),
                           t[3].weight);
    }
}

/* ---- Critic ------------------------------------------------------------------------------ */

static struct ref_conv critic_conv(const struct ref_wgan *w, int l)
{
    const int n = w->batch;
    const struct ref_conv convs[CRITIC_CONVS] = {
        {n, 28, 28, 1, 14, 14, w->widths.down1, 4, 2, 1},
        {n, 14, 14, w->widths.down1, 7, 7, w->widths.down2, 4, 2, 1},
        {n, 7, 7, w->widths.down2, 7, 7, w->widths.down3, 4, 1, 1},
    };

    return convs[l];
}

static size_t conv_pixels(const struct ref_conv *conv)
{
    return (size_t)conv->n * conv->oh * conv->ow;
}

static void critic_forward(struct ref_wgan *w, const double *images)
{
    struct ref_activations *a = w->activations;
    const struct ref_tensor *dense = &w->tensors[REF_CRITIC_DENSE_KERNEL];
    const struct ref_product product = {.m = w->batch, .n = 1, .k = dense->shape[0]};

    for (int l = 0; l < CRITIC_CONVS; l++) {
        const struct ref_conv conv = critic_conv(w, l);
        const struct ref_tensor *kernel = &w->tensors[critic_kernels[l]];
        const double *in = l == 0 ? images : a->critic_out[l - 1];

        ref_conv2d(&conv, in, kernel[0].weight, a->critic_out[l]);
        ref_bias_act(conv_pixels(&conv), conv.oc, a->critic_out[l], kernel[1].weight,
                     REF_ACT_LEAKY_RELU, leaky_slope, a->critic_out[l]);
    }
    ref_matmul(&product, a->critic_out[CRITIC_CONVS - 1], dense[0].weight, a->score);
    ref_bias_act((size_t)w->batch, 1, a->score, dense[1].weight, REF_ACT_NONE, 0.0, a->score);
}

/* The gradient of mean(label * score) to every activation, down to the image. */
static void critic_backward(struct ref_wgan *w, double label)
{
    struct ref_activations *a = w->activations;
    const struct ref_tensor *dense = &w->tensors[REF_CRITIC_DENSE_KERNEL];
    const struct ref_product product = {
        .m = w->batch, .n = dense->shape[0], .k = 1, .b_transposed = true};

    for (int i = 0; i < w->batch; i++)
        a->d_score[i] = label / w->batch;
    ref_matmul(&product, a->d_score, dense[0].weight, a->d_critic_out[CRITIC_CONVS - 1]);
    for (int l = CRITIC_CONVS - 1; l >= 0; l--) {
        const struct ref_conv conv = critic_conv(w, l);
        double *d_in = l == 0 ? a->d_critic_image : a->d_critic_out[l - 1];

        ref_act_gradient(conv_pixels(&conv) * conv.oc, a->critic_out[l], a->d_critic_out[l],
                         REF_ACT_LEAKY_RELU, leaky_slope, a->d_critic_out[l]);
        ref_conv2d_data(&conv, a->d_critic_out[l], w->tensors[critic_kernels[l]].weight, d_in);
    }
}

/* From the gradients to the activations to those of the weights. */
static void critic_weights(struct ref_wgan *w, const double *images)
{
    struct ref_activations *a = w->activations;
    struct ref_tensor *dense = &w->tensors[REF_CRITIC_DENSE_KERNEL];
    const struct ref_product product = {
        .m = dense->shape[0], .n = 1, .k = w->batch, .a_transposed = true};

    for (int l = 0; l < CRITIC_CONVS; l++) {
        const struct ref_conv conv = critic_conv(w, l);
        struct ref_tensor *kernel = &w->tensors[critic_kernels[l]];
        const double *in = l == 0 ? images : a->critic_out[l - 1];

        ref_conv2d_filter(&conv, in, a->d_critic_out[l], kernel[0].gradient);
        ref_sum_rows(conv_pixels(&conv), conv.oc, a->d_critic_out[l], kernel[1].gradient);
    }
    ref_matmul(&product, a->critic_out[CRITIC_CONVS - 1], a->d_score, dense[0].gradient);
    ref_sum_rows((size_t)w->batch, 1, a->d_score, dense[1].gradient);
}

/* ---- Training ---------------------------------------------------------------------------- */

double ref_wgan_critic_gradient(struct ref_wgan *w, const double *images, double label)
{
    critic_forward(w, images);
    critic_backward(w, label);
    critic_weights(w, images);
    return label * ref_mean((size_t)w->batch, w->activations->score);
}

double ref_wgan_generator_gradient(struct ref_wgan *w, const double *noise)
{
    struct ref_activations *a = w->activations;

    generator_forward(w, noise, w->batch, true);
    critic_forward(w, a->fake);
    critic_backward(w, -1.0);
    memcpy(a->d_fake, a->d_critic_image, (size_t)w->batch * PIXELS * sizeof(*a->d_fake));
    generator_backward(w, noise, w->batch);
    return -ref_mean((size_t)w->batch, a->score);
}

/* RMSprop on the tensors first .. last - 1, moving statistics left out. */
static void update(struct ref_wgan *w, int first, int last, double rate)
{
    for (int i = first; i < last; i++) {
        struct ref_tensor *t = &w->tensors[i];

        if (t->accumulator)
            ref_rmsprop(t->size, t->gradient, rate, rmsprop_rho, rmsprop_epsilon, t->weight,
                        t->accumulator);
    }
}

static void draw_real(struct ref_wgan *w, const struct ref_draw *draw, const uint8_t *dataset,
                      size_t count)
{
    struct ref_activations *a = w->activations;

    ref_draw_indices(draw, count, (size_t)w->batch, a->indices);
    for (int n = 0; n < w->batch; n++)
        for (int i = 0; i < PIXELS; i++)
            a->real[n * PIXELS + i] = dataset[(size_t)a->indices[n] * PIXELS + i] / 127.5 - 1.0;
}

/* One iteration of the critic; `draw` names seed, step and iteration. */
static void critic_iteration(struct ref_wgan *w, struct ref_draw draw, const uint8_t *dataset,
                             size_t count, double losses[2])
{
    struct ref_activations *a = w->activations;
    const int first = REF_CRITIC_CONV1_KERNEL;
    const int last = REF_TENSOR_COUNT;

    draw.stream = REF_STREAM_INDICES;
    draw_real(w, &draw, dataset, count);
    draw.stream = REF_STREAM_CRITIC_NOISE;
    ref_draw_normals(&draw, (size_t)w->batch * w->widths.noise, a->noise);
    generator_forward(w, a->noise, w->batch, false);

    losses[0] = ref_wgan_critic_gradient(w, a->real, -1.0);
    update(w, first, last, w->settings.lr_critic);
    losses[1] = ref_wgan_critic_gradient(w, a->fake, 1.0);
    update(w, first, last, w->settings.lr_critic);
    for (int i = first; i < last; i++)
        ref_clip(w->tensors[i].size, w->settings.clip, w->tensors[i].weight);
}

void ref_wgan_step(struct ref_wgan *w, uint32_t step, uint64_t seed, const uint8_t *dataset,
                   size_t count, double losses[3])
{
    struct ref_activations *a = w->activations;
    struct ref_draw draw = {.seed = seed, .step = step};

    for (int i = 0; i < w->settings.critic_steps; i++) {
        draw.iteration = (uint32_t)i;
        critic_iteration(w, draw, dataset, count, losses);
    }
    draw.iteration = 0;
    draw.stream = REF_STREAM_GENERATOR_NOISE;
    ref_draw_normals(&draw, (size_t)w->batch * w->widths.noise, a->noise);
    losses[2] = ref_wgan_generator_gradient(w, a->noise);
    update(w, 0, REF_CRITIC_CONV1_KERNEL, w->settings.lr_generator);
    generator_move(w);
}

void ref_wgan_generate(struct ref_wgan *w, const double *noise, size_t count, double *images)
{
    for (size_t i = 0; i < count; i++) {
        generator_forward(w, &noise[i * w->widths.noise], 1, false);
        memcpy(&images[i * PIXELS], w->activations->fake, PIXELS * sizeof(*images));
    }
}
