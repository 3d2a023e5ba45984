/*
 * How sums over rows are split: chunks of rows are summed one by one, then the chunks' results, in
 * a fixed order. The result does not depend on how many work items run at a time.
 */
#ifndef WG_GRAPH_OPS_ROWS_H
#define WG_GRAPH_OPS_ROWS_H

#include "host/graph/exec.h"

struct wg_row_split {
    size_t columns; // C
    size_t rows;
    size_t rows_per_chunk;
    size_t chunks;
    size_t chunks_per_group; // many chunks are merged in groups first: all of them in one if few
    size_t groups;
};

/* NULL: as on the devices with the longest chunks. */
struct wg_row_split wg_row_split(const struct wg_shape *x, const struct wg_device *device);

/* The same in chunks of so many rows, or of more if these were too many for a device. */
struct wg_row_split wg_row_split_by(const struct wg_shape *x, size_t rows_per_chunk);

/* The same where somebody else has split the rows: `chunks` results are to be merged. */
struct wg_row_split wg_row_split_chunks(size_t chunks);

/* How a kernel is told, as two arguments: rows and rows per chunk. */
#define WG_ROWS(split) WG_INT((split).rows), WG_INT((split).rows_per_chunk)

/*
 * Vectors of `width` columns that a work item should sum side by side. On CPUs it runs through its
 * rows alone and a row should be a long run of memory; a GPU's groups do that with one vector each.
 */
size_t wg_row_vectors(const struct wg_device *device, size_t columns, size_t width);

/* Macro AHEAD for GPUs, whose items wait for memory row by row else. */
void wg_define_ahead(struct wg_defines *defines, const struct wg_device *device);

/* Macros ACROSS and DOWN of kernels that gather: where a group of as many items has local memory,
 * it adds up all chunks, ACROSS vectors of columns, without merges. */
void wg_define_gather(struct wg_defines *defines, const struct wg_device *device);

/* Adds `call`, such a kernel's without its sizes, if it is worth while for so many vectors and the
 * device can run it; else *ret_bound is false, and there is to be merged. */
bool wg_bind_gather(struct wg_binder *binder, const struct wg_row_split *split, size_t vectors,
                    struct wg_call call, bool *ret_bound);

/* Lanes of a group that sums or merges, as in struct wg_call: on CPUs each has work for a while. */
size_t wg_row_lanes(const struct wg_device *device);

/* What the chunks leave in scratch: `sums` floats each, at its start. */
struct wg_argument wg_row_partial(const struct wg_row_split *split, size_t sums);

/* Bytes of scratch for them, and for those of the groups. */
size_t wg_row_scratch(const struct wg_row_split *split, size_t sums,
                      const struct wg_device *device);

/* One merge of partial results: `from` [chunks, sums] to `to` [groups, sums]. */
struct wg_row_merge {
    struct wg_argument from, to;
    size_t rows_per_chunk;
    size_t chunks;
    size_t chunks_per_group;
    size_t groups;
};

enum { WG_ROW_MERGES_MAX = 2 };

/* The merges that lead from wg_row_partial to the result; returns how many there are. */
int wg_row_merges(const struct wg_row_split *split, size_t sums, struct wg_argument result,
                  const struct wg_device *device, struct wg_row_merge merges[WG_ROW_MERGES_MAX]);

/* Adds the kernel calls of these merges, or of a gathering, for plain sums, result [sums]. */
bool wg_bind_row_sums(struct wg_binder *binder, const struct wg_row_split *split, size_t sums,
                      struct wg_argument result);

#endif
