/* Whole files in memory. */
#include "host/files/input.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/files/scratch.h"

START_TEST(files_of_many_sizes)
{
    static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
    static uint8_t expected[100000];
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < countof(sizes); i++) {
        uint8_t *bytes;
        size_t size;
        scratch_put(scratch_path("a"), expected, sizes[i]);
        ck_assert(wg_input_read(scratch_path("a"), &bytes, &size));
        ck_assert_uint_eq(size, sizes[i]);
        ck_assert_int_eq(memcmp(bytes, expected, size), 0);
        ck_assert_uint_eq(bytes[size], 0);
        free(bytes);
    }
}
END_TEST

/* As a shell passes what a command prints: `wgan-cl sample <(command)`. Nothing is there at first.
 */
START_TEST(pipe_of_unknown_size)
{
    uint8_t *bytes;
    size_t size;
    int ends[2];
    char path[32];
    ck_assert_int_eq(pipe(ends), 0);
    const pid_t writer = fork();
    if (writer == 0) {
        nanosleep(&(const struct timespec){.tv_nsec = 50000000}, NULL);
        FILE *stream = fdopen(ends[1], "wb");
        for (int i = 0; stream && i < 100000; i++)
            fputc(i % 251, stream);
        _exit(stream && fclose(stream) == 0 ? 0 : 1);
    }
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    ck_assert(wg_input_read(path, &bytes, &size));
    waitpid(writer, NULL, 0);
    close(ends[0]);
    ck_assert_uint_eq(size, 100000);
    for (size_t i = 0; i < size; i++)
        ck_assert_uint_eq(bytes[i], i % 251);
    free(bytes);
}
END_TEST

START_TEST(what_cannot_be_read)
{
    uint8_t *bytes = NULL;
    size_t size = 7;
    ck_assert(!wg_input_read(scratch_path("missing"), &bytes, &size));
    check_error(WG_ERROR_FILE, "missing: cannot open: ");
    ck_assert(!wg_input_read(scratch_folder, &bytes, &size));
    check_error(WG_ERROR_FILE, strerror(EISDIR));
    ck_assert(!wg_input_read("/dev/zero", &bytes, &size));
    check_error(WG_ERROR_FILE, "/dev/zero: cannot read: it is a device");
    ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0600), 0);
    ck_assert(!wg_input_read(scratch_path("pipe"), &bytes, &size));
    check_error(WG_ERROR_FILE, "pipe: cannot read: it is a pipe that nobody writes to");
    ck_assert_ptr_null(bytes);
    ck_assert_uint_eq(size, 7);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {files_of_many_sizes, pipe_of_unknown_size, what_cannot_be_read};
    return run_tests("input", tests, countof(tests));
}
