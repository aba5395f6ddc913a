/*
 * conf_lexer.h - the tokens of tollgate.conf's text.
 *
 * Refuses what is likely a mistake: an unclosed comment or string, ${NAME}
 * that is not set and has no default, ${} inside ${}, escapes that would put
 * a control character into a value. Pure but for getenv(3).
 */
#ifndef TOLLGATE_CONFIG_CONF_LEXER_H
#define TOLLGATE_CONFIG_CONF_LEXER_H

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

struct conf_lexer {
    const char *at, *end; /* the rest of the text, which outlives the lexer */
    unsigned line;        /* of `at`, from 1 */
};

/* False: err says what is wrong, without file, line or option. */
bool conf_lexer_next(
    struct conf_lexer *, struct token *token_r, struct error *);

/* The value of a word, a string or a ${NAME}: quotes and escapes decoded,
 * variables replaced. The caller frees. */
char *token_value(const struct token *);

#endif
