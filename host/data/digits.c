/*
 * The hand and the ink. A digit is made in four steps:
 *
 *   style    one of the digit's stroke models, a mixture of its two extreme forms
 *   hand     every point moved: a smooth warp of the whole, a slant, a tremor along the stroke
 *   path     splines through the points, sampled densely, with the pen's pressure
 *   ink      grey pixels from the distance to the path, normalised like MNIST
 */
#include "host/data/digits.h"

#include "host/base/error.h"
#include "host/base/parallel.h"
#include "host/base/philox.h"
#include "host/base/size.h"
#include "host/data/digit_strokes.h"

#include <math.h>
#include <string.h>

enum {
    SIDE = WG_IMAGE_SIDE,
    BOX = 20,        // pixels, the side of the box the ink is fitted into
    SUBDIVISION = 6, // samples per segment of a spline, about one a pixel
    SAMPLES = WG_STYLE_STROKES * (WG_STROKE_POINTS * SUBDIVISION + 1),
    PRESSURE_KNOTS = 6,
    WARP_TERMS = 5,
};

struct point {
    float x;
    float y;
};

/* ---- chance ---- */

/* Draws of one image, in order: block after block of its own stream. */
struct dice {
    uint32_t counter[4]; // block, image (low, high), 0
    uint32_t key[2];     // seed (low, high)
    struct wg_philox_block block;
    int used; // words of the block
};

static struct dice dice_for(uint64_t seed, uint64_t image)
{
    return (struct dice){
        .counter = {0, (uint32_t)image, (uint32_t)(image >> 32), 0},
        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
        .used = 4,
    };
}

static uint32_t dice_word(struct dice *dice)
{
    if (dice->used == 4) {
        dice->block = wg_philox(dice->counter, dice->key);
        dice->counter[0]++;
        dice->used = 0;
    }
    return dice->block.v[dice->used++];
}

static int dice_below(struct dice *dice, int n)
{
    return (int)(((uint64_t)dice_word(dice) * (uint64_t)n) >> 32);
}

static float dice_between(struct dice *dice, float low, float high)
{
    return low + (high - low) * wg_uniform_float(dice_word(dice));
}

/*
 * Bell-shaped, mean 0, standard deviation 1, within +-3.5: the sum of four uniform draws (Irwin and
 * Hall), because a logarithm would differ between C libraries.
 */
static float dice_normal(struct dice *dice)
{
    float sum = 0.0f;
    for (int i = 0; i < 4; i++)
        sum += wg_uniform_float(dice_word(dice));
    return (sum - 2.0f) * 1.7320508f;
}

/* ---- hand ---- */

/* How one writer distorts whatever he writes; lengths in units where a digit is 2 high. */
struct hand {
    float mixture; // 0 form a, 1 form b, a little beyond either
    float unrest;  // scale of all random displacements, about 1
    float warp_x[WARP_TERMS];
    float warp_y[WARP_TERMS];
    float aspect;                   // width, relative to the model's
    float slant;                    // tangent, positive to the right
    float turn;                     // tangent of half the angle
    float haste;                    // 0 passes through the points, 1 smooths them like a B-spline
    float radius;                   // of the stroke, in pixels
    float softness;                 // width of the grey edge, in pixels
    float pressure[PRESSURE_KNOTS]; // factors of the radius along the path
};

static struct hand draw_hand(struct dice *dice)
{
    struct hand hand;
    hand.mixture = dice_between(dice, -0.15f, 1.15f);
    float temper = dice_between(dice, 0.0f, 1.0f);
    hand.unrest = 0.8f + 1.4f * temper * temper;
    for (int i = 0; i < WARP_TERMS; i++) {
        hand.warp_x[i] = 0.043f * hand.unrest * dice_normal(dice);
        hand.warp_y[i] = 0.043f * hand.unrest * dice_normal(dice);
    }
    hand.aspect = 0.88f * (1.0f + 0.18f * dice_normal(dice));
    hand.slant = 0.08f + 0.20f * dice_normal(dice);
    hand.turn = 0.05f * dice_normal(dice);
    hand.haste = dice_between(dice, -0.1f, 0.6f);
    float thickness = dice_between(dice, 0.0f, 1.0f);
    hand.radius = 0.84f + (0.6f + 0.35f * thickness) * thickness + 0.1f * dice_normal(dice);
    // No finer, so that a line between pixel centres never vanishes.
    if (hand.radius < 0.7f)
        hand.radius = 0.7f;
    hand.softness = dice_between(dice, 1.0f, 1.5f);
    for (int i = 0; i < PRESSURE_KNOTS; i++)
        hand.pressure[i] = 1.0f + 0.15f * dice_normal(dice);
    hand.pressure[PRESSURE_KNOTS - 1] *= dice_between(dice, 0.75f, 1.05f);
    return hand;
}

/* The smooth part of the distortion: a warp of the plane, then slant, aspect and turn. */
static struct point distort(const struct hand *hand, struct point p)
{
    const float term[WARP_TERMS] = {p.x * p.x, p.x * p.y, p.y * p.y, p.x * p.x * p.y,
                                    p.y * p.y * p.y};
    struct point q = p;
    for (int i = 0; i < WARP_TERMS; i++) {
        q.x += hand->warp_x[i] * term[i];
        q.y += hand->warp_y[i] * term[i];
    }
    q.x = hand->aspect * q.x - hand->slant * q.y;

    // A rotation without trigonometry: t = tan(angle / 2).
    float t = hand->turn;
    float cosine = (1.0f - t * t) / (1.0f + t * t);
    float sine = 2.0f * t / (1.0f + t * t);
    return (struct point){cosine * q.x - sine * q.y, sine * q.x + cosine * q.y};
}

/*
 * The points of a stroke as this hand places them. The tremor of a point carries on to the next,
 * half of it; the pen lands and lifts less exactly than it runs; a corner stays a corner.
 */
static void place_points(struct dice *dice, const struct hand *hand, const struct wg_stroke *stroke,
                         struct point points[WG_STROKE_POINTS])
{
    // One draw a statement throughout: C leaves the order within an initialiser open.
    struct point offset;
    offset.x = 0.025f * hand->unrest * dice_normal(dice);
    offset.y = 0.025f * hand->unrest * dice_normal(dice);
    struct point tremor = {0.0f, 0.0f};
    float mixture = hand->mixture + 0.1f * dice_normal(dice);
    for (int i = 0; i < stroke->count; i++) {
        struct wg_stroke_point a = stroke->a[i];
        struct wg_stroke_point b = stroke->b[i];
        if (i > 0 && a.x == stroke->a[i - 1].x && a.y == stroke->a[i - 1].y) {
            points[i] = points[i - 1];
            continue;
        }
        float size = hand->unrest * (i == 0 || i == stroke->count - 1 ? 0.065f : 0.042f);
        tremor.x = 0.5f * tremor.x + size * dice_normal(dice);
        tremor.y = 0.5f * tremor.y + size * dice_normal(dice);
        struct point p = {(float)a.x + mixture * (float)(b.x - a.x),
                          (float)a.y + mixture * (float)(b.y - a.y)};
        p.x = 0.02f * p.x - 1.0f + offset.x + tremor.x;
        p.y = 0.02f * p.y - 1.0f + offset.y + tremor.y;
        points[i] = distort(hand, p);
    }
}

/* ---- path ---- */

/* What the pen leaves: discs of ink, joined to the one before unless a stroke begins. */
struct sample {
    struct point at;
    float radius;
    bool begins;
};

struct path {
    int count;
    struct sample samples[SAMPLES];
};

/*
 * The point at t in [0, 1] between p[1] and p[2]: Catmull and Rom's spline (1974) mixed with the
 * uniform cubic B-spline of the same points.
 */
static struct point spline(const struct point p[4], float t, float haste)
{
    float t2 = t * t;
    float t3 = t2 * t;
    const float through[4] = {0.5f * (-t3 + 2.0f * t2 - t), 0.5f * (3.0f * t3 - 5.0f * t2 + 2.0f),
                              0.5f * (-3.0f * t3 + 4.0f * t2 + t), 0.5f * (t3 - t2)};
    const float smooth[4] = {(1.0f - 3.0f * t + 3.0f * t2 - t3) / 6.0f,
                             (3.0f * t3 - 6.0f * t2 + 4.0f) / 6.0f,
                             (-3.0f * t3 + 3.0f * t2 + 3.0f * t + 1.0f) / 6.0f, t3 / 6.0f};
    struct point q = {0.0f, 0.0f};
    for (int i = 0; i < 4; i++) {
        float weight = through[i] + haste * (smooth[i] - through[i]);
        q.x += weight * p[i].x;
        q.y += weight * p[i].y;
    }
    return q;
}

/* p mirrored in `centre`: continues a spline beyond its ends so that it reaches them. */
static struct point mirror(struct point p, struct point centre)
{
    return (struct point){2.0f * centre.x - p.x, 2.0f * centre.y - p.y};
}

static void append_stroke(const struct point *points, int count, float haste, struct path *path)
{
    for (int i = 0; i + 1 < count; i++) {
        const struct point p[4] = {
            i > 0 ? points[i - 1] : mirror(points[1], points[0]), points[i], points[i + 1],
            i + 2 < count ? points[i + 2] : mirror(points[count - 2], points[count - 1])};
        for (int step = i == 0 ? 0 : 1; step <= SUBDIVISION; step++) {
            struct sample *sample = &path->samples[path->count++];
            sample->at = spline(p, (float)step / SUBDIVISION, haste);
            sample->begins = i == 0 && step == 0;
        }
    }
}

/* The pen's pressure, linear between its knots, and the roughness of the paper. */
static void apply_pressure(struct dice *dice, const struct hand *hand, struct path *path)
{
    for (int i = 0; i < path->count; i++) {
        float at = (float)i * (PRESSURE_KNOTS - 1) / (float)path->count;
        int knot = (int)at;
        float t = at - (float)knot;
        float factor = hand->pressure[knot] + t * (hand->pressure[knot + 1] - hand->pressure[knot]);
        path->samples[i].radius = hand->radius * factor * dice_between(dice, 0.88f, 1.12f);
    }
}

/* Scales the path so that its ink just fills the box, the longer side deciding. */
static void fit_into_box(float radius, struct path *path)
{
    struct point low = path->samples[0].at;
    struct point high = low;
    for (int i = 1; i < path->count; i++) {
        struct point p = path->samples[i].at;
        low.x = p.x < low.x ? p.x : low.x;
        low.y = p.y < low.y ? p.y : low.y;
        high.x = p.x > high.x ? p.x : high.x;
        high.y = p.y > high.y ? p.y : high.y;
    }
    float width = high.x - low.x;
    float height = high.y - low.y;
    float scale = (BOX - 2.0f * radius) / (width > height ? width : height);
    for (int i = 0; i < path->count; i++) {
        struct point *p = &path->samples[i].at;
        p->x = 0.5f * BOX + scale * (p->x - 0.5f * (low.x + high.x));
        p->y = 0.5f * BOX + scale * (p->y - 0.5f * (low.y + high.y));
    }
}

/* ---- ink ---- */

/* How deep inside the ink each pixel's centre lies, in pixels; negative outside. */
struct raster {
    float depth[BOX][BOX];
};

static int clamp_pixel(float x)
{
    return x < 0.0f ? 0 : x > BOX - 1 ? BOX - 1 : (int)x;
}

/* Deepens the pixels near the line from a to b, whose thickness runs from one's to the other's. */
static void ink_line(const struct sample *a, const struct sample *b, float margin,
                     struct raster *raster)
{
    float dx = b->at.x - a->at.x;
    float dy = b->at.y - a->at.y;
    float length2 = dx * dx + dy * dy;
    float inverse = length2 > 0.0f ? 1.0f / length2 : 0.0f;
    float reach = (a->radius > b->radius ? a->radius : b->radius) + margin;
    int left = clamp_pixel((dx < 0.0f ? b->at.x : a->at.x) - reach);
    int right = clamp_pixel((dx < 0.0f ? a->at.x : b->at.x) + reach);
    int top = clamp_pixel((dy < 0.0f ? b->at.y : a->at.y) - reach);
    int bottom = clamp_pixel((dy < 0.0f ? a->at.y : b->at.y) + reach);

    for (int y = top; y <= bottom; y++) {
        for (int x = left; x <= right; x++) {
            float px = (float)x + 0.5f - a->at.x;
            float py = (float)y + 0.5f - a->at.y;
            float t = (px * dx + py * dy) * inverse;
            t = t < 0.0f ? 0.0f : t > 1.0f ? 1.0f : t;
            float ex = px - t * dx;
            float ey = py - t * dy;
            float distance = sqrtf(ex * ex + ey * ey);
            float depth = a->radius + t * (b->radius - a->radius) - distance;
            if (depth > raster->depth[y][x])
                raster->depth[y][x] = depth;
        }
    }
}

static void ink_path(const struct path *path, float margin, struct raster *raster)
{
    for (int y = 0; y < BOX; y++)
        for (int x = 0; x < BOX; x++)
            raster->depth[y][x] = -margin;
    for (int i = 1; i < path->count; i++)
        if (!path->samples[i].begins)
            ink_line(&path->samples[i - 1], &path->samples[i], margin, raster);
}

/* 0 to 255 across the grey edge. */
static uint8_t grey(float depth, float softness)
{
    float x = 0.5f + depth / softness;
    if (x <= 0.0f)
        return 0;
    return x >= 1.0f ? 255 : (uint8_t)(255.0f * (x * x * (3.0f - 2.0f * x)) + 0.5f);
}

/*
 * Where the box goes, in pixels, so that the centre of mass (moment / mass within the box) comes as
 * near to pixel SIDE / 2, where MNIST has it, as the image's edge allows.
 */
static int box_offset(int64_t moment, int64_t mass)
{
    int64_t offset = (SIDE * mass - 2 * moment + mass) / (2 * mass); // the quotient, rounded
    return offset < 0 ? 0 : offset > SIDE - BOX ? SIDE - BOX : (int)offset;
}

static void develop(const struct raster *raster, float softness, uint8_t pixels[SIDE][SIDE])
{
    uint8_t box[BOX][BOX];
    int64_t mass = 0;
    int64_t moment_x = 0;
    int64_t moment_y = 0;
    for (int y = 0; y < BOX; y++) {
        for (int x = 0; x < BOX; x++) {
            box[y][x] = grey(raster->depth[y][x], softness);
            mass += box[y][x];
            moment_x += (int64_t)box[y][x] * x;
            moment_y += (int64_t)box[y][x] * y;
        }
    }
    int left = box_offset(moment_x, mass);
    int top = box_offset(moment_y, mass);
    memset(pixels, 0, SIDE * SIDE);
    for (int y = 0; y < BOX; y++)
        memcpy(&pixels[top + y][left], box[y], BOX);
}

/* ---- digits ---- */

static const struct wg_digit_style *draw_style(struct dice *dice, int digit)
{
    int total = 0;
    for (int i = 0; i < wg_digit_style_count; i++)
        total += wg_digit_styles[i].digit == digit ? wg_digit_styles[i].weight : 0;
    int chosen = dice_below(dice, total);
    const struct wg_digit_style *style = wg_digit_styles;
    while (style->digit != digit || (chosen -= style->weight) >= 0)
        style++;
    return style;
}

static void draw_digit(struct dice *dice, int digit, uint8_t pixels[SIDE][SIDE])
{
    const struct wg_digit_style *style = draw_style(dice, digit);
    struct hand hand = draw_hand(dice);
    struct path path = {.count = 0};
    for (int i = 0; i < style->stroke_count; i++) {
        struct point points[WG_STROKE_POINTS];
        place_points(dice, &hand, &style->strokes[i], points);
        append_stroke(points, style->strokes[i].count, hand.haste, &path);
    }
    apply_pressure(dice, &hand, &path);
    fit_into_box(hand.radius, &path);

    struct raster raster;
    ink_path(&path, 0.5f * hand.softness, &raster);
    develop(&raster, hand.softness, pixels);
}

/* Images that all threads draw. */
struct drawing {
    uint64_t seed;
    size_t count;
    uint8_t *pixels;
    uint8_t *labels;
};

/* Fewer are not worth a thread, which takes as long to start. */
enum { IMAGES_PER_PART = 500 };

static void draw_part(void *context, size_t i)
{
    const struct drawing *drawing = context;
    const struct wg_part part = wg_part(i, IMAGES_PER_PART, drawing->count);
    for (size_t n = part.first; n < part.last; n++) {
        struct dice dice = dice_for(drawing->seed, n);
        int digit = dice_below(&dice, 10);
        draw_digit(&dice, digit, (uint8_t(*)[SIDE])(drawing->pixels + n * SIDE * SIDE));
        drawing->labels[n] = (uint8_t)digit;
    }
}

bool wg_digits_draw(uint64_t seed, size_t count, uint8_t *pixels, uint8_t *labels)
{
    struct drawing drawing = {seed, count, pixels, labels};
    if (count > SIZE_MAX / (SIDE * SIDE))
        return wg_fail(WG_ERROR_ARGUMENT, "digits: %zu images are more than memory can hold",
                       count);
    wg_parallel(wg_divide_up(count, IMAGES_PER_PART), draw_part, &drawing);
    return true;
}
