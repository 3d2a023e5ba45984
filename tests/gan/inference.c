/* The critic alone gives the scores of the reference, whatever the number of images. */
#include "host/gan/inference.h"
#include "host/reference/wgan.h"
#include "tests/testlib.h"

#include <math.h>
#include <stdlib.h>

enum { COUNT = 7, BATCH = 3, PIXELS = 28 * 28 };

static const struct wg_widths widths = {5, 3, 8, 5, 4, 7, 2};

/* As in steps.c: 64 units of the numbers involved, which are around 1. */
static const double bound = 64 * 0x1p-24;

static struct ref_wgan *create_reference(void)
{
    const struct ref_widths ref_widths = {5, 3, 8, 5, 4, 7, 2};
    const struct ref_settings settings = {1e-3, 1e-3, 0.05, 1};
    struct ref_wgan *reference = ref_wgan_create(&ref_widths, 1, &settings);
    ck_assert_ptr_nonnull(reference);
    ref_wgan_init(reference, 5);
    return reference;
}

static void copy_weights(struct ref_wgan *reference, struct wg_inference *critic)
{
    const struct wg_network *network = wg_inference_network(critic);
    for (int i = 0; i < network->count; i++) {
        const struct wg_node *node = network->weights[i].node;
        const struct ref_tensor *tensor = ref_wgan_find(reference, node->name);
        float *values = malloc(tensor->size * sizeof *values);
        ck_assert_ptr_nonnull(values);
        for (size_t k = 0; k < tensor->size; k++)
            values[k] = (float)tensor->weight[k];
        ck_assert(wg_inference_write(critic, node, values));
        free(values);
    }
}

START_TEST(scores_agree_with_the_reference)
{
    static float images[COUNT * PIXELS];
    float scores[COUNT + 1];
    struct wg_inference *critic;
    struct ref_wgan *reference = create_reference();
    ck_assert_msg(wg_inference_create(test_device(), &widths, BATCH, WG_CRITIC, &critic), "%s",
                  wg_error_message());
    copy_weights(reference, critic);
    test_fill(images, COUNT * PIXELS, 3);
    for (size_t count = 0; count <= COUNT; count++) {
        scores[count] = 77;
        ck_assert(wg_inference_run(critic, images, count, scores));
        ck_assert_float_eq(scores[count], 77);
    }
    for (int i = 0; i < COUNT; i++) {
        static double image[PIXELS];
        for (int p = 0; p < PIXELS; p++)
            image[p] = (double)images[i * PIXELS + p];
        double expected = ref_wgan_critic_gradient(reference, image, 1);
        ck_assert_double_eq_tol((double)scores[i], expected, bound * (1 + fabs(expected)));
    }
    wg_inference_destroy(critic);
    ref_wgan_destroy(reference);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("inference");
    tcase_add_test(tests, scores_agree_with_the_reference);
    Suite *suite = suite_create("inference");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
