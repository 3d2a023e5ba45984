/* npy: byte for byte what NumPy 1.26 writes. */
#include "host/files/npy.h"

#include "tests/files/scratch.h"

#define MAGIC "\x93NUMPY\x01\x00\x76\x00"

/* Compares with a header of 128 bytes, as NumPy pads short ones, and the data behind it. */
static void check_file(const char *path, const char *dictionary, const void *data, size_t bytes)
{
    uint8_t got[2000], header[128];
    memset(header, ' ', sizeof header);
    memcpy(header, MAGIC, 10);
    memcpy(header + 10, dictionary, strlen(dictionary));
    header[127] = '\n';
    ck_assert_uint_eq(scratch_get(path, got, sizeof got), sizeof header + bytes);
    ck_assert_mem_eq(got, header, sizeof header);
    ck_assert_mem_eq(got + sizeof header, data, bytes);
}

START_TEST(types_and_ranks)
{
    static const float f32[] = {1.5f, -2.0f, 3e-30f, 4.0f, 5.0f, 6.0f};
    static const double f64[] = {0.1, 0.2, 0.3};
    static const uint8_t u8[] = {0, 127, 255, 3};
    const char *path = scratch_path("a.npy");
    ck_assert(wg_npy_write(path, WG_NPY_F32, f32, 2, (size_t[]){2, 3}));
    check_file(path, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", f32,
               sizeof f32);
    ck_assert(wg_npy_write(path, WG_NPY_F64, f64, 1, (size_t[]){3}));
    check_file(path, "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", f64, sizeof f64);
    ck_assert(wg_npy_write(path, WG_NPY_U8, u8, 3, (size_t[]){1, 4, 1}));
    check_file(path, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 4, 1), }", u8, 4);
    ck_assert(wg_npy_write(path, WG_NPY_F64, f64, 0, NULL));
    check_file(path, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }", f64, 8);
    ck_assert(wg_npy_write(path, WG_NPY_F32, f32, 2, (size_t[]){0, 7}));
    check_file(path, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 7), }", f32, 0);
}
END_TEST

/* However long the header, the data starts at a multiple of 64. */
START_TEST(long_shapes_are_aligned)
{
    size_t shape[WG_NPY_RANK_MAX];
    const uint8_t one = 42;
    for (int d = 0; d < WG_NPY_RANK_MAX; d++)
        shape[d] = 1;
    for (int rank = 0; rank <= WG_NPY_RANK_MAX; rank++) {
        uint8_t got[2000];
        ck_assert(wg_npy_write(scratch_path("a.npy"), WG_NPY_U8, &one, rank, shape));
        const size_t size = scratch_get(scratch_path("a.npy"), got, sizeof got);
        ck_assert_uint_eq(size % 64, 1);
        ck_assert_uint_eq(10u + got[8] + 256u * got[9], size - 1);
        ck_assert_uint_eq(got[size - 2], '\n');
        ck_assert_uint_eq(got[size - 1], 42);
    }
}
END_TEST

START_TEST(writing_fails_cleanly)
{
    static const float values[10000];
    const char *path = scratch_path("a.npy");
    ck_assert(!wg_npy_write(path, WG_NPY_F32, values, 2, (size_t[]){SIZE_MAX / 4, 3}));
    check_error(WG_ERROR_ARGUMENT, "larger than memory");
    ck_assert(!wg_npy_write(path, WG_NPY_F32, values, -1, NULL));
    check_error(WG_ERROR_ARGUMENT, "rank -1");
    ck_assert(!wg_npy_write(path, WG_NPY_F32, values, WG_NPY_RANK_MAX + 1, NULL));
    check_error(WG_ERROR_ARGUMENT, "rank 33");
    scratch_fill_disk(1000);
    ck_assert(!wg_npy_write(path, WG_NPY_F32, values, 1, (size_t[]){10000}));
    scratch_empty_disk();
    check_error(WG_ERROR_FILE, "a.npy: cannot write");
    ck_assert_int_eq(scratch_count(), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {types_and_ranks, long_shapes_are_aligned, writing_fails_cleanly};
    return run_tests("npy", tests, countof(tests));
}
