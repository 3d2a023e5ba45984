/*
 * The pictures of a run: grids of samples, the real images beside them, the animation, the losses.
 */
#ifndef WG_RUN_PICTURES_H
#define WG_RUN_PICTURES_H

#include "host/run/history.h"
#include "host/run/report.h"
#include "include/wgan_cl.h"

enum {
    WG_GRID_COLUMNS = 5,
    WG_GRID_SCALE = 3,  // screen pixels per pixel
    WG_GRID_BORDER = 2, // screen pixels between images, see host/files/grid.h
};

/* bytes [count] = round(255 * (image + 1) / 2), image in (-1, 1) */
void wg_images_to_bytes(const float *images, size_t count, uint8_t *ret_bytes);

/* images u8 [count, 28, 28] as a grid */
bool wg_picture_write_grid(const char *path, const uint8_t *images, size_t count, int columns);

/* FOLDER/training.gif from FOLDER/imgs/NNNNNN.png; of very many the last and evenly spread ones. A
 * picture that can't be read, or has another size than a grid of samples, costs a message. */
bool wg_picture_write_animation(const char *folder, wg_message_function *message, void *user);

/* FOLDER/loss.png, under a title */
bool wg_picture_write_losses(const char *folder, const char *title,
                             const struct wg_history *history);

#endif
