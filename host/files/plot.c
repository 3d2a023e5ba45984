/*
 * In this order: curves (which points, their range, their median), the two panels (axes, lines,
 * words), the page. Positions are pixels from the top left corner.
 */
#include "host/files/plot.h"

#include <cairo.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/error.h"
#include "host/files/output.h"
#include "host/files/ticks.h"

#define PAGE_WIDTH   1200
#define PAGE_HEIGHT  800
#define PANEL_LEFT   96
#define PANEL_RIGHT  1168
#define LARGEST      1e100 // beyond it, differences and their squares may overflow
#define MEDIAN_FROM  200   // points; fewer are shown as they are
#define MARKERS_UPTO 80    // points; more would merge
#define CURVES       2     // in one panel, at most

struct colour {
    double r, g, b; // 0 to 1
};

static const struct colour ink = {0.16, 0.19, 0.23};
static const struct colour faint_ink = {0.45, 0.49, 0.54};
static const struct colour grid_line = {0.91, 0.92, 0.94};
static const struct colour zero_line = {0.72, 0.75, 0.79};
static const struct colour blue = {0.13, 0.40, 0.67};
static const struct colour orange = {0.88, 0.45, 0.08};
static const struct colour green = {0.10, 0.53, 0.38};

/* ---- curves ---- */

struct curve {
    const char *name;
    struct colour colour;
    size_t count;
    size_t window;  // points in the running median, 0 if there is none
    double *x;      // [count]
    double *y;      // [count]
    double *median; // [count], of the points around
};

struct range {
    double low, high;
};

static bool drawable(double value)
{
    return fabs(value) < LARGEST; // false for NaN
}

static void release_curve(struct curve *curve)
{
    free(curve->x);
    free(curve->y);
    free(curve->median);
}

/* Index of the first of `count` ascending values that is not below `value`. */
static size_t position(const double *sorted, size_t count, double value)
{
    size_t low = 0;
    while (low < count) {
        const size_t middle = low + (count - low) / 2;
        if (sorted[middle] < value)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* The median of the window around each point; at the ends the window is cut off. The window is
 * kept sorted while it moves. */
static bool add_median(struct curve *curve)
{
    const size_t half = curve->window / 2;
    double *sorted = malloc((curve->window + 1) * sizeof *sorted);
    if (!sorted)
        return wg_fail_memory("a running median");
    size_t size = 0;
    for (size_t i = 0; i < curve->count + half; i++) {
        if (i < curve->count) {
            const size_t at = position(sorted, size, curve->y[i]);
            memmove(sorted + at + 1, sorted + at, (size - at) * sizeof *sorted);
            sorted[at] = curve->y[i];
            size++;
        }
        if (i >= curve->window) {
            const size_t at = position(sorted, size, curve->y[i - curve->window]);
            memmove(sorted + at, sorted + at + 1, (size - at - 1) * sizeof *sorted);
            size--;
        }
        if (i >= half)
            curve->median[i - half] = 0.5 * (sorted[(size - 1) / 2] + sorted[size / 2]);
    }
    free(sorted);
    return true;
}

/* Fills a curve of name and colour with the points that can be drawn. */
static bool fill_curve(const struct wg_plot_losses *losses, const double *y, struct curve *curve)
{
    const size_t room = losses->count + 1;
    curve->x = calloc(room, sizeof *curve->x);
    curve->y = calloc(room, sizeof *curve->y);
    curve->median = calloc(room, sizeof *curve->median);
    if (!curve->x || !curve->y || !curve->median)
        return wg_fail_memory("the points of a plot");
    for (size_t i = 0; y && i < losses->count; i++) {
        if (!drawable(losses->step[i]) || !drawable(y[i]))
            continue;
        curve->x[curve->count] = losses->step[i];
        curve->y[curve->count++] = y[i];
    }
    if (curve->count <= MEDIAN_FROM)
        return true;
    curve->window = curve->count / 400 < 150 ? curve->count / 400 * 2 + 5 : 301;
    return add_median(curve);
}

/* ---- ranges ---- */

/* A range that is a single value, as far as its digits go, becomes one with that value inside. */
static struct range widen(struct range range, double at_least)
{
    const double size = fmax(fabs(range.low), fabs(range.high));
    if (range.high - range.low > 1e-6 * size)
        return range;
    const double margin = size > 0 ? fmax(0.1 * size, at_least) : fmax(1.0, at_least);
    return (struct range){range.low - margin, range.high + margin};
}

static int compare_values(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*
 * All values, or the middle 98 % and some room around them where all would take more than four
 * times as much: a critic starts far off, and a few steps must not flatten the rest.
 */
static struct range choose_range(double *values, size_t count)
{
    if (count == 0)
        return (struct range){0, 1};
    qsort(values, count, sizeof *values, compare_values);
    const struct range all = {values[0], values[count - 1]};
    const struct range middle = {values[count / 100], values[count - 1 - count / 100]};
    const double spread = middle.high - middle.low;
    struct range range = all;
    if (spread > 0 && all.high - all.low > 4 * spread) {
        range.low = fmax(all.low, middle.low - 0.25 * spread);
        range.high = fmin(all.high, middle.high + 0.25 * spread);
    }
    range = widen(range, 0);
    const double margin = 0.05 * (range.high - range.low);
    return (struct range){range.low - margin, range.high + margin};
}

static bool choose_y(const struct curve *curves, int count, struct range *ret_range,
                     size_t *ret_outside)
{
    size_t total = 0, outside = 0;
    for (int c = 0; c < count; c++)
        total += curves[c].count;
    double *values = malloc((total + 1) * sizeof *values);
    if (!values)
        return wg_fail_memory("the values of a plot");
    size_t used = 0;
    for (int c = 0; c < count; used += curves[c++].count)
        memcpy(values + used, curves[c].y, curves[c].count * sizeof *values);
    const struct range range = choose_range(values, total);
    for (size_t i = 0; i < total; i++)
        outside += values[i] < range.low || values[i] > range.high;
    free(values);
    *ret_range = range;
    *ret_outside = outside;
    return true;
}

static struct range choose_x(const struct wg_plot_losses *losses)
{
    struct range range = {INFINITY, -INFINITY};
    for (size_t i = 0; i < losses->count; i++) {
        if (!drawable(losses->step[i]))
            continue;
        range.low = fmin(range.low, losses->step[i]);
        range.high = fmax(range.high, losses->step[i]);
    }
    return range.low <= range.high ? widen(range, 1) : (struct range){0, 1};
}

/* ---- panels ---- */

struct panel {
    cairo_t *cr;
    const char *label; // of the vertical axis
    double top;        //
    double height;     //
    struct range x;    // steps, from PANEL_LEFT to PANEL_RIGHT
    struct range y;    // values, from the bottom to the top
    size_t outside;    // points above or below
    struct curve curves[CURVES];
    int curve_count;
};

static void set_colour(cairo_t *cr, struct colour colour, double opacity)
{
    cairo_set_source_rgba(cr, colour.r, colour.g, colour.b, opacity);
}

static double map_x(const struct panel *panel, double x)
{
    const double part = (x - panel->x.low) / (panel->x.high - panel->x.low);
    return PANEL_LEFT + part * (PANEL_RIGHT - PANEL_LEFT);
}

/* Outliers are kept near the panel, beyond its edge: cairo's coordinates have 24 bits. */
static double map_y(const struct panel *panel, double y)
{
    const double part = (panel->y.high - y) / (panel->y.high - panel->y.low);
    return panel->top + fmin(fmax(part, -2), 3) * panel->height;
}

static double text_width(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

/* Text whose baseline is at y; x is its left end for `align` 0, its middle for 0.5, its right end
 * for 1. */
static void put_text(cairo_t *cr, double x, double y, double align, const char *text)
{
    cairo_move_to(cr, round(x - align * text_width(cr, text)), y);
    cairo_show_text(cr, text);
}

/* A straight line of one pixel, in the middle of its pixels so that it is sharp. */
static void put_line(cairo_t *cr, double x0, double y0, double x1, double y1)
{
    cairo_set_line_width(cr, 1);
    cairo_move_to(cr, floor(x0) + 0.5, floor(y0) + 0.5);
    cairo_line_to(cr, floor(x1) + 0.5, floor(y1) + 0.5);
    cairo_stroke(cr);
}

static void draw_x_axis(const struct panel *panel, bool labels)
{
    cairo_t *cr = panel->cr;
    const double bottom = panel->top + panel->height;
    const struct wg_ticks ticks = wg_ticks_choose(panel->x.low, panel->x.high, 10, 1);
    cairo_set_font_size(cr, 14);
    for (int i = 0; i < ticks.count; i++) {
        char label[WG_TICKS_LABEL_ROOM];
        const double x = map_x(panel, wg_ticks_at(&ticks, i));
        set_colour(cr, grid_line, 1);
        put_line(cr, x, panel->top, x, bottom);
        if (!labels)
            continue;
        wg_ticks_label(&ticks, i, label);
        set_colour(cr, ink, 1);
        put_text(cr, x, bottom + 22, 0.5, label);
    }
    if (labels)
        put_text(cr, (PANEL_LEFT + PANEL_RIGHT) / 2.0, bottom + 50, 0.5, "training step");
}

static void draw_y_axis(const struct panel *panel)
{
    cairo_t *cr = panel->cr;
    const int most = panel->height > 300 ? 9 : 6;
    const struct wg_ticks ticks = wg_ticks_choose(panel->y.low, panel->y.high, most, 0);
    cairo_set_font_size(cr, 14);
    for (int i = 0; i < ticks.count; i++) {
        char label[WG_TICKS_LABEL_ROOM];
        const double value = wg_ticks_at(&ticks, i);
        const double y = map_y(panel, value);
        set_colour(cr, value == 0 ? zero_line : grid_line, 1);
        put_line(cr, PANEL_LEFT, y, PANEL_RIGHT, y);
        wg_ticks_label(&ticks, i, label);
        set_colour(cr, ink, 1);
        cairo_set_font_size(cr, 14 * fmin(1, 58 / text_width(cr, label)));
        put_text(cr, PANEL_LEFT - 10, round(y) + 5, 1, label);
        cairo_set_font_size(cr, 14);
    }
    cairo_save(cr);
    cairo_translate(cr, 24, panel->top + panel->height / 2);
    cairo_rotate(cr, -acos(0));
    put_text(cr, 0, 0, 0.5, panel->label);
    cairo_restore(cr);
}

/* From the right end to the left, above the panel. */
static void draw_legend(const struct panel *panel)
{
    cairo_t *cr = panel->cr;
    double x = PANEL_RIGHT;
    cairo_set_font_size(cr, 14);
    for (int c = panel->curve_count - 1; c >= 0; c--) {
        const struct curve *curve = &panel->curves[c];
        set_colour(cr, ink, 1);
        put_text(cr, x, panel->top - 12, 1, curve->name);
        x = round(x - text_width(cr, curve->name)) - 8;
        set_colour(cr, curve->colour, 1);
        cairo_set_line_width(cr, 3);
        cairo_move_to(cr, x - 24, panel->top - 17);
        cairo_line_to(cr, x, panel->top - 17);
        cairo_stroke(cr);
        x -= 48;
    }
}

/* What the picture does not show by itself, above the panel on the left. */
static void draw_remarks(const struct panel *panel)
{
    char text[160] = "";
    size_t total = 0, window = 0;
    for (int c = 0; c < panel->curve_count; c++) {
        total += panel->curves[c].count;
        if (panel->curves[c].window > window)
            window = panel->curves[c].window;
    }
    size_t used = 0;
    if (window > 0)
        used = (size_t)snprintf(text, sizeof text, "thick: median of %zu points", window);
    if (panel->outside > 0)
        snprintf(text + used, sizeof text - used, "%s%zu of %zu points lie outside",
                 used ? ", " : "", panel->outside, total);
    cairo_set_font_size(panel->cr, 13);
    set_colour(panel->cr, faint_ink, 1);
    put_text(panel->cr, PANEL_LEFT, panel->top - 12, 0, text);
    if (total == 0)
        put_text(panel->cr, (PANEL_LEFT + PANEL_RIGHT) / 2.0, panel->top + panel->height / 2, 0.5,
                 "no values yet");
}

/*
 * A path through the points. Of those that fall on one column of pixels only the first, the
 * lowest, the highest and the last are kept. The picture is the same, and cairo's time, which grows
 * with the crossings of a line, stays bearable: 0.3 instead of 0.8 s for 20,000 steps, 0.7 instead
 * of 130 s for 500,000.
 */
static void add_path(const struct panel *panel, const struct curve *curve, const double *y)
{
    size_t next = 0;
    for (size_t i = 0; i < curve->count; i = next) {
        const double column = floor(map_x(panel, curve->x[i]));
        size_t lowest = i, highest = i;
        for (next = i + 1; next < curve->count; next++) {
            if (floor(map_x(panel, curve->x[next])) != column)
                break;
            lowest = y[next] < y[lowest] ? next : lowest;
            highest = y[next] > y[highest] ? next : highest;
        }
        const size_t kept[] = {i, lowest < highest ? lowest : highest,
                               lowest < highest ? highest : lowest, next - 1};
        for (int k = 0; k < 4; k++)
            cairo_line_to(panel->cr, map_x(panel, curve->x[kept[k]]), map_y(panel, y[kept[k]]));
    }
}

static void draw_markers(const struct panel *panel, const struct curve *curve)
{
    for (size_t i = 0; i < curve->count; i++) {
        cairo_new_sub_path(panel->cr);
        cairo_arc(panel->cr, map_x(panel, curve->x[i]), map_y(panel, curve->y[i]), 3.2, 0,
                  4 * acos(0));
        cairo_fill(panel->cr);
    }
}

static void draw_curve(const struct panel *panel, const struct curve *curve)
{
    cairo_t *cr = panel->cr;
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(cr, curve->window ? 1 : 1.8);
    set_colour(cr, curve->colour, curve->window ? 0.3 : 1);
    add_path(panel, curve, curve->y);
    cairo_stroke(cr);
    set_colour(cr, curve->colour, 1);
    if (curve->window) {
        cairo_set_line_width(cr, 2.2);
        add_path(panel, curve, curve->median);
        cairo_stroke(cr);
    }
    if (curve->count <= MARKERS_UPTO)
        draw_markers(panel, curve);
}

static void draw_panel(const struct panel *panel, bool x_labels)
{
    cairo_t *cr = panel->cr;
    draw_x_axis(panel, x_labels);
    draw_y_axis(panel);
    set_colour(cr, zero_line, 1);
    put_line(cr, PANEL_LEFT, panel->top, PANEL_LEFT, panel->top + panel->height);
    put_line(cr, PANEL_LEFT, panel->top + panel->height, PANEL_RIGHT, panel->top + panel->height);
    draw_legend(panel);
    draw_remarks(panel);
    cairo_save(cr);
    // A little more than the panel, so that markers at its sides stay whole.
    cairo_rectangle(cr, PANEL_LEFT - 4, panel->top, PANEL_RIGHT - PANEL_LEFT + 8, panel->height);
    cairo_clip(cr);
    for (int c = 0; c < panel->curve_count; c++)
        draw_curve(panel, &panel->curves[c]);
    cairo_restore(cr);
}

/* ---- the page ---- */

/* Text that is not UTF-8, a file's name perhaps, would put an end to all drawing. */
static bool is_text(cairo_t *cr, const char *text)
{
    cairo_t *probe = cairo_create(cairo_get_target(cr));
    text_width(probe, text);
    const bool ok = cairo_status(probe) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(probe);
    return ok;
}

static void draw_title(cairo_t *cr, const char *title)
{
    if (!title || !is_text(cr, title))
        return;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(cr, 20);
    const double width = text_width(cr, title);
    cairo_set_font_size(cr, 20 * fmin(1, (PANEL_RIGHT - PANEL_LEFT) / fmax(width, 1)));
    set_colour(cr, ink, 1);
    put_text(cr, PANEL_LEFT, 44, 0, title);
}

static bool prepare(const struct wg_plot_losses *losses, struct panel *upper, struct panel *lower)
{
    upper->curves[0] = (struct curve){.name = "critic loss", .colour = blue};
    upper->curves[1] = (struct curve){.name = "generator loss", .colour = orange};
    upper->curve_count = 2;
    lower->curves[0] = (struct curve){.name = "Wasserstein estimate", .colour = green};
    lower->curve_count = 1;
    upper->x = lower->x = choose_x(losses);
    return fill_curve(losses, losses->d_loss, &upper->curves[0]) &&
           fill_curve(losses, losses->g_loss, &upper->curves[1]) &&
           fill_curve(losses, losses->wasserstein, &lower->curves[0]) &&
           choose_y(upper->curves, upper->curve_count, &upper->y, &upper->outside) &&
           choose_y(lower->curves, lower->curve_count, &lower->y, &lower->outside);
}

static bool draw(cairo_t *cr, const struct wg_plot_losses *losses)
{
    struct panel upper = {.cr = cr, .label = "loss", .top = 106, .height = 346};
    struct panel lower = {.cr = cr, .label = "Wasserstein estimate", .top = 506, .height = 222};
    const bool ok = prepare(losses, &upper, &lower);
    if (ok) {
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_paint(cr);
        draw_title(cr, losses->title);
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
        draw_panel(&upper, false);
        draw_panel(&lower, true);
    }
    for (int c = 0; c < CURVES; c++) {
        release_curve(&upper.curves[c]);
        release_curve(&lower.curves[c]);
    }
    return ok;
}

static cairo_status_t write_bytes(void *output, const unsigned char *bytes, unsigned count)
{
    return wg_output_write(output, bytes, count) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static bool save(const char *path, cairo_surface_t *page)
{
    struct wg_output *output;
    if (!wg_output_open(path, &output))
        return false;
    const cairo_status_t status = cairo_surface_write_to_png_stream(page, write_bytes, output);
    if (status == CAIRO_STATUS_SUCCESS)
        return wg_output_commit(output);
    if (status != CAIRO_STATUS_WRITE_ERROR) // which has been reported
        wg_fail(WG_ERROR_MEMORY, "%s: cannot encode: %s", path, cairo_status_to_string(status));
    wg_output_discard(output);
    return false;
}

bool wg_plot_losses_write(const char *path, const struct wg_plot_losses *losses)
{
    cairo_surface_t *page = cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAGE_WIDTH, PAGE_HEIGHT);
    cairo_t *cr = cairo_create(page);
    bool ok = draw(cr, losses);
    if (ok && cairo_status(cr) != CAIRO_STATUS_SUCCESS)
        ok = wg_fail(WG_ERROR_MEMORY, "%s: cannot draw: %s", path,
                     cairo_status_to_string(cairo_status(cr)));
    ok = ok && save(path, page);
    cairo_destroy(cr);
    cairo_surface_destroy(page);
    return ok;
}
