/*
 * How people write the ten digits: the strokes of the pen, as tables of points it passes.
 *
 * Not how they look on paper: the hand that distorts them and the ink are digits.c's.
 */
#ifndef WG_DATA_DIGIT_STROKES_H
#define WG_DATA_DIGIT_STROKES_H

#include <stdint.h>

enum { WG_STROKE_POINTS = 14, WG_STYLE_STROKES = 3 };

/*
 * A point the pen passes: x to the right, y down, about 0 to 100 each. A point given twice running
 * is a corner.
 */
struct wg_stroke_point {
    int8_t x;
    int8_t y;
};

/* One stroke in two extreme forms; any mixture of the two is a good one as well. */
struct wg_stroke {
    int count; // points, at least 2
    struct wg_stroke_point a[WG_STROKE_POINTS];
    struct wg_stroke_point b[WG_STROKE_POINTS];
};

/* One way to write a digit. */
struct wg_digit_style {
    int digit;
    int weight; // how common it is, relative to the digit's other styles
    int stroke_count;
    struct wg_stroke strokes[WG_STYLE_STROKES];
};

/* All styles, those of a digit side by side. */
extern const struct wg_digit_style wg_digit_styles[];
extern const int wg_digit_style_count;

#endif
