/*
 * Programs: macros, the cache of built programs, kernels from a folder, and what a failed build
 * says.
 */
#include "host/device/program.h"

#include "host/base/parallel.h"
#include "host/device/sources.h"
#include "tests/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a folder of kernels ---- */

static char folder[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.cl", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s.cl", folder, name);
    remove(path);
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/wgan-cl-program-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("WGAN_CL_KERNELS", folder, 1);
}

static void remove_folder(void)
{
    unsetenv("WGAN_CL_KERNELS");
    wg_programs_release(test_device());
    remove_file("prelude");
    remove_file("made_up");
    rmdir(folder);
}

/* Builds and releases a kernel. */
static bool builds(const char *file, const char *name, const struct wg_defines *defines)
{
    cl_kernel kernel = NULL;
    bool ok = wg_program_kernel(test_device(), file, name, defines, &kernel);
    ck_assert_int_eq(ok, kernel != NULL); // untouched on failure
    if (kernel)
        clReleaseKernel(kernel);
    return ok;
}

static void check_message(const char *part)
{
    ck_assert_msg(strstr(wg_error_message(), part) != NULL, "'%s' is not in:\n%s", part,
                  wg_error_message());
}

/* ---- macros ---- */

START_TEST(macros_are_lines)
{
    struct wg_defines defines = {0};
    wg_define_int(&defines, "N", -7);
    wg_define_int(&defines, "LONG", 1LL << 40);
    wg_define_flag(&defines, "BIAS");
    ck_assert_str_eq(defines.text, "#define N -7\n#define LONG 1099511627776\n#define BIAS 1\n");
    ck_assert_uint_eq(defines.length, strlen(defines.text));
}
END_TEST

/* What the compiler reads is the very float: decimal digits would have to be just the right ones.
 */
START_TEST(float_macros_are_exact)
{
    static const float values[] = {0.2f, 1e-3f, -1e-7f, 0.0f, 16777216.0f, 1.17549435e-38f};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct wg_defines defines = {0};
        char *end;
        wg_define_float(&defines, "X", values[i]);
        ck_assert_ptr_eq(strstr(defines.text, "#define X "), defines.text);
        ck_assert_float_eq(strtof(defines.text + strlen("#define X "), &end), values[i]);
        ck_assert_str_eq(end, "f\n");
    }
}
END_TEST

/* ---- building ---- */

/* The newest program stands first in the device's list. */
START_TEST(a_program_is_built_once_for_each_set_of_macros)
{
    struct wg_device *device = test_device();
    struct wg_defines five = {0}, six = {0};
    wg_define_int(&five, "NUMBER", 5);
    wg_define_int(&six, "NUMBER", 6);
    wg_programs_release(device);
    ck_assert_ptr_null(device->programs);
    ck_assert(builds("mean", "mean", NULL));
    const struct wg_program *newest = device->programs;
    ck_assert(builds("mean", "add", NULL)); // another kernel of the same
    ck_assert_ptr_eq(device->programs, newest);
    ck_assert(builds("mean", "mean", &five));
    ck_assert_ptr_ne(device->programs, newest);
    ck_assert(builds("mean", "mean", &six));
    newest = device->programs;
    ck_assert(builds("mean", "mean", &five));
    ck_assert(builds("mean", "mean", NULL));
    ck_assert_ptr_eq(device->programs, newest);
    wg_programs_release(device);
    ck_assert_ptr_null(device->programs);
}
END_TEST

/* Of threads that want the same one build it and the others wait; a failure is everyone's own. */
static void build_twice(void *user, size_t i)
{
    bool *built = user;
    struct wg_defines defines = {0};
    wg_define_int(&defines, "NUMBER", 7);
    built[i] = i % 2 == 0 ? wg_program_build(test_device(), "mean", &defines)
                          : !wg_program_build(test_device(), "no_such_program", &defines);
}

START_TEST(threads_share_programs)
{
    enum { THREADS = 8 };
    bool built[THREADS];
    struct wg_device *device = test_device();
    wg_programs_release(device);
    wg_parallel(THREADS, build_twice, built);
    for (int i = 0; i < THREADS; i++)
        ck_assert(built[i]);
    const struct wg_program *only = device->programs;
    ck_assert_ptr_nonnull(only);
    build_twice(built, 0);
    ck_assert_ptr_eq(device->programs, only);
    wg_programs_release(device);
}
END_TEST

/* Each file is complete with the prelude and its own defaults. */
START_TEST(every_embedded_program_builds_alone)
{
    int files = 0;
    for (const struct wg_source *source = wg_sources; source->name; source++) {
        if (strcmp(source->name, "prelude") == 0)
            continue;
        files++;
        // There is no kernel of this name: the program was built if that is what is complained of.
        ck_assert(!builds(source->name, "no_such_kernel", NULL));
        check_message("kernel 'no_such_kernel' of program '");
        check_message("CL_INVALID_KERNEL_NAME");
    }
    ck_assert_int_ge(files, 15);
    wg_programs_release(test_device());
}
END_TEST

START_TEST(an_unknown_program_is_named)
{
    ck_assert(!builds("no_such_program", "x", NULL));
    check_message("no kernel source named 'no_such_program'");
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DEVICE);
}
END_TEST

/* ---- from a folder ---- */

START_TEST(files_of_the_folder_replace_the_embedded_ones)
{
    struct wg_defines defines = {0};
    wg_define_int(&defines, "SEVEN", 7);
    write_file("prelude", "#define PRELUDE SEVEN\n");
    write_file("made_up", "#if PRELUDE != 7\n#error no macros\n#endif\n"
                          "__kernel void made_up(__global float *x)\n{\n    x[0] = 1;\n}\n");
    ck_assert_msg(builds("made_up", "made_up", &defines), "%s", wg_error_message());
}
END_TEST

/* Everything needed to repair it: program, device, options, macros, and the compiler's own words
 * with the line of the file. */
START_TEST(a_failed_build_says_everything)
{
    struct wg_defines defines = {0};
    wg_define_int(&defines, "ROWS", 12345);
    write_file("prelude", "");
    write_file("made_up",
               "__kernel void made_up(__global float *x)\n{\n    x[0] = undeclared;\n}\n");
    ck_assert(!builds("made_up", "made_up", &defines));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_DEVICE);
    check_message("kernel program 'made_up' failed to build");
    check_message("CL_BUILD_PROGRAM_FAILURE");
    check_message(test_device()->info.name);
    check_message(test_device()->info.driver_version);
    check_message("-cl-std=CL1.2");
    check_message("#define ROWS 12345");
    const char *log = strstr(wg_error_message(), "log:\n");
    ck_assert_ptr_nonnull(log);
    if (wg_device_is_cpu(test_device())) // of what this compiler writes only pocl's is known
        ck_assert_ptr_nonnull(strstr(log, "undeclared"));

    // The failure is not remembered as a program.
    write_file("made_up", "__kernel void made_up(__global float *x)\n{\n    x[0] = ROWS;\n}\n");
    ck_assert_msg(builds("made_up", "made_up", &defines), "%s", wg_error_message());
}
END_TEST

START_TEST(a_missing_file_is_named)
{
    ck_assert(!builds("made_up", "made_up", NULL)); // the prelude is looked for first
    ck_assert_int_eq(wg_error_status(), WG_ERROR_FILE);
    check_message(folder);
    check_message("/prelude.cl: ");
    check_message("WGAN_CL_KERNELS");
    write_file("prelude", "");
    ck_assert(!builds("made_up", "made_up", NULL));
    check_message("/made_up.cl: ");
}
END_TEST

START_TEST(a_file_of_a_mebibyte_is_refused)
{
    enum { LINES = (1 << 20) / 64 };
    char path[128], line[65] = {0};
    write_file("prelude", "");
    snprintf(path, sizeof path, "%s/made_up.cl", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    memset(line, '/', 63);
    line[63] = '\n';
    for (int i = 0; i < LINES; i++)
        fputs(line, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert(!builds("made_up", "made_up", NULL));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_FILE);
    check_message("larger than 1 MiB");
}
END_TEST

START_TEST(an_empty_variable_means_the_embedded_kernels)
{
    setenv("WGAN_CL_KERNELS", "", 1);
    ck_assert_msg(builds("copy", "copy", NULL), "%s", wg_error_message());
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("program");
    tcase_add_test(tests, macros_are_lines);
    tcase_add_test(tests, float_macros_are_exact);
    tcase_add_test(tests, a_program_is_built_once_for_each_set_of_macros);
    tcase_add_test(tests, threads_share_programs);
    tcase_add_test(tests, every_embedded_program_builds_alone);
    tcase_add_test(tests, an_unknown_program_is_named);

    TCase *files = tcase_create("folder");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, files_of_the_folder_replace_the_embedded_ones);
    tcase_add_test(files, a_failed_build_says_everything);
    tcase_add_test(files, a_missing_file_is_named);
    tcase_add_test(files, a_file_of_a_mebibyte_is_refused);
    tcase_add_test(files, an_empty_variable_means_the_embedded_kernels);

    Suite *suite = suite_create("program");
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, files);
    return test_run(suite);
}
