/* Keras' model files that are refused, and why. */
#include "tests/run/keraslib.h"
#include "tests/run/runlib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_refused(const char *reason)
{
    struct wg_import_result result;
    ck_assert_msg(!import_files(temporary_path("keras"), &result), "taken, though: %s", reason);
    check_error(WG_ERROR_DATA, temporary_path("keras"));
    check_error(WG_ERROR_DATA, reason);
    ck_assert(!file_exists(temporary_path("run")));
}

START_TEST(another_layer_is_named)
{
    static const struct {
        const char *file, *from, *to, *reason;
    } cases[] = {
        {"Generator.h5", "\"Conv2DTranspose\"", "\"UpSampling2D\"",
         "Generator.h5: model_config: layer 'conv2d_transpose' is of class UpSampling2D, expected "
         "Conv2DTranspose"},
        {"Generator.h5", "\"activation\": \"relu\"", "\"activation\": \"elu\"",
         "layer 'activation' has activation elu, expected activation relu"},
        {"Generator.h5", "\"Activation\", \"config\": {",
         "\"ReLU\", \"config\": {\"max_value\": 6, \"negative_slope\": 0, \"threshold\": 0, ",
         "layer 'activation' has max_value 6, expected null"},
        {"Generator.h5", "\"linear\"", "\"relu\"",
         "layer 'dense_1' has activation relu, expected BatchNormalization"},
        {"Generator.h5", "\"activation\": \"tanh\"", "\"activation\": \"linear\"",
         "the model ends where activation tanh is expected"},
        {"Generator.h5", "\"activation\": \"tanh\"", "\"activation\": {\"class_name\": \"PReLU\"}",
         "layer 'conv2d_transpose_2' has activation {\"class_name\": \"PReLU\"}, expected a name "
         "or "
         "a layer"},
        {"Generator.h5", "], \"input_layers\"",
         ", {\"class_name\": \"Flatten\", \"config\": {\"name\": \"one_more\"}}], \"input_layers\"",
         "layer 'one_more' is of class Flatten, expected the end of the model"},
        {"Discriminator.h5", "\"activation\": \"linear\"",
         "\"activation\": {\"class_name\": \"LeakyReLU\", \"config\": {\"alpha\": 0.3}}",
         "layer 'conv2d' has alpha 0.3, expected 0.2"},
        {"Generator.h5", "\"momentum\": 0.8", "\"momentum\": 0.99",
         "layer 'batch_normalization' has momentum 0.99, expected 0.8"},
        {"Generator.h5", "\"tanh\"", "\"sigmoid\"",
         "layer 'conv2d_transpose_2' has activation sigmoid, expected activation tanh"},
        {"Generator.h5", "\"axis\": [1]", "\"axis\": 0",
         "layer 'batch_normalization' has axis 0, expected [1]"},
        {"Generator.h5", "\"axis\": [3]", "\"axis\": [1]",
         "layer 'batch_normalization_1' has axis [1], expected [3]"},
        {"Generator.h5", "\"axis\": [3]", "\"axis\": [1, 3]",
         "layer 'batch_normalization_1' has axis [1, 3], expected [3]"},
        {"Generator.h5", "\"axis\": [3]", "\"other\": [3]",
         "layer 'batch_normalization_1' has axis missing, expected [3]"},
        {"Discriminator.h5", "\"strides\": [2, 2]", "\"strides\": [1, 1]",
         "layer 'conv2d' has strides [1, 1], expected [2, 2]"},
        {"Discriminator.h5", "\"alpha\": 0.2", "\"other\": 0.2",
         "layer 'leaky_re_lu' has alpha missing, expected 0.2"},
        {"Discriminator.h5", "[null, 28, 28, 1]", "[null, 32, 32, 3]",
         "layer 'input_1' has batch_input_shape [null, 32, 32, 3], expected [null, 28, 28, 1]"},
        {"Generator.h5", "\"filters\": 256", "\"filters\": 256, \"output_padding\": [1, 1]",
         "layer 'conv2d_transpose_1' has output_padding [1, 1], expected none"},
        {"Discriminator.h5", "\"filters\": 256",
         "\"filters\": 256, \"kernel_regularizer\": {\"class_name\": \"L2\"}",
         "layer 'conv2d' has kernel_regularizer {\"class_name\": \"L2\"}, expected none"},
        {"Generator.h5", "{\"class_name\": \"Reshape\"",
         "{\"class_name\": \"Dropout\", \"config\": {\"name\": \"one_more\"}}, "
         "{\"class_name\": \"Reshape\"",
         "layer 'one_more' is of class Dropout, expected Reshape"},
        {"Discriminator.h5", "\"layers\"", "\"leyers\"", "model_config: "},
        {"Discriminator.h5", "{", "[", "model_config: "},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        export_files();
        change_text(cases[i].file, "model_config", cases[i].from, cases[i].to);
        check_refused(cases[i].reason);
    }
}
END_TEST

START_TEST(another_optimizer_is_named)
{
    static const struct {
        const char *from, *to, *reason;
    } cases[] = {
        {"Custom>RMSprop", "Custom>Adam", "the optimizer is Custom>Adam, expected RMSprop"},
        {"\"rho\": 0.9", "\"rho\": 0.5", "RMSprop has rho 0.5, expected 0.9"},
        {"\"momentum\": 0.0", "\"momentum\": 0.5", "RMSprop has momentum 0.5, expected 0"},
        {"\"centered\": false", "\"centered\": true", "RMSprop is centered"},
        {"\"learning_rate\": ", "\"learning_rate\": \"fast\", \"was\": ",
         "training_config: learning_rate: "},
        {"\"learning_rate\": ", "\"learning_rate\": -1, \"was\": ",
         "RMSprop has learning_rate -1, expected more than 0"},
        {"\"learning_rate\": ", "\"learning_rate\": 1e-60, \"was\": ",
         "RMSprop has learning_rate 1e-60, expected more than 0"},
        {"\"clipnorm\": null", "\"clipnorm\": 1.0", "RMSprop has clipnorm, expected none"},
        {"\"clipnorm\": null", "\"decay\": 0.0", "the optimizer is the legacy RMSprop"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        export_files();
        change_text("Adversarial.h5", "training_config", cases[i].from, cases[i].to);
        check_refused(cases[i].reason);
    }
}
END_TEST

/* One file of the export in the place of another. */
static void copy_over(const char *from, const char *to)
{
    char path[64];
    size_t size;
    snprintf(path, sizeof path, "keras/%s.h5", from);
    char *bytes = read_bytes(temporary_path(path), &size);
    snprintf(path, sizeof path, "keras/%s.h5", to);
    temporary_write(path, bytes, size);
    free(bytes);
}

START_TEST(files_in_each_others_place_are_noticed)
{
    static const char *const names[] = {"Generator", "Discriminator", "Adversarial"};
    static const char *const models[] = {"the Generator", "the Discriminator",
                                         "the Generator followed by the Discriminator"};
    for (size_t is = 0; is < 3; is++)
        for (size_t place = 0; place < 3; place++) {
            char reason[256];
            if (is == place)
                continue;
            export_files();
            copy_over(names[is], names[place]);
            snprintf(reason, sizeof reason,
                     "%s.h5: model_config: this is %s, expected %s; are files in each other's "
                     "place?",
                     names[place], models[is], models[place]);
            check_refused(reason);
        }
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    struct wg_import_result result;
    export_files();
    ck_assert_int_eq(remove(temporary_path("keras/Generator.h5")), 0);
    ck_assert(!import_files(temporary_path("keras"), &result));
    check_error(WG_ERROR_FILE, "keras/Generator.h5: cannot open: No such file");
    ck_assert(!import_files(temporary_path("nowhere"), &result));
    check_error(WG_ERROR_FILE, "nowhere: No such file or directory (expected a folder with");
    ck_assert(!import_files(temporary_path("keras/Discriminator.h5"), &result));
    check_error(WG_ERROR_FILE, "keras/Discriminator.h5: not a folder (expected a folder with");
}
END_TEST

/* A bias [64] of doubles, or of another length, in the place of what is there. */
static void replace_set(const char *path, hid_t type, hsize_t count)
{
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    ck_assert_int_ge(H5Ldelete(file, path, H5P_DEFAULT), 0);
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(set, 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Fclose(file);
}

START_TEST(another_shape_or_type_is_named)
{
    static const char bias[] = "model_weights/conv2d_2/conv2d_2/bias:0";
    static const char velocity[] = "optimizer_weights/RMSprop/velocity/dense/bias:0";
    export_files();
    replace_set(bias, H5T_NATIVE_DOUBLE, 64);
    check_refused("'model_weights/conv2d_2/conv2d_2/bias:0' is float64, expected float32");
    export_files();
    replace_set(bias, H5T_NATIVE_FLOAT, 32);
    check_refused("'model_weights/conv2d_2/conv2d_2/bias:0' has shape [32], expected [64]");
    export_files();
    replace_set(velocity, H5T_NATIVE_FLOAT, 2);
    check_refused("'optimizer_weights/RMSprop/velocity/dense/bias:0' has shape [2], expected [1]");
    export_files();
    replace_set("optimizer_weights/iteration:0", H5T_NATIVE_INT64, 1);
    check_refused("'optimizer_weights' does not begin with an iteration");
}
END_TEST

/* Another number in the bias [1] at `path`. */
static void put_number(const char *name, const char *path, float number)
{
    hid_t file = open_h5(name, H5F_ACC_RDWR);
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &number), 0);
    H5Dclose(set);
    H5Fclose(file);
}

START_TEST(numbers_out_of_range_are_named)
{
    export_files();
    put_number("Discriminator.h5", "model_weights/dense/dense/bias:0", NAN);
    check_refused("'model_weights/dense/dense/bias:0' holds nan, expected finite numbers");
    export_files();
    put_number("Discriminator.h5", "optimizer_weights/RMSprop/velocity/dense/bias:0", -1);
    check_refused("'optimizer_weights/RMSprop/velocity/dense/bias:0' holds -1, expected numbers of "
                  "0 or more");
}
END_TEST

/* Files of another run, or of another moment of the same one. */
START_TEST(files_of_two_moments_are_refused)
{
    export_files();
    put_number("Adversarial.h5", "model_weights/Generator/conv2d_transpose_2/bias:0", 7);
    check_refused("Adversarial.h5: 'model_weights/Generator/conv2d_transpose_2/bias:0' is not that "
                  "of Generator.h5 (element 0: 7, there ");
    check_refused("the files are not of one moment; to import without this one, and so without "
                  "RMSprop of the generator, remove or rename it");
    export_files();
    put_number("Discriminator.h5", "model_weights/dense/dense/bias:0", 0.5f);
    check_refused("Adversarial.h5: 'model_weights/Discriminator/dense/bias:0' is not that of "
                  "Discriminator.h5 (element 0: ");
    check_refused(", there 0.5)");
}
END_TEST

/* The networks inside Adversarial.h5 must be those of the other two. */
START_TEST(another_adversarial_model_is_named)
{
    static const struct {
        const char *from, *to, *reason;
    } cases[] = {
        {"\"momentum\": 0.8", "\"momentum\": 0.99",
         "Adversarial.h5: model_config: layer 'batch_normalization' has momentum 0.99"},
        {"\"alpha\": 0.2", "\"alpha\": 0.3",
         "Adversarial.h5: model_config: layer 'leaky_re_lu' has alpha 0.3, expected 0.2"},
        {"\"layers\": [",
         "\"layers\": [{\"class_name\": \"Dropout\", \"config\": {\"name\": \"one_more\"}}, ",
         "layer 'one_more' is of class Dropout, expected Dense"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        export_files();
        change_text("Adversarial.h5", "model_config", cases[i].from, cases[i].to);
        check_refused(cases[i].reason);
    }
}
END_TEST

static void check_lacking(const char *path, const char *reason)
{
    export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    ck_assert_int_ge(H5Ldelete(file, path, H5P_DEFAULT), 0);
    H5Fclose(file);
    check_refused(reason);
}

START_TEST(missing_groups_are_named)
{
    static const char *const one[] = {"conv2d/kernel:0"}, *const other[] = {"conv2d/kernel:0", "x"},
                             *const layers[] = {"dense", "flatten"};
    check_lacking("model_weights", "the group 'model_weights' is missing");
    check_lacking("model_weights/dense", "the group 'model_weights/dense' is missing");
    check_lacking("model_weights/dense/dense/bias:0",
                  "'model_weights/dense/dense/bias:0' is missing");
    check_lacking("optimizer_weights/RMSprop",
                  "'optimizer_weights/RMSprop/velocity/conv2d/kernel:0' is missing");
    export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights/conv2d", "weight_names", one, 1);
    H5Fclose(file);
    check_refused("layer 'conv2d' has 1 weights, expected 2");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights/conv2d", "weight_names", other, 2);
    H5Fclose(file);
    check_refused("'model_weights/conv2d/x' is missing");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights", "layer_names", layers, 2);
    H5Fclose(file);
    check_refused("'model_weights' lists 1 layers with weights, expected 4");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    ck_assert_int_ge(H5Adelete(file, "model_config"), 0);
    H5Fclose(file);
    check_refused("the attribute 'model_config' of '/' is missing");
}
END_TEST

/* Keras goes by the order, and can't load these either. */
START_TEST(weights_in_another_order_do_not_fit)
{
    static const char *const layers[] = {"conv2d", "conv2d_2", "conv2d_1", "dense"},
                             *const weights[] = {"conv2d/bias:0", "conv2d/kernel:0"};
    export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights", "layer_names", layers, 4);
    H5Fclose(file);
    check_refused("'model_weights/conv2d_2/conv2d_2/kernel:0' has shape [4, 4, 128, 64], expected "
                  "[4, 4, 256, 128]");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights/conv2d", "weight_names", weights, 2);
    H5Fclose(file);
    check_refused("'model_weights/conv2d/conv2d/bias:0' has shape [256], expected [4, 4, 1, 256]");
}
END_TEST

START_TEST(wrong_counts_of_updates_are_refused)
{
    static const int64_t counts[] = {-1, INT64_MAX};
    static const char *const reasons[] = {"'optimizer_weights/iteration:0' is -1, expected 0 to",
                                          "'optimizer_weights/iteration:0' is 92"};
    static const char *const names[] = {"Adversarial.h5", "Discriminator.h5"};
    for (size_t i = 0; i < countof(counts) * countof(names); i++) {
        struct wg_import_result result;
        export_files();
        hid_t file = open_h5(names[i / countof(counts)], H5F_ACC_RDWR);
        ck_assert_int_ge(H5Ldelete(file, "optimizer_weights/iteration:0", H5P_DEFAULT), 0);
        put_scalar(file, "optimizer_weights/iteration:0", H5T_NATIVE_INT64,
                   &counts[i % countof(counts)]);
        H5Fclose(file);
        ck_assert(!import_files(temporary_path("keras"), &result));
        check_error(WG_ERROR_DATA, reasons[i % countof(counts)]);
        check_error(WG_ERROR_DATA, names[i / countof(counts)]);
        ck_assert(!file_exists(temporary_path("run")));
    }
}
END_TEST

START_TEST(truncated_files_are_refused)
{
    static const char *const names[] = {"Generator.h5", "Discriminator.h5", "Adversarial.h5"};
    for (size_t i = 0; i < countof(names); i++) {
        size_t size;
        char path[64];
        export_files();
        snprintf(path, sizeof path, "keras/%s", names[i]);
        char *bytes = read_bytes(temporary_path(path), &size);
        temporary_write(path, bytes, size / 2);
        check_refused(names[i]);
        free(bytes);
    }
}
END_TEST

START_TEST(an_export_names_what_a_checkpoint_lacks)
{
    const char *path = write_checkpoint(3);
    ck_assert(!wg_export(path, WG_EXPORT_H5, temporary_path("keras"), NULL));
    check_error(WG_ERROR_DATA, "there is no tensor 'generator.norm0.beta'");
    ck_assert(!file_exists(temporary_path("keras/Generator.h5")));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        another_layer_is_named,
        another_optimizer_is_named,
        files_in_each_others_place_are_noticed,
        a_missing_file_is_named,
        another_shape_or_type_is_named,
        numbers_out_of_range_are_named,
        files_of_two_moments_are_refused,
        another_adversarial_model_is_named,
        missing_groups_are_named,
        weights_in_another_order_do_not_fit,
        wrong_counts_of_updates_are_refused,
        truncated_files_are_refused,
        an_export_names_what_a_checkpoint_lacks,
    };
    return run_tests("keras_refusals", tests, countof(tests));
}
