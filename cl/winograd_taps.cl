/*
 * winograd_taps: the weights' side of F(4, 2), what kernels share that bring weights to points and
 * back. winograd.cl has the matrices.
 */
#define POINTS   5
#define ELEMENTS (POINTS * POINTS)

/* Floats from one element of U, V, Y or M to the next, of which one has so many: all elements of a
 * tile, or of taps, are written at a time, and must not share the sets of a cache, which 4096 bytes
 * apart they do. */
#define APART(floats) (((floats) + 1023) / 1024 * 1024 + 48)

/* Where in weights [k, k] the first of the 2 x 2 taps of a pair lies; the others are a stride on.
 */
static int first_tap(int pair, int k, int stride)
{
    const int y = pair / (k / 2), x = pair % (k / 2);

    return (y + y / stride * stride) * k + x + x / stride * stride;
}

/* G g, of two taps: POINTS vectors `step` apart. */
static void to_points(floatv g0, floatv g1, floatv *to, int step)
{
    to[0] = g0;
    to[step] = g0 + 0.5f * g1;
    to[2 * step] = g0 - g1;
    to[3 * step] = g1;
    to[4 * step] = g0 + 2.0f * g1;
}

/* G^T m, both taps. */
static void to_taps(const floatv *m, int step, floatv *g)
{
    g[0] = m[0] + m[step] + m[2 * step] + m[4 * step];
    g[1] = 0.5f * m[step] - m[2 * step] + m[3 * step] + 2.0f * m[4 * step];
}

/* G g G^T, ELEMENTS vectors, of 2 x 2 taps. */
static void points_of(const floatv *g, floatv *u)
{
    floatv rows[2 * POINTS];

#pragma unroll
    for (int t = 0; t < 2; t++)
        to_points(g[2 * t], g[2 * t + 1], rows + t * POINTS, 1);
#pragma unroll
    for (int x = 0; x < POINTS; x++)
        to_points(rows[x], rows[POINTS + x], u + x, POINTS);
}

/* G^T M G, 2 x 2 taps, of ELEMENTS vectors. */
static void taps_of(const floatv *m, floatv *g)
{
    floatv rows[2 * POINTS];

#pragma unroll
    for (int x = 0; x < POINTS; x++)
        to_taps(m + x, POINTS, rows + 2 * x);
#pragma unroll
    for (int t = 0; t < 2; t++)
        to_taps(rows + t, 2, g + 2 * t);
}
