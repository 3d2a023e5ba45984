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
};

struct wg_row_split wg_row_split(const struct wg_shape *x);

/* Macros C, ROWS, ROWS_PER_CHUNK, CHUNKS and VW, the vector along C. */
void wg_define_rows(struct wg_defines *defines, const struct wg_row_split *split,
                    const struct wg_device *device);

#endif
