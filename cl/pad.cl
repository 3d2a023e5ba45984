/*
 * pad:             to[r, c] = from[r, c] where that exists, else 0
 * pad_transposed:  to[r, c] = from[c, r] where that exists, else 0
 *
 *   from [rows, columns], to [to_rows, to_columns]; `to` may also be the smaller one: pad then cuts
 *   bias [to_columns], #ifdef BIAS, is added by pad; then ACTIVATE
 *
 * Work size: to_columns x to_rows, one work item per element of `to`.
 */
__kernel void pad(__global const float *restrict from, const int rows, const int columns,
                  BIAS_PARAMETER __global float *restrict to, const int to_rows,
                  const int to_columns)
{
    const int c = (int)get_global_id(0), r = (int)get_global_id(1);
    if (c >= to_columns || r >= to_rows)
        return;
    float value = r < rows && c < columns ? from[r * (size_t)columns + c] : 0.0f;
    ADD_BIAS(value, bias[c]);
    to[r * (size_t)to_columns + c] = ACTIVATE(value);
}

__kernel void pad_transposed(__global const float *restrict from, const int rows, const int columns,
                             __global float *restrict to, const int to_rows, const int to_columns)
{
    const int c = (int)get_global_id(0), r = (int)get_global_id(1);
    if (c < to_columns && r < to_rows)
        to[r * (size_t)to_columns + c] =
            c < rows && r < columns ? from[c * (size_t)columns + r] : 0.0f;
}
