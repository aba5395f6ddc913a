/*
 * words.h - the words after a command: options, and the others in their order.
 *
 * An option is "--name", "--name=value" or "--name value", wherever it stands.
 * What begins with "-", is longer than that and is no option of the command is
 * an error, and so is an option given twice; behind "--" nothing is an option.
 */
#ifndef TOLLGATE_CTL_WORDS_H
#define TOLLGATE_CTL_WORDS_H

#include "common/base/error.h"

struct words_option {
    const char *name;  /* "--action"; NULL: the end of the list */
    const char *wants; /* its value, as the error says it; NULL: it has none */
    const char *value; /* once it is read; "" where it has none; NULL: it was
                          not given. Borrowed from argv */
};

struct words {
    int argc; /* what is left; advanced by words_next */
    char **argv;
    struct words_option *options; /* borrowed */
    bool is_ended;                /* "--" was there */
};

/* The next word that is no option, NULL behind the last one. False: err says
 * what is wrong with an option before it. */
bool words_next(struct words *, const char **word_r, struct error *err);

/* Reads all options; moves the other words to the front of argv, and says in
 * *argc how many. */
bool words_take_options(
    struct words_option *options, int *argc, char **argv, struct error *err);

/* For free text, whose first word words_next has found: false if an option, or
 * what was meant for one, is among the words that are left. */
bool words_are_text(const struct words *, struct error *err);

#endif
