#include "program.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <popt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_MAX = 24, VALUE_HELP = OPTIONS_MAX + 1 };

/* ---- values ---- */

static bool wrong_value(const struct option *option, const char *text, const char *expected)
{
    fprintf(stderr, "wgan-cl: --%s '%s': expected %s\n", option->name, text, expected);
    return false;
}

static bool set_int(const struct option *option, const char *text)
{
    char expected[128];
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno || value < option->low || value > option->high) {
        snprintf(expected, sizeof expected, "a whole number from %.0f to %.0f", option->low,
                 option->high);
        return wrong_value(option, text, expected);
    }
    *(int *)option->value = (int)value;
    return true;
}

static bool set_float(const struct option *option, const char *text)
{
    char expected[128];
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value > option->low && value <= option->high) ||
        (float)value <= option->low) {
        snprintf(expected, sizeof expected, "a number above %g, at most %g", option->low,
                 option->high);
        return wrong_value(option, text, expected);
    }
    *(float *)option->value = (float)value;
    return true;
}

static bool set_seed(const struct option *option, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno)
        return wrong_value(option, text, "a whole number from 0 to 18446744073709551615");
    *(uint64_t *)option->value = value;
    return true;
}

static bool set_value(const struct option *option, const char *text)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)option->value = text;
        return *text != '\0' || wrong_value(option, text, "a text that is not empty");
    case OPTION_INT:
        return set_int(option, text);
    case OPTION_FLOAT:
        return set_float(option, text);
    case OPTION_SEED:
        return set_seed(option, text);
    }
    return false;
}

/* ---- help ---- */

static void describe_default(const struct option *option, char *text, size_t size)
{
    text[0] = '\0';
    switch (option->kind) {
    case OPTION_INT:
        snprintf(text, size, " [%d]", *(int *)option->value);
        break;
    case OPTION_FLOAT:
        snprintf(text, size, " [%g]", (double)*(float *)option->value);
        break;
    case OPTION_SEED:
        snprintf(text, size, " [%llu]", (unsigned long long)*(uint64_t *)option->value);
        break;
    default:
        break;
    }
}

static void print_help(const struct command_line *line)
{
    printf("Usage: wgan-cl %s\n\nOptions:\n", line->usage);
    for (const struct option *o = line->options; o->name; o++) {
        char left[64], letter[8] = "", standard[64];
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        describe_default(o, standard, sizeof standard);
        printf("  %-26s %s%s\n", left, o->help, standard);
    }
    printf("  %-26s %s\n", "-h, --help", "this text");
    if (line->text)
        printf("\n%s", line->text);
}

/* ---- parsing ---- */

/* "wgan-cl train --help" for the command line "train ...", "wgan-cl --help" for the program's. */
static void print_hint(const struct command_line *line)
{
    int length = (int)strcspn(line->usage, " ");
    bool has_command = line->usage[0] != '[';
    fprintf(stderr, " (see wgan-cl %.*s%s--help)\n", has_command ? length : 0, line->usage,
            has_command ? " " : "");
}

/* popt's table; every value arrives as text and is checked here. */
static void make_table(const struct command_line *line, struct poptOption *table)
{
    int n = 0;
    for (const struct option *o = line->options; o->name; o++, n++)
        table[n] =
            (struct poptOption){.longName = o->name,
                                .shortName = o->letter,
                                .argInfo = o->kind == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                                .val = n + 1};
    table[n++] = (struct poptOption){
        .longName = "help", .shortName = 'h', .argInfo = POPT_ARG_NONE, .val = VALUE_HELP};
    table[n] = (struct poptOption)POPT_TABLEEND;
}

/* False, with the exit code, where the options end the program. */
static bool parse_options(const struct command_line *line, poptContext context, int *ret_code)
{
    int found;
    *ret_code = EXIT_USAGE;
    while ((found = poptGetNextOpt(context)) > 0) {
        if (found == VALUE_HELP) {
            print_help(line);
            *ret_code = EXIT_OK;
            return false;
        }
        // The copy lives as long as the program: options are read once.
        const char *text = poptGetOptArg(context);
        line->options[found - 1].given = true;
        if (!set_value(&line->options[found - 1], text ? text : ""))
            return false;
    }
    if (found < -1) {
        fprintf(stderr, "wgan-cl: %s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
                found == POPT_ERROR_NOARG ? "a value is missing" : poptStrerror(found));
        print_hint(line);
        return false;
    }
    return true;
}

static bool parse_operands(const struct command_line *line, poptContext context,
                           const char **ret_operands)
{
    int count = 0;
    const char *word;
    while ((word = poptGetArg(context))) {
        if (!*word) {
            fprintf(stderr, "wgan-cl: '': a word that is empty (usage: wgan-cl %s)\n", line->usage);
            return false;
        }
        if (count == line->operands_max) {
            fprintf(stderr, "wgan-cl: '%s': unexpected (usage: wgan-cl %s)\n", word, line->usage);
            return false;
        }
        ret_operands[count++] = strdup(word);
    }
    ret_operands[count] = NULL;
    if (count > 0 || !line->needs)
        return true;
    fprintf(stderr, "wgan-cl: %.*s needs %s (usage: wgan-cl %s)\n", (int)strcspn(line->usage, " "),
            line->usage, line->needs, line->usage);
    return false;
}

bool options_parse(const struct command_line *line, int argc, const char **argv, bool only_leading,
                   const char **ret_operands, int *ret_rest, int *ret_code)
{
    struct poptOption table[OPTIONS_MAX + 2];
    make_table(line, table);
    poptContext context =
        poptGetContext("wgan-cl", argc, argv, table, only_leading ? POPT_CONTEXT_POSIXMEHARDER : 0);
    bool ok = parse_options(line, context, ret_code);
    if (ok && only_leading) {
        int rest = 0;
        for (const char **words = poptGetArgs(context); words && words[rest]; rest++)
            ;
        *ret_rest = argc - rest;
    } else if (ok) {
        ok = parse_operands(line, context, ret_operands);
    }
    poptFreeContext(context);
    return ok;
}
