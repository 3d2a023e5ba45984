/*
 * Programs built in children, which are this very test, and binaries of programs; all in caches of
 * their own, empty at first.
 */
#include "host/device/prebuild.h"
#include "host/base/child.h"
#include "host/graph/exec.h"
#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- kernels ---- */

static void write_kernel(const char *body)
{
    char text[512];
    snprintf(text, sizeof text,
             "__kernel void made_up(__global float *x, const int n)\n{\n    %s\n}\n", body);
    temporary_write("prelude.cl", "", 0);
    temporary_write("made_up.cl", text, strlen(text));
}

static void begin(void)
{
    temporary_create();
    setenv("WGAN_CL_KERNELS", temporary_path(""), 1);
}

static void end(void)
{
    unsetenv("WGAN_CL_KERNELS");
    wg_programs_release(test_device());
    temporary_remove();
}

static struct wg_defines number(int n)
{
    struct wg_defines defines = {0};
    wg_define_int(&defines, "NUMBER", n);
    return defines;
}

static bool builds(const char *kernel_name, int n)
{
    cl_kernel kernel = NULL;
    const struct wg_defines defines = number(n);
    bool ok = wg_program_kernel(test_device(), "made_up", kernel_name, &defines, &kernel);
    if (kernel)
        clReleaseKernel(kernel);
    return ok;
}

/* ---- in children ---- */

static int last_done, last_total, calls;

static void count(void *user, int done, int total)
{
    (void)user;
    ck_assert_int_ge(done, last_done);
    last_done = done;
    last_total = total;
    calls++;
}

static struct wg_prebuild *note(int first, int last)
{
    struct wg_prebuild *prebuild;
    ck_assert(wg_prebuild_create(test_device(), &prebuild));
    for (int n = first; n < last; n++) {
        const struct wg_defines defines = number(n);
        const struct wg_kernel_use use = {.file = "made_up",
                                          .kernel = "made_up",
                                          .defines = &defines,
                                          .arguments = "bi",
                                          .bytes = 1000,
                                          .global = {100, 1, 1},
                                          .local = {10, 1, 1}};
        ck_assert_msg(wg_prebuild_add(prebuild, &use) && wg_prebuild_add(prebuild, &use), "%s",
                      wg_error_message());
    }
    ck_assert_int_eq(wg_prebuild_total(prebuild), last - first); // the same use is one
    return prebuild;
}

/* Notes and runs; how many programs this process has then. */
static int run(int first, int last)
{
    struct wg_prebuild *prebuild = note(first, last);
    last_done = last_total = calls = 0;
    wg_prebuild_run(prebuild, count, NULL);
    int done = wg_prebuild_done(prebuild);
    if (calls > 0)
        ck_assert(last_done == done && last_total == last - first);
    wg_prebuild_destroy(prebuild);
    return done;
}

/* One processor has nothing to share. */
static bool has_children(void)
{
    return sysconf(_SC_NPROCESSORS_ONLN) > 1 && wg_child_possible();
}

START_TEST(children_build_what_is_missing)
{
    write_kernel("x[get_global_id(0)] = n + NUMBER;");
    ck_assert_int_eq(run(0, 6), has_children() ? 6 : 0);
    ck_assert_int_eq(calls, has_children() ? 6 : 0);
    ck_assert_int_eq(run(0, 6), has_children() ? 6 : 0);
    ck_assert_int_eq(calls, 0); // they are here
    wg_programs_release(test_device());
    ck_assert_int_eq(run(0, 6), 0); // they are known to be in the driver's cache
    ck_assert_int_eq(run(0, 9), 0); // three more are not worth a child
    ck_assert_int_eq(run(0, 10), has_children() ? 4 : 0);
    for (int n = 0; n < 10; n++)
        ck_assert(builds("made_up", n));
}
END_TEST

static bool after_two(void *user)
{
    (void)user;
    return last_done >= 2;
}

/* What it did not come to is built in children the next time. */
START_TEST(it_can_be_stopped)
{
    struct wg_device *device = test_device();
    write_kernel("x[get_global_id(0)] = n - NUMBER;");
    device->stop = after_two;
    ck_assert_int_eq(run(0, 8), has_children() ? 2 : 0);
    last_done = 2;
    ck_assert(!builds("made_up", 9));
    ck_assert_int_eq(wg_error_status(), WG_ERROR_STOPPED);
    device->stop = NULL;
    ck_assert(builds("made_up", 9));
    wg_programs_release(device);
    ck_assert_int_eq(run(0, 8), has_children() ? 8 : 0);
}
END_TEST

static bool is_built(int n)
{
    const struct wg_defines defines = number(n);
    return wg_program_is_built(test_device(), "made_up", &defines);
}

/* Where children run what they build (on pocl), none lives to tell of an odd number. */
START_TEST(a_child_that_dies_does_no_harm)
{
    write_kernel("x[NUMBER % 2 ? (size_t)n << 44 : 0] = NUMBER;");
    int done = run(0, 8);
    if (test_device()->driver_cache != WG_DRIVER_CACHES_LAUNCHES) {
        ck_assert_int_eq(done, has_children() ? 8 : 0);
    } else {
        ck_assert_int_eq(is_built(0), has_children()); // the first that any of them took
        for (int n = 1; n < 8; n += 2)
            ck_assert_msg(!is_built(n), "no child died of %d", n);
    }
    for (int n = 0; n < 8; n++)
        ck_assert_msg(builds("made_up", n), "%s", wg_error_message());
}
END_TEST

/* Their sizes are made up in a child, which must survive them: nothing there divides by zero, which
 * pocl hides unless it is told not to. */
START_TEST(convolutions_are_built_by_children)
{
    static const char *const implementations[] = {"winograd", "direct"};
    const struct wg_conv v = {4, 14, 14, 32, 7, 7, 32, 4, 2, 1};
    struct wg_graph *g = wg_graph_create();
    struct wg_node *x = wg_variable(g, "x", WG_F32, wg_shape(v.n, v.h, v.w, v.c));
    struct wg_node *w = wg_variable(g, "w", WG_F32, wg_shape(v.k, v.k, v.c, v.oc));
    struct wg_node *y = wg_conv2d(g, x, w, &v);
    struct wg_node *const nodes[] = {y, wg_conv2d_data(g, y, w, &v), wg_conv2d_filter(g, x, y, &v)};
    const struct wg_targets targets = {.name = "all", .nodes = nodes, .count = 3};
    struct wg_plan *plan;
    unsetenv("WGAN_CL_KERNELS");
    last_done = last_total = 0;
    ck_assert_msg(wg_plan_create(g, test_device(), &targets, 1, implementations[_i], &plan), "%s",
                  wg_error_message());
    ck_assert_msg(wg_exec_prebuild(test_device(), plan, count, NULL), "%s", wg_error_message());
    ck_assert_int_eq(last_done, last_total);
    ck_assert_int_eq(last_total > 0, has_children());
    wg_plan_destroy(plan);
    wg_graph_destroy(g);
}
END_TEST

START_TEST(what_does_not_build_is_told_when_it_is_needed)
{
    write_kernel("x[0] = NUMBER < 4 ? n : undeclared;");
    ck_assert_int_eq(run(0, 5), 0);
    ck_assert(!builds("made_up", 4));
    ck_assert_ptr_nonnull(strstr(wg_error_message(), "failed to build"));
}
END_TEST

START_TEST(a_missing_source_is_told)
{
    struct wg_prebuild *prebuild;
    ck_assert(wg_prebuild_create(test_device(), &prebuild));
    ck_assert(!wg_prebuild_add(prebuild, &(struct wg_kernel_use){.file = "made_up"}));
    ck_assert_int_eq(wg_prebuild_total(prebuild), 0);
    wg_prebuild_destroy(prebuild);
}
END_TEST

/* ---- binaries ---- */

static enum wg_driver_cache cache_of_driver;

/* As if the driver had no cache of its own; ours is in the temporary folder. */
static void begin_binaries(void)
{
    begin();
    setenv("XDG_CACHE_HOME", temporary_path(""), 1);
    cache_of_driver = test_device()->driver_cache;
    test_device()->driver_cache = WG_DRIVER_CACHES_NOTHING;
}

static void end_binaries(void)
{
    test_device()->driver_cache = cache_of_driver;
    end();
}

/* The path of the only binary but `other`; NULL: there is none. */
static const char *find_binary(const char *other)
{
    static char paths[2][512];
    char *path = paths[other == paths[0]];
    DIR *folder = opendir(temporary_path("wgan-cl/programs"));
    const char *found = NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (!strstr(entry->d_name, ".bin") || (other && strstr(other, entry->d_name)))
            continue;
        ck_assert_ptr_null(found);
        snprintf(path, sizeof paths[0], "%s/%.256s", temporary_path("wgan-cl/programs"),
                 entry->d_name);
        found = path;
    }
    if (folder)
        closedir(folder);
    return found;
}

START_TEST(a_binary_is_kept_and_found)
{
    write_kernel("x[0] = n;\n}\n__kernel void PASTE_NUMBER(__global float *x)\n{\n    x[0] = 1;");
    struct wg_defines alpha = {0}, beta = {0};
    snprintf(alpha.text, sizeof alpha.text, "#define PASTE_NUMBER alpha\n");
    snprintf(beta.text, sizeof beta.text, "#define PASTE_NUMBER beta\n");
    alpha.length = strlen(alpha.text);
    beta.length = strlen(beta.text);
    cl_kernel kernel;
    ck_assert_msg(wg_program_kernel(test_device(), "made_up", "alpha", &alpha, &kernel), "%s",
                  wg_error_message());
    clReleaseKernel(kernel);
    const char *first = find_binary(NULL);
    ck_assert_ptr_nonnull(first);
    ck_assert(wg_program_kernel(test_device(), "made_up", "beta", &beta, &kernel));
    clReleaseKernel(kernel);
    const char *second = find_binary(first);
    ck_assert_ptr_nonnull(second);

    // The binary it is, not the source: with the other's, alpha has become beta.
    ck_assert_int_eq(rename(second, first), 0);
    wg_programs_release(test_device());
    ck_assert(!wg_program_kernel(test_device(), "made_up", "alpha", &alpha, &kernel));
    ck_assert(wg_program_kernel(test_device(), "made_up", "beta", &alpha, &kernel));
    clReleaseKernel(kernel);

    // One that does not load is made again.
    FILE *file = fopen(first, "w");
    ck_assert_ptr_nonnull(file);
    fputs("no binary", file);
    fclose(file);
    wg_programs_release(test_device());
    ck_assert_msg(wg_program_kernel(test_device(), "made_up", "alpha", &alpha, &kernel), "%s",
                  wg_error_message());
    clReleaseKernel(kernel);
}
END_TEST

START_TEST(without_a_cache_programs_are_built)
{
    write_kernel("x[0] = n;");
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    ck_assert_msg(builds("made_up", 1), "%s", wg_error_message());
    // What children can't hand over is built here when they tell of it.
    ck_assert_int_eq(run(0, 6), has_children() ? 6 : 1);
    ck_assert(builds("made_up", 5));
}
END_TEST

int main(int argc, char **argv)
{
    int code;
    if (wg_child_main(argc, argv, &code))
        return code;
    char cache[] = "/tmp/wgan-cl-prebuild-XXXXXX", command[128];
    if (!mkdtemp(cache))
        return 1;
    setenv("POCL_CACHE_DIR", cache, 1);
    setenv("POCL_SIGFPE_HANDLER", "0", 1);
    setenv("XDG_CACHE_HOME", cache, 1);

    TCase *children = tcase_create("children");
    tcase_set_timeout(children, 120);
    tcase_add_checked_fixture(children, begin, end);
    tcase_add_test(children, children_build_what_is_missing);
    tcase_add_test(children, it_can_be_stopped);
    tcase_add_test(children, a_child_that_dies_does_no_harm);
    tcase_add_loop_test(children, convolutions_are_built_by_children, 0, 2);
    tcase_add_test(children, what_does_not_build_is_told_when_it_is_needed);
    tcase_add_test(children, a_missing_source_is_told);
    TCase *binaries = tcase_create("binaries");
    tcase_add_checked_fixture(binaries, begin_binaries, end_binaries);
    tcase_add_test(binaries, a_binary_is_kept_and_found);
    tcase_add_test(binaries, without_a_cache_programs_are_built);
    Suite *suite = suite_create("prebuild");
    suite_add_tcase(suite, children);
    suite_add_tcase(suite, binaries);
    code = test_run(suite);
    snprintf(command, sizeof command, "rm -rf %s", cache);
    return system(command) == 0 ? code : 1;
}
