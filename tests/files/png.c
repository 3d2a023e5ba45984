/* PNG: what is written can be read, what is corrupt cannot. */
#include "host/files/png.h"

#include "tests/files/scratch.h"

START_TEST(every_grey_survives)
{
    static const int sides[][2] = {{256, 3}, {1, 1}, {1, 300}, {28, 28}};
    static uint8_t grey[1000];
    for (size_t i = 0; i < sizeof grey; i++)
        grey[i] = (uint8_t)(i * 37 + i / 256);
    for (size_t i = 0; i < countof(sides); i++) {
        uint8_t *back;
        int width, height;
        ck_assert(wg_png_write(scratch_path("a.png"), grey, sides[i][0], sides[i][1]));
        ck_assert(wg_png_read(scratch_path("a.png"), &back, &width, &height));
        ck_assert_int_eq(width, sides[i][0]);
        ck_assert_int_eq(height, sides[i][1]);
        ck_assert_int_eq(memcmp(grey, back, (size_t)(width * height)), 0);
        free(back);
    }
}
END_TEST

/* The header of the file says what was asked for: 8 bits a pixel, grey. */
START_TEST(format_is_8_bit_grey)
{
    static const uint8_t grey[6] = {0, 50, 100, 150, 200, 250};
    static const uint8_t start[26] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I',
                                      'H',  'D', 'R', 0,   0,    0,    3,    0,    0, 0, 2, 8,  0};
    uint8_t bytes[1000];
    ck_assert(wg_png_write(scratch_path("a.png"), grey, 3, 2));
    ck_assert_uint_gt(scratch_get(scratch_path("a.png"), bytes, sizeof bytes), 60);
    ck_assert_mem_eq(bytes, start, sizeof start);
}
END_TEST

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put_be32(uint32_t number, uint8_t *to)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(number >> (24 - 8 * i));
}

static size_t put_chunk(uint8_t *to, const char *type, const uint8_t *data, size_t size)
{
    put_be32((uint32_t)size, to);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, data, size);
    put_be32(crc32_of(to + 4, size + 4), to + 8 + size);
    return size + 12;
}

/* A PNG of one row, composed by hand: `row` is stored, not compressed. */
static void put_png(const char *path, uint8_t width, uint8_t bits, uint8_t type, const uint8_t *row,
                    uint8_t row_bytes)
{
    uint8_t bytes[400] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const uint8_t header[13] = {0, 0, 0, width, 0, 0, 0, 1, bits, type, 0, 0, 0};
    const uint8_t palette[6] = {10, 10, 10, 200, 200, 200};
    const uint8_t stored = (uint8_t)(row_bytes + 1); // the filter's number comes first
    uint8_t data[100] = {0x78, 1, 1, stored, 0, (uint8_t)~stored, 0xff, 0};
    uint32_t a = 1, b = 0; // Adler-32
    memcpy(data + 8, row, row_bytes);
    for (size_t i = 7; i < 8u + row_bytes; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    put_be32(b << 16 | a, data + 8 + row_bytes);
    size_t size = 8;
    size += put_chunk(bytes + size, "IHDR", header, sizeof header);
    if (type == 3)
        size += put_chunk(bytes + size, "PLTE", palette, sizeof palette);
    size += put_chunk(bytes + size, "IDAT", data, 12u + row_bytes);
    size += put_chunk(bytes + size, "IEND", data, 0);
    scratch_put(path, bytes, size);
}

static void check_row(const char *path, int width, const uint8_t *expected)
{
    uint8_t *grey;
    int got_width, got_height;
    ck_assert_msg(wg_png_read(path, &grey, &got_width, &got_height), "%s", wg_error_message());
    ck_assert_int_eq(got_width, width);
    ck_assert_int_eq(got_height, 1);
    for (int i = 0; i < width; i++)
        ck_assert_int_le(abs(grey[i] - expected[i]), 1);
    free(grey);
}

START_TEST(other_formats_become_grey)
{
    const char *path = scratch_path("a.png");
    put_png(path, 8, 1, 0, (uint8_t[]){0xa1}, 1);
    check_row(path, 8, (uint8_t[]){255, 0, 255, 0, 0, 0, 0, 255});
    put_png(path, 2, 16, 0, (uint8_t[]){0x80, 0x00, 0xff, 0xff}, 4);
    check_row(path, 2, (uint8_t[]){128, 255});
    put_png(path, 2, 8, 3, (uint8_t[]){1, 0}, 2);
    check_row(path, 2, (uint8_t[]){200, 10});
    put_png(path, 2, 8, 2, (uint8_t[]){77, 77, 77, 255, 255, 255}, 6);
    check_row(path, 2, (uint8_t[]){77, 255});
    // Grey and opacity: opaque, and transparent whatever the grey.
    put_png(path, 2, 8, 4, (uint8_t[]){90, 255, 90, 0}, 4);
    check_row(path, 2, (uint8_t[]){90, 0});
}
END_TEST

static size_t small_png(uint8_t *bytes, size_t room)
{
    uint8_t grey[20 * 20];
    for (size_t i = 0; i < sizeof grey; i++)
        grey[i] = (uint8_t)(i * i);
    ck_assert(wg_png_write(scratch_path("good.png"), grey, 20, 20));
    return scratch_get(scratch_path("good.png"), bytes, room);
}

/* The last 12 bytes say "end" and no more; all before them must be there. */
START_TEST(truncated_files_are_refused)
{
    uint8_t bytes[2000];
    const size_t size = small_png(bytes, sizeof bytes);
    for (size_t cut = 0; cut < size - 12; cut++) {
        uint8_t *grey = NULL;
        int width = -1, height = -1;
        scratch_put(scratch_path("cut.png"), bytes, cut);
        ck_assert_msg(!wg_png_read(scratch_path("cut.png"), &grey, &width, &height),
                      "read %zu of %zu bytes", cut, size);
        check_error(WG_ERROR_DATA, "cut.png: ");
        ck_assert_ptr_null(grey);
        ck_assert_int_eq(width, -1);
    }
}
END_TEST

START_TEST(flipped_bits_never_change_the_picture)
{
    uint8_t bytes[2000], *good, *grey;
    int width, height;
    const size_t size = small_png(bytes, sizeof bytes);
    ck_assert(wg_png_read(scratch_path("good.png"), &good, &width, &height));
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (uint8_t)(1 << bit);
            scratch_put(scratch_path("flipped.png"), bytes, size);
            bytes[i] ^= (uint8_t)(1 << bit);
            if (!wg_png_read(scratch_path("flipped.png"), &grey, &width, &height)) {
                check_error(WG_ERROR_DATA, "flipped.png: ");
                continue;
            }
            ck_assert_int_eq(width * height, 400);
            ck_assert_mem_eq(grey, good, 400);
            free(grey);
        }
    free(good);
}
END_TEST

START_TEST(what_is_no_image)
{
    uint8_t *grey = NULL;
    int width, height;
    const char *path = scratch_path("a.png");
    ck_assert(!wg_png_read(path, &grey, &width, &height));
    check_error(WG_ERROR_FILE, "cannot open");
    scratch_put(path, "GIF89a, really not a PNG", 24);
    ck_assert(!wg_png_read(path, &grey, &width, &height));
    check_error(WG_ERROR_DATA, "not a PNG image");
    ck_assert_ptr_null(grey);
}
END_TEST

/* A header alone can promise any size; it must not be believed. */
START_TEST(huge_images_are_refused)
{
    uint8_t *grey = NULL, bytes[2000];
    int width, height;
    const size_t size = small_png(bytes, sizeof bytes);
    put_be32(900000, bytes + 16);
    put_be32(900000, bytes + 20);
    put_be32(crc32_of(bytes + 12, 17), bytes + 29);
    scratch_put(scratch_path("huge.png"), bytes, size);
    ck_assert(!wg_png_read(scratch_path("huge.png"), &grey, &width, &height));
    check_error(WG_ERROR_DATA, "900000x900000");
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    static uint8_t grey[200 * 200];
    ck_assert(!wg_png_write(scratch_path("a.png"), grey, 0, 5));
    check_error(WG_ERROR_ARGUMENT, "0x5");
    ck_assert(!wg_png_write(scratch_path("a.png"), grey, 5, WG_PNG_SIDE_MAX + 1));
    check_error(WG_ERROR_ARGUMENT, "5x32769");
    ck_assert(!wg_png_write(scratch_path("none/a.png"), grey, 5, 5));
    check_error(WG_ERROR_FILE, "none/a.png");
    scratch_fill_disk(20);
    ck_assert(!wg_png_write(scratch_path("a.png"), grey, 200, 200));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "cannot write");
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_grey_survives,
        format_is_8_bit_grey,
        other_formats_become_grey,
        truncated_files_are_refused,
        flipped_bits_never_change_the_picture,
        what_is_no_image,
        huge_images_are_refused,
        writing_fails_cleanly,
    };
    return run_tests("png", tests, countof(tests));
}
