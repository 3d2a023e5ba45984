/*
 * Command lines: each command is a table of options; parsing, checking and help come from it.
 * The only module that includes popt.
 */
#ifndef WG_PROGRAM_OPTIONS_H
#define WG_PROGRAM_OPTIONS_H

#include <stdbool.h>

enum option_kind {
    OPTION_FLAG,  // bool *
    OPTION_TEXT,  // const char **
    OPTION_INT,   // int *, from low to high
    OPTION_FLOAT, // float *, above low, at most high
    OPTION_SEED,  // uint64_t *
};

struct option {
    const char *name; // without dashes; NULL ends a table
    char letter;      // short form, or 0
    enum option_kind kind;
    void *value;          // where it goes; holds the default before
    const char *argument; // what the value is called in the help, NULL for flags
    const char *help;
    double low, high; // numbers only
    bool given;       // set by the parser
};

struct command_line {
    const char *usage;      // after "Usage: wgan-cl "
    const char *text;       // what --help says below the options
    struct option *options; // --help is added to them
    int operands_max;       // words that are no options
    const char *needs;      // what the first of them is, where it must be given; else NULL
};

/*
 * Parses argv[1 ...]. Operands go to ret_operands[], NULL after the last. False where there is
 * nothing left to do: --help was printed, or a mistake was told in one line on stderr, and
 * *ret_code is the program's exit code. With `only_leading` parsing stops at the first operand,
 * whose index goes to *ret_rest.
 */
bool options_parse(const struct command_line *line, int argc, const char **argv, bool only_leading,
                   const char **ret_operands, int *ret_rest, int *ret_code);

#endif
