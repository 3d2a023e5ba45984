/*
 * The two networks, as functions that build graph, and their weights.
 *
 *   generator  noise [N, 100] -> image [N, 28, 28, 1] in (-1, 1)
 *   critic     image -> score [N, 1], unbounded; no batch norm
 */
#ifndef WG_GAN_MODEL_H
#define WG_GAN_MODEL_H

#include "host/graph/exec.h"

/* Channels. The image sizes 7, 14 and 28 are fixed. */
struct wg_widths {
    size_t noise; // 100
    size_t base;  // 32 at 7x7
    size_t up1;   // 128 at 14x14
    size_t up2;   // 256 at 28x28
    size_t down1; // 256 at 14x14
    size_t down2; // 128 at 7x7
    size_t down3; // 64 at 7x7
};

extern const struct wg_widths wg_widths_default;

struct wg_weight {
    struct wg_node *node;        // the variable
    struct wg_node *accumulator; // of RMSprop; NULL for moving statistics
    float limit;                 // initial value: uniform in [-limit, limit] if > 0 (Glorot)
    float initial;               // else this constant
    bool is_moving;              // [2, C]: moving mean 0, moving variance 1
};

/* A row of the table a network is shown as. */
struct wg_layer {
    char name[32];
    struct wg_shape output; // of one image
    size_t parameters;
};

enum { WG_WEIGHTS_MAX = 24, WG_LAYERS_MAX = 8 };

struct wg_network {
    const char *name;
    struct wg_weight weights[WG_WEIGHTS_MAX];
    int count;
    struct wg_layer layers[WG_LAYERS_MAX];
    int layer_count;
};

struct wg_model {
    struct wg_widths widths;
    struct wg_network generator;
    struct wg_network critic;
};

/* Appends kernel and bias of a linear layer and their accumulators: NETWORK.LAYER.kernel and .bias,
 * Glorot limits with fans as Keras counts them, taps times channels on either side. */
void wg_network_add_linear(struct wg_network *network, struct wg_graph *g, const char *layer,
                           struct wg_shape kernel, size_t bias);

/* Convolution 4x4 "same", bias, leaky ReLU 0.2, by the weights number `weight` and the next;
 * x [N, s, s, c] gives [N, s / stride, s / stride, oc]. */
struct wg_node *wg_network_down(const struct wg_network *network, struct wg_graph *g,
                                struct wg_node *x, int weight, size_t stride);

/* Adds the variables of both networks to the graph. */
void wg_model_init(struct wg_model *model, struct wg_graph *g, const struct wg_widths *widths);

/* image [N, 28, 28, 1] from noise [N, widths.noise]. In training mode batch norm uses the batch's
 * own moments; ret_moments[3], if not NULL, receives them, in the order of the layers. */
struct wg_node *wg_generator(const struct wg_model *model, struct wg_graph *g, struct wg_node *z,
                             bool training, struct wg_node *ret_moments[3]);

/* score [N, 1] of image [N, 28, 28, 1] */
struct wg_node *wg_critic(const struct wg_model *model, struct wg_graph *g, struct wg_node *image);

/* Momentum of the moving statistics, and epsilon of batch norm. */
#define WG_NORM_MOMENTUM 0.8f
#define WG_NORM_EPSILON  1e-3f

/* The moving statistics after the generator saw a batch of n with these moments; 3 effects.
 * Keras lets the biased variance into them after a dense layer, the unbiased one after a
 * convolution (its fused kernel), and so do we. */
void wg_generator_update_moving(const struct wg_model *model, struct wg_graph *g,
                                struct wg_node *const moments[3], size_t n,
                                struct wg_node *ret_effects[3]);

/* An effect: one update, by the gradient of the loss, of all weights that gradients reach (no
 * moving statistics). */
struct wg_node *wg_network_update(const struct wg_network *network, struct wg_graph *g,
                                  struct wg_node *loss, const struct wg_update *update);

/* All parameters, moving statistics included. */
size_t wg_network_parameters(const struct wg_network *network);

/* Writes the initial values of all weights: Glorot and Bengio 2010, or constants. `tensor` numbers
 * them over both networks, generator first, moving statistics as two: the first one's number, and
 * that of the next network's afterwards. */
bool wg_network_initialise(const struct wg_network *network, struct wg_exec *exec, uint64_t seed,
                           uint32_t *tensor);

#endif
