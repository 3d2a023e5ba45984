/* GIF: giflib's decoder reads the animation back. */
#include "host/files/gif.h"

#include <gif_lib.h>

#include "tests/files/scratch.h"

#define WIDTH  37
#define HEIGHT 23

static void paint(int frame, uint8_t *grey)
{
    uint32_t state = (uint32_t)frame + 1;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        state = state * 1664525u + 1013904223u;
        grey[i] = frame == 0 ? (uint8_t)i : (uint8_t)(state >> 24);
    }
}

static void write_animation(const char *path, const int *delays, int frames)
{
    static uint8_t grey[WIDTH * HEIGHT];
    struct wg_gif *gif;
    ck_assert(wg_gif_create(path, WIDTH, HEIGHT, &gif));
    for (int f = 0; f < frames; f++) {
        paint(f, grey);
        ck_assert(wg_gif_add(gif, grey, delays[f]));
    }
    ck_assert(wg_gif_finish(gif));
}

START_TEST(frames_and_delays_come_back)
{
    static const int delays[] = {10, 2, 300, 65535};
    uint8_t grey[WIDTH * HEIGHT];
    int error;
    write_animation(scratch_path("a.gif"), delays, 4);
    GifFileType *gif = DGifOpenFileName(scratch_path("a.gif"), &error);
    ck_assert_ptr_nonnull(gif);
    ck_assert_int_eq(DGifSlurp(gif), GIF_OK);
    ck_assert_int_eq(gif->SWidth, WIDTH);
    ck_assert_int_eq(gif->SHeight, HEIGHT);
    ck_assert_int_eq(gif->SColorMap->ColorCount, 256);
    for (int i = 0; i < 256; i++) {
        ck_assert_int_eq(gif->SColorMap->Colors[i].Red, i);
        ck_assert_int_eq(gif->SColorMap->Colors[i].Green, i);
        ck_assert_int_eq(gif->SColorMap->Colors[i].Blue, i);
    }
    ck_assert_int_eq(gif->ImageCount, 4);
    for (int f = 0; f < 4; f++) {
        GraphicsControlBlock control;
        paint(f, grey);
        ck_assert_mem_eq(gif->SavedImages[f].RasterBits, grey, sizeof grey);
        ck_assert_int_eq(DGifSavedExtensionToGCB(gif, f, &control), GIF_OK);
        ck_assert_int_eq(control.DelayTime, delays[f]);
        ck_assert_int_eq(control.TransparentColor, NO_TRANSPARENT_COLOR);
    }
    DGifCloseFile(gif, &error);
    ck_assert_int_eq(scratch_count(), 1);
}
END_TEST

START_TEST(it_is_repeated_for_ever)
{
    static uint8_t bytes[20000];
    static const uint8_t loop[] = "\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00";
    const int delay = 5;
    write_animation(scratch_path("a.gif"), &delay, 1);
    const size_t size = scratch_get(scratch_path("a.gif"), bytes, sizeof bytes);
    ck_assert_mem_eq(bytes, "GIF89a", 6);
    // Behind the screen's description, 7 bytes, and the palette.
    ck_assert_mem_eq(bytes + 6 + 7 + 768, loop, sizeof loop);
    ck_assert_uint_eq(bytes[size - 1], ';');
}
END_TEST

START_TEST(nothing_is_left_of_what_is_not_finished)
{
    static uint8_t grey[WIDTH * HEIGHT];
    struct wg_gif *gif;
    wg_gif_discard(NULL);
    ck_assert(wg_gif_create(scratch_path("a.gif"), WIDTH, HEIGHT, &gif));
    ck_assert(wg_gif_add(gif, grey, 10));
    wg_gif_discard(gif);
    ck_assert(wg_gif_create(scratch_path("a.gif"), WIDTH, HEIGHT, &gif));
    ck_assert(!wg_gif_finish(gif));
    check_error(WG_ERROR_ARGUMENT, "without a frame");
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(numbers_out_of_range)
{
    static uint8_t grey[WIDTH * HEIGHT];
    struct wg_gif *gif = NULL;
    ck_assert(!wg_gif_create(scratch_path("a.gif"), 0, 5, &gif));
    check_error(WG_ERROR_ARGUMENT, "0x5");
    ck_assert(!wg_gif_create(scratch_path("a.gif"), 5, 65536, &gif));
    check_error(WG_ERROR_ARGUMENT, "5x65536");
    ck_assert(!wg_gif_create(scratch_path("none/a.gif"), 5, 5, &gif));
    check_error(WG_ERROR_FILE, "none/a.gif");
    ck_assert_ptr_null(gif);
    ck_assert(wg_gif_create(scratch_path("a.gif"), WIDTH, HEIGHT, &gif));
    ck_assert(!wg_gif_add(gif, grey, -1));
    check_error(WG_ERROR_ARGUMENT, "delay of -1");
    ck_assert(!wg_gif_add(gif, grey, 65536));
    check_error(WG_ERROR_ARGUMENT, "delay of 65536");
    wg_gif_discard(gif);
}
END_TEST

/* Wherever the disk fills up, in the palette, in a frame, at the end, it is noticed. */
START_TEST(full_disk_is_noticed)
{
    static uint8_t grey[WIDTH * HEIGHT];
    static const int delay = 5;
    static uint8_t bytes[20000];
    write_animation(scratch_path("good.gif"), &delay, 1);
    const size_t size = scratch_get(scratch_path("good.gif"), bytes, sizeof bytes);
    paint(0, grey);
    for (size_t room = 0; room < size; room += room + 50 < size ? 50 : 1) {
        struct wg_gif *gif;
        scratch_fill_disk(room);
        bool ok = wg_gif_create(scratch_path("a.gif"), WIDTH, HEIGHT, &gif);
        if (ok && !wg_gif_add(gif, grey, delay)) {
            wg_gif_discard(gif);
            ok = false;
        }
        ok = ok && wg_gif_finish(gif);
        scratch_empty_disk();
        ck_assert_msg(!ok, "%zu of %zu bytes were enough", room, size);
        check_error(WG_ERROR_FILE, "a.gif: cannot write");
        ck_assert_int_eq(scratch_count(), 1);
    }
}
END_TEST

/* More than the stream's buffer: the disk is full in the middle of a frame. */
START_TEST(full_disk_amid_a_frame_is_noticed)
{
    static uint8_t grey[300 * 300];
    struct wg_gif *gif;
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof grey; i++)
        grey[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 24);
    scratch_fill_disk(20000);
    ck_assert(wg_gif_create(scratch_path("a.gif"), 300, 300, &gif));
    ck_assert(!wg_gif_add(gif, grey, 5));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "a.gif: cannot write");
    wg_gif_discard(gif);
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        frames_and_delays_come_back,
        it_is_repeated_for_ever,
        nothing_is_left_of_what_is_not_finished,
        numbers_out_of_range,
        full_disk_is_noticed,
        full_disk_amid_a_frame_is_noticed,
    };
    return run_tests("gif", tests, countof(tests));
}
