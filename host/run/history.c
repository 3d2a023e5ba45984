#include "host/run/history.h"

#include "host/base/array.h"
#include "host/base/error.h"
#include "host/files/output.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char heading[] = "step,d_loss,d_loss_real,d_loss_fake,g_loss,wasserstein,seconds\n";

/* ---- rows as text; 9 digits give a float back exactly, 17 a double ---- */

static void print_row(FILE *stream, const struct wg_history_row *row)
{
    fprintf(stream, "%u,%.17g,%.9g,%.9g,%.9g,", (unsigned)row->step, row->d_loss, row->d_loss_real,
            row->d_loss_fake, row->g_loss);
    if (!isnan(row->wasserstein))
        fprintf(stream, "%.9g", row->wasserstein);
    fprintf(stream, ",%.3f\n", row->seconds);
}

/* The number at *text up to the next comma or end of line. */
static bool parse_field(const char **text, char end, double *ret_value)
{
    char *after;
    double value = strtod(*text, &after);
    if (after == *text || *after != end)
        return false;
    *text = after + 1;
    *ret_value = value;
    return true;
}

/* The same for what was a float: nine digits are that float's, not a double's. */
static bool parse_loss(const char **text, double *ret_value)
{
    double value;
    if (!parse_field(text, ',', &value))
        return false;
    *ret_value = (double)(float)value;
    return true;
}

/* The same, but an empty field is NaN. */
static bool parse_estimate(const char **text, double *ret_value)
{
    if (**text != ',')
        return parse_loss(text, ret_value);
    *ret_value = NAN;
    (*text)++;
    return true;
}

static bool parse_row(const char *text, struct wg_history_row *ret_row)
{
    struct wg_history_row row;
    double step;
    if (!parse_field(&text, ',', &step) || !parse_field(&text, ',', &row.d_loss) ||
        !parse_loss(&text, &row.d_loss_real) || !parse_loss(&text, &row.d_loss_fake) ||
        !parse_loss(&text, &row.g_loss) || !parse_estimate(&text, &row.wasserstein) ||
        !parse_field(&text, '\n', &row.seconds) || !(step >= 1 && step <= 4e9))
        return false;
    row.step = (uint32_t)step;
    if (row.step != step)
        return false;
    *ret_row = row;
    return true;
}

/* ---- memory ---- */

static bool remember(struct wg_history *history, const struct wg_history_row *row)
{
    struct wg_history_row *grown =
        wg_array_grow(history->rows, history->count, sizeof *grown, "the history of losses");
    if (!grown)
        return false;
    history->rows = grown;
    history->rows[history->count++] = *row;
    return true;
}

double *wg_history_column(const struct wg_history *history, size_t offset)
{
    double *values = malloc((history->count + 1) * sizeof *values);
    for (size_t i = 0; values && i < history->count; i++)
        memcpy(&values[i], (const char *)&history->rows[i] + offset, sizeof values[i]);
    if (!values)
        wg_fail_memory("a column of losses");
    return values;
}

/* ---- the log ---- */

static bool fail_log(const struct wg_history *history)
{
    return wg_fail(WG_ERROR_FILE, "%s: can't be written: %s", history->path, strerror(errno));
}

static bool open_log(struct wg_history *history, const char *mode)
{
    history->log = fopen(history->path, mode);
    return history->log || fail_log(history);
}

bool wg_history_create(struct wg_history *history, const char *path)
{
    *history = (struct wg_history){0};
    snprintf(history->path, sizeof history->path, "%s", path);
    if (!open_log(history, "wx"))
        return false;
    if (fputs(heading, history->log) >= 0 && fflush(history->log) == 0)
        return true;
    fail_log(history);
    wg_history_finish(history);
    return false;
}

static bool read_rows(struct wg_history *history, FILE *stream, uint32_t steps)
{
    char line[512];
    struct wg_history_row row;
    if (!fgets(line, sizeof line, stream) || strcmp(line, heading) != 0)
        return wg_fail(WG_ERROR_DATA, "%s: not a log of wgan-cl: the first line should be %.*s",
                       history->path, (int)strlen(heading) - 1, heading);
    while (history->count < steps && fgets(line, sizeof line, stream)) {
        if (!parse_row(line, &row) || row.step != history->count + 1)
            break;
        if (!remember(history, &row))
            return false;
    }
    return history->count == steps ||
           wg_fail(
               WG_ERROR_DATA,
               "%s: the row of step %zu is missing or damaged (%u are needed; a run goes on from "
               "an earlier checkpoint if those after it are moved elsewhere)",
               history->path, history->count + 1, (unsigned)steps);
}

static bool rewrite(const struct wg_history *history)
{
    struct wg_output *output;
    if (!wg_output_open(history->path, &output))
        return false;
    fputs(heading, wg_output_stream(output));
    for (size_t i = 0; i < history->count; i++)
        print_row(wg_output_stream(output), &history->rows[i]);
    return wg_output_commit(output);
}

bool wg_history_continue(struct wg_history *history, const char *path, uint32_t steps)
{
    *history = (struct wg_history){0};
    snprintf(history->path, sizeof history->path, "%s", path);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return wg_fail(WG_ERROR_FILE, "%s: %s", path, strerror(errno));
    bool ok = read_rows(history, stream, steps);
    fclose(stream);
    if (ok && rewrite(history) && open_log(history, "a"))
        return true;
    wg_history_finish(history);
    return false;
}

bool wg_history_add(struct wg_history *history, const struct wg_history_row *row)
{
    if (!remember(history, row))
        return false;
    print_row(history->log, row);
    return (fflush(history->log) == 0 && !ferror(history->log)) || fail_log(history);
}

void wg_history_finish(struct wg_history *history)
{
    if (history->log)
        fclose(history->log);
    free(history->rows);
    *history = (struct wg_history){0};
}
