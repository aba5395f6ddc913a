/*
 * mailbox.c - see mailbox.h.
 *
 * Nearly every address is written in the plain way, so one pass that finds
 * nothing to do is all that most of them cost. The others are read byte by
 * byte, with no tree of tokens: what Postfix makes of a comment inside of a
 * domain, for one, is what is left when the comment is gone.
 */
#include "common/core/mailbox.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bytes that mean more than themselves, outside of quotes. */
static const bool is_special[256] = {['"'] = true,
    ['('] = true,
    [')'] = true,
    ['\\'] = true,
    ['<'] = true,
    ['>'] = true,
    [','] = true,
    ['%'] = true,
    ['!'] = true,
    [' '] = true,
    ['\t'] = true,
    ['\r'] = true,
    ['\n'] = true};

/* A route begins with an @. */
static bool is_plain(const char *text, const char *delimiters)
{
    const char *end = text;

    if (*text == '@')
        return false;
    while (*end != '\0' && !is_special[(unsigned char)*end])
        end++;
    return *end == '\0' && (end == text || end[-1] != '.') &&
           (delimiters == NULL || *delimiters == '\0' ||
               strpbrk(text, delimiters) == NULL);
}

struct reader {
    char *out;
    size_t len; /* below MAILBOX_SIZE */
    size_t at;  /* of the last @ that is no text, or NO_AT */
};

#define NO_AT ((size_t)-1)

static void put(struct reader *reader, char c)
{
    if (reader->len < MAILBOX_SIZE - 1)
        reader->out[reader->len++] = c;
}

static void begin_again(struct reader *reader)
{
    reader->len = 0;
    reader->at = NO_AT;
}

/* Behind a comment; text is at its parenthesis. */
static const char *skip_comment(const char *text)
{
    unsigned depth = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++;
        else if (*text == '(')
            depth++;
        else if (*text == ')' && --depth == 0)
            return text + 1;
    }
    return text;
}

/* Up to the end mark, without the marks; a backslash takes the next byte. */
static const char *read_until(
    struct reader *reader, const char *text, char mark, bool keeps_marks)
{
    if (keeps_marks)
        put(reader, *text);
    for (text++; *text != '\0' && *text != mark; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++;
        put(reader, *text);
    }
    if (*text == '\0')
        return text;
    if (keeps_marks)
        put(reader, mark);
    return text + 1;
}

static const char *read_plain(struct reader *reader, const char *text)
{
    switch (*text) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ')':
    case ',':
        break;
    case '<': /* what came before was a name for people */
        begin_again(reader);
        break;
    case '>':
        return text + strlen(text);
    case ':': /* the end of a source route */
        if (reader->len > 0 && reader->out[0] == '@')
            begin_again(reader);
        else
            put(reader, ':');
        break;
    case '@':
        reader->at = reader->len;
        put(reader, '@');
        break;
    default:
        put(reader, *text);
    }
    return text + 1;
}

static void read_mailbox(struct reader *reader, const char *text)
{
    while (*text != '\0') {
        if (*text == '(')
            text = skip_comment(text);
        else if (*text == '"')
            text = read_until(reader, text, '"', false);
        else if (*text == '[')
            text = read_until(reader, text, ']', true);
        else if (*text == '\\' && text[1] != '\0') {
            put(reader, text[1]);
            text += 2;
        } else {
            text = read_plain(reader, text);
        }
    }
    reader->out[reader->len] = '\0';
}

static void drop_dots(struct reader *reader)
{
    while (reader->len > 0 && reader->out[reader->len - 1] == '.')
        reader->len--;
    if (reader->at != NO_AT && reader->len == reader->at + 1) {
        reader->len = reader->at;
        reader->at = NO_AT;
    }
    reader->out[reader->len] = '\0';
}

/* "domain!user" becomes "user@domain". */
static void swap_bang(struct reader *reader)
{
    char domain[MAILBOX_SIZE];
    const char *bang = memchr(reader->out, '!', reader->len);

    if (reader->at != NO_AT || bang == NULL || bang == reader->out)
        return;
    size_t len = (size_t)(bang - reader->out);
    size_t user = reader->len - len - 1;
    memcpy(domain, reader->out, len);
    memmove(reader->out, bang + 1, user);
    reader->out[user] = '@';
    memcpy(reader->out + user + 1, domain, len);
    reader->at = user;
}

static bool percent_is_at(const struct reader *reader, size_t percent)
{
    return reader->at == NO_AT ||
           strncasecmp(reader->out + percent + 1, reader->out + reader->at + 1,
               reader->at - percent - 1) == 0;
}

/* "user%domain", alone or with the same domain once more. */
static void take_percent(struct reader *reader)
{
    for (;;) {
        size_t end = reader->at == NO_AT ? reader->len : reader->at;
        size_t at = end;
        while (at > 0 && reader->out[at - 1] != '%')
            at--;
        if (at <= 1 || at == end || !percent_is_at(reader, at - 1) ||
            (reader->at != NO_AT && end - at != reader->len - reader->at - 1))
            return;
        reader->at = at - 1;
        reader->len = end;
        reader->out[at - 1] = '@';
        reader->out[end] = '\0';
    }
}

static bool is_undivided(const char *local, size_t len, const char *delimiters)
{
    static const char *const names[] = {
        "postmaster", "mailer-daemon", "double-bounce"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == len && strncasecmp(local, names[i], len) == 0)
            return true;
    return strchr(delimiters, '-') != NULL &&
           (strncasecmp(local, "owner-", 6) == 0 ||
               (len > 8 && strncasecmp(local + len - 8, "-request", 8) == 0));
}

static void drop_extension(struct reader *reader, const char *delimiters)
{
    size_t end = reader->at == NO_AT ? reader->len : reader->at;

    if (delimiters == NULL || *delimiters == '\0' ||
        is_undivided(reader->out, end, delimiters))
        return;
    size_t len = strcspn(reader->out, delimiters);
    if (len == 0 || len >= end)
        return;
    memmove(reader->out + len, reader->out + end, reader->len - end + 1);
    reader->len -= end - len;
    reader->at = reader->at == NO_AT ? NO_AT : len;
}

const char *mailbox_canonical(
    const char *text, const char *delimiters, char out[MAILBOX_SIZE])
{
    struct reader reader = {.out = out, .at = NO_AT};

    if (is_plain(text, delimiters))
        return text;
    read_mailbox(&reader, text);
    drop_dots(&reader);
    swap_bang(&reader);
    take_percent(&reader);
    drop_extension(&reader, delimiters);
    return out;
}

const char *mailbox_without_dot(const char *text, char out[MAILBOX_SIZE])
{
    size_t len = strlen(text);

    if (len == 0 || text[len - 1] != '.')
        return text;
    while (len > 0 && text[len - 1] == '.')
        len--;
    if (len == 0 || len >= MAILBOX_SIZE)
        return text;
    memcpy(out, text, len);
    out[len] = '\0';
    return out;
}
