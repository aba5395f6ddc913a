/*
 * setup_ask.c - the questions of setup to a person.
 *
 * Everything goes to standard error: standard output is for the file alone. A
 * wrong answer is asked for again, with the sentence that says what is right.
 */
#include "ctl/setup.h"

#include <stdio.h>
#include <string.h>

#define LINE_SIZE 4096

/* Without blanks around it. False: there are no more. */
static bool read_line(char line[LINE_SIZE])
{
    static const char blanks[] = " \t\r\n";

    if (fgets(line, LINE_SIZE, stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    size_t before = strspn(line, blanks);
    memmove(line, line + before, strlen(line + before) + 1);
    size_t len = strlen(line);
    while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
        line[--len] = '\0';
    return true;
}

static bool take(struct setup *setup, const struct setup_answer *row,
    const char *line, struct error *err)
{
    if (*line == '\0' && row->usual == NULL)
        return error_set(err, "there has to be an answer");
    return row->set(setup, *line == '\0' ? row->usual(setup) : line, err) &&
           (row->check == NULL || row->check(setup, err));
}

static bool ask(
    struct setup *setup, const struct setup_answer *row, struct error *err)
{
    char line[LINE_SIZE];
    const char *usual = row->usual != NULL ? row->usual(setup) : "";
    bool is_right = false;

    while (!is_right) {
        fprintf(stderr, "%s%s%s%s\n> ", row->question,
            *usual != '\0' ? " [" : "", usual, *usual != '\0' ? "]" : "");
        if (!read_line(line))
            return error_set(err, "nothing is written");
        is_right = take(setup, row, line, err);
        if (!is_right)
            fprintf(stderr, "%s\n", err->text);
    }
    explicit_bzero(line, sizeof line); /* a password perhaps */
    return true;
}

bool setup_ask(
    struct setup *setup, const bool is_given[SETUP_ANSWERS], struct error *err)
{
    for (size_t i = 0; i < SETUP_ANSWERS; i++)
        if (!is_given[i] && !ask(setup, &setup_answers[i], err))
            return false;
    return true;
}

bool setup_confirm(const struct setup *setup)
{
    char line[LINE_SIZE];

    for (;;) {
        fprintf(stderr, "Write it to %s? [y/n]\n> ", setup->output);
        if (!read_line(line))
            return false;
        if (strcmp(line, "y") == 0 || strcmp(line, "yes") == 0)
            return true;
        if (strcmp(line, "n") == 0 || strcmp(line, "no") == 0)
            return false;
        fputs("Answer y or n.\n", stderr);
    }
}
