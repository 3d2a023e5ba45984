#include "host/files/gif.h"

#include <gif_lib.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/error.h"
#include "host/files/output.h"

struct wg_gif {
    struct wg_output *output;
    GifFileType *encoder;
    char *path;       // for messages
    GifByteType *row; // the encoder writes into the rows it is given
    int width;        // pixels
    int height;       // pixels
    size_t frames;    // so far
};

static int write_bytes(GifFileType *encoder, const GifByteType *bytes, int count)
{
    struct wg_gif *gif = encoder->UserData;
    return wg_output_write(gif->output, bytes, (size_t)count) ? count : 0;
}

/* giflib has failed. If the file system was the reason, the output repeats it. */
static bool fail_encoding(struct wg_gif *gif, int error)
{
    const char *reason = GifErrorString(error);
    if (!wg_output_write(gif->output, "", 0))
        return false;
    return wg_fail(WG_ERROR_FILE, "%s: cannot encode as GIF: %s", gif->path,
                   reason ? reason : "unknown error");
}

static bool put_screen(struct wg_gif *gif)
{
    ColorMapObject *map = GifMakeMapObject(256, NULL);
    if (!map)
        return wg_fail_memory("a palette");
    for (int i = 0; i < 256; i++)
        map->Colors[i] = (GifColorType){(GifByteType)i, (GifByteType)i, (GifByteType)i};
    const int result = EGifPutScreenDesc(gif->encoder, gif->width, gif->height, 8, 0, map);
    GifFreeMapObject(map); // the encoder keeps a copy
    return result == GIF_OK || fail_encoding(gif, gif->encoder->Error);
}

/* The extension of Netscape 2.0: sub-block 1, repeat 0 times, which means for ever. */
static bool put_loop(struct wg_gif *gif)
{
    static const GifByteType forever[] = {1, 0, 0};
    GifFileType *encoder = gif->encoder;
    if (EGifPutExtensionLeader(encoder, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
        EGifPutExtensionBlock(encoder, 11, "NETSCAPE2.0") == GIF_OK &&
        EGifPutExtensionBlock(encoder, sizeof forever, forever) == GIF_OK &&
        EGifPutExtensionTrailer(encoder) == GIF_OK)
        return true;
    return fail_encoding(gif, encoder->Error);
}

static bool start(struct wg_gif *gif, const char *path)
{
    gif->path = malloc(strlen(path) + 1);
    gif->row = malloc((size_t)gif->width);
    if (!gif->path || !gif->row)
        return wg_fail_memory("an animation");
    strcpy(gif->path, path);
    if (!wg_output_open(path, &gif->output))
        return false;
    int error = 0;
    gif->encoder = EGifOpen(gif, write_bytes, &error);
    if (!gif->encoder)
        return fail_encoding(gif, error);
    EGifSetGifVersion(gif->encoder, true); // GIF89a, the first with delays
    return put_screen(gif) && put_loop(gif);
}

bool wg_gif_create(const char *path, int width, int height, struct wg_gif **ret_gif)
{
    if (width < 1 || height < 1 || width > UINT16_MAX || height > UINT16_MAX)
        return wg_fail(WG_ERROR_ARGUMENT, "%s: an animation of %dx%d pixels, expected 1 to %d",
                       path, width, height, UINT16_MAX);
    struct wg_gif *gif = calloc(1, sizeof *gif);
    if (!gif)
        return wg_fail_memory("an animation");
    gif->width = width;
    gif->height = height;
    if (!start(gif, path)) {
        wg_gif_discard(gif);
        return false;
    }
    *ret_gif = gif;
    return true;
}

bool wg_gif_add(struct wg_gif *gif, const uint8_t *grey, int delay)
{
    if (delay < 0 || delay > UINT16_MAX)
        return wg_fail(WG_ERROR_ARGUMENT,
                       "%s: a delay of %d hundredths of a second, expected 0 to %d", gif->path,
                       delay, UINT16_MAX);
    const GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                          .DelayTime = delay,
                                          .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType extension[4];
    EGifGCBToExtension(&control, extension);
    GifFileType *encoder = gif->encoder;
    if (EGifPutExtension(encoder, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) != GIF_OK ||
        EGifPutImageDesc(encoder, 0, 0, gif->width, gif->height, false, NULL) != GIF_OK)
        return fail_encoding(gif, encoder->Error);
    for (int y = 0; y < gif->height; y++) {
        memcpy(gif->row, grey + (size_t)y * (size_t)gif->width, (size_t)gif->width);
        if (EGifPutLine(encoder, gif->row, gif->width) != GIF_OK)
            return fail_encoding(gif, encoder->Error);
    }
    gif->frames++;
    return true;
}

/* Ends the stream of bytes; the encoder is gone afterwards. */
static bool close_encoder(struct wg_gif *gif)
{
    int error = 0;
    GifFileType *encoder = gif->encoder;
    gif->encoder = NULL;
    return EGifCloseFile(encoder, &error) == GIF_OK || fail_encoding(gif, error);
}

bool wg_gif_finish(struct wg_gif *gif)
{
    bool ok = gif->frames > 0 ||
              wg_fail(WG_ERROR_ARGUMENT, "%s: an animation without a frame", gif->path);
    ok = ok && close_encoder(gif);
    if (ok) {
        ok = wg_output_commit(gif->output);
        gif->output = NULL;
    }
    wg_gif_discard(gif);
    return ok;
}

void wg_gif_discard(struct wg_gif *gif)
{
    if (!gif)
        return;
    if (gif->encoder)
        EGifCloseFile(gif->encoder, NULL);
    wg_output_discard(gif->output);
    free(gif->path);
    free(gif->row);
    free(gif);
}
