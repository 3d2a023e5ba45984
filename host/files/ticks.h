/*
 * Where the ticks of an axis stand and what they are called: multiples of 1, 2 or 5 times a power
 * of ten. Pure arithmetic, nothing is drawn.
 */
#ifndef WG_FILES_TICKS_H
#define WG_FILES_TICKS_H

/* Ticks at (first + i) * step for i = 0 to count - 1. */
struct wg_ticks {
    double first; // a whole number
    double step;  // between neighbours, in units of the axis
    int count;
};

/*
 * At most `most` + 1 ticks within [low, high], which are finite with low < high and |low|, |high|
 * below 1e300, no closer than `step_min` (0 for any distance). There may be none if step_min is
 * larger than the range.
 */
struct wg_ticks wg_ticks_choose(double low, double high, int most, double step_min);

double wg_ticks_at(const struct wg_ticks *ticks, int i);

/*
 * Tick `i` in UTF-8 with a true minus sign and as many decimals as the step needs: "−0.25",
 * "12,000"; from 1e7 or with steps below 1e-5 "1.5e−7", where all ticks share the power of ten.
 */
#define WG_TICKS_LABEL_ROOM 64
void wg_ticks_label(const struct wg_ticks *ticks, int i, char label[WG_TICKS_LABEL_ROOM]);

#endif
