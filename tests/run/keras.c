/* Keras' model files: what stands in them, that everything comes back, and that nothing else is
 * taken for them. No device is needed. */
#include "host/keras/layers.h"

#include "host/base/hash.h"
#include "host/run/checkpoint.h"
#include "host/run/settings.h"
#include "tests/run/runlib.h"

#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct wg_dataset dataset = {.name = "none",
                                          .source = "/data/none",
                                          .count = 1,
                                          .height = 1,
                                          .width = 1,
                                          .pixels = (uint8_t[]){7}};

static struct wg_train_settings settings_of_run(void)
{
    struct wg_train_settings settings = wg_train_settings_default();
    settings.critic_steps = 3;
    settings.lr_critic = 2e-4f;
    settings.seed = 77;
    return settings;
}

/* ---- a checkpoint of made-up numbers ---- */

static int list_weights(struct wg_keras_weight weights[2 * WG_KERAS_WEIGHTS_MAX])
{
    int count = wg_keras_weights(&wg_keras_generator, weights);
    return count + wg_keras_weights(&wg_keras_discriminator, weights + count);
}

static void add_tensor(struct wg_safetensor *tensors, int *count, const char *name,
                       const struct wg_shape *shape)
{
    struct wg_safetensor *tensor = &tensors[*count];
    float *data = malloc(wg_shape_count(shape) * sizeof *data);
    ck_assert_ptr_nonnull(data);
    test_fill(data, wg_shape_count(shape), (unsigned)++*count);
    *tensor = (struct wg_safetensor){.name = name, .rank = shape->rank, .data = data};
    memcpy(tensor->shape, shape->dim, sizeof shape->dim);
}

/* The tensors of one network, then its accumulators, as a trainer writes them. */
static void add_network(struct wg_safetensor *tensors, int *count,
                        const struct wg_keras_weight *weights, int from, int to)
{
    for (int i = from; i < to; i++)
        add_tensor(tensors, count, weights[i].tensor, &weights[i].shape);
    for (int i = from; i < to; i++)
        if (weights[i].is_trained)
            add_tensor(tensors, count, weights[i].accumulator, &weights[i].shape);
}

/* A checkpoint after 5 steps of critic_steps 3, which lacks its tensor number `without`. */
static const char *write_checkpoint(int without)
{
    static struct wg_keras_weight weights[2 * WG_KERAS_WEIGHTS_MAX];
    struct wg_safetensor tensors[4 * WG_KERAS_WEIGHTS_MAX];
    struct wg_checkpoint_info info = {.step = 5, .settings = settings_of_run()};
    const char *path = temporary_path("5.safetensors");
    int all = list_weights(weights), count = 0;
    int generator = wg_keras_weights(&wg_keras_generator, weights);
    add_network(tensors, &count, weights, 0, generator);
    add_network(tensors, &count, weights, generator, all);
    info.data_hash = wg_hash(WG_HASH_START, dataset.pixels, 1);
    strcpy(info.data_source, dataset.source);
    if (without < count) {
        struct wg_safetensor gone = tensors[without];
        tensors[without] = tensors[count - 1];
        tensors[count - 1] = gone;
    }
    ck_assert_msg(wg_checkpoint_write_tensors(path, tensors, count - (without < count), &info),
                  "%s", wg_error_message());
    for (int i = 0; i < count; i++)
        free((float *)tensors[i].data);
    return path;
}

enum { NOTHING_LACKS = 1000 };

/* The three files of that checkpoint in a folder. */
static const char *export_files(void)
{
    struct wg_export_result result;
    const char *folder = temporary_path("keras");
    ck_assert_msg(wg_export(write_checkpoint(NOTHING_LACKS), WG_EXPORT_H5, folder, &result), "%s",
                  wg_error_message());
    ck_assert_int_eq(result.step, 5);
    return folder;
}

static bool import(const char *folder, struct wg_import_result *result)
{
    const struct wg_train_settings settings = settings_of_run();
    return wg_import(folder, &dataset, &settings, temporary_path("run"), result);
}

static void import_well(const char *folder, struct wg_import_result *result)
{
    ck_assert_msg(import(folder, result), "%s", wg_error_message());
}

/* ---- round trips ---- */

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

START_TEST(a_checkpoint_comes_back_to_the_byte)
{
    struct wg_import_result result;
    struct wg_train_settings settings = settings_of_run();
    const char *folder = export_files();
    settings.lr_generator = settings.lr_critic = 0; // of the files
    ck_assert_msg(wg_import(folder, &dataset, &settings, temporary_path("run"), &result), "%s",
                  wg_error_message());
    ck_assert_int_eq(result.step, 5);
    ck_assert(result.has_generator_rmsprop && result.has_critic_rmsprop);
    ck_assert_float_eq(result.lr_critic, 2e-4f);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

START_TEST(the_log_has_a_row_for_every_step)
{
    struct wg_import_result result;
    import_well(export_files(), &result);
    char *log = read_bytes(temporary_path("run/log.csv"), NULL);
    ck_assert_ptr_nonnull(strstr(log, "\n1,nan,nan,nan,nan,,0.000\n"));
    ck_assert_ptr_nonnull(strstr(log, "\n5,nan,nan,nan,nan,,0.000\n"));
    ck_assert_ptr_null(strstr(log, "\n6,"));
    free(log);
}
END_TEST

START_TEST(given_learning_rates_win)
{
    struct wg_import_result result;
    struct wg_train_settings settings = settings_of_run();
    settings.lr_generator = 0.5f;
    settings.lr_critic = 0.25f;
    ck_assert(wg_import(export_files(), &dataset, &settings, temporary_path("run"), &result));
    ck_assert_float_eq(result.lr_generator, 0.5f);
    ck_assert_float_eq(result.lr_critic, 0.25f);
}
END_TEST

START_TEST(without_adversarial_the_accumulators_are_0)
{
    struct wg_import_result result;
    struct wg_checkpoint *checkpoint;
    const char *folder = export_files();
    ck_assert_int_eq(remove(temporary_path("keras/Adversarial.h5")), 0);
    import_well(folder, &result);
    ck_assert(!result.has_generator_rmsprop && result.has_critic_rmsprop);
    ck_assert_int_eq(result.step, 5); // 30 updates of the critic, 2 * 3 a step
    ck_assert(wg_checkpoint_open(result.checkpoint, &checkpoint));
    const struct wg_safetensor *zero =
        wg_safetensors_find(wg_checkpoint_tensors(checkpoint), "rmsprop.generator.conv2.kernel");
    for (size_t i = 0; i < zero->shape[0] * zero->shape[1] * zero->shape[2] * zero->shape[3]; i++)
        ck_assert(zero->data[i] == 0);
    wg_checkpoint_close(checkpoint);
}
END_TEST

/* ---- what stands in the files, looked at with the C library ---- */

static hid_t open_h5(const char *name, unsigned mode)
{
    char path[64];
    snprintf(path, sizeof path, "keras/%s", name);
    hid_t file = H5Fopen(temporary_path(path), mode, H5P_DEFAULT);
    ck_assert_int_ge(file, 0);
    return file;
}

/* The texts of an attribute, each followed by a blank. */
static const char *texts_of(hid_t file, const char *group, const char *name)
{
    static char joined[20000];
    char *texts[32];
    hid_t attribute = H5Aopen_by_name(file, group, name, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(attribute, 0);
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    ck_assert(count <= 32 && H5Tis_variable_str(type) > 0);
    joined[0] = '\0';
    if (count > 0)
        ck_assert_int_ge(H5Aread(attribute, type, texts), 0);
    for (hssize_t i = 0; i < count; i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s ", texts[i]);
    if (count > 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts);
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return joined;
}

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

/* ---- files changed as other versions write them ---- */

static void replace_text(hid_t file, const char *group, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text) + 1);
    H5Adelete_by_name(file, group, name, H5P_DEFAULT);
    // Too long for the header of an object: a text of variable length is stored elsewhere.
    H5Tset_size(type, H5T_VARIABLE);
    hid_t attribute =
        H5Acreate_by_name(file, group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Awrite(attribute, type, &text), 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

/* The first `from` of an attribute becomes `to`. */
static void change_text(const char *name, const char *attribute, const char *from, const char *to)
{
    hid_t file = open_h5(name, H5F_ACC_RDWR);
    char *text = strdup(texts_of(file, "/", attribute)),
         *changed = malloc(strlen(text) + strlen(to) + 1);
    char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no '%s' in %s", from, text);
    sprintf(changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    replace_text(file, "/", attribute, changed);
    free(changed);
    free(text);
    H5Fclose(file);
}

/* A list of texts of fixed length, as older versions of h5py write them. */
static void replace_names(hid_t file, const char *group, const char *const *names, hsize_t count)
{
    char bytes[16][64] = {{0}};
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, NULL);
    H5Tset_size(type, sizeof bytes[0]);
    for (hsize_t i = 0; i < count; i++)
        snprintf(bytes[i], sizeof bytes[i], "%s", names[i]);
    H5Adelete_by_name(file, group, "weight_names", H5P_DEFAULT);
    hid_t attribute = H5Acreate_by_name(file, group, "weight_names", type, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Awrite(attribute, type, bytes), 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static void move(hid_t file, const char *from, const char *to)
{
    hid_t parents = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(parents, 1);
    ck_assert_int_ge(H5Lmove(file, from, file, to, parents, H5P_DEFAULT), 0);
    H5Pclose(parents);
}

static void put_scalar(hid_t file, const char *path, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), 0);
    H5Dclose(set);
    H5Sclose(space);
}

/* Names without ":0", settings under new names, the learning rate among the weights. */
START_TEST(files_in_the_style_of_keras_3_are_taken)
{
    static const char *const names[] = {"conv2d/kernel", "conv2d/bias"};
    static const char *const weights[] = {
        "rm_sprop/iteration",
        "rm_sprop/learning_rate",
        "RMSprop/velocity/conv2d/kernel:0",
        "RMSprop/velocity/conv2d/bias:0",
        "RMSprop/velocity/conv2d_1/kernel:0",
        "RMSprop/velocity/conv2d_1/bias:0",
        "RMSprop/velocity/conv2d_2/kernel:0",
        "RMSprop/velocity/conv2d_2/bias:0",
        "RMSprop/velocity/dense/kernel:0",
        "RMSprop/velocity/dense/bias:0",
    };
    struct wg_import_result result;
    const char *folder = export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    move(file, "model_weights/conv2d/conv2d/kernel:0", "model_weights/conv2d/conv2d/kernel");
    move(file, "model_weights/conv2d/conv2d/bias:0", "model_weights/conv2d/conv2d/bias");
    replace_names(file, "model_weights/conv2d", names, 2);
    move(file, "optimizer_weights/iteration:0", "optimizer_weights/rm_sprop/iteration");
    put_scalar(file, "optimizer_weights/rm_sprop/learning_rate", H5T_NATIVE_FLOAT, &(float){2e-4f});
    replace_names(file, "optimizer_weights", weights, 10);
    H5Fclose(file);
    change_text("Discriminator.h5", "model_config", "\"alpha\": 0.2", "\"negative_slope\": 0.2");
    change_text("Discriminator.h5", "model_config", "batch_input_shape", "batch_shape");
    change_text("Discriminator.h5", "training_config", "Custom>RMSprop", "RMSprop");
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

START_TEST(layers_may_have_other_names)
{
    struct wg_import_result result;
    const char *folder = export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    move(file, "model_weights/dense", "model_weights/score");
    H5Fclose(file);
    change_text("Discriminator.h5", "model_config", "\"name\": \"dense\", \"dtype\"",
                "\"name\": \"score\", \"dtype\"");
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

START_TEST(a_schedule_is_no_learning_rate)
{
    struct wg_import_result result;
    struct wg_train_settings settings = settings_of_run();
    const char *folder = export_files();
    settings.lr_critic = 0;
    change_text("Discriminator.h5", "training_config", "\"learning_rate\": ",
                "\"learning_rate\": {\"class_name\": \"CosineDecay\"}, \"was\": ");
    ck_assert_msg(wg_import(folder, &dataset, &settings, temporary_path("run"), &result), "%s",
                  wg_error_message());
    ck_assert_float_eq(result.lr_critic, 5e-5f);
}
END_TEST

/* ---- refusals ---- */

static void check_refused(const char *reason)
{
    struct wg_import_result result;
    ck_assert_msg(!import(temporary_path("keras"), &result), "taken, though: %s", reason);
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
         "layer 'activation' has activation \"elu\", expected \"relu\""},
        {"Generator.h5", "\"momentum\": 0.8", "\"momentum\": 0.99",
         "layer 'batch_normalization' has momentum 0.99, expected 0.8"},
        {"Generator.h5", "\"tanh\"", "\"sigmoid\"",
         "layer 'conv2d_transpose_2' has activation \"sigmoid\", expected \"tanh\""},
        {"Discriminator.h5", "\"strides\": [2, 2]", "\"strides\": [1, 1]",
         "layer 'conv2d' has strides [1, 1], expected [2, 2]"},
        {"Discriminator.h5", "\"alpha\": 0.2", "\"other\": 0.2",
         "layer 'leaky_re_lu' has alpha missing, expected 0.2"},
        {"Discriminator.h5", "[null, 28, 28, 1]", "[null, 32, 32, 3]",
         "layer 'input_1' has batch_input_shape [null, 32, 32, 3], expected [null, 28, 28, 1]"},
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
        {"\"learning_rate\": ", "\"learning_rate\": \"fast\", \"was\": ", "training_config: "},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        export_files();
        change_text("Adversarial.h5", "training_config", cases[i].from, cases[i].to);
        check_refused(cases[i].reason);
    }
}
END_TEST

/* The generator where the critic should be. */
START_TEST(files_in_each_others_place_are_noticed)
{
    export_files();
    ck_assert_int_eq(
        rename(temporary_path("keras/Generator.h5"), temporary_path("keras/Discriminator.h5")), 0);
    struct wg_import_result result;
    ck_assert(!import(temporary_path("keras"), &result));
    check_error(WG_ERROR_FILE, "keras/Generator.h5: cannot open: No such file");
    export_files();
    ck_assert_int_eq(
        rename(temporary_path("keras/Generator.h5"), temporary_path("keras/Discriminator.h5")), 0);
    size_t size;
    char *bytes = read_bytes(temporary_path("keras/Discriminator.h5"), &size);
    temporary_write("keras/Generator.h5", bytes, size);
    free(bytes);
    check_refused("Discriminator.h5: model_config: a model of 12 layers, expected the 9 of the "
                  "Discriminator");
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
    static const char *const one[] = {"conv2d/kernel:0"}, *const other[] = {"conv2d/kernel:0", "x"};
    check_lacking("model_weights", "the group 'model_weights/conv2d' is missing");
    check_lacking("model_weights/dense", "the group 'model_weights/dense' is missing");
    check_lacking("model_weights/dense/dense/bias:0",
                  "'model_weights/dense/dense/bias:0' is missing");
    check_lacking("optimizer_weights/RMSprop",
                  "'optimizer_weights/RMSprop/velocity/conv2d/kernel:0' is missing");
    export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights/conv2d", one, 1);
    H5Fclose(file);
    check_refused("layer 'conv2d' has 1 weights, expected 2");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    replace_names(file, "model_weights/conv2d", other, 2);
    H5Fclose(file);
    check_refused("layer 'conv2d' has no weight 'bias'");
    export_files();
    file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    ck_assert_int_ge(H5Adelete(file, "model_config"), 0);
    H5Fclose(file);
    check_refused("the attribute 'model_config' of '/' is missing");
}
END_TEST

START_TEST(wrong_counts_of_updates_are_refused)
{
    static const int64_t counts[] = {-1, INT64_MAX};
    static const char *const reasons[] = {"'optimizer_weights/iteration:0' is -1, expected 0 or",
                                          "steps, expected at most 10000000"};
    for (size_t i = 0; i < countof(counts); i++) {
        struct wg_import_result result;
        export_files();
        hid_t file = open_h5("Adversarial.h5", H5F_ACC_RDWR);
        ck_assert_int_ge(H5Ldelete(file, "optimizer_weights/iteration:0", H5P_DEFAULT), 0);
        put_scalar(file, "optimizer_weights/iteration:0", H5T_NATIVE_INT64, &counts[i]);
        H5Fclose(file);
        ck_assert(!import(temporary_path("keras"), &result));
        check_error(WG_ERROR_DATA, reasons[i]);
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
        the_table_is_that_of_the_model,
        a_checkpoint_comes_back_to_the_byte,
        the_log_has_a_row_for_every_step,
        given_learning_rates_win,
        without_adversarial_the_accumulators_are_0,
        the_discriminator_is_laid_out_as_keras_does,
        moving_statistics_come_last_in_the_nested_generator,
        files_in_the_style_of_keras_3_are_taken,
        layers_may_have_other_names,
        a_schedule_is_no_learning_rate,
        another_layer_is_named,
        another_optimizer_is_named,
        files_in_each_others_place_are_noticed,
        another_shape_or_type_is_named,
        missing_groups_are_named,
        wrong_counts_of_updates_are_refused,
        truncated_files_are_refused,
        an_export_names_what_a_checkpoint_lacks,
    };
    return run_tests("keras", tests, countof(tests));
}
