/*
 * All elements of a large product or convolution, seen in sums: of those that sample.h looks at
 * there are few, and a kernel may be wrong in one channel of one image alone.
 *
 * A convolution is linear in either input. So the sum of a pixel of its result over all images and
 * channels, each times a factor, is that pixel of another convolution: of one image, the sum of all
 * images, by one channel of weights, the sum of all theirs. That is cheap, whatever the batch. Of
 * weights' gradients there is such a sum for each tap, of products of matrices for each row.
 *
 * The factors are random, each one of 16 numbers, and none is zero. A single element that is wrong
 * always shows, whatever else is wrong is hidden by one choice of factors in 8 at most. The inputs
 * are the whole numbers of sample.h, and so are the factors: the sums stay below 2^53, a double has
 * them without rounding, and nothing may differ.
 *
 * Results by F(4, 2) of Winograd are rounded. The factors are of either sign, so that the errors of
 * a sum, whatever they have in common, add up as if they were independent: it is allowed what an
 * element is (sample.h), times the root of the sum of squares of all factors. In the largest layers
 * of a training, with 32768 elements to a pixel or tap, an element shows that is off by a fiftieth
 * of what results are like, and an image or a channel that is wrong throughout, by a
 * five-hundredth.
 *
 * A bias adds its own sum. A leaky ReLU is undone first, which gives the whole number back, and so
 * is tanh, which rounds. ReLU can't be undone: the biases of six channels of seven are so large
 * that it leaves them alone, and those of the seventh, where it bends, are seen in single elements
 * only.
 */
#ifndef WG_SELFTEST_SUMS_H
#define WG_SELFTEST_SUMS_H

#include "host/graph/graph.h"

#include <stdbool.h>

struct wg_sums {
    const struct wg_node *node;
    size_t outer, count, inner; // the result as [outer, count, inner]: a sum for each of `count`
    double *of_outer;           // [outer], factors
    double *of_inner;           // [inner]
    double *value;              // [count], expected
    double *got;                // [count], of wg_sums_error
    double allowed;             // the largest |got - value|; 0: the sums are exact
    double unit;                // of which the result before the activation has whole multiples
};

/* What is added to a channel's bias for the sums' sake, more than results are likely to be. */
enum { WG_SUMS_LIFT = 8 };
float wg_sums_lift(const struct wg_node *node, size_t channel);

/* How large results before tanh may be, far more than they are likely to. */
enum { WG_SUMS_BEFORE_TANH = 4 };

/* Whether there are such sums of a node of sample.h. */
bool wg_sums_suit(const struct wg_node *node);

/*
 * What the sums of the node are, its inputs being in[i]. `unit`: see there. `error`: how far a
 * single element may be off before the activation; 0: not at all. NULL with a message if there is
 * no memory.
 */
struct wg_sums *wg_sums_create(const struct wg_node *node, const void *const in[], double unit,
                               double error);
void wg_sums_destroy(struct wg_sums *sums);

/* The largest |got - value| / allowed over the sums of a whole result, and where; infinite for a
 * NaN, and for any error where none is allowed. The sums stay in `got`. */
double wg_sums_error(struct wg_sums *sums, const float *result, size_t *ret_i);

/* "the sum of pixel (0, 3) over images and channels is 1, expected 2 within 0" */
void wg_sums_describe(const struct wg_sums *sums, size_t i, char *text, size_t size);

#endif
