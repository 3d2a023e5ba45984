/*
 * Arrays for NumPy: the .npy format, version 1.0, written only. numpy.load() reads them.
 *
 * Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
#ifndef WG_FILES_NPY_H
#define WG_FILES_NPY_H

#include <stdbool.h>
#include <stddef.h>

enum wg_npy_type {
    WG_NPY_F32, // float
    WG_NPY_F64, // double
    WG_NPY_U8,  // uint8_t
};

/* Most dimensions NumPy itself has. */
#define WG_NPY_RANK_MAX 32

/*
 * Writes `data`, an array of shape[0] x ... x shape[rank - 1] values, the last index fastest.
 * Rank 0 is a single value; a dimension of 0 makes the array empty. Values are written in the
 * byte order of this machine, which the header names.
 * Fails with WG_ERROR_ARGUMENT if the rank is too high or the size overflows, or WG_ERROR_FILE.
 */
bool wg_npy_write(const char *path, enum wg_npy_type type, const void *data, int rank,
                  const size_t *shape);

#endif
