/* Data sets by name: where they are looked for, what they are called, what is refused. */
#include "include/wgan_cl.h"

#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGES = 3, PIXELS = 28 * 28, MAX_FILE = 16 + 8 * 1024 };

/* A folder's file of images whose first pixel is `mark`, plain or gzipped by its name. */
static const char *write_images(const char *name, uint8_t count, uint8_t side, uint8_t mark)
{
    uint8_t bytes[MAX_FILE] = {0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, side, 0, 0, 0, side, mark};
    size_t size = 16 + (size_t)count * side * side;
    ck_assert_uint_le(size, sizeof bytes);
    return (strstr(name, ".gz") ? temporary_write_gzip : temporary_write)(name, bytes, size);
}

static const char *write_labels(const char *name, uint8_t count, uint8_t first)
{
    uint8_t bytes[MAX_FILE] = {0, 0, 8, 1, 0, 0, 0, count, first};
    return (strstr(name, ".gz") ? temporary_write_gzip : temporary_write)(name, bytes, 8u + count);
}

static struct wg_dataset *open_good(const char *source)
{
    struct wg_dataset *dataset;
    ck_assert_msg(wg_dataset_open(source, &dataset), "%s", wg_error_message());
    return dataset;
}

static void check_fails(const char *source, enum wg_status status, const char *words)
{
    struct wg_dataset *dataset = NULL;
    ck_assert(!wg_dataset_open(source, &dataset));
    ck_assert_ptr_null(dataset);
    ck_assert_int_eq(wg_error_status(), status);
    ck_assert_msg(strstr(wg_error_message(), words) != NULL, "\"%s\" lacks \"%s\"",
                  wg_error_message(), words);
}

static void check_name(const char *source, const char *expected)
{
    struct wg_dataset *dataset = open_good(source);
    ck_assert_str_eq(dataset->name, expected);
    wg_dataset_close(dataset);
}

START_TEST(digits_are_built_in)
{
    struct wg_dataset *dataset = open_good("digits");
    ck_assert_str_eq(dataset->name, "digits");
    ck_assert_str_eq(dataset->source, "digits"); // what opens it again
    ck_assert_uint_eq(dataset->count, 60000);
    ck_assert_int_eq(dataset->height, 28);
    ck_assert_int_eq(dataset->width, 28);

    struct wg_dataset *same = open_good(NULL);
    ck_assert_int_eq(memcmp(same->pixels, dataset->pixels, dataset->count * PIXELS), 0);
    ck_assert_int_eq(memcmp(same->labels, dataset->labels, dataset->count), 0);
    wg_dataset_close(same);
    wg_dataset_close(dataset);
    wg_dataset_close(NULL);
}
END_TEST

START_TEST(a_file_is_read_with_its_labels)
{
    const char *images = write_images("train-images-idx3-ubyte", IMAGES, 28, 200);
    write_labels("train-labels-idx1-ubyte", IMAGES, 9);
    struct wg_dataset *dataset = open_good(images);
    ck_assert_str_eq(dataset->name, "train");
    ck_assert_str_eq(dataset->source, images);
    ck_assert_uint_eq(dataset->count, IMAGES);
    ck_assert_uint_eq(dataset->pixels[0], 200);
    ck_assert_uint_eq(dataset->pixels[1], 0);
    ck_assert_uint_eq(dataset->labels[0], 9);
    wg_dataset_close(dataset);
}
END_TEST

START_TEST(labels_may_be_packed_differently)
{
    const char *images = write_images("a-images-idx3-ubyte.gz", IMAGES, 28, 1);
    write_labels("a-labels-idx1-ubyte", IMAGES, 4);
    struct wg_dataset *dataset = open_good(images);
    ck_assert_ptr_nonnull(dataset->labels);
    ck_assert_uint_eq(dataset->labels[0], 4);
    wg_dataset_close(dataset);

    write_labels("a-labels-idx1-ubyte.gz", IMAGES, 5);
    dataset = open_good(images);
    ck_assert_uint_eq(dataset->labels[0], 5);
    wg_dataset_close(dataset);
}
END_TEST

START_TEST(labels_may_be_missing)
{
    struct wg_dataset *dataset = open_good(write_images("other-images-idx3-ubyte", 1, 28, 1));
    ck_assert_ptr_null(dataset->labels);
    wg_dataset_close(dataset);
    write_labels("labels-idx1-ubyte", 1, 1);
    dataset = open_good(write_images("faces.idx", 1, 28, 1));
    ck_assert_ptr_null(dataset->labels);
    wg_dataset_close(dataset);
}
END_TEST

START_TEST(labels_of_another_count_are_refused)
{
    const char *images = write_images("train-images-idx3-ubyte", IMAGES, 28, 1);
    write_labels("train-labels-idx1-ubyte", IMAGES + 1, 1);
    check_fails(images, WG_ERROR_DATA, "train-labels-idx1-ubyte: 4 labels, expected 3");
    temporary_write("train-labels-idx1-ubyte", "junk", 4);
    check_fails(images, WG_ERROR_DATA, "train-labels-idx1-ubyte: not an IDX file");
}
END_TEST

START_TEST(a_folder_is_searched_in_order)
{
    static const char *const files[] = {"t10k-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte",
                                        "train-images-idx3-ubyte.gz", "train-images-idx3-ubyte"};
    for (uint8_t i = 0; i < 4; i++) {
        write_images(files[i], 1, 28, (uint8_t)(i + 1));
        struct wg_dataset *dataset = open_good(temporary_path(""));
        ck_assert_uint_eq(dataset->pixels[0], i + 1u);
        ck_assert_str_eq(dataset->source, temporary_path(files[i]));
        wg_dataset_close(dataset);
    }
}
END_TEST

START_TEST(a_folder_without_images_says_what_was_looked_for)
{
    const char *folder = temporary_make_folder("empty");
    check_fails(folder, WG_ERROR_FILE, "looked for train-images-idx3-ubyte,");
    check_fails(folder, WG_ERROR_FILE, "t10k-images-idx3-ubyte.gz");
}
END_TEST

START_TEST(names_are_fit_for_folders)
{
    static const struct {
        const char *file;
        const char *name;
    } files[] = {
        {"train-images-idx3-ubyte.gz", "train"},
        {"faces.idx", "faces.idx"},
        {"two words&more.gz", "two-words-more"},
        {"\xc3\xa9t\xc3\xa9", "--t--"},
        {".hidden", "-hidden"},
        {"...", "data"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789",
         "012345678901234567890123456789012345678901234567890123456789012"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_name(write_images(files[i].file, 1, 28, 1), files[i].name);
}
END_TEST

START_TEST(a_folder_gives_its_own_name)
{
    temporary_make_folder("mnist");
    write_images("mnist/train-images-idx3-ubyte", 1, 28, 1);
    check_name(temporary_path("mnist"), "mnist");
    check_name(temporary_path("mnist/"), "mnist");
    check_name(temporary_path("mnist//"), "mnist");
    check_name(temporary_path("mnist/."), "data");
}
END_TEST

START_TEST(other_sizes_are_refused)
{
    check_fails(write_images("big.idx", 1, 32, 1), WG_ERROR_DATA,
                "images are 32x32, this version trains on 28x28");
}
END_TEST

START_TEST(what_is_no_data_is_refused)
{
    check_fails(temporary_path("missing"), WG_ERROR_FILE, "No such file");
    check_fails(temporary_path("missing"), WG_ERROR_FILE, "\"digits\"");
    check_fails("", WG_ERROR_FILE, "the empty name");
    check_fails(temporary_write("text", "hello, world", 12), WG_ERROR_DATA, "not an IDX file");
    check_fails(write_images("none.idx", 0, 28, 1), WG_ERROR_DATA, "dimension 1 of 3 is zero");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("dataset");
    tcase_add_checked_fixture(tests, temporary_create, temporary_remove);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, digits_are_built_in);
    tcase_add_test(tests, a_file_is_read_with_its_labels);
    tcase_add_test(tests, labels_may_be_packed_differently);
    tcase_add_test(tests, labels_may_be_missing);
    tcase_add_test(tests, labels_of_another_count_are_refused);
    tcase_add_test(tests, a_folder_is_searched_in_order);
    tcase_add_test(tests, a_folder_without_images_says_what_was_looked_for);
    tcase_add_test(tests, names_are_fit_for_folders);
    tcase_add_test(tests, a_folder_gives_its_own_name);
    tcase_add_test(tests, other_sizes_are_refused);
    tcase_add_test(tests, what_is_no_data_is_refused);

    Suite *suite = suite_create("dataset");
    suite_add_tcase(suite, tests);
    return test_run(suite);
}
