/* The command line: what help says, what is refused and how. Nothing here opens a device. */
#include "tests/program/programlib.h"

#include <stdio.h>
#include <string.h>

static const char *const train_options[] = {
    "--data",      "--out",    "--steps",        "--batch",        "--lr-generator",
    "--lr-critic", "--clip",   "--critic-steps", "--sample-every", "--checkpoint-every",
    "--seed",      "--resume", "--device",       "--help",
};

/* ---- help ---- */

static void check_help(const struct outcome *help, const char *const *options, size_t count)
{
    check_done(help);
    ck_assert_msg(strncmp(help->out, "Usage: wgan-cl", 14) == 0, "begins: %.40s", help->out);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(contains(help->out, options[i]), "help lacks %s", options[i]);
    // Nobody's terminal should wrap it.
    for (const char *line = help->out; *line; line += strcspn(line, "\n") + 1)
        ck_assert_msg(strcspn(line, "\n") <= 100, "too wide: %.110s", line);
}

START_TEST(the_program_explains_itself)
{
    static const char *const parts[] = {
        "devices",   "train",  "sample",         "bench",           "--device",   "selftest",
        "--version", "--help", "WGAN_CL_DEVICE", "WGAN_CL_KERNELS", "Exit codes",
    };
    const struct outcome help = run("--help"), brief = run("-h");
    check_help(&help, parts, countof(parts));
    ck_assert_str_eq(brief.out, help.out);
}
END_TEST

START_TEST(every_command_explains_itself)
{
    static const char *const devices[] = {"--json", "--device", "--help"};
    static const char *const sample[] = {"--number",  "-n",       "--seed", "--out", "-o",
                                         "--columns", "--device", "--help", "RUN"};
    static const char *const bench[] = {"--steps",   "--batch",   "--critic-steps",
                                        "--widths",  "--profile", "--json",
                                        "--compare", "--device",  "--help"};
    const struct outcome for_devices = run("devices", "--help"), for_train = run("train", "--help"),
                         for_sample = run("sample", "--help"), for_bench = run("bench", "-h");
    check_help(&for_devices, devices, countof(devices));
    check_help(&for_train, train_options, countof(train_options));
    ck_assert(contains(for_train.out, "--force"));
    check_help(&for_sample, sample, countof(sample));
    check_help(&for_bench, bench, countof(bench));
    static const char *const selftest[] = {"--batch", "--quick",  "--untuned",
                                           "--json",  "--device", "--help"};
    const struct outcome for_selftest = run("selftest", "--help");
    check_help(&for_selftest, selftest, countof(selftest));
    static const char *const tune[] = {"--batch", "--seconds", "--device", "--help"};
    const struct outcome for_tune = run("tune", "--help");
    check_help(&for_tune, tune, countof(tune));
}
END_TEST

START_TEST(help_shows_the_defaults)
{
    static const char *const defaults[] = {"[10000]", "[128]",  "[5e-05]", "[0.01]",
                                           "[200]",   "[1000]", "[1]"};
    const struct outcome help = run("train", "--help");
    check_help(&help, defaults, countof(defaults));
}
END_TEST

START_TEST(the_version_is_that_of_the_library)
{
    char expected[64];
    const struct outcome version = run("--version");
    snprintf(expected, sizeof expected, "wgan-cl %s\n", wg_version());
    check_done(&version);
    ck_assert_str_eq(version.out, expected);
}
END_TEST

/* ---- commands ---- */

static const char all_commands[] =
    "devices, train, sample, eval, export, import, bench, selftest, tune";

START_TEST(a_missing_command_is_told_what_there_is)
{
    const struct outcome none = program_run((const char *const[]){NULL});
    check_failed(&none, 2, "no command", all_commands, "--help");
    const struct outcome only_device = run("--device", "0");
    check_failed(&only_device, 2, "no command");
}
END_TEST

START_TEST(an_unknown_command_is_named)
{
    const struct outcome unknown = run("tarin", "--steps", "5");
    check_failed(&unknown, 2, "'tarin'", all_commands);
    const struct outcome empty = run("");
    check_failed(&empty, 2, "''");
}
END_TEST

/* ---- options ---- */

START_TEST(an_unknown_option_is_named)
{
    static const char *const commands[] = {"devices", "train", "sample",   "eval", "export",
                                           "import",  "bench", "selftest", "tune"};
    const struct outcome of_program = run("--colour", "train");
    check_failed(&of_program, 2, "--colour", "unknown option", "wgan-cl --help");
    for (size_t i = 0; i < countof(commands); i++) {
        char hint[64];
        snprintf(hint, sizeof hint, "wgan-cl %s --help", commands[i]);
        const struct outcome named = run(commands[i], "--colour");
        check_failed(&named, 2, "--colour", "unknown option", hint);
        const struct outcome letter = run(commands[i], "-Q");
        check_failed(&letter, 2, "-Q", "unknown option", hint);
    }
    // No guessing: an abbreviation today is another option tomorrow.
    const struct outcome abbreviated = run("train", "--step", "5");
    check_failed(&abbreviated, 2, "--step", "unknown option");
}
END_TEST

START_TEST(a_missing_value_is_noticed)
{
    for (size_t i = 0; i < countof(train_options); i++) {
        if (strcmp(train_options[i], "--help") == 0)
            continue;
        const struct outcome missing = run("train", train_options[i]);
        check_failed(&missing, 2, train_options[i], "a value is missing");
    }
    const struct outcome of_program = run("--device");
    check_failed(&of_program, 2, "--device", "a value is missing");
}
END_TEST

START_TEST(a_flag_takes_no_value)
{
    const struct outcome json = run("devices", "--json=yes");
    check_failed(&json, 2, "--json", "does not take an argument");
}
END_TEST

/* Refused in both ways to write it, with what was wrong and what is right. */
static void check_value(const char *command, const char *option, const char *value,
                        const char *expected)
{
    char joined[128], quoted[128];
    snprintf(joined, sizeof joined, "%s=%s", option, value);
    snprintf(quoted, sizeof quoted, "%s '%s'", option, value);
    const struct outcome apart = run(command, option, value);
    check_failed(&apart, 2, quoted, expected);
    const struct outcome together = run(command, joined);
    check_failed(&together, 2, quoted, expected);
}

START_TEST(whole_numbers_are_checked)
{
    static const struct {
        const char *command, *option, *expected;
        bool takes_zero;
    } options[] = {
        {"train", "--steps", "a whole number from 1 to 1000000000", false},
        {"train", "--batch", "a whole number from 1 to 1000000", false},
        {"train", "--critic-steps", "a whole number from 1 to 1000", false},
        {"train", "--sample-every", "a whole number from 1 to 1000000000", false},
        {"train", "--checkpoint-every", "a whole number from 0 to 1000000000", true},
        {"sample", "--number", "a whole number from 1 to 1000000", false},
        {"sample", "--columns", "a whole number from 0 to 1000", true},
        {"bench", "--steps", "a whole number from 1 to 100000", false},
        {"bench", "--batch", "a whole number from 1 to 1000000", false},
        {"bench", "--critic-steps", "a whole number from 1 to 1000", false},
    };
    static const char *const values[] = {"many", "-1",   "1000000001", "99999999999999999999",
                                         "nan",  "inf",  "1e3",        "5.0",
                                         "5x",   "0x10", "",           "0"};
    for (size_t i = 0; i < countof(options); i++)
        for (size_t v = 0; v < countof(values); v++)
            if (strcmp(values[v], "0") != 0 || !options[i].takes_zero)
                check_value(options[i].command, options[i].option, values[v], options[i].expected);
}
END_TEST

START_TEST(real_numbers_are_checked)
{
    static const char *const options[] = {"--lr-generator", "--lr-critic", "--clip"};
    static const char *const values[] = {"fast", "-0.1", "0",     "1e7",  "1e999", "nan",
                                         "-nan", "inf",  "1e-60", "0,01", "0.01x", ""};
    for (size_t i = 0; i < countof(options); i++)
        for (size_t v = 0; v < countof(values); v++)
            check_value("train", options[i], values[v],
                        i < 2 ? "a number above 0, at most 1" : "a number above 0, at most 1e+06");
}
END_TEST

START_TEST(seeds_are_checked)
{
    static const char *const values[] = {
        "me", "-1", "18446744073709551616", "nan", "inf", "0x10", "1e3", "+1", " 1", "1.5", ""};
    for (size_t v = 0; v < countof(values); v++) {
        const char *expected = "a whole number from 0 to 18446744073709551615";
        check_value("train", "--seed", values[v], expected);
        check_value("sample", "--seed", values[v], expected);
    }
}
END_TEST

START_TEST(texts_are_not_empty)
{
    check_value("train", "--data", "", "not empty");
    check_value("train", "--out", "", "not empty");
    check_value("train", "--resume", "", "not empty");
    check_value("sample", "--out", "", "not empty");
    check_value("devices", "--device", "", "not empty");
}
END_TEST

START_TEST(stray_words_are_named)
{
    const struct outcome devices = run("devices", "all"), train = run("train", "digits"),
                         bench = run("bench", "--steps", "5", "6"),
                         sample = run("sample", "run", "other"),
                         behind = run("train", "--", "--steps");
    check_failed(&devices, 2, "'all'", "wgan-cl devices");
    check_failed(&train, 2, "'digits'", "wgan-cl train");
    check_failed(&bench, 2, "'6'", "wgan-cl bench");
    check_failed(&sample, 2, "'other'", "wgan-cl sample RUN");
    check_failed(&behind, 2, "'--steps'");
}
END_TEST

START_TEST(sample_needs_a_run)
{
    const struct outcome sample = run("sample", "-n", "5");
    check_failed(&sample, 2, "run folder or a checkpoint", "usage: wgan-cl sample");
}
END_TEST

START_TEST(sample_knows_two_kinds_of_files)
{
    static const char *const names[] = {"x.jpg", "x", "folder.png/x"};
    for (size_t i = 0; i < countof(names); i++) {
        const struct outcome sample = run("sample", "run", "--out", names[i]);
        check_failed(&sample, 2, "--out", names[i], "FILE.png or FILE.npy");
    }
}
END_TEST

START_TEST(a_resumed_run_keeps_its_settings)
{
    static const char *const settings[][2] = {
        {"--batch", "4"},  {"--lr-generator", "0.1"}, {"--lr-critic", "0.1"},
        {"--clip", "0.1"}, {"--critic-steps", "2"},   {"--sample-every", "2"},
        {"--seed", "2"},   {"--out", "elsewhere"},    {"--checkpoint-every", "2"},
    };
    for (size_t i = 0; i < countof(settings); i++) {
        const struct outcome train =
            run("train", "--resume", "run", settings[i][0], settings[i][1]);
        check_failed(&train, 2, settings[i][0], "keeps its settings",
                     "--steps, --data, --device and --force");
    }
}
END_TEST

START_TEST(nothing_is_left_behind)
{
    ck_assert_int_eq(count_files("", ""), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_program_explains_itself,
        every_command_explains_itself,
        help_shows_the_defaults,
        the_version_is_that_of_the_library,
        a_missing_command_is_told_what_there_is,
        an_unknown_command_is_named,
        an_unknown_option_is_named,
        a_missing_value_is_noticed,
        a_flag_takes_no_value,
        whole_numbers_are_checked,
        real_numbers_are_checked,
        seeds_are_checked,
        texts_are_not_empty,
        stray_words_are_named,
        sample_needs_a_run,
        sample_knows_two_kinds_of_files,
        a_resumed_run_keeps_its_settings,
        nothing_is_left_behind,
    };
    return run_tests("options", tests, countof(tests), true);
}
