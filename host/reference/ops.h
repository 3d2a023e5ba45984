/*
 * The operations of the model in double precision: the yardstick that the kernels are tested
 * against.
 *
 * Each function is its formula written as loops. Nothing here is fast, nothing is shared with the
 * product, and nothing can fail: the caller brings all memory, of the shapes given, and sizes
 * that are at least 1. Tensors are dense, the last dimension contiguous; images are NHWC. "Rows"
 * are all dimensions but the last one. Outputs come last; unless a comment allows it, they must
 * not overlap the inputs.
 */
#ifndef WG_REFERENCE_OPS_H
#define WG_REFERENCE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A convolution of square kernels. "pad" counts the zeros above and left of x; those below and
 * right are implied by oh and ow, so a padding may be asymmetric.
 */
struct ref_conv {
    int n;      // images
    int h;      // height of x
    int w;      // width of x
    int c;      // channels of x
    int oh;     // height of y
    int ow;     // width of y
    int oc;     // channels of y
    int k;      // side of the kernel
    int stride; // step of the kernel over x
    int pad;    // zeros in front of x, on both axes
};

/*
 * y[n,oy,ox,o] = sum over ky, kx, c of x[n, oy*stride + ky - pad, ox*stride + kx - pad, c]
 *                                      * w[ky,kx,c,o],
 *
 * x being zero outside the image. A cross-correlation, as in every neural network.
 *
 *   x  [n, h, w, c]    w  [k, k, c, oc]    y  [n, oh, ow, oc]
 */
void ref_conv2d(const struct ref_conv *conv, const double *x, const double *w, double *y);

/*
 * The transposed map: the x for which <x, u> = <y, ref_conv2d(u, w)> for every u. It is the
 * gradient of a convolution to its input, and the transposed convolution of the generator, whose
 * input is then y and whose output is x. Shapes as for ref_conv2d.
 */
void ref_conv2d_data(const struct ref_conv *conv, const double *y, const double *w, double *x);

/*
 * The gradient to the kernel: the w for which <w, u> = <y, ref_conv2d(x, u)> for every u. Shapes
 * as for ref_conv2d.
 */
void ref_conv2d_filter(const struct ref_conv *conv, const double *x, const double *y, double *w);

/* The shape of a product of matrices, and how its factors are stored. */
struct ref_product {
    int m;             // rows of c
    int n;             // columns of c
    int k;             // terms of each sum
    bool a_transposed; // a is stored as [k, m], not as [m, k]
    bool b_transposed; // b is stored as [n, k], not as [k, n]
};

/* c[i,j] = sum over l of a[i,l] * b[l,j]; c is [m, n]. */
void ref_matmul(const struct ref_product *product, const double *a, const double *b, double *c);

/* Activations. ReLU is the leaky one with slope 0. */
enum ref_act {
    REF_ACT_NONE,       // t
    REF_ACT_LEAKY_RELU, // t > 0 ? t : slope * t
    REF_ACT_TANH,       // tanh(t)
};

/*
 * y[r,c] = act(x[r,c] + b[c])
 *
 *   x, y   [rows, channels]; y may be x
 *   b      [channels]
 *   slope  of the leaky ReLU left of zero, in [0, 1); otherwise unused
 */
void ref_bias_act(size_t rows, int channels, const double *x, const double *b, enum ref_act act,
                  double slope, double *y);

/*
 * dx = dy * act'(t), where the derivative is taken from y = act(t), and the one of the leaky ReLU
 * at zero is the slope.
 *
 *   y, dy, dx  [count]; dx may be dy
 */
void ref_act_gradient(size_t count, const double *y, const double *dy, enum ref_act act,
                      double slope, double *dx);

/* sum[c] = sum over r of x[r,c];  x [rows, channels], sum [channels] */
void ref_sum_rows(size_t rows, int channels, const double *x, double *sum);

/* The mean over rows and the biased variance, sum (x - mean)^2 / rows, both [channels]. */
void ref_moments(size_t rows, int channels, const double *x, double *mean, double *variance);

/* What a batch normalisation knows besides its input. The vectors are [channels]. */
struct ref_norm {
    size_t rows;            // N after a dense layer, N * H * W after a convolution
    int channels;           //
    double epsilon;         // added to the variance, inside the root
    const double *mean;     // of the batch in training, moving in inference
    const double *variance; // the same, biased
    const double *gamma;    // scale
    const double *beta;     // shift
};

/*
 * y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, and max(y, 0) if relu is set.
 *
 *   x, y  [rows, channels]; y may be x
 *
 * Ioffe, Szegedy, "Batch Normalization" (2015), algorithm 1.
 */
void ref_batch_norm(const struct ref_norm *norm, const double *x, bool relu, double *y);

/*
 * The gradients of ref_batch_norm without the ReLU, where mean and variance are the moments of x
 * and so depend on it. With h = (x - mean) / sqrt(variance + epsilon):
 *
 *   dbeta = sum dy,  dgamma = sum dy * h,
 *   dx = gamma / sqrt(variance + epsilon) * (dy - dbeta / rows - h * dgamma / rows)
 *
 *   x, dy, dx      [rows, channels]
 *   dgamma, dbeta  [channels]
 */
void ref_batch_norm_gradient(const struct ref_norm *norm, const double *x, const double *dy,
                             double *dx, double *dgamma, double *dbeta);

/* The mean of x [count]. */
double ref_mean(size_t count, const double *x);

/*
 * y[r] = -log p[r,label[r]] with p = softmax(x), and for a loss with the gradient dy to y
 * dx[r,c] = dy[r] * (p[r,c] - (c == label[r])).
 *
 *   x, dx      [rows, classes]
 *   label      [rows], each below classes
 *   y, dy      [rows]
 */
void ref_softmax_cross_entropy(size_t rows, int classes, const double *x, const uint8_t *label,
                               double *y);
void ref_softmax_cross_entropy_gradient(size_t rows, int classes, const double *x,
                                        const uint8_t *label, const double *dy, double *dx);

/*
 * v = rho * v + (1 - rho) * g^2,  w = w - rate * g / sqrt(v + epsilon)
 *
 *   w, v, g  [count]; w and v are updated in place
 *
 * No momentum, no centring, no bias correction, the epsilon inside the root: as Keras has it.
 */
void ref_rmsprop(size_t count, const double *g, double rate, double rho, double epsilon, double *w,
                 double *v);

/* w = min(max(w, -limit), limit), in place; w [count] */
void ref_clip(size_t count, double limit, double *w);

/*
 * moving = momentum * moving + (1 - momentum) * factor * batch, in place; both [count].
 * The factor is 1, or rows / (rows - 1) to turn a biased variance into an unbiased one.
 */
void ref_moving_average(size_t count, const double *batch, double momentum, double factor,
                        double *moving);

#endif
