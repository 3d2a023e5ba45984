#include "progress.h"

#include <math.h>
#include <unistd.h>

/* A log gets a line at the first and the last step, and this often between. */
#define LOG_SECONDS 10.0

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
    if (!progress->is_terminal) {
        if (done == 1)
            printf("building kernels: %d\n", total);
        fflush(stdout);
        return;
    }
    printf("\r\033[Kbuilding kernels: %d of %d", done, total);
    if (done == total)
        printf("\r\033[K");
    progress->line_open = done < total;
    fflush(stdout);
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

    char left[32], estimate[32] = "-";
    format_time(now->seconds_left, left);
    if (!isnan(now->wasserstein))
        snprintf(estimate, sizeof estimate, "%.3g", now->wasserstein);
    // On a terminal short enough for 80 columns: a line that wraps can't be drawn over.
    printf(progress->is_terminal
               ? "\r\033[K%d/%d  d_loss %.3g  g_loss %.3g  W %s  %.3g steps/s  left %s"
               : "step %d of %d  d_loss %.4g  g_loss %.4g  wasserstein %s  %.3g steps/s  left %s\n",
           now->step, now->steps, now->d_loss, now->g_loss, estimate, now->steps_per_second, left);
    progress->line_open = progress->is_terminal;
    fflush(stdout);
}

void progress_tuning(void *user, const struct wg_tune_progress *now)
{
    struct progress *progress = user;
    char left[32];
    if (!progress->is_terminal) {
        if (now->done == 0)
            printf("measuring %d ways to compute a step\n", now->total);
        fflush(stdout);
        return;
    }
    format_time(now->seconds_left, left);
    printf("\r\033[K%d of %d  left %s  %.*s", now->done, now->total, left, 44, now->node);
    progress->line_open = true;
    fflush(stdout);
}

void progress_stage(void *user, const char *stage, int done, int total)
{
    struct progress *progress = user;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r\033[K%s: %d of %d", stage, done, total);
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
