/*
 * How sums over rows are split: chunks of rows are summed one by one, then the chunks' results, in
 * a fixed order. The result does not depend on how many work items run at a time.
 */
#ifndef WG_GRAPH_OPS_ROWS_H
#define WG_GRAPH_OPS_ROWS_H

#include "host/graph/bind.h"

/* How the rows of a tensor x [rows, columns] are split. */
struct wg_row_split {
    size_t columns;
    size_t rows;
    size_t rows_per_chunk; // the last chunk may have fewer
    size_t chunks;
    size_t chunks_per_group; // whose results are merged together first; all of them if they are few
    size_t groups;
};

/* The split of x that suits the device; NULL: that of the devices with the longest chunks. */
struct wg_row_split wg_row_split(const struct wg_shape *x, const struct wg_device *device);

/* The same in chunks of `rows_per_chunk` rows, or of more where there would be more chunks than a
 * device takes. */
struct wg_row_split wg_row_split_by(const struct wg_shape *x, size_t rows_per_chunk,
                                    const struct wg_device *device);

/* The same of rows that somebody else has summed, into `chunks` results: columns, rows and
 * rows_per_chunk are 0. */
struct wg_row_split wg_row_split_chunks(size_t chunks, const struct wg_device *device);

/* Two arguments of kernels that sum the rows of chunks: rows, and rows per chunk. */
#define WG_ROWS(split) WG_INT((split).rows), WG_INT((split).rows_per_chunk)

/*
 * How many vectors of `width` floats, of rows of `columns` floats, a work item should sum side by
 * side: a divisor of columns / width. On CPUs it runs through its rows alone and a row should be a
 * long run of memory; a GPU's groups do that with one vector each.
 */
size_t wg_row_vectors(const struct wg_device *device, size_t columns, size_t width);

/* Macro AHEAD, how many rows are fetched before they are added: for GPUs, whose items else wait for
 * memory row by row. */
void wg_define_ahead(struct wg_defines *defines, const struct wg_device *device);

/* Macros ACROSS and DOWN for kernels that gather, that is, merge the results of all chunks by one
 * launch: a group of ACROSS * DOWN items takes ACROSS vectors of columns. For devices that run such
 * groups and have local memory; on others there are no such macros. */
void wg_define_gather(struct wg_defines *defines, const struct wg_device *device);

/* Adds `call`, of a kernel that gathers columns of `vectors` vectors, and sets its sizes, if there
 * are groups and the device can run it. *ret_bound: whether it did; if not, wg_row_merges tells
 * what is to be done. Fails if the kernel can't be built. */
bool wg_bind_gather(struct wg_binder *binder, const struct wg_row_split *split, size_t vectors,
                    struct wg_call call, bool *ret_bound);

/* local[0] of a wg_call that sums or merges: 1 on CPUs, where an item has work for a while; 0, the
 * binder's choice, on others. */
size_t wg_row_lanes(const struct wg_device *device);

/* Where the chunks leave their results, [chunks, sums] floats: at the start of scratch. */
struct wg_argument wg_row_partial(const struct wg_row_split *split, size_t sums);

/* The same of kernels whose results need only be added up, by wg_bind_row_sums to `result`: a
 * single chunk's are the whole. */
struct wg_argument wg_row_sums(const struct wg_row_split *split, size_t sums,
                               struct wg_argument result);

/* Bytes of scratch for the results of the chunks and, if there are more than one, of the groups. */
size_t wg_row_scratch(const struct wg_row_split *split, size_t sums,
                      const struct wg_device *device);

/* A launch that merges results: `from` [chunks, sums] to `to` [groups, sums]. */
struct wg_row_merge {
    struct wg_argument from, to;
    size_t rows_per_chunk; // of the tensor, that one of `from` stands for
    size_t chunks;
    size_t chunks_per_group;
    size_t groups;
};

enum { WG_ROW_MERGES_MAX = 2 };

/* The launches that make of the chunks' results (wg_row_partial) the whole one, `result` [sums].
 * Returns how many there are: 2 if there are more groups than one. */
int wg_row_merges(const struct wg_row_split *split, size_t sums, struct wg_argument result,
                  const struct wg_device *device, struct wg_row_merge merges[WG_ROW_MERGES_MAX]);

/* Adds the kernel calls, one that gathers or those that merge, that add up the chunks' results
 * (wg_row_sums) to `result` [sums]. */
bool wg_bind_row_sums(struct wg_binder *binder, const struct wg_row_split *split, size_t sums,
                      struct wg_argument result);

#endif
