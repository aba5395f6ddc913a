/*
 * error.h - the text of what went wrong at start-up or reload.
 *
 * A function that can fail for a reason worth telling a person takes a
 * struct error as its last argument and returns false with the text set:
 * what, where, and what would be right. Nobody but main prints it. Errors of
 * single requests do not pass here: they are enums, logged where decided.
 */
#ifndef TOLLGATE_BASE_ERROR_H
#define TOLLGATE_BASE_ERROR_H

#include <stdbool.h>

struct error {
    char text[1024]; /* one line, no newline at the end, never empty if set */
};

/* Always returns false, so that a caller can `return error_set(...)`. */
bool error_set(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts a formatted text before what is already there ("file:3: "). */
bool error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
