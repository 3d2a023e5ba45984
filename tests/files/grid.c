/* Grids of images, pixel by pixel. */
#include "host/files/grid.h"

#include "tests/files/scratch.h"

/* What the header promises for one pixel: the image's, or the border. */
static int expected_pixel(const uint8_t *images, size_t count, int height, int width,
                          size_t columns, int scale, int x, int y)
{
    const int column = (x - 2) / (width * scale + 2), row = (y - 2) / (height * scale + 2);
    const int inner_x = (x - 2) % (width * scale + 2), inner_y = (y - 2) % (height * scale + 2);
    const size_t image = (size_t)row * columns + (size_t)column;
    if (x < 2 || y < 2 || inner_x >= width * scale || inner_y >= height * scale || image >= count)
        return 0x40;
    return images[(image * (size_t)height + (size_t)(inner_y / scale)) * (size_t)width +
                  (size_t)(inner_x / scale)];
}

START_TEST(every_pixel_is_where_it_belongs)
{
    static const struct {
        size_t count;
        int height, width, columns, scale;
        int expected_width, expected_height;
    } cases[] = {
        {1, 1, 1, 1, 1, 5, 5},        {6, 2, 3, 3, 1, 17, 10}, {5, 2, 3, 3, 2, 26, 14},
        {64, 28, 28, 0, 1, 242, 242}, {7, 3, 5, 0, 3, 53, 35}, {2, 4, 4, 5, 1, 32, 8},
    };
    static uint8_t images[64 * 28 * 28];
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t c = 0; c < countof(cases); c++) {
        struct wg_grid grid;
        ck_assert(wg_grid_create(images, cases[c].count, cases[c].height, cases[c].width,
                                 cases[c].columns, cases[c].scale, &grid));
        ck_assert_int_eq(grid.width, cases[c].expected_width);
        ck_assert_int_eq(grid.height, cases[c].expected_height);
        const int columns = (grid.width - 2) / (cases[c].width * cases[c].scale + 2);
        for (int y = 0; y < grid.height; y++)
            for (int x = 0; x < grid.width; x++)
                ck_assert_int_eq(grid.pixels[y * grid.width + x],
                                 expected_pixel(images, cases[c].count, cases[c].height,
                                                cases[c].width, (size_t)columns, cases[c].scale, x,
                                                y));
        wg_grid_destroy(&grid);
        ck_assert_ptr_null(grid.pixels);
    }
    wg_grid_destroy(NULL);
}
END_TEST

START_TEST(impossible_grids_are_refused)
{
    static const uint8_t image[4];
    struct wg_grid grid = {.width = 77};
    ck_assert(!wg_grid_create(image, 0, 2, 2, 1, 1, &grid));
    check_error(WG_ERROR_ARGUMENT, "0 images");
    ck_assert(!wg_grid_create(image, 1, 0, 2, 1, 1, &grid));
    ck_assert(!wg_grid_create(image, 1, 2, -2, 1, 1, &grid));
    ck_assert(!wg_grid_create(image, 1, 2, 2, -1, 1, &grid));
    ck_assert(!wg_grid_create(image, 1, 2, 2, 1, 0, &grid));
    check_error(WG_ERROR_ARGUMENT, "0 times");
    ck_assert(!wg_grid_create(image, 1, 2, 2, 1, 2000000000, &grid));
    check_error(WG_ERROR_ARGUMENT, "too large");
    ck_assert(!wg_grid_create(image, 1, 2, 2, 2000000000, 1, &grid));
    check_error(WG_ERROR_ARGUMENT, "too large");
    ck_assert(!wg_grid_create(image, 1, 2, 2, 1 << 30, 1, &grid)); // 2^32 + 2 pixels
    check_error(WG_ERROR_ARGUMENT, "too large");
    ck_assert(!wg_grid_create(image, SIZE_MAX / 8, 2, 2, 1, 1, &grid));
    check_error(WG_ERROR_ARGUMENT, "too large");
    ck_assert_int_eq(grid.width, 77);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {every_pixel_is_where_it_belongs, impossible_grids_are_refused};
    return run_tests("grid", tests, countof(tests));
}
