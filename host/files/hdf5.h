/*
 * HDF5 files, through libhdf5, which is included nowhere else: as much of the format as Keras'
 * model files need. Groups, attributes of text and of lists of texts, arrays of 32-bit floats,
 * single 64-bit integers.
 *
 * A file is built in memory and appears whole or not at all (output.h); it is read into memory
 * whole, so that nothing on the disk can change under the reader. Objects are named by their path
 * from the root, "model_weights/dense"; the root is "/". Every failure names file and object.
 *
 * Truncated files and files of another kind are refused. But the format, as Keras uses it, has no
 * check sums, and the library believes what a file says about its own structure: one that was
 * damaged inside can crash it (seen with 1.10.8).
 */
#ifndef WG_FILES_HDF5_H
#define WG_FILES_HDF5_H

#include "host/files/output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wg_hdf5;

/* ---- writing; fails with WG_ERROR_MEMORY, only the output with WG_ERROR_FILE ---- */

/* An empty file that will stand at `path`. Nothing is written yet. */
bool wg_hdf5_create(const char *path, struct wg_hdf5 **ret_file);

/* A group, with its parents. */
bool wg_hdf5_write_group(struct wg_hdf5 *file, const char *path);

/* An attribute of a group: one text, or a list of texts, which may be empty. */
bool wg_hdf5_write_text(struct wg_hdf5 *file, const char *group, const char *name,
                        const char *text);
bool wg_hdf5_write_texts(struct wg_hdf5 *file, const char *group, const char *name,
                         const char *const *texts, size_t count);

/* A data set, with the groups above it: little-endian floats, the last index fastest; one integer.
 * The same calls in the same order make the same bytes: no times are recorded. */
bool wg_hdf5_write_floats(struct wg_hdf5 *file, const char *path, int rank, const size_t *shape,
                          const float *data);
bool wg_hdf5_write_integer(struct wg_hdf5 *file, const char *path, int64_t number);

/* Writes the file to an output at its path, to be committed. Frees the file in either case. */
bool wg_hdf5_output(struct wg_hdf5 *file, struct wg_output **ret_output);

/* ---- reading ---- */

/* Fails with WG_ERROR_FILE, or WG_ERROR_DATA if it is no HDF5 file, or a truncated one. */
bool wg_hdf5_open(const char *path, struct wg_hdf5 **ret_file);

/* Frees an opened file, or a created one that is not to be written. NULL is fine. */
void wg_hdf5_close(struct wg_hdf5 *file);

/* Where the file stands, for the messages of its readers. */
const char *wg_hdf5_path(const struct wg_hdf5 *file);

/* Whether there is such a group or data set, such an attribute. */
bool wg_hdf5_has(const struct wg_hdf5 *file, const char *path);
bool wg_hdf5_has_attribute(const struct wg_hdf5 *file, const char *group, const char *name);

/* An attribute, to be freed with free(). Fails with WG_ERROR_DATA if the group or attribute is
 * missing or is no text. */
bool wg_hdf5_read_text(const struct wg_hdf5 *file, const char *group, const char *name,
                       char **ret_text);

/* A list of texts; one that is empty may be of any type, as Keras writes it. */
struct wg_hdf5_texts {
    char **items;
    size_t count;
};
bool wg_hdf5_read_texts(const struct wg_hdf5 *file, const char *group, const char *name,
                        struct wg_hdf5_texts *ret_texts);
void wg_hdf5_texts_free(struct wg_hdf5_texts *texts);

/* The rank of a data set, 0 for a single value. */
bool wg_hdf5_read_rank(const struct wg_hdf5 *file, const char *path, int *ret_rank);

/* A data set of exactly this shape and type: 32-bit floats or 64- or 32-bit integers, of either
 * byte order. Nothing is rounded: other types fail with WG_ERROR_DATA, as other shapes do. Only a
 * damaged file may leave some of ret_data written. */
bool wg_hdf5_read_floats(const struct wg_hdf5 *file, const char *path, int rank,
                         const size_t *shape, float *ret_data);
bool wg_hdf5_read_integer(const struct wg_hdf5 *file, const char *path, int64_t *ret_number);

#endif
