/*
 * Binding, as the implementations of ops see it: they describe their kernel calls.
 */
#ifndef WG_GRAPH_BIND_H
#define WG_GRAPH_BIND_H

#include "host/device/blas.h"
#include "host/graph/op.h"

enum wg_argument_kind {
    WG_ARGUMENT_END,
    WG_ARGUMENT_NODE,
    WG_ARGUMENT_SCRATCH,
    WG_ARGUMENT_INT,
    WG_ARGUMENT_FLOAT,
};

struct wg_argument {
    enum wg_argument_kind kind;
    const struct wg_node *node;
    size_t offset; // scratch: from its start, bytes; a multiple of the buffer alignment
    size_t bytes;  // scratch: length of the part
    int number;    // int
    float real;    // float
};

#define WG_NODE(n)  ((struct wg_argument){.kind = WG_ARGUMENT_NODE, .node = (n)})
#define WG_INT(v)   ((struct wg_argument){.kind = WG_ARGUMENT_INT, .number = (int)(v)})
#define WG_FLOAT(v) ((struct wg_argument){.kind = WG_ARGUMENT_FLOAT, .real = (v)})
#define WG_SCRATCH(at, size)                                                                       \
    ((struct wg_argument){.kind = WG_ARGUMENT_SCRATCH, .offset = (at), .bytes = (size)})

enum { WG_ARGUMENTS_MAX = 4 * WG_UPDATE_MAX + 2 }; // of rmsprop, see there

/*
 * One kernel call. Arguments in the kernel's order. `global` counts work items; it is rounded up
 * to whole groups, so kernels guard their ids. local {0} leaves the group to the binder: some
 * lanes along the first dimension, as many as suit the device.
 *
 * Sizes that make a kernel faster by being known to its compiler are macros, others are int
 * arguments: a program is built for every set of macros, and building is what a start costs.
 */
struct wg_call {
    const char *file;
    const char *kernel;
    const struct wg_defines *defines;
    struct wg_argument arguments[WG_ARGUMENTS_MAX];
    size_t global[3]; // 0 stands for 1
    size_t local[3];
};

/* How many arguments a call has. */
int wg_call_count(const struct wg_call *call);

/* Groups along a dimension that is not the first: some drivers take no more. */
enum { WG_GROUPS_MAX = 65535 };

/* Builds the kernel, sets its arguments, and appends it to the schedule being bound. Refuses more
 * than WG_GROUPS_MAX on any device, so that one driver shows what others would not take. */
bool wg_bind_kernel(struct wg_binder *binder, const struct wg_call *call);

/* The largest group in which the device runs the kernel of a call; builds it. It may be less than
 * the device's largest: registers are few. */
bool wg_binder_largest_group(struct wg_binder *binder, const struct wg_call *call,
                             size_t *ret_largest);

/* Appends C = B^T-like product of wg_blas_gemm over nodes or scratch. */
bool wg_bind_gemm(struct wg_binder *binder, struct wg_gemm_size size, bool accumulate,
                  struct wg_argument a, struct wg_argument b, struct wg_argument c);

const struct wg_device *wg_binder_device(const struct wg_binder *binder);

/* Vector width for rows of `length` floats: the device's native one, or less if that does not
 * divide the length. On other devices than CPUs at most 4. */
unsigned wg_vector_width(const struct wg_device *device, size_t length);

/* Macros ACTIVATION and SLOPE, of the node's. */
void wg_define_activation(struct wg_defines *defines, const struct wg_node *node);

/* What is written in pieces, a few channels of pixel after pixel, goes past the caches as if it
 * were so many times as large: no processor foresees its lines, and each is read before it is
 * written. */
enum { WG_STREAM_PIECES = 32 };

/* Macro STREAM for a program on a CPU whose result, of so many bytes, will hardly be in the cache
 * any more when it is read: STREAMV of cl/prelude.cl then writes past the caches. */
void wg_define_stream(struct wg_defines *defines, const struct wg_device *device, size_t bytes);

/* `bytes` rounded up so that a part of scratch may start there. */
size_t wg_scratch_align(const struct wg_device *device, size_t bytes);

#endif
