/* The loss plot: a picture for every kind of series, with the curves where they belong. Its beauty
 * is for people to judge. */
#include "host/files/plot.h"

#include <math.h>

#include "host/files/png.h"
#include "tests/files/scratch.h"

/* cairo keeps the fonts it has met, a kilobyte however many plots are drawn, in a way that the leak
 * sanitizer cannot follow. It asks this function which reports to drop. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

#define MOST 20000

static double steps[MOST], falling[MOST], rising[MOST], sparse[MOST];

static void fill(void)
{
    for (size_t i = 0; i < MOST; i++) {
        const double noise = (double)(i * 2654435761u % 1000) / 1000 - 0.5;
        steps[i] = (double)i + 1;
        falling[i] = 1.0 - (double)i / MOST + 0.2 * noise;
        rising[i] = (double)i / MOST - 0.2 * noise;
        sparse[i] = i % 500 == 0 ? falling[i] : NAN;
    }
}

static struct wg_plot_losses losses(size_t count)
{
    return (struct wg_plot_losses){count, steps, falling, rising, sparse, "digits"};
}

/* Writes the plot, reads it back, checks its size. To be freed. */
static uint8_t *picture(const struct wg_plot_losses *plot)
{
    uint8_t *grey;
    int width, height;
    ck_assert_msg(wg_plot_losses_write(scratch_path("a.png"), plot), "%s", wg_error_message());
    ck_assert(wg_png_read(scratch_path("a.png"), &grey, &width, &height));
    ck_assert_int_eq(width, 1200);
    ck_assert_int_eq(height, 800);
    return grey;
}

/* Pixels darker than the lines of the grid, within a part of the picture. */
static int ink(const uint8_t *grey, int left, int right, int top, int bottom)
{
    int count = 0;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            count += grey[y * 1200 + x] < 170;
    return count;
}

START_TEST(any_number_of_points)
{
    static const size_t counts[] = {0, 1, 2, 3, 80, 81, 200, 201, 250, 1000, MOST};
    fill();
    for (size_t i = 0; i < countof(counts); i++) {
        const struct wg_plot_losses plot = losses(counts[i]);
        uint8_t *grey = picture(&plot);
        const int points = ink(grey, 100, 1160, 110, 450);
        if (counts[i] == 0)
            ck_assert_int_lt(points, 800); // but for the words
        else
            ck_assert_int_gt(points, 20);
        if (counts[i] > 1)
            ck_assert_int_gt(points, 1500);
        free(grey);
    }
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

/* A constant runs through the middle of its panel, from one side to the other. */
START_TEST(constant_series)
{
    static const double values[] = {0, 1.25, -3e7, 1e-12, 1e99};
    double x[300], y[300];
    for (size_t v = 0; v < countof(values); v++) {
        for (size_t i = 0; i < countof(x); i++) {
            x[i] = (double)i;
            y[i] = values[v];
        }
        const struct wg_plot_losses plot = {300, x, y, NULL, NULL, NULL};
        uint8_t *grey = picture(&plot);
        ck_assert_int_gt(ink(grey, 100, 1160, 276, 283), 2 * 1050);
        ck_assert_int_eq(ink(grey, 100, 1160, 110, 270), 0);
        ck_assert_int_eq(ink(grey, 100, 1160, 290, 450), 0);
        free(grey);
    }
}
END_TEST

/* The thick line goes where most values are: along a step, with spikes to the other side. */
START_TEST(median_follows_the_values)
{
    double x[1000], y[1000];
    for (size_t i = 0; i < countof(x); i++) {
        x[i] = (double)i;
        y[i] = (i >= 500) != (i % 10 == 3);
    }
    const struct wg_plot_losses plot = {1000, x, y, NULL, NULL, NULL};
    uint8_t *grey = picture(&plot);
    ck_assert_int_gt(ink(grey, 100, 600, 425, 450), 2 * 490);
    ck_assert_int_gt(ink(grey, 660, 1160, 110, 135), 2 * 490);
    ck_assert_int_eq(ink(grey, 100, 600, 110, 400), 0);
    ck_assert_int_eq(ink(grey, 660, 1160, 160, 450), 0);
    free(grey);
}
END_TEST

/* A falling line starts top left and ends bottom right. */
START_TEST(lines_run_the_right_way)
{
    double x[100], y[100];
    for (size_t i = 0; i < countof(x); i++) {
        x[i] = (double)i;
        y[i] = -(double)i;
    }
    const struct wg_plot_losses plot = {100, x, y, NULL, NULL, NULL};
    uint8_t *grey = picture(&plot);
    ck_assert_int_gt(ink(grey, 100, 300, 110, 220), 100);
    ck_assert_int_gt(ink(grey, 960, 1160, 350, 450), 100);
    ck_assert_int_eq(ink(grey, 100, 300, 300, 448), 0);
    ck_assert_int_eq(ink(grey, 960, 1160, 112, 300), 0);
    free(grey);
}
END_TEST

/* The picture with NaNs and infinities is the picture of the other points. */
START_TEST(values_that_are_none_are_skipped)
{
    static const double none[] = {NAN, INFINITY, -INFINITY, 1e200};
    double x[300], y[300], kept_x[300], kept_y[300];
    size_t kept = 0;
    fill();
    for (size_t i = 0; i < countof(x); i++) {
        x[i] = steps[i];
        y[i] = falling[i];
        if (i > 0 && i < 299 && i % 7 == 0)
            y[i] = none[i / 7 % 4];
        else if (i > 0 && i < 299 && i % 31 == 0)
            x[i] = none[i / 31 % 4];
        else {
            kept_x[kept] = x[i];
            kept_y[kept++] = y[i];
        }
    }
    const struct wg_plot_losses with = {300, x, y, y, y, "t"};
    const struct wg_plot_losses without = {kept, kept_x, kept_y, kept_y, kept_y, "t"};
    uint8_t *a = picture(&with), *b = picture(&without);
    ck_assert_int_eq(memcmp(a, b, 1200 * 800), 0);
    free(a);
    free(b);
    for (size_t i = 0; i < countof(x); i++)
        x[i] = y[i] = NAN;
    free(picture(&with));
}
END_TEST

/* A few outliers do not flatten the rest: the others still use most of the height. */
START_TEST(outliers_do_not_flatten_the_rest)
{
    fill();
    for (size_t i = 0; i < 50; i++)
        falling[i] = -1e6;
    const struct wg_plot_losses plot = {5000, steps, falling, NULL, NULL, NULL};
    uint8_t *grey = picture(&plot);
    ck_assert_int_gt(ink(grey, 110, 400, 110, 275), 200);
    ck_assert_int_gt(ink(grey, 900, 1160, 285, 450), 200);
    free(grey);
}
END_TEST

START_TEST(any_title)
{
    static char titles[3][3000] = {"Z\xc3\xbcrich", "not \xff UTF-8"};
    fill();
    memset(titles[2], 'W', sizeof titles[2] - 1);
    for (size_t i = 0; i < countof(titles); i++) {
        struct wg_plot_losses plot = losses(10);
        plot.title = titles[i];
        uint8_t *grey = picture(&plot);
        ck_assert_int_eq(ink(grey, 1172, 1200, 0, 60), 0); // within the page
        if (i == 0)
            ck_assert_int_gt(ink(grey, 90, 300, 20, 60), 100);
        free(grey);
    }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    fill();
    const struct wg_plot_losses plot = losses(1000);
    ck_assert(!wg_plot_losses_write(scratch_path("none/a.png"), &plot));
    check_error(WG_ERROR_FILE, "none/a.png");
    for (size_t room = 0; room <= 10000; room += 5000) {
        scratch_fill_disk(room);
        const bool ok = wg_plot_losses_write(scratch_path("a.png"), &plot);
        scratch_empty_disk();
        ck_assert(!ok);
        check_error(WG_ERROR_FILE, "a.png: cannot write");
        ck_assert_int_eq(scratch_count(), 0);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        any_number_of_points,
        constant_series,
        median_follows_the_values,
        lines_run_the_right_way,
        values_that_are_none_are_skipped,
        outliers_do_not_flatten_the_rest,
        any_title,
        writing_fails_cleanly,
    };
    return run_tests("plot", tests, countof(tests));
}
