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

/* How a kernel is told, as two arguments: rows and rows per chunk. */
#define WG_ROWS(split) WG_INT((split).rows), WG_INT((split).rows_per_chunk)

#endif
