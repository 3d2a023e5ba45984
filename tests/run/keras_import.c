/* Keras' model files back into a run: everything comes back, from files of other versions too. */
#include "host/run/checkpoint.h"
#include "tests/run/keraslib.h"
#include "tests/run/runlib.h"

#include <stdlib.h>
#include <string.h>

START_TEST(a_checkpoint_comes_back_to_the_byte)
{
    struct wg_import_result result;
    struct wg_train_settings settings = keras_settings();
    const char *folder = export_files();
    settings.lr_generator = settings.lr_critic = 0; // of the files
    ck_assert_msg(wg_import(folder, &keras_dataset, &settings, temporary_path("run"), &result),
                  "%s", wg_error_message());
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
    struct wg_train_settings settings = keras_settings();
    settings.lr_generator = 0.5f;
    settings.lr_critic = 0.25f;
    ck_assert(wg_import(export_files(), &keras_dataset, &settings, temporary_path("run"), &result));
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
/* ---- files changed as other versions write them ---- */

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
    move_object(file, "model_weights/conv2d/conv2d/kernel:0", "model_weights/conv2d/conv2d/kernel");
    move_object(file, "model_weights/conv2d/conv2d/bias:0", "model_weights/conv2d/conv2d/bias");
    replace_names(file, "model_weights/conv2d", "weight_names", names, 2);
    move_object(file, "optimizer_weights/iteration:0", "optimizer_weights/rm_sprop/iteration");
    put_scalar(file, "optimizer_weights/rm_sprop/learning_rate", H5T_NATIVE_FLOAT, &(float){2e-4f});
    replace_names(file, "optimizer_weights", "weight_names", weights, 10);
    H5Fclose(file);
    change_text("Discriminator.h5", "model_config", "\"alpha\": 0.2", "\"negative_slope\": 0.2");
    change_text("Discriminator.h5", "model_config", "batch_input_shape", "batch_shape");
    change_text("Discriminator.h5", "training_config", "Custom>RMSprop", "RMSprop");
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

#define LEAKY(name, before)                                                                        \
    "{\"class_name\": \"LeakyReLU\", \"config\": {\"alpha\": 0.2, \"name\": \"" name               \
    "\", \"dtype\": \"float32\", \"trainable\": true}, \"name\": \"" name                          \
    "\", \"inbound_nodes\": [[[\"" before "\", 0, 0, {}]]]}, "

/* One layer for all three of the critic's activations, as in the program of someone else. */
START_TEST(an_activation_may_be_called_several_times)
{
    struct wg_import_result result;
    const char *folder = export_files();
    change_text("Discriminator.h5", "model_config", LEAKY("leaky_re_lu_1", "conv2d_1"), "");
    change_text("Discriminator.h5", "model_config", LEAKY("leaky_re_lu_2", "conv2d_2"), "");
    change_text("Discriminator.h5", "model_config", "[[\"conv2d\", 0, 0, {}]]",
                "[[\"conv2d\", 0, 0, {}]], [[\"conv2d_1\", 0, 0, {}]], "
                "{\"args\": [{\"config\": {\"keras_history\": [\"conv2d_2\", 0, 0]}}]}");
    import_well(folder, &result);
}
END_TEST

START_TEST(the_batch_of_an_input_says_nothing)
{
    struct wg_import_result result;
    const char *folder = export_files();
    change_text("Generator.h5", "model_config", "[null, 100]", "[32, 100]");
    change_text("Adversarial.h5", "model_config", "[null, 100]", "[32, 100]");
    import_well(folder, &result);
}
END_TEST

START_TEST(the_last_axis_has_more_names_than_one)
{
    struct wg_import_result result;
    const char *folder = export_files();
    change_text("Generator.h5", "model_config", "\"axis\": [1]", "\"axis\": -1");
    change_text("Generator.h5", "model_config", "\"axis\": [3]", "\"axis\": 3");
    change_text("Generator.h5", "model_config", "\"axis\": [3]", "\"axis\": [-1]");
    import_well(folder, &result);
}
END_TEST

START_TEST(layers_may_have_other_names)
{
    static const char *const layers[] = {"conv2d", "conv2d_1", "flatten", "conv2d_2", "score"};
    struct wg_import_result result;
    const char *folder = export_files();
    hid_t file = open_h5("Discriminator.h5", H5F_ACC_RDWR);
    move_object(file, "model_weights/dense", "model_weights/score");
    replace_names(file, "model_weights", "layer_names", layers, 5);
    H5Fclose(file);
    change_text("Discriminator.h5", "model_config", "\"name\": \"dense\", \"dtype\"",
                "\"name\": \"score\", \"dtype\"");
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

/* A tensor of a checkpoint, as bytes. */
static void check_tensor(const struct wg_checkpoint *checkpoint, const char *name,
                         const struct wg_checkpoint *other, const char *name_there)
{
    const struct wg_safetensor *a = wg_safetensors_find(wg_checkpoint_tensors(checkpoint), name),
                               *b = wg_safetensors_find(wg_checkpoint_tensors(other), name_there);
    ck_assert_msg(memcmp(a->data, b->data, a->shape[0] * sizeof *a->data) == 0, "%s is not %s",
                  name, name_there);
}

/* Keras goes by the order in which a file lists weights, and would load beta as gamma here. */
START_TEST(the_order_decides_and_not_the_name)
{
    static const char layer[] = "model_weights/batch_normalization_1";
    static const char *const names[] = {
        "batch_normalization_1/beta:0", "batch_normalization_1/gamma:0",
        "batch_normalization_1/moving_mean:0", "batch_normalization_1/moving_variance:0"};
    struct wg_import_result result;
    struct wg_checkpoint *imported, *exported;
    const char *folder = export_files();
    hid_t file = open_h5("Generator.h5", H5F_ACC_RDWR);
    replace_names(file, layer, "weight_names", names, 4);
    H5Fclose(file);
    ck_assert_int_eq(remove(temporary_path("keras/Adversarial.h5")), 0); // it has the other order
    import_well(folder, &result);
    ck_assert(wg_checkpoint_open(result.checkpoint, &imported));
    ck_assert(wg_checkpoint_open(temporary_path("5.safetensors"), &exported));
    check_tensor(imported, "generator.norm1.gamma", exported, "generator.norm1.beta");
    check_tensor(imported, "generator.norm1.beta", exported, "generator.norm1.gamma");
    check_tensor(imported, "generator.norm1.moving_mean", exported, "generator.norm1.moving_mean");
    wg_checkpoint_close(exported);
    wg_checkpoint_close(imported);
}
END_TEST

/* Keras lists the weights of a frozen network layer by layer, not the trained ones first. */
START_TEST(the_generator_may_be_frozen_in_adversarial)
{
    static const char group[] = "model_weights/Generator";
    struct wg_keras_weight listed[WG_KERAS_WEIGHTS_MAX], frozen[WG_KERAS_WEIGHTS_MAX];
    const char *names[WG_KERAS_WEIGHTS_MAX], *reordered[WG_KERAS_WEIGHTS_MAX];
    struct wg_import_result result;
    const char *folder = export_files();
    hid_t file = open_h5("Adversarial.h5", H5F_ACC_RDWR);
    char *texts = strdup(texts_of(file, group, "weight_names"));
    int count = wg_keras_nested_weights(&wg_keras_generator, listed), differing = 0;
    wg_keras_weights(&wg_keras_generator, frozen);
    names[0] = strtok(texts, " ");
    for (int i = 1; i < count; i++)
        names[i] = strtok(NULL, " ");
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++)
            if (strcmp(frozen[i].tensor, listed[j].tensor) == 0) {
                reordered[i] = names[j];
                differing += i != j;
            }
    ck_assert_int_gt(differing, 0);
    replace_names(file, group, "weight_names", reordered, (hsize_t)count);
    H5Fclose(file);
    free(texts);
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

/* A Sequential of the two begins with an input layer or not, and does not list it by name. */
START_TEST(adversarial_may_have_no_input_layer)
{
    static const char *const layers[] = {"Generator", "Discriminator"};
    struct wg_import_result result;
    const char *folder = export_files();
    hid_t file = open_h5("Adversarial.h5", H5F_ACC_RDWR);
    char *config = strdup(texts_of(file, "/", "model_config"));
    replace_names(file, "model_weights", "layer_names", layers, 2);
    H5Fclose(file);
    char *input = strstr(config, "\"layers\": [") + strlen("\"layers\": ["),
         *rest = strstr(input, "{\"class_name\": \"Functional\"");
    *rest = '\0';
    change_text("Adversarial.h5", "model_config", input, "");
    free(config);
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

/* The model_config of a file of the folder keras, to be freed. */
static char *config_of(const char *name)
{
    hid_t file = open_h5(name, H5F_ACC_RDONLY);
    char *config = strdup(texts_of(file, "/", "model_config"));
    H5Fclose(file);
    return config;
}

/* What a network is in Adversarial.h5: one layer, or its own layers, from that of a class on. */
static void append_layers(char *config, const char *name, bool is_flat, const char *class)
{
    char first[64], *text = config_of(name), *from = text;
    snprintf(first, sizeof first, "{\"class_name\": \"%s\"", class);
    if (is_flat) {
        from = strstr(text, first);
        *strstr(from, "], \"input_layers\"") = '\0';
    }
    strcat(config, from);
    free(text);
}

/* Lists the weights of a network there, copied from its own file if it is layer by layer. */
static int append_weights(hid_t file, const char *name, bool is_flat, const char **names)
{
    static const struct wg_keras_network *networks[] = {&wg_keras_generator,
                                                        &wg_keras_discriminator};
    const struct wg_keras_network *network = networks[strcmp(name, "Generator.h5") != 0];
    names[0] = network->name;
    if (!is_flat)
        return 1;
    hid_t own = open_h5(name, H5F_ACC_RDONLY);
    for (int i = 1; i < network->count; i++) {
        char path[64];
        names[i - 1] = network->layers[i].name;
        snprintf(path, sizeof path, "model_weights/%s", names[i - 1]);
        ck_assert_int_ge(H5Ocopy(own, path, file, path, H5P_DEFAULT, H5P_DEFAULT), 0);
    }
    H5Fclose(own);
    return network->count - 1;
}

static void flatten(bool generator, bool critic)
{
    static char config[20000];
    const char *names[WG_KERAS_WEIGHTS_MAX];
    char *before = config_of("Adversarial.h5");
    strcpy(config, "{\"class_name\": \"Functional\", \"config\": {\"layers\": [");
    append_layers(config, "Generator.h5", generator, "InputLayer");
    strcat(config, ", ");
    append_layers(config, "Discriminator.h5", critic, "Conv2D");
    strcat(config, "]}}");
    change_text("Adversarial.h5", "model_config", before, config);
    free(before);
    hid_t file = open_h5("Adversarial.h5", H5F_ACC_RDWR);
    int count = append_weights(file, "Generator.h5", generator, names);
    count += append_weights(file, "Discriminator.h5", critic, names + count);
    replace_names(file, "model_weights", "layer_names", names, (hsize_t)count);
    H5Fclose(file);
}

/* Model(generator.input, critic(generator.output)), and the like. */
START_TEST(adversarial_may_have_networks_layer_by_layer)
{
    for (int flat = 1; flat < 4; flat++) {
        struct wg_import_result result;
        const struct wg_train_settings settings = keras_settings();
        char run[16];
        export_files();
        flatten(flat & 1, flat & 2);
        snprintf(run, sizeof run, "run%d", flat);
        ck_assert_msg(wg_import(temporary_path("keras"), &keras_dataset, &settings,
                                temporary_path(run), &result),
                      "%s", wg_error_message());
        ck_assert(result.has_generator_rmsprop);
        ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
    }
}
END_TEST

/* An activation may be a layer or an argument, and each of them has more than one name. */
START_TEST(activations_may_stand_elsewhere)
{
    static const struct {
        const char *file, *from, *to;
    } changes[] = {
        {"Generator.h5", "\"Activation\", \"config\": {\"activation\": \"relu\"",
         "\"ReLU\", \"config\": {\"max_value\": null, \"negative_slope\": 0.0, \"threshold\": 0.0"},
        {"Generator.h5", "\"activation\": \"tanh\"", "\"activation\": \"linear\""},
        {"Generator.h5", "], \"input_layers\"",
         ", {\"class_name\": \"Activation\", \"config\": {\"activation\": \"tanh\", \"name\": "
         "\"last\"}}"
         "], \"input_layers\""},
        {"Discriminator.h5", "\"activation\": \"linear\"", "\"activation\": \"leaky_relu\""},
        {"Discriminator.h5", "\"activation\": \"linear\"",
         "\"activation\": {\"class_name\": \"LeakyReLU\", \"config\": {\"negative_slope\": 0.2}}"},
        {"Discriminator.h5", "\"LeakyReLU\", \"config\": {\"alpha\": 0.2",
         "\"Activation\", \"config\": {\"activation\": \"linear\""},
        {"Discriminator.h5", "\"LeakyReLU\", \"config\": {\"alpha\": 0.2",
         "\"Activation\", \"config\": {\"activation\": \"linear\""},
    };
    struct wg_import_result result;
    export_files();
    for (size_t i = 0; i < countof(changes); i++)
        change_text(changes[i].file, "model_config", changes[i].from, changes[i].to);
    import_well(temporary_path("keras"), &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

START_TEST(an_input_layer_may_be_missing)
{
    struct wg_import_result result;
    const char *folder = export_files();
    char *config = config_of("Discriminator.h5");
    char *input = strstr(config, "{\"class_name\": \"InputLayer\"");
    *strstr(input, "{\"class_name\": \"Conv2D\"") = '\0';
    change_text("Discriminator.h5", "model_config", input, "");
    free(config);
    import_well(folder, &result);
    ck_assert(files_are_equal(result.checkpoint, temporary_path("5.safetensors")));
}
END_TEST

/* A rate of the file that can't be gone on with is refused, unless another is given. */
START_TEST(rates_that_none_could_give_are_refused)
{
    static const struct {
        const char *rate, *reason;
    } cases[] = {
        {"\"learning_rate\": {\"class_name\": \"CosineDecay\"}, \"was\": ",
         "keras/Discriminator.h5: the learning rate follows the schedule CosineDecay, expected a "
         "number; "
         "--lr-critic takes one"},
        {"\"learning_rate\": 2.0, \"was\": ",
         "keras/Discriminator.h5: the learning rate is 2, expected at most 1; --lr-critic takes"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        struct wg_import_result result;
        struct wg_train_settings settings = keras_settings();
        const char *folder = export_files(), *run = temporary_path(i ? "run 1" : "run 0");
        settings.lr_critic = 0;
        change_text("Discriminator.h5", "training_config", "\"learning_rate\": ", cases[i].rate);
        ck_assert(!wg_import(folder, &keras_dataset, &settings, run, &result));
        check_error(WG_ERROR_DATA, cases[i].reason);
        ck_assert(!file_exists(run));
        settings.lr_critic = 0.25f;
        ck_assert_msg(wg_import(folder, &keras_dataset, &settings, run, &result), "%s",
                      wg_error_message());
        ck_assert_float_eq(result.lr_critic, 0.25f);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_checkpoint_comes_back_to_the_byte,
        the_log_has_a_row_for_every_step,
        given_learning_rates_win,
        without_adversarial_the_accumulators_are_0,
        files_in_the_style_of_keras_3_are_taken,
        an_activation_may_be_called_several_times,
        the_batch_of_an_input_says_nothing,
        the_last_axis_has_more_names_than_one,
        layers_may_have_other_names,
        the_order_decides_and_not_the_name,
        the_generator_may_be_frozen_in_adversarial,
        adversarial_may_have_no_input_layer,
        adversarial_may_have_networks_layer_by_layer,
        activations_may_stand_elsewhere,
        an_input_layer_may_be_missing,
        rates_that_none_could_give_are_refused,
    };
    return run_tests("keras_import", tests, countof(tests));
}
