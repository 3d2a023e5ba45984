/*
 * softmax_cross_entropy, with p = softmax(x):
 *
 *   softmax_cross_entropy           y[n] = -log p[n, label[n]]
 *   softmax_cross_entropy_gradient  dx[n, c] = dy[n] * (p[n, c] - (c == label[n]))
 *
 * x, dx [rows, classes], labels u8 [rows], y, dy [rows]. Work size: rows, one work item per row.
 * The largest x of a row is taken off before the exponentials, so that none overflows.
 */
static float row_max(__global const float *x, const int classes)
{
    float largest = x[0];
    for (int c = 1; c < classes; c++)
        largest = max(largest, x[c]);
    return largest;
}

/* At least 1: the largest is among the terms. */
static float sum_of_exponentials(__global const float *x, const float largest, const int classes)
{
    float sum = 0.0f;
    for (int c = 0; c < classes; c++)
        sum += exp(x[c] - largest);
    return sum;
}

__kernel void softmax_cross_entropy(__global const float *restrict x,
                                    __global const uchar *restrict labels,
                                    __global float *restrict y, const int rows, const int classes)
{
    const int n = (int)get_global_id(0);
    if (n >= rows)
        return;
    __global const float *row = x + n * classes;
    const float largest = row_max(row, classes);
    y[n] = log(sum_of_exponentials(row, largest, classes)) - (row[labels[n]] - largest);
}

__kernel void softmax_cross_entropy_gradient(__global const float *restrict x,
                                             __global const uchar *restrict labels,
                                             __global const float *restrict dy,
                                             __global float *restrict dx, const int rows,
                                             const int classes)
{
    const int n = (int)get_global_id(0);
    if (n >= rows)
        return;
    __global const float *row = x + n * classes;
    const float largest = row_max(row, classes);
    const float sum = sum_of_exponentials(row, largest, classes);
    for (int c = 0; c < classes; c++) {
        const float p = exp(row[c] - largest) / sum;
        dx[n * classes + c] = dy[n] * (c == labels[n] ? p - 1.0f : p);
    }
}
