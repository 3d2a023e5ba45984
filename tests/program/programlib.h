/*
 * The program as a user meets it: run in a folder of its own, its output and exit code looked at.
 * WGAN_CL names the program under test. Files are those of tests/data/temporary.h, which is also
 * the program's working folder.
 */
#ifndef TESTS_PROGRAM_PROGRAMLIB_H
#define TESTS_PROGRAM_PROGRAMLIB_H

#include "tests/data/temporary.h"
#include "tests/testlib.h"

#include <stdbool.h>
#include <sys/types.h>

/* What a run of the program left. The texts live until the end of the test. */
struct outcome {
    int code;   // exit code, -1 if a signal ended it
    int signal; // that signal, or 0
    const char *out;
    const char *err;
};

/* run("train", "--steps", "5") waits for the program with these arguments. */
#define run(...) program_run((const char *const[]){__VA_ARGS__, NULL})
struct outcome program_run(const char *const *arguments);

/* The same in two halves, to meddle in between; `text` is awaited on its standard output. */
struct process {
    pid_t id;
    int out, err; // files that take what it prints
};
#define start(...) program_start((const char *const[]){__VA_ARGS__, NULL})
struct process program_start(const char *const *arguments);
void program_await(const struct process *process, const char *text);
struct outcome program_finish(struct process *process);

/* Everything the program shows on a terminal, to be freed; its exit code. */
#define run_on_terminal(ret_code, ...)                                                             \
    program_run_on_terminal((const char *const[]){__VA_ARGS__, NULL}, ret_code)
char *program_run_on_terminal(const char *const *arguments, int *ret_code);

/* From now on, or not any longer, the program begins without standard streams. */
void program_close_streams(bool close);

/* From now on, or not any longer, the reader of the program's standard output has gone. */
void program_lose_reader(bool lose);

/* From now on a terminal has so many columns; 80 at the beginning of each test. */
void program_set_columns(int columns);

/* From now on the program runs in this folder below the temporary one; "" is that one itself. */
void program_enter(const char *folder);

/* From now on, or with 0 no longer, no file the program writes can grow beyond `bytes`. */
void program_limit_files(size_t bytes);

/* From now on, or with NULL no longer, the program meets the device that these settings make of
 * this one (tests/emulate). */
void program_emulate(const char *settings);

/* From now on the program has its cache in this folder, not in the user's; where tests begin that
 * is WGAN_CL_CACHE. pocl keeps its compiled kernels where they are: they cost minutes. */
void program_use_cache(const char *folder);

/* From now on pocl keeps its kernels in this folder, or with NULL where it did before. */
void program_keep_kernels(const char *folder);

/* ---- judgements ---- */

/* It did what it was asked, without a word on standard error. */
void check_done(const struct outcome *outcome);

/* It failed with this exit code and one line on standard error, in which every part stands. */
#define check_failed(outcome, code, ...)                                                           \
    program_check_failed(outcome, code, (const char *const[]){__VA_ARGS__, NULL})
void program_check_failed(const struct outcome *outcome, int code, const char *const *parts);

bool contains(const char *text, const char *part);
int count_of(const char *text, const char *part);

/* ---- files below the temporary folder ---- */

/* The file's bytes with a zero behind the last, to be freed. */
char *read_file(const char *name, size_t *ret_size);
bool same_files(const char *a, const char *b);
bool is_there(const char *name);

/* How many entries the folder has, those below it included, whose names end in `ending`; 0 for a
 * folder that is not there. */
int count_files(const char *folder, const char *ending);

/* An IDX file of so many 28x28 images, each of noise of its own; returns its path. Another seed
 * makes other images. */
const char *write_images(const char *name, size_t count, unsigned seed);

/* Copies the kernels of the source tree into the folder "kernels" and returns its path. */
const char *copy_kernels(void);

/* ---- suites ---- */

/* Each test in a folder of its own, or all in one, in order. */
int run_tests(const char *name, const TTest *const *tests, size_t count, bool in_one_folder);

#define countof(array) (sizeof(array) / sizeof *(array))

#endif
