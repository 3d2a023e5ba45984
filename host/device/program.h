/*
 * Programs: the embedded .cl files, specialised by macros, built once each.
 *
 * What is constant for a node of the graph (shapes, strides, slopes) is a macro; the text of a
 * program is its #define lines, cl/prelude.cl and the file, so a dumped program is complete and
 * compiles alone. A line #include "NAME.cl" brings in another of these files. The environment
 * variable WGAN_CL_KERNELS names a folder whose .cl files replace the embedded ones, for work on
 * kernels without rebuilding.
 */
#ifndef WG_DEVICE_PROGRAM_H
#define WG_DEVICE_PROGRAM_H

#include "host/device/device.h"

/* The #define lines of a program, in order. */
struct wg_defines {
    char text[2048];
    size_t length;
};

void wg_define_int(struct wg_defines *defines, const char *name, long long value);
void wg_define_float(struct wg_defines *defines, const char *name, float value); // bit-exact
void wg_define_flag(struct wg_defines *defines, const char *name);

/*
 * A new kernel object `kernel` of the program cl/`file`.cl under `defines` (NULL: none). The
 * program is built on first use and kept by the device; the kernel is the caller's.
 * Fails with WG_ERROR_DEVICE; the message of a failed build holds file, macros, device and log;
 * and with WG_ERROR_STOPPED if it is not built yet and the device's `stop` says so.
 */
bool wg_program_kernel(struct wg_device *device, const char *file, const char *kernel,
                       const struct wg_defines *defines, cl_kernel *ret_kernel);

/* The same without a kernel, from any thread, and without asking `stop`: builds the program if it
 * is not built yet, by another thread at the moment either; whether it is. */
bool wg_program_build(struct wg_device *device, const char *file, const struct wg_defines *defines);
bool wg_program_is_built(const struct wg_device *device, const char *file,
                         const struct wg_defines *defines);

/* The digest (program_cache.h) and the length in bytes of a program's text. Fails with
 * WG_ERROR_DEVICE or WG_ERROR_FILE if there is no such file. */
bool wg_program_text(const struct wg_device *device, const char *file,
                     const struct wg_defines *defines, uint64_t *ret_digest, size_t *ret_length);

/* A hash of all sources as programs would be built from, replaced ones included. Fails with
 * WG_ERROR_FILE if a replaced one is missing. */
bool wg_program_sources_hash(uint64_t *ret_hash);

void wg_programs_release(struct wg_device *device);

#endif
