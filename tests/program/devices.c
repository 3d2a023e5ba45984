/* Choosing a device: what is listed, what selects it, what is said when there is none. */
#include "tests/program/programlib.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The list, as programs read it; to be released. */
static json_t *list_devices(void)
{
    json_error_t error;
    const struct outcome list = run("devices", "--json");
    check_done(&list);
    json_t *root = json_loads(list.out, 0, &error);
    ck_assert_msg(root != NULL, "%s", error.text);
    ck_assert_uint_gt(json_array_size(json_object_get(root, "devices")), 0);
    return root;
}

static const json_t *device_at(const json_t *root, size_t i)
{
    return json_array_get(json_object_get(root, "devices"), i);
}

static const char *text_of(const json_t *device, const char *key)
{
    const char *text = json_string_value(json_object_get(device, key));
    ck_assert_msg(text != NULL, "no text '%s'", key);
    return text;
}

static long long number_of(const json_t *device, const char *key)
{
    ck_assert_msg(json_is_integer(json_object_get(device, key)), "no number '%s'", key);
    return json_integer_value(json_object_get(device, key));
}

/* A command that opens a device and then finds nothing to do: it shows whether a selector, given
 * as these options, was taken. */
static void check_opens(const struct outcome *sample)
{
    check_failed(sample, 1, "nowhere: No such file or directory");
}

/* ---- the list ---- */

START_TEST(devices_are_listed_for_people)
{
    json_t *root = list_devices();
    const struct outcome list = run("devices");
    check_done(&list);
    for (size_t i = 0; i < json_array_size(json_object_get(root, "devices")); i++) {
        char selector[64];
        const json_t *device = device_at(root, i);
        ck_assert(contains(list.out, text_of(device, "name")));
        ck_assert(contains(list.out, text_of(device, "driver_version")));
        snprintf(selector, sizeof selector, "--device %lld:%lld", number_of(device, "platform"),
                 number_of(device, "index_in_platform"));
        ck_assert(contains(list.out, selector));
    }
    ck_assert_int_eq(strncmp(list.out, "* 0 ", 4) == 0 || contains(list.out, "\n* "), true);
    json_decref(root);
}
END_TEST

START_TEST(devices_are_listed_for_programs)
{
    static const char *const numbers[] = {
        "index",        "platform",        "index_in_platform", "compute_units",  "clock_mhz",
        "vector_width", "work_group_size", "global_memory",     "largest_buffer", "local_memory"};
    static const char *const texts[] = {
        "name",           "platform_name",   "type", "vendor", "driver_version",
        "opencl_version", "opencl_c_version"};
    json_t *root = list_devices();
    int defaults = 0;
    ck_assert(json_is_array(json_object_get(root, "notes")));
    for (size_t i = 0; i < json_array_size(json_object_get(root, "devices")); i++) {
        const json_t *device = device_at(root, i);
        ck_assert_int_eq(number_of(device, "index"), (long long)i);
        for (size_t n = 0; n < countof(numbers); n++)
            ck_assert_int_ge(number_of(device, numbers[n]), 0);
        for (size_t t = 0; t < countof(texts); t++)
            ck_assert_str_ne(text_of(device, texts[t]), "");
        ck_assert(json_is_boolean(json_object_get(device, "usable")));
        defaults += json_is_true(json_object_get(device, "is_default"));
    }
    ck_assert_int_eq(defaults, 1);
    json_decref(root);
}
END_TEST

START_TEST(a_list_that_cannot_be_printed_is_a_failure)
{
    // A file as standard output, at the limit of its size, stands for a full disk.
    program_limit_files(200);
    const struct outcome list = run("devices", "--json");
    check_failed(&list, 1, "the output can't be written");
}
END_TEST

START_TEST(a_reader_that_goes_ends_the_list)
{
    program_lose_reader(true);
    const struct outcome list = run("devices", "--json");
    program_lose_reader(false);
    ck_assert_int_eq(list.signal, SIGPIPE);
    ck_assert_str_eq(list.err, "");
}
END_TEST

/* ---- selectors ---- */

START_TEST(a_device_is_selected_by_number_or_name)
{
    json_t *root = list_devices();
    const json_t *device = device_at(root, 0);
    char pair[64], name[256];
    snprintf(pair, sizeof pair, "%lld:%lld", number_of(device, "platform"),
             number_of(device, "index_in_platform"));
    snprintf(name, sizeof name, "%s", text_of(device, "name"));
    for (char *at = name; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    const char *const selectors[] = {"0", pair, name};
    for (size_t i = 0; i < countof(selectors); i++) {
        const struct outcome before = run("--device", selectors[i], "sample", "nowhere"),
                             behind = run("sample", "nowhere", "--device", selectors[i]),
                             letter = run("sample", "-d", selectors[i], "nowhere");
        check_opens(&before);
        check_opens(&behind);
        check_opens(&letter);
        setenv("WGAN_CL_DEVICE", selectors[i], 1);
        const struct outcome environment = run("sample", "nowhere");
        check_opens(&environment);
        unsetenv("WGAN_CL_DEVICE");
    }
    json_decref(root);
}
END_TEST

START_TEST(an_unknown_device_is_told_what_there_is)
{
    static const char *const selectors[] = {"abacus", "99", "0:99", "99:0", "-1", ":", "0:"};
    json_t *root = list_devices();
    const char *name = text_of(device_at(root, 0), "name");
    for (size_t i = 0; i < countof(selectors); i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", selectors[i]);
        const struct outcome train = run("--device", selectors[i], "train");
        check_failed(&train, 1, quoted, name);
        const struct outcome list = run("devices", "--json", "--device", selectors[i]);
        check_failed(&list, 1, quoted, name);
        ck_assert_str_eq(list.out, "");
        setenv("WGAN_CL_DEVICE", selectors[i], 1);
        const struct outcome sample = run("sample", "nowhere"), bench = run("bench");
        check_failed(&sample, 1, quoted, name, "WGAN_CL_DEVICE");
        check_failed(&bench, 1, quoted, name, "WGAN_CL_DEVICE");
        unsetenv("WGAN_CL_DEVICE");
    }
    ck_assert_int_eq(count_files("", ""), 0);
    json_decref(root);
}
END_TEST

/* pocl can show a CPU twice; with other drivers there may be one device. */
START_TEST(only_the_device_selected_is_listed)
{
    setenv("POCL_DEVICES", "pthread basic", 1);
    json_t *all = list_devices();
    for (size_t i = 0; i < json_array_size(json_object_get(all, "devices")); i++) {
        char selector[64];
        snprintf(selector, sizeof selector, "%zu", i);
        const struct outcome json = run("--device", selector, "devices", "--json"),
                             text = run("devices", "--device", selector);
        check_done(&json);
        check_done(&text);
        json_t *root = json_loads(json.out, 0, NULL);
        ck_assert_uint_eq(json_array_size(json_object_get(root, "devices")), 1);
        ck_assert(json_equal(device_at(root, 0), device_at(all, i)));
        ck_assert_int_eq(count_of(text.out, " compute units, "), 1);
        ck_assert(contains(text.out, text_of(device_at(all, i), "name")));
        json_decref(root);
    }
    unsetenv("POCL_DEVICES");
    json_decref(all);
}
END_TEST

START_TEST(the_nearest_selector_wins)
{
    setenv("WGAN_CL_DEVICE", "abacus", 1);
    const struct outcome option = run("--device", "0", "sample", "nowhere");
    check_opens(&option);
    const struct outcome both = run("--device", "abacus", "sample", "nowhere", "--device", "0");
    check_opens(&both);
    setenv("WGAN_CL_DEVICE", "", 1);
    const struct outcome empty = run("sample", "nowhere");
    check_opens(&empty);
    unsetenv("WGAN_CL_DEVICE");
}
END_TEST

START_TEST(a_name_of_two_devices_is_ambiguous)
{
    // Of the drivers in use here pocl can show a CPU twice.
    setenv("POCL_DEVICES", "pthread basic", 1);
    json_t *root = list_devices();
    if (json_array_size(json_object_get(root, "devices")) > 1) {
        const char *a = text_of(device_at(root, 0), "name"),
                   *b = text_of(device_at(root, 1), "name");
        size_t i = strlen(a), k = strlen(b);
        while (i > 0 && k > 0 && a[i - 1] == b[k - 1])
            i--, k--;
        ck_assert_str_ne(a + i, "");
        const struct outcome sample = run("--device", a + i, "sample", "nowhere");
        check_failed(&sample, 1, "ambiguous", a + i, a, b);
    }
    unsetenv("POCL_DEVICES");
    json_decref(root);
}
END_TEST

/* ---- no device ---- */

START_TEST(without_any_driver_packages_are_named)
{
    static const char *const commands[][2] = {
        {"devices", NULL}, {"train", NULL}, {"bench", NULL}, {"sample", "nowhere"}};
    const char *searched = temporary_make_folder("no-drivers");
    setenv("OCL_ICD_VENDORS", searched, 1);
    for (size_t i = 0; i < countof(commands); i++) {
        const struct outcome none = run(commands[i][0], commands[i][1]);
        check_failed(&none, 3, "no OpenCL platform", searched, "pocl-opencl-icd",
                     "intel-opencl-icd");
        ck_assert_str_eq(none.out, "");
    }
    unsetenv("OCL_ICD_VENDORS");
    ck_assert_int_eq(count_files("", ""), 1);
}
END_TEST

START_TEST(without_a_device_every_platform_is_told_about)
{
    static const struct {
        const char *settings, *reason;
    } cases[] = {
        {"devices=1", ") skipped: it has no device; the loader searched"},
        {"devices=5", ") skipped: CL_OUT_OF_RESOURCES; the loader searched"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        program_emulate(cases[i].settings);
        const struct outcome none = run("devices");
        program_emulate(NULL);
        check_failed(&none, 3, "no OpenCL device on any platform: platform 0 (", cases[i].reason,
                     "pocl-opencl-icd");
    }
}
END_TEST

START_TEST(a_loader_that_fails_is_told_from_one_that_finds_nothing)
{
    program_emulate("platforms=6");
    const struct outcome fails = run("devices");
    program_emulate("platforms=1001");
    const struct outcome finds_nothing = run("devices");
    program_emulate(NULL);
    check_failed(&fails, 3, "no OpenCL platform: clGetPlatformIDs failed: CL_OUT_OF_HOST_MEMORY",
                 "; the loader searched ", "pocl-opencl-icd");
    check_failed(&finds_nothing, 3, "no OpenCL platform: the loader searched ");
}
END_TEST

/* Lists devices where pocl can't keep its kernels, so that it gets a folder in "tmp". */
static void list_without_cache(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    char *kept = strdup(cache ? cache : "");
    setenv("TMPDIR", temporary_path("tmp"), 1);
    setenv("XDG_CACHE_HOME", temporary_write("file", "", 0), 1);
    program_keep_kernels("");
    const struct outcome list = run("devices");
    program_keep_kernels(NULL);
    unsetenv("TMPDIR");
    setenv("XDG_CACHE_HOME", kept, 1);
    free(kept);
    check_done(&list);
}

/* pocl has no device where it can't keep its kernels; it gets a folder that is gone at the end. */
START_TEST(a_cache_that_cannot_be_written_hides_no_device)
{
    temporary_make_folder("tmp");
    list_without_cache();
    ck_assert_int_eq(count_files("tmp", ""), 0);
}
END_TEST

/* A folder for kernels with something in it, last changed so long ago. */
static const char *leave_folder(const char *name, time_t seconds)
{
    char file[64];
    const struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
                                      {.tv_sec = time(NULL) - seconds}};
    snprintf(file, sizeof file, "%s/program.bc", name);
    const char *folder = temporary_make_folder(name);
    temporary_write(file, "x", 1);
    ck_assert_int_eq(utimensat(AT_FDCWD, folder, times, 0), 0);
    return folder;
}

START_TEST(what_a_killed_process_left_is_removed)
{
    temporary_make_folder("tmp");
    leave_folder("tmp/wgan-cl-kernels-dead00", 3600);
    leave_folder("tmp/wgan-cl-kernels-young0", 0);
    leave_folder("tmp/others", 3600);
    int alive = open(leave_folder("tmp/wgan-cl-kernels-alive0", 3600), O_RDONLY);
    ck_assert_int_eq(flock(alive, LOCK_EX), 0);
    list_without_cache();
    close(alive);
    ck_assert(!is_there("tmp/wgan-cl-kernels-dead00"));
    ck_assert(is_there("tmp/wgan-cl-kernels-young0/program.bc"));
    ck_assert(is_there("tmp/wgan-cl-kernels-alive0/program.bc"));
    ck_assert(is_there("tmp/others/program.bc"));
}
END_TEST

static bool default_is_pocl(void)
{
    json_t *root = list_devices();
    size_t i = 0;
    while (!json_is_true(json_object_get(device_at(root, i), "is_default")))
        i++;
    bool is = contains(text_of(device_at(root, i), "platform_name"), "Portable Computing Language");
    json_decref(root);
    return is;
}

/* Opens a device with the kernels of pocl in the folder "kernels" and temporary ones in "tmp";
 * there is no room left on the disk of the folder `full`. */
static struct outcome open_without_room(const char *full)
{
    char setting[1100];
    snprintf(setting, sizeof setting, "full=%s", temporary_path(full));
    program_keep_kernels(temporary_make_folder("kernels"));
    setenv("TMPDIR", temporary_make_folder("tmp"), 1);
    program_emulate(setting);
    const struct outcome sample = run("sample", "nowhere");
    program_emulate(NULL);
    unsetenv("TMPDIR");
    program_keep_kernels(NULL);
    return sample;
}

/* Where the disk is full, pocl's compiler would end the process. */
START_TEST(a_cache_on_a_full_disk_gives_way)
{
    const struct outcome sample = open_without_room("kernels");
    ck_assert_int_eq(sample.code, 1);
    ck_assert(contains(sample.err, "nowhere: No such file or directory"));
    ck_assert_int_eq(default_is_pocl(),
                     contains(sample.err, "/kernels has less than 32 MiB free: at every start "
                                          "pocl compiles its kernels, in a temporary folder"));
    ck_assert_int_eq(count_files("kernels", "") + count_files("tmp", ""), 0);
}
END_TEST

/* The superuser may write anywhere, but that does not make a folder there. */
START_TEST(a_cache_where_no_folder_can_be_made_gives_way)
{
    static const char *const places[] = {"/proc/wgan-cl/kernels", "/sys/wgan-cl", "/proc", "/sys"};
    setenv("TMPDIR", temporary_make_folder("tmp"), 1);
    for (size_t i = 0; i < countof(places); i++) {
        char trouble[64];
        program_keep_kernels(places[i]);
        const struct outcome sample = run("sample", "nowhere");
        program_keep_kernels(NULL);
        snprintf(trouble, sizeof trouble, "%s can't be written", places[i]);
        ck_assert(contains(sample.err, "nowhere: No such file or directory"));
        ck_assert_int_eq(default_is_pocl(), contains(sample.err, trouble));
    }
    unsetenv("TMPDIR");
}
END_TEST

START_TEST(without_room_for_kernels_there_is_no_device)
{
    const struct outcome sample = open_without_room("");
    if (default_is_pocl())
        check_failed(&sample, 1,
                     "pocl has no folder for its kernels: ", "/kernels has less than 32 MiB free, ",
                     "/tmp has less than 32 MiB free; set "
                     "POCL_CACHE_DIR to one with ");
    else
        check_opens(&sample);
    ck_assert_int_eq(count_files("tmp", ""), 0);
}
END_TEST

/* ---- kernels from a folder ---- */

START_TEST(kernels_can_be_taken_from_a_folder)
{
    setenv("WGAN_CL_KERNELS", copy_kernels(), 1);
    const char *data = write_images("data", 10, 1);
    const struct outcome train =
        run("train", "--data", data, "--batch", "2", "--steps", "1", "--out", "run");
    check_done(&train);
    unsetenv("WGAN_CL_KERNELS");
}
END_TEST

START_TEST(a_kernel_that_does_not_build_is_shown_with_its_log)
{
    static const char broken[] = "kernel void advance(global uint *n) { n[0] = no_such_thing; }\n";
    json_t *root = list_devices();
    setenv("WGAN_CL_KERNELS", copy_kernels(), 1);
    temporary_write("kernels/advance.cl", broken, sizeof broken - 1);
    const struct outcome train = run("train", "--batch", "2", "--steps", "1", "--out", "run");
    unsetenv("WGAN_CL_KERNELS");
    ck_assert_int_eq(train.code, 1);
    ck_assert(contains(train.err, "advance by ref: kernel program 'advance' failed to build"));
    ck_assert(contains(train.err, text_of(device_at(root, 0), "name")));
    ck_assert(contains(train.err, "-cl-std=CL1.2"));
    ck_assert(contains(train.err, "no_such_thing")); // the compiler's own words
    ck_assert(!is_there("run"));
    json_decref(root);
}
END_TEST

/* pocl gives no log where it can't write its files, sources among them. */
START_TEST(a_limit_of_files_is_named)
{
    static const char *const more[] = {"ulimit -f", "/kernels can grow beyond 4 KiB"};
    program_keep_kernels(temporary_make_folder("kernels"));
    program_limit_files(4096);
    const struct outcome train = run("train", "--batch", "2", "--steps", "1", "--out", "run");
    program_limit_files(0);
    program_keep_kernels(NULL);
    if (default_is_pocl())
        for (size_t i = 0; i < countof(more); i++)
            ck_assert_msg(contains(train.err, more[i]), "said: %s", train.err);
    ck_assert(!is_there("run"));
}
END_TEST

START_TEST(a_folder_without_kernels_is_named)
{
    setenv("WGAN_CL_KERNELS", temporary_path("nowhere"), 1);
    const struct outcome train = run("train", "--batch", "2", "--steps", "1", "--out", "run");
    unsetenv("WGAN_CL_KERNELS");
    check_failed(&train, 1, "nowhere/", ".cl", "WGAN_CL_KERNELS");
    ck_assert(!is_there("run"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        devices_are_listed_for_people,
        devices_are_listed_for_programs,
        a_list_that_cannot_be_printed_is_a_failure,
        a_reader_that_goes_ends_the_list,
        a_device_is_selected_by_number_or_name,
        an_unknown_device_is_told_what_there_is,
        only_the_device_selected_is_listed,
        the_nearest_selector_wins,
        a_name_of_two_devices_is_ambiguous,
        without_any_driver_packages_are_named,
        without_a_device_every_platform_is_told_about,
        a_loader_that_fails_is_told_from_one_that_finds_nothing,
        a_cache_that_cannot_be_written_hides_no_device,
        what_a_killed_process_left_is_removed,
        a_cache_on_a_full_disk_gives_way,
        a_cache_where_no_folder_can_be_made_gives_way,
        without_room_for_kernels_there_is_no_device,
        kernels_can_be_taken_from_a_folder,
        a_kernel_that_does_not_build_is_shown_with_its_log,
        a_limit_of_files_is_named,
        a_folder_without_kernels_is_named,
    };
    return run_tests("devices", tests, countof(tests), false);
}
