/*
 * lint_text.h - the tokens of tollgate.conf's text.
 *
 * Takes libconfuse's lexical rules and refuses where libconfuse would let a
 * mistake pass: an unclosed comment or string, ${NAME} that is not set and
 * has no default, ${} inside ${}, characters that it drops silently. Pure but
 * for getenv(3).
 */
#ifndef TOLLGATE_CONFIG_LINT_TEXT_H
#define TOLLGATE_CONFIG_LINT_TEXT_H

#include "common/base/error.h"

#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,        /* unquoted */
    TOKEN_STRING,      /* quoted either way */
    TOKEN_ENVIRONMENT, /* ${NAME} outside of quotes */
    TOKEN_MARK,        /* one of { } ( ) = , and '+' for += */
};

struct token {
    enum token_kind kind;
    char mark;       /* TOKEN_MARK */
    const char *raw; /* as written, quotes included; borrowed from the text */
    size_t raw_len;
    unsigned line; /* where it begins; after an error, where that is */
};

struct lint_text {
    const char *at, *end;
    unsigned line;
};

/* False: err says what is wrong, without file, line or option. */
bool lint_text_next(struct lint_text *, struct token *token_r, struct error *);

#endif
