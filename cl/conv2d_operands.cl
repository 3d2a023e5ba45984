/*
 * conv2d_operands: the three forms of a convolution as a product of matrices whose left factor is
 * never made: A is read where it lies, in the tensor whose taps it shows.
 *
 *   C[row, column] = sum over k < LENGTH of A[row, k] * B[k, column]
 *
 *   FORM            row          column  k                    A          B
 *   0 conv2d        pixel of y   o       tap, c               x[pixel's tap, c]    w[tap, c, o]
 *   1 conv2d_data   pixel of x   c       tap of its phase, o  y[pixel's tap, o]    w[tap, c, o]
 *   2 conv2d_filter tap, c       o       pixel of y           x[pixel's tap, c]    y[pixel, o]
 *
 *   x [N, H, W, C]   w [K, K, C, OC]   y [N, OH, OW, OC]   tight, NHWC; outside a value is 0
 *
 * Pixels of a phase (see conv2d_form.cl) side by side see values of y side by side. So conv2d_data
 * is S * S convolutions of stride 1, and no two of them write one place.
 *
 * TM x TN results are a tile, the work of a group: an item has RM rows x RN columns of them, which
 * ones register_products.cl and tensor_products.cl say. The k go TK at a time, STEPS times for one
 * of PARTS partial sums. TK may be used to say how many k at most belong to one tap: it is then a
 * group's, not an item's to find out.
 *
 * Vectors of four are aligned wherever the innermost dimension is a multiple of four.
 *
 * A of conv2d_data, over images of one pixel, may be computed of what is read, so that it need not
 * be written anywhere, by conv2d_tiled alone:
 *
 *   FROM_GRADIENT  gradient * activation'(a): the way back through a layer's activation; no
 *                  activation follows then
 *   FROM_NORM      batch norm of a (see batch_norm.cl), then a leaky ReLU of slope SLOPE_IN; norm
 *                  [3, OC] by norm_columns of norm_weights.cl
 *
 * With IMAGES defined there is a batch of BATCH products, whose factors are matrices: images of one
 * pixel, V and U or Y of conv2d_winograd_tiles.cl. Product b is of element b % 25 of the tiles of
 * IMAGES images; its rows, or of a filter its k, are the tiles that have the element, and a
 * filter's parts share these evenly, not STEPS each. With ADD it is added to what `out` holds.
 */
#include "conv2d_form.cl"

#ifndef TM // to compile alone
#define TM    32
#define TN    32
#define TK    8
#define RM    4
#define RN    4
#define STEPS 2
#define PARTS 1
#endif

/* ---- sizes ---- */

#define COLUMNS WIDTH
#if FORM == FILTER
#define ROWS   (K * K * C)
#define LENGTH (N * OH * OW)
#else
#define ROWS   (N * PHASE_H * PHASE_W)
#define LENGTH (TAPS * TAPS * DEPTH)
#define ONWARD (FORM == DATA ? -1 : 1) // of data, a tap further in w is a pixel back in y
#endif

#define ITEMS ((TM / RM) * (TN / RN)) // of a group

/* What need not be asked where the sizes are multiples of the tile's. */
#define IS_TERM(k)        ((bool)(STEPS * TK * PARTS == LENGTH || (k) < LENGTH))
#define IS_COLUMN(column) ((bool)(COLUMNS % TN == 0 || (column) < COLUMNS))
#define IS_ROW(row)       ((bool)(ROWS % TM == 0 || (row) < ROWS))
#define OUTSIDE           (-(1 << 30)) // a coordinate that no tap brings inside

/* ---- vectors: along k, or else along rows of A (filter) and columns of B (all but data) ---- */

#if DEPTH % 4 == 0
#define A_WIDTH 4
typedef float4 a_vector;
#else
#define A_WIDTH 1
typedef float a_vector;
#endif
#if FORM == DATA ? DEPTH % 4 == 0 : COLUMNS % 4 == 0
#define B_WIDTH 4
typedef float4 b_vector;
#else
#define B_WIDTH 1
typedef float b_vector;
#endif
#define A_ALONG_K (FORM != FILTER)
#define B_ALONG_K (FORM == DATA)

/* Where a vector begins; outside of its tensor it is zeros. */
struct spot {
    int at;
    bool inside;
};

#ifdef IMAGES

/* ---- A, B and where results go, of a batch ---- */

#include "winograd.cl"
#define RESULTS (BATCH * ROWS * COLUMNS) // floats of `out`

/* One of the products. Of V only these rows are there: from the first to the last + 1. */
struct phase {
    int index, first, last;
};

static struct phase phase_of(int index)
{
    return (struct phase){index, first_row(index % ELEMENTS, IMAGES),
                          last_row(index % ELEMENTS, IMAGES)};
}

/* Where a row of A begins, and its last k + 1; 0 of none. */
struct place {
    int at, end;
};

#if FORM == FILTER
#define ANY_ROW(phase, row) true
#define STEPS_OF(phase)     (((phase).last - (phase).first + TK * PARTS - 1) / (TK * PARTS))
#define FIRST_K(phase)      ((phase).first)
#define HAS_K(phase, k)     ((k) < (phase).last)
#define A_STEP              ROWS // floats from one k to the next
#else
#define ANY_ROW(phase, row) ((phase).first + (row) < (phase).last)
#define STEPS_OF(phase)     STEPS
#define FIRST_K(phase)      0
#define HAS_K(phase, k)     IS_TERM(k)
#define A_STEP              1
#endif

static struct place a_place(struct phase phase, int row)
{
    const int from = phase.index * LENGTH * ROWS;

#if FORM == FILTER
    return (struct place){from + row, IS_ROW(row) ? phase.last : 0};
#else
    return (struct place){from + (phase.first + row) * LENGTH, ANY_ROW(phase, row) ? LENGTH : 0};
#endif
}

static struct spot a_spot(struct place place, int k0, int k)
{
    return (struct spot){place.at + k * A_STEP, k < place.end};
}

static struct spot b_spot(struct phase phase, int column, int k0, int k)
{
    const int from = phase.index * LENGTH * COLUMNS;
    const int at = B_ALONG_K ? column * LENGTH + k : k * COLUMNS + column;

    return (struct spot){from + at, IS_COLUMN(column) && HAS_K(phase, k)};
}

/* Where a row of results begins in `out`; -1: it is none. */
static int out_at(struct phase phase, int row)
{
    const int at = (phase.index * ROWS + row) * COLUMNS;

#if FORM == FILTER
    return IS_ROW(row) ? at : -1;
#else
    return ANY_ROW(phase, row) ? at + phase.first * COLUMNS : -1;
#endif
}

#else

/* ---- A ---- */

#define RESULTS             (FORM == DATA ? N * H * W * C : ROWS * COLUMNS) // floats of `out`
#define ANY_ROW(phase, row) true                                            // in all tiles
#define STEPS_OF(phase)     STEPS
#define FIRST_K(phase)      0

struct phase {
    int y, x;
};

static struct phase phase_of(int index)
{
    return (struct phase){index / PHASES, index % PHASES};
}

/* Where a row of A looks: at the first tap and k. Of a filter: how far from a pixel's (y, x) * S.
 */
struct place {
    int at, y, x;
};

#if FORM == FILTER
static struct place a_place(struct phase phase, int row)
{
    const uint tap = (uint)row / C;
    const int y = (int)(tap / K) - PAD, x = (int)(tap % K) - PAD;

    return (struct place){(y * W + x) * C + row % C, IS_ROW(row) ? y : OUTSIDE, x};
}

static struct spot a_spot(struct place place, int k0, int k)
{
    const uint line = (uint)k / OW, ox = (uint)k % OW, n = line / OH, oy = line % OH;
    const int iy = (int)(oy * S) + place.y, ix = (int)(ox * S) + place.x;
    const int at = (int)((n * H + oy * S) * W + ox * S) * C + place.at;

    return (struct spot){at, (uint)iy < IN_H && (uint)ix < IN_W && IS_TERM(k)};
}
#else
/* Of the k from k0 on, all of one tap if they can be. */
static uint tap_of(int k0, int k)
{
    return (uint)(DEPTH % TK == 0 ? k0 : k) / DEPTH;
}

static struct place a_place(struct phase phase, int row)
{
    const uint line = (uint)row / PHASE_W, n = line / PHASE_H;
    const int oy = (int)(line % PHASE_H), ox = (int)((uint)row % PHASE_W);
    const int y = FORM == DATA ? oy + (phase.y + PAD) / S : oy * S - PAD;
    const int x = FORM == DATA ? ox + (phase.x + PAD) / S : ox * S - PAD;

    return (struct place){(((int)n * IN_H + y) * IN_W + x) * DEPTH, IS_ROW(row) ? y : OUTSIDE, x};
}

static struct spot a_spot(struct place place, int k0, int k)
{
    const uint tap = tap_of(k0, k);
    const int ty = ONWARD * (int)(tap / TAPS), tx = ONWARD * (int)(tap % TAPS);
    const int at = place.at + (ty * IN_W + tx) * DEPTH + (k - (int)tap * DEPTH);

    return (struct spot){at,
                         (uint)(place.y + ty) < IN_H && (uint)(place.x + tx) < IN_W && IS_TERM(k)};
}
#endif

/* ---- B ---- */

static struct spot b_spot(struct phase phase, int column, int k0, int k)
{
#if FORM == DATA
    const uint tap = tap_of(k0, k);
    const int ky = (phase.y + PAD) % S + S * (int)(tap / TAPS);
    const int kx = (phase.x + PAD) % S + S * (int)(tap % TAPS);
    const bool is_tap = K % S == 0 || (ky < K && kx < K);

    return (struct spot){((ky * K + kx) * C + column) * OC + (k - (int)tap * DEPTH),
                         is_tap && IS_COLUMN(column) && IS_TERM(k)};
#else
    return (struct spot){k * COLUMNS + column, IS_COLUMN(column) && IS_TERM(k)};
#endif
}

/* ---- where results go ---- */

/* Where a row of results begins in `out`; -1: it is none. */
static int out_at(struct phase phase, int row)
{
#if FORM == DATA
    const uint line = (uint)row / PHASE_W, n = line / PHASE_H;
    const int y = (int)(line % PHASE_H) * S + phase.y, x = (int)((uint)row % PHASE_W) * S + phase.x;

    return IS_ROW(row) && y < H && x < W ? (((int)n * H + y) * W + x) * C : -1;
#else
    return IS_ROW(row) ? row * COLUMNS : -1;
#endif
}

#endif

/* ---- vectors of A and B ---- */

/* In these, k0 is the group's first k (see TK above). */
static a_vector a_load(__global const float *restrict a, struct place place, int k0, int k)
{
    const struct spot spot = a_spot(place, k0, k);

    return spot.inside ? *(__global const a_vector *)(a + spot.at) : (a_vector)(0.0f);
}

static b_vector b_load(__global const float *restrict b, struct phase phase, int column, int k0,
                       int k)
{
    const struct spot spot = b_spot(phase, column, k0, k);

    return spot.inside ? *(__global const b_vector *)(b + spot.at) : (b_vector)(0.0f);
}

/* ---- what becomes of A ---- */

#if defined FROM_GRADIENT
#define A_PARAMETERS __global const float *restrict a, __global const float *restrict gradient
#define A_ARGUMENTS  a, gradient
#define FINISH(sum)  (sum)
#elif defined FROM_NORM
#define A_PARAMETERS __global const float *restrict a, __global const float *restrict norm
#define A_ARGUMENTS  a, norm
#define FINISH(sum)  ACTIVATE(sum)

/* Of the channels that `norm` begins with. */
static a_vector normalise(a_vector u, __global const float *restrict norm)
{
    const a_vector deviation = u - *(__global const a_vector *)norm;
    const a_vector factor = *(__global const a_vector *)(norm + OC);
    const a_vector value = MAC(deviation, factor, *(__global const a_vector *)(norm + 2 * OC));

    return value > 0.0f ? value : SLOPE_IN * value;
}
#else
#define A_PARAMETERS __global const float *restrict a
#define A_ARGUMENTS  a
#define FINISH(sum)  ACTIVATE(sum)
#endif

/* ---- which results are whose, and products ---- */

#ifdef TENSOR
#include "tensor_products.cl"
#else
#include "register_products.cl"
#endif

static void clear_sums(float acc[RM][RN])
{
#pragma unroll
    for (int m = 0; m < RM; m++)
#pragma unroll
        for (int n = 0; n < RN; n++)
            acc[m][n] = 0.0f;
}

/* ---- results ---- */

/* Writes four neighbours of a row of results. Something is always added, if only a zero: sums that
 * are stored as they are lie in vectors of registers, whose banks are then those of B. */
static void finish(float4 sum, int column, BIAS_PARAMETER __global float *restrict to)
{
#if COLUMNS % 4 == 0
    if (IS_COLUMN(column)) {
#ifdef BIAS
        sum += *(__global const float4 *)(bias + column);
#elif defined ADD
        sum += *(__global const float4 *)(to + column);
#else
        sum += 0.0f;
#endif
        *(__global float4 *)(to + column) = FINISH(sum);
    }
#else
    float each[4];

    vstore4(sum, 0, each);
#pragma unroll
    for (int j = 0; j < 4; j++)
        if (column + j < COLUMNS) {
#ifdef BIAS
            each[j] += bias[column + j];
#elif defined ADD
            each[j] += to[column + j];
#endif
            to[column + j] = FINISH(each[j]);
        }
#endif
}

/* Writes what an item has summed up. */
static void write_item(float (*acc)[RN], struct phase phase, int row, int column,
                       BIAS_PARAMETER __global float *restrict out)
{
#pragma unroll
    for (int m = 0; m < RM; m++) {
        const int at = out_at(phase, row + ROW_OF(m));

        if (at >= 0)
#pragma unroll
            for (int v = 0; v < RN / 4; v++)
                finish(vload4(v, acc[m]), column + COLUMN_OF(v), BIAS_ARGUMENT out + at);
    }
}
