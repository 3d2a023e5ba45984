#include "host/run/pictures.h"

#include "host/base/error.h"
#include "host/files/gif.h"
#include "host/files/grid.h"
#include "host/files/npy.h"
#include "host/files/plot.h"
#include "host/files/png.h"
#include "host/gan/trainer.h"
#include "host/run/folder.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = WG_IMAGE_SIDE };

void wg_images_to_bytes(const float *images, size_t count, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < count; i++) {
        float grey = 255.0f * 0.5f * (images[i] + 1.0f) + 0.5f; // NaN is black
        ret_bytes[i] = !(grey > 0.0f) ? 0 : grey > 255.0f ? 255 : (uint8_t)grey;
    }
}

bool wg_picture_write_grid(const char *path, const uint8_t *images, size_t count, int columns)
{
    struct wg_grid grid;
    if (!wg_grid_create(images, count, SIDE, SIDE, columns, WG_GRID_SCALE, &grid))
        return false;
    bool ok = wg_png_write(path, grid.pixels, grid.width, grid.height);
    wg_grid_destroy(&grid);
    return ok;
}

/* ---- the animation ---- */

enum { FRAMES_MAX = 200, FRAME_DELAY = 20, LAST_DELAY = 200 }; // delays in 1/100 s

/* Pixels of a grid of samples. */
enum {
    CELL = SIDE * WG_GRID_SCALE + WG_GRID_BORDER,
    GRID_ROWS = (WG_SAMPLE_BATCH + WG_GRID_COLUMNS - 1) / WG_GRID_COLUMNS,
    GRID_WIDTH = WG_GRID_COLUMNS * CELL + WG_GRID_BORDER,
    GRID_HEIGHT = GRID_ROWS * CELL + WG_GRID_BORDER,
};

static bool read_grid(const char *path, uint8_t **ret_grey)
{
    uint8_t *grey;
    int width, height;
    if (!wg_png_read(path, &grey, &width, &height))
        return false;
    if (width == GRID_WIDTH && height == GRID_HEIGHT) {
        *ret_grey = grey;
        return true;
    }
    free(grey);
    return wg_fail(WG_ERROR_DATA, "%s: %dx%d pixels, a grid of samples has %dx%d", path, width,
                   height, GRID_WIDTH, GRID_HEIGHT);
}

/* What is no grid is said and left out: a training shall not fail for a picture that it needs no
 * more. */
static bool add_frame(struct wg_gif **gif, const char *gif_path, const char *image_path, int delay,
                      wg_message_function *message, void *user)
{
    uint8_t *grey = NULL;
    char text[WG_PATH_MAX + 256];
    if (!read_grid(image_path, &grey)) {
        if (wg_error_status() == WG_ERROR_MEMORY)
            return false;
        snprintf(text, sizeof text, "warning: %s; the animation goes without it",
                 wg_error_message());
        message(user, text);
        return true;
    }
    bool ok = (*gif || wg_gif_create(gif_path, GRID_WIDTH, GRID_HEIGHT, gif)) &&
              wg_gif_add(*gif, grey, delay);
    free(grey);
    return ok;
}

bool wg_picture_write_animation(const char *folder, wg_message_function *message, void *user)
{
    char path[WG_PATH_MAX], image[WG_PATH_MAX];
    uint32_t *steps;
    int count;
    struct wg_gif *gif = NULL;
    if (!wg_folder_path(path, folder, "training.gif") ||
        !wg_folder_list_images(folder, &steps, &count))
        return false;
    int frames = count < FRAMES_MAX ? count : FRAMES_MAX;
    bool ok = true;
    for (int f = 0; ok && f < frames; f++) {
        // Evenly spread, the first and the last included.
        int i = frames > 1 ? (int)((long long)f * (count - 1) / (frames - 1)) : 0;
        ok =
            wg_folder_image_path(image, folder, steps[i]) &&
            add_frame(&gif, path, image, f == frames - 1 ? LAST_DELAY : FRAME_DELAY, message, user);
    }
    free(steps);
    if (ok && gif)
        return wg_gif_finish(gif);
    wg_gif_discard(gif);
    return ok;
}

/* ---- the losses ---- */

bool wg_picture_write_losses(const char *folder, const char *title,
                             const struct wg_history *history)
{
    char path[WG_PATH_MAX];
    double *step = malloc((history->count + 1) * sizeof *step);
    double *d_loss = wg_history_column(history, offsetof(struct wg_history_row, d_loss));
    double *g_loss = wg_history_column(history, offsetof(struct wg_history_row, g_loss));
    double *wasserstein = wg_history_column(history, offsetof(struct wg_history_row, wasserstein));
    bool ok = step && d_loss && g_loss && wasserstein;
    if (!ok)
        wg_fail_memory("the loss plot");
    for (size_t i = 0; ok && i < history->count; i++)
        step[i] = (double)history->rows[i].step;
    const struct wg_plot_losses plot = {
        .count = history->count,
        .step = step,
        .d_loss = d_loss,
        .g_loss = g_loss,
        .wasserstein = wasserstein,
        .title = title,
    };
    ok = ok && wg_folder_path(path, folder, "loss.png") && wg_plot_losses_write(path, &plot);
    free(step);
    free(d_loss);
    free(g_loss);
    free(wasserstein);
    return ok;
}

/* ---- images on request ---- */

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);
    return length > n && strcmp(path + length - n, ending) == 0;
}

static bool write_png(const char *path, const float *images, size_t count, int columns)
{
    uint8_t *bytes = malloc(count * WG_IMAGE_PIXELS);
    if (!bytes)
        return wg_fail_memory("images");
    wg_images_to_bytes(images, count * WG_IMAGE_PIXELS, bytes);
    bool ok = wg_picture_write_grid(path, bytes, count, columns);
    free(bytes);
    return ok;
}

static bool write_npy(const char *path, const float *images, size_t count)
{
    const size_t shape[3] = {count, SIDE, SIDE};
    float *unit = malloc(count * WG_IMAGE_PIXELS * sizeof *unit);
    if (!unit)
        return wg_fail_memory("images");
    for (size_t i = 0; i < count * WG_IMAGE_PIXELS; i++)
        unit[i] = 0.5f * (images[i] + 1.0f);
    bool ok = wg_npy_write(path, WG_NPY_F32, unit, 3, shape);
    free(unit);
    return ok;
}

bool wg_images_write(const char *path, const float *images, size_t count, int columns)
{
    if (has_ending(path, ".png"))
        return write_png(path, images, count, columns);
    if (has_ending(path, ".npy"))
        return write_npy(path, images, count);
    return wg_fail(WG_ERROR_ARGUMENT, "%s: images are written to FILE.png or FILE.npy", path);
}
