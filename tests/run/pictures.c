/* Images as bytes, as grids, as NumPy arrays, as an animation. */
#include "host/run/pictures.h"

#include "host/files/png.h"
#include "host/run/folder.h"
#include "tests/run/runlib.h"

#include <gif_lib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CELL = SIDE * WG_GRID_SCALE + WG_GRID_BORDER };

/* ---- bytes ---- */

START_TEST(bytes_are_rounded_and_stay_in_their_range)
{
    const float images[] = {-1.0f, 1.0f, 0.0f,     1e-6f,     -1e-6f,
                            -2.0f, 2.0f, INFINITY, -INFINITY, NAN};
    const uint8_t expected[] = {0, 255, 128, 128, 127, 0, 255, 255, 0, 0};
    uint8_t bytes[countof(images)];
    wg_images_to_bytes(images, countof(images), bytes);
    for (size_t i = 0; i < countof(images); i++)
        ck_assert_msg(bytes[i] == expected[i], "%g is %d, expected %d", (double)images[i], bytes[i],
                      expected[i]);
}
END_TEST

START_TEST(every_byte_survives_the_scaling_of_the_data)
{
    for (int value = 0; value < 256; value++) {
        const float scaled = (float)value / 127.5f - 1.0f;
        uint8_t byte;
        wg_images_to_bytes(&scaled, 1, &byte);
        ck_assert_int_eq(byte, value);
    }
}
END_TEST

START_TEST(a_byte_is_the_nearest_one)
{
    for (int value = 0; value < 255; value++) {
        const float between[] = {((float)value + 0.49f) / 127.5f - 1.0f,
                                 ((float)value + 0.51f) / 127.5f - 1.0f};
        uint8_t bytes[2];
        wg_images_to_bytes(between, 2, bytes);
        ck_assert_int_eq(bytes[0], value);
        ck_assert_int_eq(bytes[1], value + 1);
    }
}
END_TEST

/* ---- images on request ---- */

/* Image i is of one grey, 2^-i * 2 - 1 in (-1, 1]. */
static float *make_images(size_t count)
{
    float *images = malloc(count * PIXELS * sizeof *images);
    ck_assert_ptr_nonnull(images);
    for (size_t i = 0; i < count * PIXELS; i++)
        images[i] = 2.0f * ldexpf(1.0f, -(int)(i / PIXELS)) - 1.0f;
    return images;
}

static void check_grid(int columns, int expected_columns, int expected_rows)
{
    enum { COUNT = 6 };
    static const uint8_t greys[COUNT] = {255, 128, 64, 32, 16, 8};
    float *images = make_images(COUNT);
    uint8_t *grey;
    int width, height;
    const char *path = temporary_path("grid.png");
    ck_assert(wg_images_write(path, images, COUNT, columns));
    ck_assert(wg_png_read(path, &grey, &width, &height));
    ck_assert_int_eq(width, expected_columns * CELL + WG_GRID_BORDER);
    ck_assert_int_eq(height, expected_rows * CELL + WG_GRID_BORDER);
    for (int i = 0; i < COUNT; i++) {
        int x = i % expected_columns * CELL + CELL / 2, y = i / expected_columns * CELL + CELL / 2;
        ck_assert_int_eq(grey[y * width + x], greys[i]);
    }
    free(grey);
    free(images);
}

START_TEST(a_png_holds_the_images_row_by_row)
{
    check_grid(2, 2, 3);
    check_grid(6, 6, 1);
    check_grid(0, 3, 2);
}
END_TEST

START_TEST(an_npy_holds_the_values)
{
    enum { COUNT = 3 };
    size_t size;
    float *images = make_images(COUNT);
    const char *path = temporary_path("images.npy");
    ck_assert(wg_images_write(path, images, COUNT, 0));
    char *bytes = read_bytes(path, &size);
    ck_assert_mem_eq(bytes, "\x93NUMPY\x01\x00", 8);
    const size_t data = 10 + (size_t)(uint8_t)bytes[8] + 256 * (size_t)(uint8_t)bytes[9];
    ck_assert_uint_eq(size, data + COUNT * PIXELS * sizeof(float));
    bytes[data - 1] = '\0'; // ends the text of the header
    ck_assert_ptr_nonnull(strstr(bytes + 10, "'descr': '<f4'"));
    ck_assert_ptr_nonnull(strstr(bytes + 10, "'fortran_order': False"));
    ck_assert_ptr_nonnull(strstr(bytes + 10, "'shape': (3, 28, 28)"));
    for (size_t i = 0; i < COUNT * PIXELS; i++) {
        float value;
        memcpy(&value, bytes + data + i * sizeof value, sizeof value);
        ck_assert_float_eq(value, ldexpf(1.0f, -(int)(i / PIXELS)));
    }
    free(bytes);
    free(images);
}
END_TEST

START_TEST(other_endings_are_refused)
{
    static const char *const names[] = {"x.jpg", "x", "x.PNG", "png", ".png.", "x.npy.gz"};
    float *images = make_images(1);
    for (size_t i = 0; i < countof(names); i++) {
        const char *path = temporary_path(names[i]);
        ck_assert(!wg_images_write(path, images, 1, 0));
        check_error(WG_ERROR_ARGUMENT, path);
        check_error(WG_ERROR_ARGUMENT, "FILE.png or FILE.npy");
        ck_assert(!file_exists(path));
    }
    free(images);
}
END_TEST

START_TEST(a_missing_folder_is_named)
{
    float *images = make_images(1);
    ck_assert(!wg_images_write(temporary_path("nowhere/x.png"), images, 1, 0));
    check_error(WG_ERROR_FILE, "nowhere/x.png");
    ck_assert(!wg_images_write(temporary_path("nowhere/x.npy"), images, 1, 0));
    check_error(WG_ERROR_FILE, "nowhere/x.npy");
    free(images);
}
END_TEST

/* ---- the pictures of a run ---- */

enum { GRID_SIDE = 5 * CELL + WG_GRID_BORDER };

static void write_grid(const char *run, uint32_t step, int side, int grey)
{
    static uint8_t pixels[GRID_SIDE * GRID_SIDE];
    char path[WG_PATH_MAX];
    memset(pixels, grey, sizeof pixels);
    ck_assert(wg_folder_image_path(path, run, step));
    ck_assert(wg_png_write(path, pixels, side, side));
}

/* Grids of steps 0, 10, ...: of the grey number i. */
static const char *make_run(int grids)
{
    static char run[WG_PATH_MAX];
    snprintf(run, sizeof run, "%s", temporary_make_folder("run"));
    temporary_make_folder("run/imgs");
    for (int i = 0; i < grids; i++)
        write_grid(run, (uint32_t)(10 * i), GRID_SIDE, i);
    write_text("run/imgs/real.png", "not part of the animation");
    return run;
}

/* What was said while the animation was made. */
static struct {
    int count;
    char last[2048];
} said;

static void take_message(void *user, const char *text)
{
    (void)user;
    said.count++;
    snprintf(said.last, sizeof said.last, "%s", text);
}

static void write_animation(const char *run)
{
    said.count = 0;
    ck_assert_msg(wg_picture_write_animation(run, take_message, NULL), "%s", wg_error_message());
}

/* The greys of its frames, one after the other; returns how many there are. */
static int read_animation(int greys[250])
{
    int error;
    GifFileType *gif = DGifOpenFileName(temporary_path("run/training.gif"), &error);
    ck_assert_ptr_nonnull(gif);
    ck_assert_int_eq(DGifSlurp(gif), GIF_OK);
    ck_assert_int_eq(gif->SWidth, GRID_SIDE);
    ck_assert_int_eq(gif->SHeight, GRID_SIDE);
    int frames = gif->ImageCount;
    ck_assert_int_le(frames, 250);
    for (int f = 0; f < frames; f++)
        greys[f] = gif->SColorMap->Colors[gif->SavedImages[f].RasterBits[0]].Red;
    DGifCloseFile(gif, &error);
    return frames;
}

static void check_animation(int grids, int frames)
{
    int greys[250];
    write_animation(make_run(grids));
    ck_assert_int_eq(said.count, 0);
    ck_assert_int_eq(read_animation(greys), frames);
    // The first grid and the last are always there, and none runs backwards.
    ck_assert_int_eq(greys[0], 0);
    for (int f = 1; f < frames; f++)
        ck_assert_int_gt(greys[f], greys[f - 1]);
    ck_assert_int_eq(greys[frames - 1], grids - 1);
}

START_TEST(the_animation_has_a_frame_for_each_grid)
{
    check_animation(7, 7);
}
END_TEST

START_TEST(the_animation_of_one_grid_has_one_frame)
{
    check_animation(1, 1);
}
END_TEST

START_TEST(the_animation_of_very_many_grids_is_thinned_out)
{
    check_animation(250, 200);
}
END_TEST

START_TEST(no_grids_make_no_animation)
{
    write_animation(make_run(0));
    ck_assert(!file_exists(temporary_path("run/training.gif")));
}
END_TEST

static void check_left_out(const char *run, const char *path, const char *reason)
{
    int greys[250];
    write_animation(run);
    ck_assert_int_eq(said.count, 1);
    ck_assert_msg(strstr(said.last, path) && strstr(said.last, reason), "%s", said.last);
    ck_assert_int_eq(read_animation(greys), 2);
    ck_assert(greys[0] == 0 && greys[1] == 2);
}

START_TEST(a_damaged_grid_is_named_and_left_out)
{
    const char *run = make_run(3);
    write_text("run/imgs/000010.png", "no picture");
    check_left_out(run, "run/imgs/000010.png", "not a PNG image");
}
END_TEST

START_TEST(a_picture_of_another_size_is_named_and_left_out)
{
    char reason[64];
    const char *run = make_run(3);
    write_grid(run, 10, 3, 1);
    snprintf(reason, sizeof reason, "3x3 pixels, a grid of samples has %dx%d", GRID_SIDE,
             GRID_SIDE);
    check_left_out(run, "run/imgs/000010.png", reason);
}
END_TEST

/* The size is that of the program's own grids, not of what comes first. */
START_TEST(a_foreign_picture_before_all_others_decides_nothing)
{
    int greys[250];
    const char *run = make_run(3);
    write_grid(run, 0, 3, 77);
    write_animation(run);
    ck_assert_int_eq(said.count, 1);
    ck_assert_int_eq(read_animation(greys), 2);
    ck_assert(greys[0] == 1 && greys[1] == 2);
}
END_TEST

static void check_losses(uint32_t count)
{
    struct wg_history history = {.count = count};
    uint8_t *grey;
    int width, height;
    history.rows = calloc(count + 1, sizeof *history.rows);
    ck_assert_ptr_nonnull(history.rows);
    for (uint32_t i = 0; i < count; i++)
        history.rows[i] = (struct wg_history_row){
            .step = i + 1, .d_loss = i, .wasserstein = i % 10 == 9 ? i : NAN};
    ck_assert_msg(wg_picture_write_losses(temporary_path(""), "title", &history), "%s",
                  wg_error_message());
    ck_assert(wg_png_read(temporary_path("loss.png"), &grey, &width, &height));
    ck_assert_int_gt(width, 100);
    ck_assert_int_gt(height, 100);
    free(grey);
    free(history.rows);
}

START_TEST(losses_are_drawn_however_few_there_are)
{
    check_losses(0);
    check_losses(1);
    check_losses(500);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        bytes_are_rounded_and_stay_in_their_range,
        every_byte_survives_the_scaling_of_the_data,
        a_byte_is_the_nearest_one,
        a_png_holds_the_images_row_by_row,
        an_npy_holds_the_values,
        other_endings_are_refused,
        a_missing_folder_is_named,
        the_animation_has_a_frame_for_each_grid,
        the_animation_of_one_grid_has_one_frame,
        the_animation_of_very_many_grids_is_thinned_out,
        no_grids_make_no_animation,
        a_damaged_grid_is_named_and_left_out,
        a_picture_of_another_size_is_named_and_left_out,
        a_foreign_picture_before_all_others_decides_nothing,
        losses_are_drawn_however_few_there_are,
    };
    return run_tests("pictures", tests, countof(tests));
}
