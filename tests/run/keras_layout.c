/* What stands in Keras' model files, looked at with the C library of HDF5. */
#include "host/gan/model.h"
#include "tests/run/keraslib.h"
#include "tests/run/runlib.h"

#include <string.h>

START_TEST(the_table_is_that_of_the_model)
{
    static struct wg_keras_weight weights[2 * WG_KERAS_WEIGHTS_MAX];
    struct wg_model model;
    struct wg_graph *graph = wg_graph_create();
    int count = list_weights(weights), i = 0;
    wg_model_init(&model, graph, &wg_widths_default);
    for (int n = 0; n < 2; n++) {
        const struct wg_network *network = n ? &model.critic : &model.generator;
        for (int w = 0; w < network->count; w++, i++) {
            const struct wg_weight *weight = &network->weights[w];
            struct wg_shape shape = weight->node->shape;
            if (weight->is_moving) { // two tensors [C] of a checkpoint, one variable [2, C]
                ck_assert_uint_eq(weights[i].shape.dim[0], shape.dim[1]);
                ck_assert(!weights[i].is_trained && !weights[i + 1].is_trained);
                shape = wg_shape(shape.dim[1]);
                i++;
            } else {
                ck_assert_str_eq(weights[i].tensor, weight->node->name);
                ck_assert_str_eq(weights[i].accumulator, weight->accumulator->name);
            }
            ck_assert(wg_shape_equal(&weights[i].shape, &shape));
        }
    }
    ck_assert_int_eq(i, count);
    ck_assert_float_eq((float)WG_KERAS_MOMENTUM, WG_NORM_MOMENTUM);
    ck_assert_float_eq((float)WG_KERAS_EPSILON, WG_NORM_EPSILON);
    wg_graph_destroy(graph);
}
END_TEST

static void check_texts(hid_t file, const char *group, const char *name, const char *expected)
{
    ck_assert_str_eq(texts_of(file, group, name), expected);
}

START_TEST(the_discriminator_is_laid_out_as_keras_does)
{
    export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDONLY);
    int64_t updates;
    check_texts(file, "/", "keras_version", "2.15.0 ");
    check_texts(file, "/", "backend", "tensorflow ");
    check_texts(file, "model_weights", "layer_names",
                "input_1 conv2d leaky_re_lu conv2d_1 leaky_re_lu_1 conv2d_2 leaky_re_lu_2 flatten "
                "dense ");
    check_texts(file, "model_weights/conv2d_1", "weight_names",
                "conv2d_1/kernel:0 conv2d_1/bias:0 ");
    check_texts(file, "model_weights/flatten", "weight_names", "");
    check_texts(file, "model_weights/top_level_model_weights", "weight_names", "");
    check_texts(file, "optimizer_weights", "weight_names",
                "iteration:0 RMSprop/velocity/conv2d/kernel:0 RMSprop/velocity/conv2d/bias:0 "
                "RMSprop/velocity/conv2d_1/kernel:0 RMSprop/velocity/conv2d_1/bias:0 "
                "RMSprop/velocity/conv2d_2/kernel:0 RMSprop/velocity/conv2d_2/bias:0 "
                "RMSprop/velocity/dense/kernel:0 RMSprop/velocity/dense/bias:0 ");
    hid_t set = H5Dopen2(file, "optimizer_weights/iteration:0", H5P_DEFAULT);
    ck_assert_int_ge(H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &updates), 0);
    ck_assert_int_eq(updates, 5 * 3 * 2);
    H5Dclose(set);
    H5Fclose(file);
}
END_TEST

START_TEST(moving_statistics_come_last_in_the_nested_generator)
{
    export_files();
    hid_t file = open_h5("Adversarial.h5", H5F_ACC_RDONLY);
    check_texts(file, "model_weights", "layer_names", "input_3 Generator Discriminator ");
    const char *names = texts_of(file, "model_weights/Generator", "weight_names");
    ck_assert_ptr_nonnull(strstr(names,
                                 "conv2d_transpose_2/bias:0 batch_normalization/moving_mean:0 "
                                 "batch_normalization/moving_variance:0 "));
    ck_assert(H5Aexists(file, "training_config") > 0);
    H5Fclose(file);
    file = open_h5("Generator.h5", H5F_ACC_RDONLY);
    ck_assert(H5Aexists(file, "training_config") == 0);
    ck_assert(H5Lexists(file, "optimizer_weights", H5P_DEFAULT) == 0);
    check_texts(file, "model_weights/batch_normalization_2", "weight_names",
                "batch_normalization_2/gamma:0 batch_normalization_2/beta:0 "
                "batch_normalization_2/moving_mean:0 batch_normalization_2/moving_variance:0 ");
    H5Fclose(file);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_table_is_that_of_the_model,
        the_discriminator_is_laid_out_as_keras_does,
        moving_statistics_come_last_in_the_nested_generator,
    };
    return run_tests("keras_layout", tests, countof(tests));
}
