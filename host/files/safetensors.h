/*
 * Weights in the safetensors format: named arrays of 32-bit floats and a few strings about them.
 * Only the type F32 is known; other programs read and write the same files.
 *
 *     8 bytes   length of the header, little-endian
 *     header    JSON, padded with spaces so that the data starts at a multiple of 8:
 *               {"__metadata__": {"key": "value"},
 *                "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
 *     data      little-endian floats, tensor after tensor without holes, the last index fastest
 *
 * Source: https://github.com/huggingface/safetensors#format
 */
#ifndef WG_FILES_SAFETENSORS_H
#define WG_FILES_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

#define WG_SAFETENSORS_RANK_MAX 8

struct wg_safetensor {
    const char *name;                      // unique within the file
    int rank;                              // 0 to WG_SAFETENSORS_RANK_MAX; 0 is a single value
    size_t shape[WG_SAFETENSORS_RANK_MAX]; // elements along each dimension, the first `rank` count
    const float *data;                     // product of the shape many
};

struct wg_safetensors_note {
    const char *key;
    const char *value;
};

/*
 * Writes the tensors in the order given, and the notes as metadata. Fails with WG_ERROR_ARGUMENT
 * if a name stands twice, a rank is out of range or a size overflows, WG_ERROR_MEMORY or
 * WG_ERROR_FILE.
 */
bool wg_safetensors_write(const char *path, const struct wg_safetensor *tensors, size_t count,
                          const struct wg_safetensors_note *notes, size_t note_count);

struct wg_safetensors;

/*
 * Reads a whole file into memory and checks all of it: after success every shape and pointer can
 * be trusted. Fails with WG_ERROR_FILE or WG_ERROR_MEMORY, or with WG_ERROR_DATA if the header is
 * not what it should be, a type is not F32, a size does not match its shape, or the tensors do not
 * fill the data exactly: an overlap, a hole, a truncated file. The format has no checksum, so
 * damage within the data goes unseen.
 */
bool wg_safetensors_open(const char *path, struct wg_safetensors **ret_file);

/* Frees the file with all its tensors. NULL is fine. */
void wg_safetensors_close(struct wg_safetensors *file);

/* The tensors, in the order of their data. */
size_t wg_safetensors_count(const struct wg_safetensors *file);
const struct wg_safetensor *wg_safetensors_at(const struct wg_safetensors *file, size_t i);

/* The tensor of that name; it lives as long as the file is open. Fails with WG_ERROR_DATA. */
const struct wg_safetensor *wg_safetensors_find(const struct wg_safetensors *file,
                                                const char *name);

/* A string of the metadata, or NULL if there is no such key; that is no error. */
const char *wg_safetensors_note(const struct wg_safetensors *file, const char *key);

#endif
