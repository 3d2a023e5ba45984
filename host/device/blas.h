/*
 * Matrix multiplication by CLBlast; the only module that knows it.
 *
 * One form is offered, the one CLBlast runs without copying operands into hidden buffers, so that
 * nothing is allocated while training:
 *
 *   C[n, m] = sum over k of B[k, n] * A[k, m]   (+ C if accumulating)
 *
 * all row-major and tight, in buffers of their own, i.e. CLBlast's column-major C = A * B^T. All
 * three sizes must be multiples of the tile; callers pad with zeros in scratch of their own.
 */
#ifndef WG_DEVICE_BLAS_H
#define WG_DEVICE_BLAS_H

#include "host/device/device.h"

struct wg_gemm_size {
    size_t m; // columns of C
    size_t n; // rows of C
    size_t k; // summed over
};

/* What the sizes must be multiples of on this device, with its present parameters. */
struct wg_gemm_size wg_blas_tile(const struct wg_device *device);

enum { WG_BLAS_SETS_MAX = 8 };

/* Names of the sets of parameters worth trying on this device, the default first; how many. */
int wg_blas_sets(const struct wg_device *device, const char *ret_names[WG_BLAS_SETS_MAX]);

/*
 * Gives CLBlast the parameters of this name, or the default ones for "" and for a name that is not
 * among the device's sets. CLBlast builds its kernels anew then, and products planned before must
 * not run any more. Fails with WG_ERROR_DEVICE.
 */
bool wg_blas_use(struct wg_device *device, const char *name);

/* Enqueues the product. `event`, if not NULL, receives one to be released. WG_ERROR_DEVICE if
 * CLBlast refuses. */
bool wg_blas_gemm(struct wg_device *device, struct wg_gemm_size size, bool accumulate, cl_mem a,
                  cl_mem b, cl_mem c, cl_event *event);

/* "1.5.3" where known, for run.json. */
const char *wg_blas_version(void);

#endif
