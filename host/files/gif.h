/*
 * GIF animations of grey frames, through giflib, which is included nowhere else: 256 greys, frame
 * after frame, repeated for ever. The file appears when the animation is finished.
 */
#ifndef WG_FILES_GIF_H
#define WG_FILES_GIF_H

#include <stdbool.h>
#include <stdint.h>

struct wg_gif;

/*
 * Starts an animation of width x height pixels, each 1 to 65535.
 * Fails with WG_ERROR_ARGUMENT, WG_ERROR_FILE or WG_ERROR_MEMORY.
 */
bool wg_gif_create(const char *path, int width, int height, struct wg_gif **ret_gif);

/*
 * Adds the frame `grey`, [height, width], 0 black to 255 white, shown for `delay` hundredths of a
 * second, 0 to 65535 (viewers show less than 2 at a speed of their own). A longer one for the last
 * frame holds the result for a moment.
 * Fails with WG_ERROR_ARGUMENT or WG_ERROR_FILE; the animation can only be discarded then.
 */
bool wg_gif_add(struct wg_gif *gif, const uint8_t *grey, int delay);

/*
 * Puts the file in place. Fails with WG_ERROR_ARGUMENT if there is no frame, or WG_ERROR_FILE;
 * nothing is left behind then. Frees the animation in either case.
 */
bool wg_gif_finish(struct wg_gif *gif);

/* Drops the animation. NULL is fine. */
void wg_gif_discard(struct wg_gif *gif);

#endif
