#include "host/graph/ops/rows.h"

struct wg_row_split wg_row_split(const struct wg_shape *x)
{
    struct wg_row_split split = {.columns = wg_shape_last(x), .rows = wg_shape_rows(x)};
    // 64 KiB of a tensor stay in a core's second-level cache while its columns are visited.
    size_t rows = 16384 / split.columns;
    split.rows_per_chunk = rows < 32 ? 32 : rows > 1024 ? 1024 : rows;
    split.chunks = (split.rows + split.rows_per_chunk - 1) / split.rows_per_chunk;
    return split;
}
