#include "progress.h"

#include <math.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* A log gets a line at the first and the last step, and this often between. */
#define LOG_SECONDS 10.0

enum { COLUMNS = 80 }; // where a terminal does not say

/* The updating line: cut to the terminal's width, for one that wraps can't be drawn over. */
static void show_line(FILE *terminal, const char *text)
{
    struct winsize size;
    bool tells = ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    fprintf(terminal, "\r\033[K%.*s", (tells ? size.ws_col : COLUMNS) - 1, text);
    fflush(terminal);
}

void progress_init(struct progress *progress)
{
    *progress = (struct progress){.is_terminal = isatty(STDOUT_FILENO) != 0};
}

void progress_finish(struct progress *progress)
{
    if (progress->line_open)
        printf("\n");
    progress->line_open = false;
    fflush(stdout);
}

void progress_message(void *user, const char *text)
{
    progress_finish(user);
    printf("%s\n", text);
    fflush(stdout);
}

void progress_building(void *user, int done, int total)
{
    struct progress *progress = user;
    char text[64];
    if (!progress->is_terminal) {
        if (done == 1)
            printf("building kernels: %d\n", total);
        fflush(stdout);
        return;
    }
    snprintf(text, sizeof text, "building kernels: %d of %d", done, total);
    show_line(stdout, done < total ? text : "");
    progress->line_open = done < total;
}

/* "1:02:03", or "2:03" below an hour */
static void format_time(double seconds, char text[32])
{
    long whole = seconds < 359999 ? (long)(seconds + 0.5) : 359999;
    if (whole >= 3600)
        snprintf(text, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, 32, "%ld:%02ld", whole / 60, whole % 60);
}

void progress_step(void *user, const struct wg_progress *now)
{
    struct progress *progress = user;
    bool is_edge = now->step == 1 || now->step == now->steps;
    if (!progress->is_terminal && !is_edge && now->seconds < progress->seconds_next)
        return;
    progress->seconds_next = now->seconds + LOG_SECONDS;

    char text[256], left[32], estimate[32] = "-";
    format_time(now->seconds_left, left);
    if (!isnan(now->wasserstein))
        snprintf(estimate, sizeof estimate, "%.3g", now->wasserstein);
    snprintf(text, sizeof text,
             progress->is_terminal // short enough for 80 columns
                 ? "%d/%d  d_loss %.3g  g_loss %.3g  W %s  %.3g steps/s  left %s"
                 : "step %d of %d  d_loss %.4g  g_loss %.4g  wasserstein %s  %.3g steps/s  left %s",
             now->step, now->steps, now->d_loss, now->g_loss, estimate, now->steps_per_second,
             left);
    if (!progress->is_terminal)
        progress_message(progress, text);
    else
        show_line(stdout, text);
    progress->line_open = progress->is_terminal;
}

void progress_tuning(void *user, const struct wg_tune_progress *now)
{
    struct progress *progress = user;
    char text[256], left[32];
    if (!progress->is_terminal) {
        if (now->done == 0)
            printf("measuring %d ways to compute a step\n", now->total);
        fflush(stdout);
        return;
    }
    format_time(now->seconds_left, left);
    snprintf(text, sizeof text, "%d of %d  left %s  %.*s", now->done, now->total, left, 44,
             now->node);
    show_line(stdout, text);
    progress->line_open = true;
}

void progress_stage(void *user, const char *stage, int done, int total)
{
    struct progress *progress = user;
    char text[256];
    if (!isatty(STDERR_FILENO))
        return;
    snprintf(text, sizeof text, "%s: %d of %d", stage, done, total);
    show_line(stderr, text);
    progress->line_open = true;
    if (done == total)
        progress_finish_stage(progress);
}

void progress_finish_stage(struct progress *progress)
{
    if (progress->line_open)
        fprintf(stderr, "\r\033[K");
    progress->line_open = false;
}
