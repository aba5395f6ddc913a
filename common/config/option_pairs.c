/*
 * option_pairs.c - see option_pairs.h.
 */
#include "common/config/option_pairs.h"

#include "common/base/alloc.h"
#include "common/base/decimal.h"
#include "common/base/duration.h"
#include "common/config/option_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIFE_MIN_MS 1000
#define NUMBER_MIN  2
#define NUMBER_MAX  1000

static size_t name_len(const char *item)
{
    return strcspn(item, "=");
}

static bool is_named(const char *item, const char *name)
{
    size_t len = name_len(item);
    return len == name_len(name) && strncmp(item, name, len) == 0;
}

const char *option_pairs_text(const char *item)
{
    size_t len = name_len(item);
    return item[len] == '=' ? item + len + 1 : NULL;
}

static bool is_number(const char *text, uint64_t *number_r)
{
    return decimal_read(&text, NUMBER_MAX, number_r) && *text == '\0' &&
           *number_r >= NUMBER_MIN;
}

/* Canonical, into value; false: malformed. */
static bool read_value(
    const char *text, const char *kind, char value[DURATION_TEXT_SIZE])
{
    struct error ignored; /* the caller says what is allowed */
    uint64_t number;
    if (strcmp(kind, "NUMBER") == 0) {
        if (!is_number(text, &number))
            return false;
        (void)snprintf(value, DURATION_TEXT_SIZE, "%" PRIu64, number);
        return true;
    }
    if (!duration_parse(text, &number, &ignored) || number < LIFE_MIN_MS)
        return false;
    duration_format(number, value);
    return true;
}

static bool refuse_name(
    const struct option *option, const char *text, struct error *err)
{
    char allowed[96] = "";
    size_t at = 0;
    for (size_t i = 0; option->words[i] != NULL && at < sizeof allowed; i++) {
        const char *word = option->words[i], *kind = option_pairs_text(word);
        int len = snprintf(allowed + at, sizeof allowed - at, "%s%.*s%s%s",
            at > 0 ? ", " : "", (int)name_len(word), word,
            kind != NULL ? " = " : "", kind != NULL ? kind : "");
        at += len > 0 ? (size_t)len : sizeof allowed;
    }
    return error_set(err, "unknown item \"%s\"; allowed: %s", text, allowed);
}

static bool read_pair(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    char value[DURATION_TEXT_SIZE];
    const char *const *word = option->words;
    while (*word != NULL && !is_named(text, *word))
        word++;
    if (*word == NULL)
        return refuse_name(option, text, err);
    const char *kind = option_pairs_text(*word);
    const char *given = option_pairs_text(text);
    int len = (int)name_len(*word);
    if (kind == NULL && given != NULL)
        return error_set(err, "\"%s\" has a value; allowed: %s", text, *word);
    if (kind == NULL) {
        *canonical_r = xstrdup(*word);
        return true;
    }
    if (given == NULL || !read_value(given, kind, value))
        return error_set(err, "\"%s\" is malformed; allowed: %.*s = %s", text,
            len, *word,
            strcmp(kind, "NUMBER") == 0 ? "2 to 1000" : "\"1s\" to \"366d\"");
    *canonical_r = xprintf("%.*s=%s", len, *word, value);
    return true;
}

bool option_pairs_has(char *const *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (is_named(items[i], name))
            return true;
    return false;
}

uint64_t option_pairs_value(char *const *items, size_t count, const char *name)
{
    struct error ignored; /* it was read before */
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        if (is_named(items[i], name) &&
            !is_number(option_pairs_text(items[i]), &value))
            (void)duration_parse(option_pairs_text(items[i]), &value, &ignored);
    return value;
}

const char *option_pairs_double(char *const *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (option_pairs_has(items, i, items[i]))
            return items[i];
    return NULL;
}

/* They are read where the limits are built. */
static void store_nothing(
    const struct option *option, char *const *items, size_t count, void *field)
{
}

const struct option_value option_pairs = {read_pair, store_nothing, NULL};
