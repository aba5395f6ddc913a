/*
 * lint_text.c - cuts the text of a configuration file into tokens.
 *
 * Knows characters only, not what may follow what (lint.c does). Stops at the
 * first mistake. The order of the cases follows libconfuse's lexer, so that
 * what passes here means the same there.
 */
#include "common/config/lint_text.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 128

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word_char(char c)
{
    return c != '\0' && strchr(" #\"'\t\n\r={}()+,*", c) == NULL;
}

static char char_at(const struct lint_text *text, size_t offset)
{
    return (size_t)(text->end - text->at) > offset ? text->at[offset] : '\0';
}

static size_t word_len(const struct lint_text *text)
{
    size_t len = 0;
    while (is_word_char(char_at(text, len)))
        len++;
    return len;
}

static void advance(struct lint_text *text, size_t len)
{
    for (const char *end = text->at + len; text->at < end; text->at++)
        if (*text->at == '\n')
            text->line++;
}

static void skip_line(struct lint_text *text)
{
    while (text->at < text->end && *text->at != '\n')
        text->at++;
}

static bool skip_comment(struct lint_text *text, struct error *err)
{
    const char *end =
        memmem(text->at + 2, (size_t)(text->end - text->at) - 2, "*/", 2);
    if (end == NULL)
        return error_set(err, "unclosed comment; it must end in */");
    advance(text, (size_t)(end + 2 - text->at));
    return true;
}

/* libconfuse takes "//x" for a word, and only "// x" for a comment. */
static bool skip_slashes(struct lint_text *text, struct error *err)
{
    size_t slashes = strspn(text->at, "/");
    if (word_len(text) > slashes)
        return error_set(err, "a comment needs a space after //");
    skip_line(text);
    return true;
}

static bool skip_blanks(struct lint_text *text, struct error *err)
{
    for (;;) {
        char c = char_at(text, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            advance(text, 1);
        else if (c == '#')
            skip_line(text);
        else if (c == '/' && char_at(text, 1) == '*') {
            if (!skip_comment(text, err))
                return false;
        } else if (c == '/' && char_at(text, 1) == '/') {
            if (!skip_slashes(text, err))
                return false;
        } else
            return true;
    }
}

/* The length of "${NAME}" or "${NAME:-default}" at offset; 0 for an error. */
static size_t variable_len(
    const struct lint_text *text, size_t offset, struct error *err)
{
    const char *start = text->at + offset + 2;
    const char *close = memchr(start, '}', (size_t)(text->end - start));
    size_t inner = close == NULL ? 0 : (size_t)(close - start);
    size_t name_len = 0;
    while (name_len < inner && (is_letter(start[name_len]) ||
                                   (name_len > 0 && start[name_len] >= '0' &&
                                       start[name_len] <= '9')))
        name_len++;
    bool has_default =
        name_len + 2 <= inner && memcmp(start + name_len, ":-", 2) == 0;
    const char *tail = start + name_len;
    size_t tail_len = inner - name_len;

    if (memmem(tail, tail_len, "${", 2) != NULL) {
        error_set(err, "${} inside ${} is not possible; write ${NAME} or "
                       "${NAME:-default}");
        return 0;
    }
    if (close == NULL || name_len == 0 || name_len > NAME_MAX_LEN ||
        (!has_default && tail_len > 0) ||
        memchr(tail, '\n', tail_len) != NULL ||
        memchr(tail, '"', tail_len) != NULL ||
        memchr(tail, '\\', tail_len) != NULL) {
        error_set(err, "malformed ${}; write ${NAME} or ${NAME:-default}");
        return 0;
    }

    char name[NAME_MAX_LEN + 1];
    memcpy(name, start, name_len);
    name[name_len] = '\0';
    if (!has_default && getenv(name) == NULL) {
        error_set(err,
            "${%s} is not set in the environment; set it or write "
            "${%s:-default}",
            name, name);
        return 0;
    }
    return inner + 3;
}

/* Escapes by number could hide a NUL, and no value may hold control bytes. */
static bool escape_is_good(char quote, char escaped, struct error *err)
{
    if (quote == '"' && ((escaped >= '0' && escaped <= '9') || escaped == 'x'))
        return error_set(err, "escapes by number are not possible; write the "
                              "character itself");
    return true;
}

static size_t string_len(const struct lint_text *text, struct error *err)
{
    char quote = *text->at;
    size_t size = (size_t)(text->end - text->at);
    for (size_t i = 1; i < size; i++) {
        char c = text->at[i];
        if (c == quote)
            return i + 1;
        if (c == '\\') {
            if (!escape_is_good(quote, char_at(text, ++i), err))
                return 0;
        } else if (quote == '"' && c == '$' && char_at(text, i + 1) == '{') {
            size_t len = variable_len(text, i, err);
            if (len == 0)
                return 0;
            i += len - 1;
        }
    }
    error_set(err, "unclosed string; it must end in %c", quote);
    return 0;
}

static size_t checked_word_len(const struct lint_text *text, struct error *err)
{
    size_t len = word_len(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text->at[i];
        if (c < 0x20 || c == 0x7f || strchr("$;\\", (char)c) != NULL) {
            error_set(err,
                c == ';' ? "'%c' ends nothing here: remove it, or put the "
                           "value in double quotes"
                         : "'%c' needs a value in double quotes",
                c < 0x20 || c == 0x7f ? '?' : (char)c);
            return 0;
        }
    }
    if (len == 0)
        error_set(err, "stray '%c'; put the value in double quotes", *text->at);
    return len;
}

static size_t token_len(
    const struct lint_text *text, struct token *token, struct error *err)
{
    char c = *text->at;
    if (strchr("{}()=,", c) != NULL) {
        token->kind = TOKEN_MARK;
        token->mark = c;
        return 1;
    }
    if (c == '+' && char_at(text, 1) == '=') {
        token->kind = TOKEN_MARK;
        token->mark = '+';
        return 2;
    }
    if (c == '"' || c == '\'') {
        token->kind = TOKEN_STRING;
        return string_len(text, err);
    }
    if (c == '$' && char_at(text, 1) == '{') {
        token->kind = TOKEN_ENVIRONMENT;
        return variable_len(text, 0, err);
    }
    token->kind = TOKEN_WORD;
    return checked_word_len(text, err);
}

bool lint_text_next(
    struct lint_text *text, struct token *token, struct error *err)
{
    *token = (struct token){.kind = TOKEN_END, .line = text->line};
    bool is_good = skip_blanks(text, err);
    token->line = text->line;
    token->raw = text->at;
    if (!is_good || text->at == text->end)
        return is_good;
    token->raw_len = token_len(text, token, err);
    advance(text, token->raw_len);
    return token->raw_len > 0;
}
