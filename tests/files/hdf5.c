/* HDF5: round trips, files as other programs write them, and every kind of damage. */
#include "host/files/hdf5.h"

#include "tests/files/scratch.h"

#include <hdf5.h>

static const float values[24] = {1.0f, -2.5f, 3e-20f, 0.1f, -0.0f, 7.0f};
static const size_t shape[4] = {2, 3, 1, 4};
static const char *const texts[] = {"kernel:0", "", "bias:0"};

static bool commit(struct wg_hdf5 *file)
{
    struct wg_output *output;
    return wg_hdf5_output(file, &output) && wg_output_commit(output);
}

/* A file with one of everything. */
static const char *write_good(void)
{
    struct wg_hdf5 *file;
    const char *path = scratch_path("good.h5");
    ck_assert(wg_hdf5_create(path, &file));
    ck_assert_str_eq(wg_hdf5_path(file), path);
    ck_assert(wg_hdf5_write_group(file, "weights/dense"));
    ck_assert(wg_hdf5_write_text(file, "/", "config", "{\"a\": [1, 2]}"));
    ck_assert(wg_hdf5_write_texts(file, "weights/dense", "names", texts, 3));
    ck_assert(wg_hdf5_write_texts(file, "weights/dense", "none", NULL, 0));
    ck_assert(wg_hdf5_write_floats(file, "weights/dense/inner/kernel:0", 4, shape, values));
    ck_assert(wg_hdf5_write_floats(file, "rate", 0, NULL, values + 3));
    ck_assert(wg_hdf5_write_integer(file, "iteration:0", INT64_C(-5000000000)));
    ck_assert_msg(commit(file), "%s", wg_error_message());
    return path;
}

static struct wg_hdf5 *open_file(const char *path)
{
    struct wg_hdf5 *file;
    ck_assert_msg(wg_hdf5_open(path, &file), "%s", wg_error_message());
    return file;
}

START_TEST(everything_comes_back)
{
    struct wg_hdf5 *file = open_file(write_good());
    struct wg_hdf5_texts got;
    float read[24], rate;
    int64_t number;
    char *text;
    int rank;
    ck_assert(wg_hdf5_read_text(file, "/", "config", &text));
    ck_assert_str_eq(text, "{\"a\": [1, 2]}");
    free(text);
    ck_assert(wg_hdf5_read_texts(file, "weights/dense", "names", &got));
    ck_assert_uint_eq(got.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_str_eq(got.items[i], texts[i]);
    wg_hdf5_texts_free(&got);
    ck_assert(wg_hdf5_read_texts(file, "weights/dense", "none", &got));
    ck_assert_uint_eq(got.count, 0);
    ck_assert(wg_hdf5_read_floats(file, "weights/dense/inner/kernel:0", 4, shape, read));
    ck_assert_mem_eq(read, values, sizeof values);
    ck_assert(wg_hdf5_read_rank(file, "weights/dense/inner/kernel:0", &rank));
    ck_assert_int_eq(rank, 4);
    ck_assert(wg_hdf5_read_floats(file, "rate", 0, NULL, &rate));
    ck_assert_float_eq(rate, 0.1f);
    ck_assert(wg_hdf5_read_integer(file, "iteration:0", &number));
    ck_assert(number == INT64_C(-5000000000));
    ck_assert(wg_hdf5_has(file, "/") && wg_hdf5_has(file, "weights/dense/inner"));
    ck_assert(!wg_hdf5_has(file, "weights/conv/inner") && !wg_hdf5_has(file, "x"));
    ck_assert(wg_hdf5_has_attribute(file, "/", "config"));
    ck_assert(!wg_hdf5_has_attribute(file, "/", "names"));
    ck_assert(!wg_hdf5_has_attribute(file, "nowhere", "names"));
    wg_hdf5_close(file);
    wg_hdf5_close(NULL);
}
END_TEST

START_TEST(the_same_calls_make_the_same_bytes)
{
    static char first[100000], second[100000];
    size_t size = scratch_get(write_good(), first, sizeof first);
    sleep(1); // HDF5 would note the time, in seconds
    ck_assert_uint_eq(scratch_get(write_good(), second, sizeof second), size);
    ck_assert_mem_eq(first, second, size);
}
END_TEST

/* The library's own state: silent only while a file of ours is open. */
START_TEST(error_reports_are_left_as_they_were)
{
    H5E_auto2_t before, after;
    void *data;
    ck_assert_int_ge(H5Eget_auto2(H5E_DEFAULT, &before, &data), 0);
    struct wg_hdf5 *file = open_file(write_good());
    ck_assert_int_ge(H5Eget_auto2(H5E_DEFAULT, &after, &data), 0);
    ck_assert(after == NULL);
    wg_hdf5_close(file);
    ck_assert_int_ge(H5Eget_auto2(H5E_DEFAULT, &after, &data), 0);
    ck_assert(after == before);
}
END_TEST

/* ---- what is not as expected ---- */

START_TEST(missing_things_are_named)
{
    struct wg_hdf5 *file = open_file(write_good());
    struct wg_hdf5_texts got;
    float read[24];
    int64_t number;
    ck_assert(!wg_hdf5_read_texts(file, "weights/conv", "names", &got));
    check_error(WG_ERROR_DATA, "good.h5: the group 'weights/conv' is missing");
    ck_assert(!wg_hdf5_read_texts(file, "weights", "names", &got));
    check_error(WG_ERROR_DATA, "good.h5: the attribute 'names' of 'weights' is missing");
    ck_assert(!wg_hdf5_read_floats(file, "weights/dense/bias", 1, shape, read));
    check_error(WG_ERROR_DATA, "good.h5: 'weights/dense/bias' is missing");
    ck_assert(!wg_hdf5_read_floats(file, "iteration:0/below", 1, shape, read));
    check_error(WG_ERROR_DATA, "'iteration:0/below' is missing");
    ck_assert(!wg_hdf5_read_integer(file, "weights/dense", &number));
    check_error(WG_ERROR_DATA, "'weights/dense' is damaged or no data set");
    wg_hdf5_close(file);
}
END_TEST

START_TEST(other_shapes_and_types_are_named)
{
    struct wg_hdf5 *file = open_file(write_good());
    static const size_t other[] = {2, 3, 4};
    float read[24];
    int64_t number;
    char *text;
    ck_assert(!wg_hdf5_read_floats(file, "weights/dense/inner/kernel:0", 3, other, read));
    check_error(WG_ERROR_DATA, "'weights/dense/inner/kernel:0' has shape [2, 3, 1, 4], expected "
                               "[2, 3, 4]");
    ck_assert(!wg_hdf5_read_floats(file, "iteration:0", 0, NULL, read));
    check_error(WG_ERROR_DATA, "'iteration:0' is int64, expected float32");
    ck_assert(!wg_hdf5_read_integer(file, "rate", &number));
    check_error(WG_ERROR_DATA, "'rate' is float32, expected int64 or int32");
    ck_assert(!wg_hdf5_read_text(file, "weights/dense", "names", &text));
    check_error(WG_ERROR_DATA, "the attribute 'names' of 'weights/dense' holds 3 texts, expected "
                               "one");
    wg_hdf5_close(file);
}
END_TEST

/* ---- files of other programs, made by the C library itself ---- */

static void put_set(hid_t file, const char *name, hid_t stored, hid_t type, const void *data)
{
    const hsize_t dims[1] = {3};
    hid_t space = H5Screate_simple(1, dims, NULL);
    hid_t set = H5Dcreate2(file, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data), 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void put_attribute(hid_t file, const char *name, hid_t type, hsize_t count, const void *data)
{
    hid_t space = H5Screate_simple(1, &count, NULL);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert_int_ge(attribute, 0);
    if (count > 0)
        ck_assert_int_ge(H5Awrite(attribute, type, data), 0);
    H5Aclose(attribute);
    H5Sclose(space);
}

static const char *write_foreign(void)
{
    static const double three[] = {1.0, 2.5, -3.0};
    const char *path = scratch_path("foreign.h5");
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t fixed = H5Tcopy(H5T_C_S1), blank = H5Tcopy(H5T_FORTRAN_S1);
    ck_assert_int_ge(file, 0);
    H5Tset_size(fixed, 5);
    H5Tset_size(blank, 5);
    put_set(file, "big", H5T_IEEE_F32BE, H5T_NATIVE_DOUBLE, three);
    put_set(file, "double", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, three);
    put_attribute(file, "fixed", fixed, 2, "a\0\0\0\0long\0");
    put_attribute(file, "blank", blank, 2, "a    longer");
    put_attribute(file, "empty", H5T_IEEE_F64LE, 0, NULL);
    put_attribute(file, "number", H5T_NATIVE_DOUBLE, 3, three);
    H5Tclose(fixed);
    H5Tclose(blank);
    H5Fclose(file);
    return path;
}

static void check_two(const struct wg_hdf5 *file, const char *name, const char *a, const char *b)
{
    struct wg_hdf5_texts got;
    ck_assert_msg(wg_hdf5_read_texts(file, "/", name, &got), "%s", wg_error_message());
    ck_assert_uint_eq(got.count, 2);
    ck_assert_str_eq(got.items[0], a);
    ck_assert_str_eq(got.items[1], b);
    wg_hdf5_texts_free(&got);
}

START_TEST(files_of_other_programs_are_read)
{
    static const size_t three[] = {3};
    struct wg_hdf5 *file = open_file(write_foreign());
    struct wg_hdf5_texts got;
    float read[3];
    ck_assert(wg_hdf5_read_floats(file, "big", 1, three, read));
    ck_assert_float_eq(read[1], 2.5f);
    ck_assert(!wg_hdf5_read_floats(file, "double", 1, three, read));
    check_error(WG_ERROR_DATA, "'double' is float64, expected float32");
    check_two(file, "fixed", "a", "long");
    check_two(file, "blank", "a", "longe");
    ck_assert(wg_hdf5_read_texts(file, "/", "empty", &got));
    ck_assert_uint_eq(got.count, 0);
    ck_assert(!wg_hdf5_read_texts(file, "/", "number", &got));
    check_error(WG_ERROR_DATA, "the attribute 'number' of '/' is damaged or no text");
    wg_hdf5_close(file);
}
END_TEST

/* ---- damage ---- */

static void check_not_opened(const char *path, enum wg_status status, const char *reason)
{
    struct wg_hdf5 *file = NULL;
    ck_assert(!wg_hdf5_open(path, &file));
    ck_assert_ptr_null(file);
    check_error(status, path);
    check_error(status, reason);
}

START_TEST(what_is_no_hdf5_file_is_refused)
{
    static const char text[] = "Some text that is longer than the signature of an HDF5 file.\n";
    scratch_put(scratch_path("text"), text, sizeof text);
    check_not_opened(scratch_path("text"), WG_ERROR_DATA, "not an HDF5 file");
    scratch_put(scratch_path("nothing"), text, 0);
    check_not_opened(scratch_path("nothing"), WG_ERROR_DATA, "not an HDF5 file");
    check_not_opened(scratch_path("nowhere"), WG_ERROR_FILE, "No such file");
    check_not_opened(scratch_folder, WG_ERROR_FILE, "");
}
END_TEST

START_TEST(every_truncation_is_noticed)
{
    static char bytes[100000];
    size_t size = scratch_get(write_good(), bytes, sizeof bytes);
    for (size_t length = 0; length < size; length += length < 2000 ? 7 : 211) {
        scratch_put(scratch_path("short"), bytes, length);
        check_not_opened(scratch_path("short"), WG_ERROR_DATA, "truncated");
    }
    scratch_put(scratch_path("short"), bytes, size - 1);
    check_not_opened(scratch_path("short"), WG_ERROR_DATA, "truncated");
}
END_TEST

START_TEST(a_full_disk_leaves_nothing)
{
    struct wg_hdf5 *file;
    ck_assert(wg_hdf5_create(scratch_path("full.h5"), &file));
    ck_assert(wg_hdf5_write_floats(file, "x", 4, shape, values));
    scratch_fill_disk(1000);
    ck_assert(!commit(file));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "full.h5: cannot write: File too large");
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

START_TEST(a_file_not_committed_does_not_appear)
{
    struct wg_hdf5 *file;
    ck_assert(wg_hdf5_create(scratch_path("a.h5"), &file));
    ck_assert(wg_hdf5_write_floats(file, "x", 4, shape, values));
    wg_hdf5_close(file);
    ck_assert_int_eq(scratch_count(), 0);
    ck_assert(wg_hdf5_create(scratch_path("nowhere/a.h5"), &file));
    ck_assert(!commit(file));
    check_error(WG_ERROR_FILE, "nowhere/a.h5");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        everything_comes_back,
        the_same_calls_make_the_same_bytes,
        error_reports_are_left_as_they_were,
        missing_things_are_named,
        other_shapes_and_types_are_named,
        files_of_other_programs_are_read,
        what_is_no_hdf5_file_is_refused,
        every_truncation_is_noticed,
        a_full_disk_leaves_nothing,
        a_file_not_committed_does_not_appear,
    };
    return run_tests("hdf5", tests, countof(tests));
}
