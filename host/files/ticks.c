#include "host/files/ticks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MINUS "\xe2\x88\x92" // U+2212, as wide as a plus

static double nice_step(double at_least)
{
    const double power = pow(10.0, floor(log10(at_least)));
    const double ratio = at_least / power;
    // The slack keeps 0.30000000000000004 / 3 at 0.1.
    const double slack = 1.0 + 1e-9;
    return power * (ratio <= slack ? 1 : ratio <= 2 * slack ? 2 : ratio <= 5 * slack ? 5 : 10);
}

struct wg_ticks wg_ticks_choose(double low, double high, int most, double step_min)
{
    const double step = fmax(nice_step((high - low) / most), step_min);
    const double slack = 1e-9;
    const double first = ceil(low / step - slack);
    const double last = floor(high / step + slack);
    return (struct wg_ticks){
        .first = first,
        .step = step,
        .count = last < first ? 0 : (int)(last - first) + 1,
    };
}

double wg_ticks_at(const struct wg_ticks *ticks, int i)
{
    return (ticks->first + i) * ticks->step;
}

static int exponent(double x)
{
    return (int)floor(log10(x) + 1e-9);
}

/* "12000.5" to "12,000.5" */
static void group_thousands(const char *digits, char *grouped)
{
    const size_t whole = strcspn(digits, ".");
    for (size_t i = 0; i < whole; i++) {
        if (i > 0 && (whole - i) % 3 == 0)
            *grouped++ = ',';
        *grouped++ = digits[i];
    }
    strcpy(grouped, digits + whole);
}

static void label_fixed(double size, double step, char *label)
{
    char digits[WG_TICKS_LABEL_ROOM / 2];
    const int decimals = exponent(step) < 0 ? -exponent(step) : 0;
    snprintf(digits, sizeof digits, "%.*f", decimals, size);
    group_thousands(digits, label);
}

/* All ticks of an axis share the power of the largest. */
static void label_scientific(double size, double step, int power, char *label)
{
    const int decimals = power > exponent(step) ? power - exponent(step) : 0;
    // Beyond 9 decimals neighbours look alike, but so they would with more of them.
    snprintf(label, WG_TICKS_LABEL_ROOM / 2, "%.*fe%s%d", decimals < 9 ? decimals : 9,
             size / pow(10.0, power), power < 0 ? MINUS : "", power < 0 ? -power : power);
}

void wg_ticks_label(const struct wg_ticks *ticks, int i, char label[WG_TICKS_LABEL_ROOM])
{
    const double value = wg_ticks_at(ticks, i);
    const double largest =
        fmax(fabs(wg_ticks_at(ticks, 0)), fabs(wg_ticks_at(ticks, ticks->count - 1)));
    const size_t sign = value < 0 ? strlen(MINUS) : 0;
    memcpy(label, MINUS, sign);
    if (value == 0)
        strcpy(label, "0");
    else if (largest >= 1e7 || ticks->step < 1e-5)
        label_scientific(fabs(value), ticks->step, exponent(largest), label + sign);
    else
        label_fixed(fabs(value), ticks->step, label + sign);
}
