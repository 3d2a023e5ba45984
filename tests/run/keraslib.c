/* A checkpoint of made-up numbers as Keras' model files, and hands to change them. */
#include "tests/run/keraslib.h"

#include "host/base/hash.h"
#include "host/run/checkpoint.h"
#include "tests/run/runlib.h"

#include <stdlib.h>
#include <string.h>

const struct wg_dataset keras_dataset = {.name = "none",
                                         .source = "/data/none",
                                         .count = 1,
                                         .height = 1,
                                         .width = 1,
                                         .pixels = (uint8_t[]){7}};

struct wg_train_settings keras_settings(void)
{
    struct wg_train_settings settings = wg_train_settings_default();
    settings.critic_steps = 3;
    settings.lr_critic = 2e-4f;
    settings.seed = 77;
    return settings;
}

int list_weights(struct wg_keras_weight ret_weights[2 * WG_KERAS_WEIGHTS_MAX])
{
    int count = wg_keras_weights(&wg_keras_generator, ret_weights);
    return count + wg_keras_weights(&wg_keras_discriminator, ret_weights + count);
}

/* `squared`: without negative numbers, as a variance or the mean of squares. */
static void add_tensor(struct wg_safetensor *tensors, int *count, const char *name,
                       const struct wg_shape *shape, bool squared)
{
    struct wg_safetensor *tensor = &tensors[*count];
    float *data = malloc(wg_shape_count(shape) * sizeof *data);
    ck_assert_ptr_nonnull(data);
    test_fill(data, wg_shape_count(shape), (unsigned)++*count);
    for (size_t i = 0; squared && i < wg_shape_count(shape); i++)
        data[i] *= data[i];
    *tensor = (struct wg_safetensor){.name = name, .rank = shape->rank, .data = data};
    memcpy(tensor->shape, shape->dim, sizeof shape->dim);
}

/* The tensors of one network, then its accumulators, as a trainer writes them. */
static void add_network(struct wg_safetensor *tensors, int *count,
                        const struct wg_keras_weight *weights, int from, int to)
{
    for (int i = from; i < to; i++)
        add_tensor(tensors, count, weights[i].tensor, &weights[i].shape,
                   strcmp(weights[i].name, "moving_variance") == 0);
    for (int i = from; i < to; i++)
        if (weights[i].is_trained)
            add_tensor(tensors, count, weights[i].accumulator, &weights[i].shape, true);
}

const char *write_checkpoint(int without)
{
    static struct wg_keras_weight weights[2 * WG_KERAS_WEIGHTS_MAX];
    struct wg_safetensor tensors[4 * WG_KERAS_WEIGHTS_MAX];
    struct wg_checkpoint_info info = {.step = 5, .settings = keras_settings()};
    const char *path = temporary_path("5.safetensors");
    int all = list_weights(weights), count = 0;
    int generator = wg_keras_weights(&wg_keras_generator, weights);
    add_network(tensors, &count, weights, 0, generator);
    add_network(tensors, &count, weights, generator, all);
    info.data_hash = wg_hash(WG_HASH_START, keras_dataset.pixels, 1);
    strcpy(info.data_source, keras_dataset.source);
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

const char *export_files(void)
{
    struct wg_export_result result;
    const char *folder = temporary_path("keras");
    ck_assert_msg(wg_export(write_checkpoint(NOTHING_LACKS), WG_EXPORT_H5, folder, &result), "%s",
                  wg_error_message());
    ck_assert_int_eq(result.step, 5);
    return folder;
}

bool import_files(const char *folder, struct wg_import_result *ret_result)
{
    const struct wg_train_settings settings = keras_settings();
    return wg_import(folder, &keras_dataset, &settings, temporary_path("run"), ret_result);
}

void import_well(const char *folder, struct wg_import_result *ret_result)
{
    ck_assert_msg(import_files(folder, ret_result), "%s", wg_error_message());
}

hid_t open_h5(const char *name, unsigned mode)
{
    char path[64];
    snprintf(path, sizeof path, "keras/%s", name);
    hid_t file = H5Fopen(temporary_path(path), mode, H5P_DEFAULT);
    ck_assert_int_ge(file, 0);
    return file;
}

const char *texts_of(hid_t file, const char *group, const char *name)
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

void change_text(const char *name, const char *attribute, const char *from, const char *to)
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

void replace_names(hid_t file, const char *group, const char *attribute, const char *const *names,
                   hsize_t count)
{
    char bytes[WG_KERAS_WEIGHTS_MAX][64] = {{0}};
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, NULL);
    H5Tset_size(type, sizeof bytes[0]);
    for (hsize_t i = 0; i < count; i++)
        snprintf(bytes[i], sizeof bytes[i], "%s", names[i]);
    H5Adelete_by_name(file, group, attribute, H5P_DEFAULT);
    hid_t made = H5Acreate_by_name(file, group, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT,
                                   H5P_DEFAULT);
    ck_assert_int_ge(H5Awrite(made, type, bytes), 0);
    H5Aclose(made);
    H5Sclose(space);
    H5Tclose(type);
}

void move_object(hid_t file, const char *from, const char *to)
{
    hid_t parents = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(parents, 1);
    ck_assert_int_ge(H5Lmove(file, from, file, to, parents, H5P_DEFAULT), 0);
    H5Pclose(parents);
}

void put_scalar(hid_t file, const char *path, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value), 0);
    H5Dclose(set);
    H5Sclose(space);
}
