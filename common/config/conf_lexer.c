/*
 * conf_lexer.c - cuts the text of a configuration file into tokens.
 *
 * Knows characters only, not what may follow what (conf_parser.c does). Stops
 * at the first mistake. A token that was cut is well-formed, so that decoding
 * it cannot fail.
 */
#include "common/config/conf_lexer.h"

#include <stdio.h>
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

static char char_at(const struct conf_lexer *lexer, size_t offset)
{
    return (size_t)(lexer->end - lexer->at) > offset ? lexer->at[offset] : '\0';
}

static size_t word_len(const struct conf_lexer *lexer)
{
    size_t len = 0;
    while (is_word_char(char_at(lexer, len)))
        len++;
    return len;
}

static void advance(struct conf_lexer *lexer, size_t len)
{
    for (const char *end = lexer->at + len; lexer->at < end; lexer->at++)
        if (*lexer->at == '\n')
            lexer->line++;
}

static void skip_line(struct conf_lexer *lexer)
{
    while (lexer->at < lexer->end && *lexer->at != '\n')
        lexer->at++;
}

static bool skip_comment(struct conf_lexer *lexer, struct error *err)
{
    const char *end =
        memmem(lexer->at + 2, (size_t)(lexer->end - lexer->at) - 2, "*/", 2);
    if (end == NULL)
        return error_set(err, "unclosed comment; it must end in */");
    advance(lexer, (size_t)(end + 2 - lexer->at));
    return true;
}

/* "//x" could as well be the beginning of a value. */
static bool skip_slashes(struct conf_lexer *lexer, struct error *err)
{
    size_t slashes = strspn(lexer->at, "/");
    if (word_len(lexer) > slashes)
        return error_set(err, "a comment needs a space after //");
    skip_line(lexer);
    return true;
}

static bool skip_blanks(struct conf_lexer *lexer, struct error *err)
{
    for (;;) {
        char c = char_at(lexer, 0);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            advance(lexer, 1);
        else if (c == '#')
            skip_line(lexer);
        else if (c == '/' && char_at(lexer, 1) == '*') {
            if (!skip_comment(lexer, err))
                return false;
        } else if (c == '/' && char_at(lexer, 1) == '/') {
            if (!skip_slashes(lexer, err))
                return false;
        } else
            return true;
    }
}

/* The length of "${NAME}" or "${NAME:-default}" at offset; 0 for an error. */
static size_t variable_len(
    const struct conf_lexer *lexer, size_t offset, struct error *err)
{
    const char *start = lexer->at + offset + 2;
    const char *close = memchr(start, '}', (size_t)(lexer->end - start));
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
    if (quote == '\'' || escaped == '\0' ||
        strchr("0123456789abefnrtvx", escaped) == NULL)
        return true;
    return error_set(err,
        "\\%c is not possible: a value holds no control "
        "characters; write \\\\ for a backslash",
        escaped);
}

static size_t string_len(const struct conf_lexer *lexer, struct error *err)
{
    char quote = *lexer->at;
    size_t size = (size_t)(lexer->end - lexer->at);
    for (size_t i = 1; i < size; i++) {
        char c = lexer->at[i];
        if (c == quote)
            return i + 1;
        if (c == '\\') {
            if (!escape_is_good(quote, char_at(lexer, ++i), err))
                return 0;
        } else if (quote == '"' && c == '$' && char_at(lexer, i + 1) == '{') {
            size_t len = variable_len(lexer, i, err);
            if (len == 0)
                return 0;
            i += len - 1;
        }
    }
    error_set(err, "unclosed string; it must end in %c", quote);
    return 0;
}

static size_t checked_word_len(
    const struct conf_lexer *lexer, struct error *err)
{
    size_t len = word_len(lexer);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)lexer->at[i];
        if (c < 0x20 || c == 0x7f || strchr("$;\\", (char)c) != NULL) {
            error_set(err,
                c == ';' ? "'%c' ends nothing here: remove it, or put the "
                           "value in double quotes"
                         : "'%c' needs a value in double quotes",
                c < 0x20 || c == 0x7f ? '?' : (char)c);
            return 0;
        }
    }
    char next = char_at(lexer, len);
    bool is_stray =
        next == '*' || (next == '+' && char_at(lexer, len + 1) != '=');
    if (len > 0 && !is_stray)
        return len;
    error_set(err, "stray '%c'; put the value in double quotes", next);
    return 0;
}

static size_t token_len(
    const struct conf_lexer *lexer, struct token *token, struct error *err)
{
    char c = *lexer->at;
    if (strchr("{}()=,", c) != NULL) {
        token->kind = TOKEN_MARK;
        token->mark = c;
        return 1;
    }
    if (c == '+' && char_at(lexer, 1) == '=') {
        token->kind = TOKEN_MARK;
        token->mark = '+';
        return 2;
    }
    if (c == '"' || c == '\'') {
        token->kind = TOKEN_STRING;
        return string_len(lexer, err);
    }
    if (c == '$' && char_at(lexer, 1) == '{') {
        token->kind = TOKEN_ENVIRONMENT;
        return variable_len(lexer, 0, err);
    }
    token->kind = TOKEN_WORD;
    return checked_word_len(lexer, err);
}

bool conf_lexer_next(
    struct conf_lexer *lexer, struct token *token, struct error *err)
{
    *token = (struct token){.kind = TOKEN_END, .line = lexer->line};
    bool is_good = skip_blanks(lexer, err);
    token->line = lexer->line;
    token->raw = lexer->at;
    if (!is_good || lexer->at == lexer->end)
        return is_good;
    token->raw_len = token_len(lexer, token, err);
    advance(lexer, token->raw_len);
    return token->raw_len > 0;
}

/* A variable begins here: its value goes to out, its length is returned. */
static size_t variable_put(const char *at, FILE *out)
{
    size_t len = strcspn(at, "}") + 1, name_len = strcspn(at, ":}") - 2;
    char name[NAME_MAX_LEN + 1];
    memcpy(name, at + 2, name_len);
    name[name_len] = '\0';
    const char *value = getenv(name);
    if (value != NULL)
        fputs(value, out);
    else /* after :- */
        fwrite(at + 2 + name_len + 2, 1, len - name_len - 5, out);
    return len;
}

/* In single quotes a backslash stands for itself before all but these. */
static size_t escape_put(char quote, const char *at, FILE *out)
{
    if (at[1] == '\n') /* the line goes on */
        return 2;
    if (quote == '\'' && at[1] != '\'' && at[1] != '\\')
        fputc(at[0], out);
    fputc(at[1], out);
    return 2;
}

static void string_put(const char *at, const char *end, FILE *out)
{
    char quote = *at++;
    while (at < end - 1) {
        if (*at == '\\')
            at += escape_put(quote, at, out);
        else if (quote == '"' && at[0] == '$' && at[1] == '{')
            at += variable_put(at, out);
        else
            fputc(*at++, out);
    }
}

char *token_value(const struct token *token)
{
    char *value = NULL;
    size_t len;
    FILE *out = open_memstream(&value, &len);
    if (out == NULL)
        abort();
    if (token->kind == TOKEN_STRING)
        string_put(token->raw, token->raw + token->raw_len, out);
    else if (token->kind == TOKEN_ENVIRONMENT)
        (void)variable_put(token->raw, out);
    else
        fwrite(token->raw, 1, token->raw_len, out);
    if (fclose(out) != 0)
        abort();
    return value;
}
