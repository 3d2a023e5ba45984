/* log.csv: what is written comes back, and a run that goes on finds the rows it needs. */
#include "host/run/history.h"

#include "tests/run/runlib.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char heading[] = "step,d_loss,d_loss_real,d_loss_fake,g_loss,wasserstein,seconds\n";

/* Losses are floats, of which d_loss is half a sum; seconds have three digits. */
static struct wg_history_row make_row(uint32_t step)
{
    const float real = 0.1f * (float)step, fake = -1.0f / 3.0f * (float)step;
    return (struct wg_history_row){
        .step = step,
        .d_loss = 0.5 * ((double)real + (double)fake),
        .d_loss_real = (double)real,
        .d_loss_fake = (double)fake,
        .g_loss = (double)(1e-7f / (float)step),
        .wasserstein = step % 2 ? NAN : (double)(0.7f * (float)step),
        .seconds = 0.125 * step,
    };
}

static void write_rows(const char *path, uint32_t count)
{
    struct wg_history history;
    ck_assert(wg_history_create(&history, path));
    for (uint32_t step = 1; step <= count; step++) {
        const struct wg_history_row row = make_row(step);
        ck_assert(wg_history_add(&history, &row));
    }
    wg_history_finish(&history);
}

static void check_row(const struct wg_history_row *got, uint32_t step)
{
    const struct wg_history_row expected = make_row(step);
    ck_assert_uint_eq(got->step, expected.step);
    ck_assert_double_eq(got->d_loss, expected.d_loss);
    ck_assert_double_eq(got->d_loss_real, expected.d_loss_real);
    ck_assert_double_eq(got->d_loss_fake, expected.d_loss_fake);
    ck_assert_double_eq(got->g_loss, expected.g_loss);
    if (isnan(expected.wasserstein))
        ck_assert(isnan(got->wasserstein));
    else
        ck_assert_double_eq(got->wasserstein, expected.wasserstein);
    ck_assert_double_eq_tol(got->seconds, expected.seconds, 0.0006);
}

static int count_lines(const char *path)
{
    int lines = 0;
    char *text = read_bytes(path, NULL);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    free(text);
    return lines;
}

START_TEST(rows_come_back)
{
    struct wg_history history;
    const char *path = temporary_path("log.csv");
    write_rows(path, 5);
    ck_assert(wg_history_continue(&history, path, 5));
    ck_assert_uint_eq(history.count, 5);
    for (uint32_t step = 1; step <= 5; step++)
        check_row(&history.rows[step - 1], step);
    wg_history_finish(&history);
}
END_TEST

START_TEST(rows_are_on_the_disk_as_soon_as_they_are_added)
{
    struct wg_history history;
    const struct wg_history_row row = make_row(1);
    const char *path = temporary_path("log.csv");
    ck_assert(wg_history_create(&history, path));
    ck_assert_int_eq(count_lines(path), 1);
    ck_assert(wg_history_add(&history, &row));
    ck_assert_int_eq(count_lines(path), 2);
    wg_history_finish(&history);
}
END_TEST

START_TEST(a_row_looks_like_this)
{
    struct wg_history history;
    const struct wg_history_row row = {.step = 1,
                                       .d_loss = 0.5,
                                       .d_loss_real = -0.25,
                                       .d_loss_fake = 1.25,
                                       .g_loss = 3,
                                       .wasserstein = NAN,
                                       .seconds = 1.5};
    const char *path = temporary_path("log.csv");
    ck_assert(wg_history_create(&history, path));
    ck_assert(wg_history_add(&history, &row));
    wg_history_finish(&history);
    char *text = read_bytes(path, NULL);
    ck_assert(strncmp(text, heading, strlen(heading)) == 0);
    ck_assert_str_eq(text + strlen(heading), "1,0.5,-0.25,1.25,3,,1.500\n");
    free(text);
}
END_TEST

START_TEST(going_on_drops_later_rows)
{
    struct wg_history history;
    const char *path = temporary_path("log.csv"), *whole = temporary_path("whole.csv");
    write_rows(whole, 5);
    write_rows(path, 5);
    ck_assert(wg_history_continue(&history, path, 3));
    ck_assert_uint_eq(history.count, 3);
    ck_assert_int_eq(count_lines(path), 4);
    for (uint32_t step = 4; step <= 5; step++) {
        const struct wg_history_row row = make_row(step);
        ck_assert(wg_history_add(&history, &row));
    }
    wg_history_finish(&history);
    ck_assert(files_are_equal(path, whole));
}
END_TEST

START_TEST(going_on_from_0_keeps_the_heading_alone)
{
    struct wg_history history;
    const char *path = temporary_path("log.csv");
    write_rows(path, 2);
    ck_assert(wg_history_continue(&history, path, 0));
    ck_assert_uint_eq(history.count, 0);
    wg_history_finish(&history);
    char *text = read_bytes(path, NULL);
    ck_assert_str_eq(text, heading);
    free(text);
}
END_TEST

START_TEST(a_new_log_replaces_nothing)
{
    struct wg_history history;
    const char *path = write_text("log.csv", "mine");
    ck_assert(!wg_history_create(&history, path));
    check_error(WG_ERROR_FILE, path);
    wg_history_finish(&history);
    char *text = read_bytes(path, NULL);
    ck_assert_str_eq(text, "mine");
    free(text);
}
END_TEST

/* ---- logs that do not do ---- */

static void check_refused(const char *path, uint32_t steps, const char *reason)
{
    struct wg_history history;
    size_t size;
    char *before = read_bytes(path, &size);
    ck_assert(!wg_history_continue(&history, path, steps));
    check_error(WG_ERROR_DATA, path);
    check_error(WG_ERROR_DATA, reason);
    char *after = read_bytes(path, NULL);
    ck_assert_str_eq(after, before); // a refusal changes nothing
    free(before);
    free(after);
}

START_TEST(refuses_a_log_with_too_few_rows)
{
    const char *path = temporary_path("log.csv");
    write_rows(path, 3);
    check_refused(path, 5, "step 4 is missing or damaged (5 are needed; ");
}
END_TEST

START_TEST(a_damaged_last_line_matters_only_if_it_is_needed)
{
    struct wg_history history;
    size_t size;
    const char *path = temporary_path("log.csv");
    write_rows(path, 3);
    char *text = read_bytes(path, &size);
    temporary_write("log.csv", text, size - 3); // a kill in mid-write, a full disk
    free(text);
    check_refused(path, 3, "step 3 is missing or damaged");
    ck_assert(wg_history_continue(&history, path, 2));
    ck_assert_int_eq(count_lines(path), 3);
    wg_history_finish(&history);
}
END_TEST

START_TEST(refuses_damaged_rows)
{
    static const char *const rows[] = {
        "",                       // none
        "\n",                     //
        "1,2,3,4,5,6\n",          // a field too few
        "1,2,3,4,5,6,7,8\n",      // a field too many
        "1,2,3,x,5,6,7\n",        // no number
        "1,,3,4,5,6,7\n",         // only the estimate may be empty
        "1,2,3,4,5,6,\n",         //
        "2,2,3,4,5,6,7\n",        // another step
        "0,2,3,4,5,6,7\n",        //
        "-1,2,3,4,5,6,7\n",       //
        "1.5,2,3,4,5,6,7\n",      //
        "1e99,2,3,4,5,6,7\n",     //
        "1,2,3,4,5,6,7",          // no end of line
        "1;2;3;4;5;6;7\n",        // saved by a spreadsheet
        "\"1\",2,3,4,5,6,7\n",    //
        "1,2,3,4,5,6,7seconds\n", //
        "\xef\xbb\xbf"
        "1,2,3,4,5,6,7\n", // a byte order mark
    };
    for (size_t i = 0; i < countof(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", heading, rows[i]);
        check_refused(write_text("log.csv", text), 1, "step 1 is missing or damaged");
    }
}
END_TEST

START_TEST(refuses_what_is_no_log)
{
    check_refused(write_text("log.csv", ""), 0, "not a log of wgan-cl");
    check_refused(write_text("log.csv", "step,loss\n1,2\n"), 0, "not a log of wgan-cl");
}
END_TEST

START_TEST(says_that_the_log_is_missing)
{
    struct wg_history history;
    ck_assert(!wg_history_continue(&history, temporary_path("log.csv"), 1));
    check_error(WG_ERROR_FILE, "log.csv: No such file or directory");
}
END_TEST

START_TEST(notices_a_full_disk)
{
    struct wg_history history;
    struct rlimit limit, old;
    const struct wg_history_row row = make_row(1);
    const char *path = temporary_path("log.csv");
    ck_assert(wg_history_create(&history, path));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = strlen(heading) + 10, .rlim_max = old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool added = wg_history_add(&history, &row);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert(!added);
    check_error(WG_ERROR_FILE, path);
    wg_history_finish(&history);
}
END_TEST

/* ---- columns ---- */

START_TEST(gives_a_column)
{
    struct wg_history history;
    const char *path = temporary_path("log.csv");
    write_rows(path, 3000);
    ck_assert(wg_history_continue(&history, path, 3000));
    double *g_loss = wg_history_column(&history, offsetof(struct wg_history_row, g_loss));
    ck_assert_ptr_nonnull(g_loss);
    for (uint32_t step = 1; step <= 3000; step++)
        ck_assert_double_eq(g_loss[step - 1], make_row(step).g_loss);
    free(g_loss);
    wg_history_finish(&history);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        rows_come_back,
        rows_are_on_the_disk_as_soon_as_they_are_added,
        a_row_looks_like_this,
        going_on_drops_later_rows,
        going_on_from_0_keeps_the_heading_alone,
        a_new_log_replaces_nothing,
        refuses_a_log_with_too_few_rows,
        a_damaged_last_line_matters_only_if_it_is_needed,
        refuses_damaged_rows,
        refuses_what_is_no_log,
        says_that_the_log_is_missing,
        notices_a_full_disk,
        gives_a_column,
    };
    return run_tests("history", tests, countof(tests));
}
