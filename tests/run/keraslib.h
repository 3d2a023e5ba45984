/*
 * What the tests of Keras' model files share: a checkpoint of made-up numbers as such files, and
 * hands to change them. No device is needed.
 */
#ifndef TESTS_RUN_KERASLIB_H
#define TESTS_RUN_KERASLIB_H

#include "host/keras/layers.h"
#include "include/wgan_cl.h"

#include <hdf5.h>
#include <stdbool.h>

/* One image of one pixel: nothing here looks at it. */
extern const struct wg_dataset keras_dataset;

/* Critic steps 3, learning rate of the critic 2e-4, seed 77. */
struct wg_train_settings keras_settings(void);

/* The weights of the generator, then those of the critic. Returns how many. */
int list_weights(struct wg_keras_weight ret_weights[2 * WG_KERAS_WEIGHTS_MAX]);

/* A checkpoint after 5 steps of those settings, 5.safetensors, which lacks its tensor number
 * `without`. */
const char *write_checkpoint(int without);
enum { NOTHING_LACKS = 1000 };

/* The three files of that checkpoint in the folder keras. */
const char *export_files(void);

/* Imports a folder into the folder run; the second must succeed. */
bool import_files(const char *folder, struct wg_import_result *ret_result);
void import_well(const char *folder, struct wg_import_result *ret_result);

/* A file of the folder keras, to be closed with H5Fclose. */
hid_t open_h5(const char *name, unsigned mode);

/* The texts of an attribute, each followed by a blank; until the next call. */
const char *texts_of(hid_t file, const char *group, const char *name);

/* In an attribute of the root of a file of the folder keras the first `from` becomes `to`. */
void change_text(const char *name, const char *attribute, const char *from, const char *to);

/* The weight_names or layer_names of a group, as texts of fixed length, which older versions of
 * h5py write. */
void replace_names(hid_t file, const char *group, const char *attribute, const char *const *names,
                   hsize_t count);

/* Gives an object another path. */
void move_object(hid_t file, const char *from, const char *to);

/* A new data set of one number. */
void put_scalar(hid_t file, const char *path, hid_t type, const void *value);

#endif
