#include "host/selftest/winograd.h"

#include "host/base/error.h"

#include <stdlib.h>

enum { POINTS = 5, ELEMENTS = POINTS * POINTS };

/* The matrices of cl/winograd.cl without their signs, for tiles of 3 and 4. */
static const double absolute_b[2][POINTS][POINTS] = {
    {{1, 1, 2}, {0, 1, 1}, {0, 0.5, 1}, {0, 0.5, 0.5, 1}},
    {{1, 1.5, 1.5, 1}, {0, 2, 1, 1}, {0, 1, 2.5, 1}, {0, 1, 1.5, 1.5, 1}, {0, 0.5, 0.5, 1}},
};
static const double absolute_a[2][4][POINTS] = {
    {{1, 4 / 3.0, 2 / 3.0}, {0, 2 / 3.0, 2 / 3.0}, {0, 1 / 3.0, 2 / 3.0, 1}},
    {{1, 8 / 9.0, 2 / 9.0, 0, 1 / 9.0},
     {0, 4 / 9.0, 2 / 9.0, 0, 2 / 9.0},
     {0, 2 / 9.0, 2 / 9.0, 0, 4 / 9.0},
     {0, 1 / 9.0, 2 / 9.0, 1, 8 / 9.0}},
};
static const double absolute_g[POINTS][2] = {{1, 0}, {1, 0.5}, {1, 1}, {0, 1}, {1, 2}};

/* A tile of an image, or of a phase of it. */
struct tile {
    size_t y, x; // its first pixel
    int height, width;
};

struct work {
    const struct wg_conv *conv;
    enum wg_form form;
    size_t rows, columns;    // pixels that are cut into tiles
    size_t ky, kx;           // the first taps of the pair, of the plane and phase
    const double *x, *w, *y; // of the form, the one that it computes NULL
    double *result;
    double *u; // [ELEMENTS][c][oc]: |G| |w| |G^T|; for the filter the sum over tiles
    double *v; // [ELEMENTS][c or oc] of a tile: a window's, or a product's
    double *t; // [ELEMENTS][oc] of a tile of y, for the filter
};

/* Pixels of the tile that begins at `from`: tiles of 4 first, then 3, and 0 at the end. */
static int tile_length(size_t from, size_t pixels)
{
    size_t threes = pixels == 5 ? 2 : pixels < 3 ? 1 : (4 - pixels % 4) % 4;
    if (from >= pixels)
        return 0;
    return from + 4 + 3 * threes <= pixels ? 4 : 3;
}

/* |U| of the pair of taps, all channels. For conv2d_data the taps stand the other way round. */
static void transform_weights(const struct work *k)
{
    const struct wg_conv *c = k->conv;
    size_t taps = c->c * c->oc, s = c->stride;
    for (size_t e = 0; e < ELEMENTS; e++)
        for (size_t tap = 0; tap < 4; tap++) {
            size_t ty = tap / 2, tx = tap % 2;
            double factor = absolute_g[e / POINTS][ty] * absolute_g[e % POINTS][tx];
            size_t ky = (k->form == WG_FORM_DATA ? 1 - ty : ty) * s + k->ky;
            size_t kx = (k->form == WG_FORM_DATA ? 1 - tx : tx) * s + k->kx;
            for (size_t i = 0; i < taps; i++)
                k->u[e * taps + i] += factor * k->w[(ky * c->k + kx) * taps + i];
        }
}

/* |B^T| |d| |B| of `depth` channels of the window at (y, x) of an image, its pixels `step` apart.
 */
static void transform_window(const double *image, long rows, long columns, size_t depth, long y,
                             long x, long step, const struct tile *tile, double *v)
{
    for (size_t i = 0; i < ELEMENTS * depth; i++)
        v[i] = 0;
    for (int p = 0; p < ELEMENTS; p++) {
        long iy = y + p / POINTS * step, ix = x + p % POINTS * step;
        if (iy < 0 || iy >= rows || ix < 0 || ix >= columns)
            continue;
        for (int e = 0; e < ELEMENTS; e++) {
            double factor = absolute_b[tile->height - 3][e / POINTS][p / POINTS] *
                            absolute_b[tile->width - 3][e % POINTS][p % POINTS];
            for (size_t i = 0; factor > 0 && i < depth; i++)
                v[(size_t)e * depth + i] += factor * image[(size_t)(iy * columns + ix) * depth + i];
        }
    }
}

/* |A| of pixel (i, j) of a tile at element e. */
static double weight_of(const struct tile *tile, int i, int j, int e)
{
    return absolute_a[tile->height - 3][i][e / POINTS] * absolute_a[tile->width - 3][j][e % POINTS];
}

/* A tile of an image n of conv2d, oc channels from c, or of conv2d_data, the other way round. */
static void add_gather(const struct work *k, size_t n, const struct tile *tile)
{
    const struct wg_conv *c = k->conv;
    bool data = k->form == WG_FORM_DATA;
    size_t depth = data ? c->oc : c->c, width = data ? c->c : c->oc, s = c->stride;
    long in_h = (long)(data ? c->oh : c->h), in_w = (long)(data ? c->ow : c->w);
    size_t out_h = data ? c->h : c->oh, out_w = data ? c->w : c->ow;
    // Where phase r begins: q of the first x[q S + r - PAD] in the image.
    size_t ry = k->ky % s, rx = k->kx % s;
    size_t qy = (c->pad + s - 1 - ry) / s, qx = (c->pad + s - 1 - rx) / s;
    long y = data ? (long)(tile->y + qy) - 1 - (long)(k->ky / s)
                  : (long)(tile->y * s + k->ky) - (long)c->pad;
    long x = data ? (long)(tile->x + qx) - 1 - (long)(k->kx / s)
                  : (long)(tile->x * s + k->kx) - (long)c->pad;
    const double *in = (data ? k->y : k->x) + n * (size_t)(in_h * in_w) * depth;
    double *out = k->result + n * out_h * out_w * width;
    transform_window(in, in_h, in_w, depth, y, x, data ? 1 : (long)s, tile, k->v);
    for (size_t o = 0; o < width; o++)
        for (int e = 0; e < ELEMENTS; e++) {
            double m = 0;
            for (size_t i = 0; i < depth; i++)
                m += k->v[(size_t)e * depth + i] *
                     k->u[((size_t)e * c->c + (data ? o : i)) * c->oc + (data ? i : o)];
            for (int p = 0; p < 16; p++) {
                size_t py = tile->y + (size_t)(p / 4), px = tile->x + (size_t)(p % 4);
                if (p / 4 >= tile->height || p % 4 >= tile->width || py >= k->rows ||
                    px >= k->columns)
                    continue;
                size_t oy = data ? (py + qy) * s + ry - c->pad : py;
                size_t ox = data ? (px + qx) * s + rx - c->pad : px;
                if (oy < out_h && ox < out_w)
                    out[(oy * out_w + ox) * width + o] += weight_of(tile, p / 4, p % 4, e) * m;
            }
        }
}

/* A tile's share of M of the filter. */
static void add_products(const struct work *k, size_t n, const struct tile *tile)
{
    const struct wg_conv *c = k->conv;
    const double *y = k->y + n * c->oh * c->ow * c->oc;
    for (size_t i = 0; i < ELEMENTS * c->oc; i++)
        k->t[i] = 0;
    for (int p = 0; p < 16; p++) {
        size_t py = tile->y + (size_t)(p / 4), px = tile->x + (size_t)(p % 4);
        if (p / 4 >= tile->height || p % 4 >= tile->width || py >= c->oh || px >= c->ow)
            continue;
        for (int e = 0; e < ELEMENTS; e++)
            for (size_t o = 0; o < c->oc; o++)
                k->t[(size_t)e * c->oc + o] +=
                    weight_of(tile, p / 4, p % 4, e) * y[(py * c->ow + px) * c->oc + o];
    }
    transform_window(k->x + n * c->h * c->w * c->c, (long)c->h, (long)c->w, c->c,
                     (long)(tile->y * c->stride + k->ky) - (long)c->pad,
                     (long)(tile->x * c->stride + k->kx) - (long)c->pad, (long)c->stride, tile,
                     k->v);
    for (size_t e = 0; e < ELEMENTS; e++)
        for (size_t i = 0; i < c->c; i++)
            for (size_t o = 0; o < c->oc; o++)
                k->u[(e * c->c + i) * c->oc + o] += k->v[e * c->c + i] * k->t[e * c->oc + o];
}

/* |G^T| M |G| */
static void finish_filter(const struct work *k)
{
    const struct wg_conv *c = k->conv;
    size_t taps = c->c * c->oc;
    for (size_t e = 0; e < ELEMENTS; e++)
        for (size_t tap = 0; tap < 4; tap++) {
            double factor = absolute_g[e / POINTS][tap / 2] * absolute_g[e % POINTS][tap % 2];
            size_t ky = tap / 2 * c->stride + k->ky, kx = tap % 2 * c->stride + k->kx;
            for (size_t i = 0; i < taps; i++)
                k->result[(ky * c->k + kx) * taps + i] += factor * k->u[e * taps + i];
        }
}

/* One pair of taps on both axes. */
static void add_pair(const struct work *k)
{
    const struct wg_conv *c = k->conv;
    for (size_t i = 0; i < ELEMENTS * c->c * c->oc; i++)
        k->u[i] = 0;
    if (k->form != WG_FORM_FILTER)
        transform_weights(k);
    for (size_t n = 0; n < c->n; n++) {
        struct tile tile = {0};
        for (tile.y = 0; (tile.height = tile_length(tile.y, k->rows)) > 0;
             tile.y += (size_t)tile.height)
            for (tile.x = 0; (tile.width = tile_length(tile.x, k->columns)) > 0;
                 tile.x += (size_t)tile.width) {
                if (k->form == WG_FORM_FILTER)
                    add_products(k, n, &tile);
                else
                    add_gather(k, n, &tile);
            }
    }
    if (k->form == WG_FORM_FILTER)
        finish_filter(k);
}

/* The first of two taps; the other is `stride` on. */
static size_t first_tap(size_t pair, size_t stride)
{
    return pair + pair / stride * stride;
}

bool wg_winograd_magnitude(const struct wg_conv *conv, enum wg_form form, const double *first,
                           const double *second, double *ret_magnitude)
{
    size_t deepest = conv->c > conv->oc ? conv->c : conv->oc, s = conv->stride;
    struct work k = {
        .conv = conv,
        .form = form,
        .rows = form == WG_FORM_DATA ? (conv->h + s - 1) / s : conv->oh,
        .columns = form == WG_FORM_DATA ? (conv->w + s - 1) / s : conv->ow,
        .x = form == WG_FORM_DATA ? NULL : first,
        .w = form == WG_FORM_FILTER ? NULL : second,
        .y = form == WG_FORM_DATA     ? first
             : form == WG_FORM_FILTER ? second
                                      : NULL,
        .result = ret_magnitude,
        .u = malloc(ELEMENTS * conv->c * conv->oc * sizeof(double)),
        .v = malloc(ELEMENTS * deepest * sizeof(double)),
        .t = malloc(ELEMENTS * conv->oc * sizeof(double)),
    };
    bool ok = (k.u && k.v && k.t) || wg_fail_memory("the bound of a convolution");
    for (size_t pair = 0; ok && pair < conv->k / 2 * (conv->k / 2); pair++) {
        k.ky = first_tap(pair / (conv->k / 2), s);
        k.kx = first_tap(pair % (conv->k / 2), s);
        add_pair(&k);
    }
    free(k.u);
    free(k.v);
    free(k.t);
    return ok;
}

/*
 * The transforms, along both axes: of a window 4 roundings (5/2 d is one of them), of taps 1, of
 * tiles, there or back, 5 (4 terms, whose factors are rounded), of M to taps 3. The sums: over
 * channels and planes, or over tiles, their blocks and parts, each a partial sum of one term at
 * least.
 */
double wg_winograd_units(const struct wg_conv *conv, enum wg_form form)
{
    double planes = (double)(conv->k / 2 * (conv->k / 2));
    double phases = (double)(conv->stride * conv->stride);
    switch (form) {
    case WG_FORM_CONV2D:
        return (double)conv->c * planes + 2 * (4 + 1 + 5);
    case WG_FORM_DATA:
        return (double)conv->oc * planes / phases + 2 * (4 + 1 + 5);
    default:
        return (double)(conv->n * ((conv->oh + 2) / 3) * ((conv->ow + 2) / 3)) + 1 +
               2 * (4 + 5 + 3);
    }
}
