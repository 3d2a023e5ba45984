#include "tests/program/programlib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 40, TEXTS_MAX = 512, PATH_SIZE = 1024 };

/* A cold kernel cache takes some 30 s; nothing takes longer than this. */
enum { SECONDS_MAX = 240 };

static char working_folder[256];
static size_t file_limit;
static bool streams_closed;
static bool reader_gone;
static int columns;
static char *texts[TEXTS_MAX]; // of all outcomes of a test
static int text_count;

/* ---- running ---- */

void program_enter(const char *folder)
{
    ck_assert_uint_lt(strlen(folder), sizeof working_folder);
    strcpy(working_folder, folder);
}

void program_limit_files(size_t bytes)
{
    file_limit = bytes;
}

void program_close_streams(bool close)
{
    streams_closed = close;
}

void program_lose_reader(bool lose)
{
    reader_gone = lose;
}

void program_set_columns(int count)
{
    columns = count;
}

void program_emulate(const char *settings)
{
    unsetenv("LD_PRELOAD");
    unsetenv("EMULATE");
    if (settings) {
        setenv("LD_PRELOAD", getenv("WG_EMULATE"), 1);
        setenv("EMULATE", settings, 1);
    }
}

void program_use_cache(const char *folder)
{
    char path[1024];
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache)
        snprintf(path, sizeof path, "%s/pocl/kcache", cache);
    else
        snprintf(path, sizeof path, "%s/.cache/pocl/kcache", home ? home : "");
    setenv("POCL_CACHE_DIR", path, 0); // keeps what is set
    setenv("XDG_CACHE_HOME", folder, 1);
}

void program_keep_kernels(const char *folder)
{
    static char *before;
    if (folder) {
        const char *now = getenv("POCL_CACHE_DIR");
        before = strdup(now ? now : "");
        setenv("POCL_CACHE_DIR", folder, 1);
        return;
    }
    setenv("POCL_CACHE_DIR", before, 1);
    free(before);
}

/* In the child: standard output is a pipe that nobody reads. */
static void lose_reader(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        _exit(127);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    signal(SIGPIPE, SIG_DFL);
}

/* In the child: becomes the program, or exits with 127. Nothing here may be Check's, which would
 * write to the parent's record. */
static void become(const char *folder, const char *const *arguments)
{
    const char *program = getenv("WGAN_CL");
    char *argv[ARGUMENTS_MAX + 2] = {(char *)"wgan-cl"};
    for (int i = 0; arguments[i] && i < ARGUMENTS_MAX; i++)
        argv[i + 1] = (char *)arguments[i];
    struct rlimit limit;
    if (file_limit > 0 && getrlimit(RLIMIT_FSIZE, &limit) == 0) {
        limit.rlim_cur = file_limit;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    for (int stream = STDIN_FILENO; streams_closed && stream <= STDERR_FILENO; stream++)
        close(stream);
    if (reader_gone)
        lose_reader();
    alarm(SECONDS_MAX); // survives the exec: what hangs is killed
    if (program && chdir(folder) == 0)
        execv(program, argv);
    _exit(127);
}

/* A file without a name for what the program prints. */
static int open_capture(void)
{
    char path[] = "/tmp/wgan-cl-output-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    unlink(path);
    return file;
}

struct process program_start(const char *const *arguments)
{
    ck_assert_msg(getenv("WGAN_CL") != NULL, "WGAN_CL should name the program under test");
    const char *folder = temporary_path(working_folder);
    struct process process = {.out = open_capture(), .err = open_capture()};
    fflush(NULL);
    process.id = fork();
    ck_assert_int_ge(process.id, 0);
    if (process.id == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, STDIN_FILENO);
        dup2(process.out, STDOUT_FILENO);
        dup2(process.err, STDERR_FILENO);
        become(folder, arguments);
    }
    return process;
}

/* What a capture holds so far, kept until the end of the test. */
static const char *captured(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    ck_assert_int_ge(size, 0);
    char *text = malloc((size_t)size + 1);
    ck_assert(text && text_count < TEXTS_MAX);
    texts[text_count++] = text;
    ck_assert_int_eq(pread(file, text, (size_t)size, 0), size);
    text[size] = '\0';
    return text;
}

void program_await(const struct process *process, const char *text)
{
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    for (int i = 0; i < SECONDS_MAX * 50; i++) {
        bool found = contains(captured(process->out), text);
        free(texts[--text_count]);
        if (found)
            return;
        nanosleep(&pause, NULL);
    }
    kill(process->id, SIGKILL);
    ck_abort_msg("'%s' was never printed", text);
}

struct outcome program_finish(struct process *process)
{
    int status;
    while (waitpid(process->id, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    struct outcome outcome = {
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .out = captured(process->out),
        .err = captured(process->err),
    };
    close(process->out);
    close(process->err);
    return outcome;
}

struct outcome program_run(const char *const *arguments)
{
    struct process process = program_start(arguments);
    return program_finish(&process);
}

/* Reads the terminal until the program has let go of it. */
static char *read_terminal(int terminal)
{
    size_t size = 0, capacity = 4096;
    char *text = malloc(capacity + 1);
    ck_assert_ptr_nonnull(text);
    for (ssize_t got; (got = read(terminal, text + size, capacity - size)) > 0;) {
        size += (size_t)got;
        if (size == capacity) {
            capacity *= 2;
            text = realloc(text, capacity + 1);
            ck_assert_ptr_nonnull(text);
        }
    }
    text[size] = '\0';
    return text;
}

char *program_run_on_terminal(const char *const *arguments, int *ret_code)
{
    const char *folder = temporary_path(working_folder);
    int status, terminal = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert_int_ge(terminal, 0);
    ck_assert_int_eq(grantpt(terminal), 0);
    ck_assert_int_eq(unlockpt(terminal), 0);
    fflush(NULL);
    pid_t id = fork();
    ck_assert_int_ge(id, 0);
    if (id == 0) {
        const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
        setsid();
        int user = open(ptsname(terminal), O_RDWR);
        ioctl(user, TIOCSWINSZ, &size);
        for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
            dup2(user, file);
        close(user);
        close(terminal);
        become(folder, arguments);
    }
    char *text = read_terminal(terminal);
    ck_assert_int_eq(waitpid(id, &status, 0), id);
    close(terminal);
    *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return text;
}

/* ---- judgements ---- */

bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

void check_done(const struct outcome *outcome)
{
    ck_assert_msg(outcome->code == 0 && !*outcome->err, "exit code %d, signal %d, said: %s",
                  outcome->code, outcome->signal, outcome->err);
}

void program_check_failed(const struct outcome *outcome, int code, const char *const *parts)
{
    const char *err = outcome->err;
    ck_assert_msg(outcome->code == code, "exit code %d, signal %d, expected %d, said: %s",
                  outcome->code, outcome->signal, code, err);
    ck_assert_msg(strncmp(err, "wgan-cl: ", 9) == 0, "does not say who speaks: %s", err);
    ck_assert_msg(count_of(err, "\n") == 1 && err[strlen(err) - 1] == '\n', "not one line: %s",
                  err);
    for (; *parts; parts++)
        ck_assert_msg(contains(err, *parts), "'%s' is not in: %s", *parts, err);
}

/* ---- files ---- */

char *read_file(const char *name, size_t *ret_size)
{
    FILE *file = fopen(temporary_path(name), "rb");
    ck_assert_msg(file != NULL, "%s is missing", name);
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    ck_assert_int_ge(size, 0);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_eq(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    bytes[size] = '\0';
    if (ret_size)
        *ret_size = (size_t)size;
    return bytes;
}

bool same_files(const char *a, const char *b)
{
    size_t a_size, b_size;
    char *a_bytes = read_file(a, &a_size), *b_bytes = read_file(b, &b_size);
    bool same = a_size == b_size && memcmp(a_bytes, b_bytes, a_size) == 0;
    free(a_bytes);
    free(b_bytes);
    return same;
}

bool is_there(const char *name)
{
    return access(temporary_path(name), F_OK) == 0;
}

int count_files(const char *folder, const char *ending)
{
    int count = 0;
    DIR *entries = opendir(temporary_path(folder));
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        size_t length = strlen(entry->d_name), n = strlen(ending);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char inner[PATH_SIZE];
        snprintf(inner, sizeof inner, "%s/%s", folder, entry->d_name);
        count += length >= n && strcmp(entry->d_name + length - n, ending) == 0;
        count += count_files(inner, ending);
    }
    if (entries)
        closedir(entries);
    return count;
}

const char *write_images(const char *name, size_t count, unsigned seed)
{
    enum { HEADER = 16, PIXELS = 28 * 28 };
    const uint8_t header[HEADER] = {0, 0,  8, 3, 0, 0, (uint8_t)(count >> 8), (uint8_t)count, 0, 0,
                                    0, 28, 0, 0, 0, 28};
    size_t size = HEADER + count * PIXELS;
    uint8_t *bytes = malloc(size);
    float *noise = malloc(count * PIXELS * sizeof *noise);
    ck_assert(bytes && noise);
    memcpy(bytes, header, HEADER);
    test_fill(noise, count * PIXELS, seed);
    for (size_t i = 0; i < count * PIXELS; i++)
        bytes[HEADER + i] = (uint8_t)(127.5f * (noise[i] + 1.0f));
    const char *path = temporary_write(name, bytes, size);
    free(noise);
    free(bytes);
    return path;
}

const char *copy_kernels(void)
{
    static char path[512];
    const char *source = getenv("WGAN_CL_SOURCES");
    ck_assert_msg(source != NULL, "WGAN_CL_SOURCES should name the folder of the kernels");
    snprintf(path, sizeof path, "%s", temporary_make_folder("kernels"));
    DIR *folder = opendir(source);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char from[1024], to[300], text[65536];
        if (!strstr(entry->d_name, ".cl"))
            continue;
        snprintf(from, sizeof from, "%s/%s", source, entry->d_name);
        snprintf(to, sizeof to, "kernels/%s", entry->d_name);
        FILE *file = fopen(from, "rb");
        ck_assert_ptr_nonnull(file);
        size_t size = fread(text, 1, sizeof text, file);
        fclose(file);
        ck_assert_uint_lt(size, sizeof text);
        temporary_write(to, text, size);
    }
    closedir(folder);
    return path;
}

/* ---- suites ---- */

static void begin(void)
{
    program_enter("");
    program_limit_files(0);
    program_close_streams(false);
    program_lose_reader(false);
    program_set_columns(80);
}

static void end(void)
{
    while (text_count > 0)
        free(texts[--text_count]);
}

int run_tests(const char *name, const TTest *const *tests, size_t count, bool in_one_folder)
{
    TCase *tcase = tcase_create(name);
    program_use_cache(getenv("WGAN_CL_CACHE"));
    if (in_one_folder)
        tcase_add_unchecked_fixture(tcase, temporary_create, temporary_remove);
    else
        tcase_add_checked_fixture(tcase, temporary_create, temporary_remove);
    tcase_add_checked_fixture(tcase, begin, end);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
