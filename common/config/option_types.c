/*
 * option_types.c - options that are words, texts and lists.
 *
 * Reading checks and gives the one canonical text; storing converts that text
 * and therefore cannot fail. A text is never repeated in an error, because it
 * may be a password. Numbers are in option_numbers.c.
 */
#include "common/config/option_types.h"

#include "common/base/alloc.h"
#include "common/base/cidr.h"
#include "common/config/listen.h"
#include "common/config/option_value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 1024

/* "any, yes or no"; the empty word is written as "". */
static void words_format(const struct option *option, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; option->words[i] != NULL && at < size; i++) {
        const char *word = option->words[i];
        int len = snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
            word[0] == '\0' ? "\"\"" : word);
        at += len > 0 ? (size_t)len : size;
    }
}

bool option_word_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    for (size_t i = 0; option->words[i] != NULL; i++) {
        if (strcmp(option->words[i], text) == 0) {
            *canonical_r = xstrdup(text);
            return true;
        }
    }
    char allowed[256];
    words_format(option, allowed, sizeof allowed);
    return error_set(err, "unknown word \"%s\"; allowed: %s", text, allowed);
}

unsigned option_word_index(const struct option *option, const char *text)
{
    unsigned i = 0;
    while (strcmp(option->words[i], text) != 0)
        i++;
    return i;
}

static void word_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    unsigned word = count == 0 ? 0 : option_word_index(option, items[0]);
    memcpy(field, &word, sizeof word);
}

static bool text_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    if (strlen(text) > TEXT_MAX)
        return error_set(err, "longer than %d bytes", TEXT_MAX);
    for (const char *c = text; *c != '\0'; c++)
        if ((*c > 0 && *c < 0x20) || *c == 0x7f)
            return error_set(err, "holds a control character; allowed: none");
    if (option->check != NULL && !option->check(text, err))
        return false;
    *canonical_r = xstrdup(text);
    return true;
}

static void text_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    *(char **)field = xstrdup(count == 0 ? "" : items[0]);
}

static void text_clear(void *field)
{
    free(*(char **)field);
}

static void texts_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    char **texts = xcalloc(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = xstrdup(items[i]);
    *(char ***)field = texts;
}

static void texts_clear(void *field)
{
    xfree_texts(*(char ***)field);
}

static bool cidr_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    struct cidr cidr;
    if (!cidr_parse(text, &cidr, err))
        return false;
    char canonical[CIDR_TEXT_SIZE];
    *canonical_r = xstrdup(cidr_format(&cidr, canonical));
    return true;
}

static void cidrs_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct error err;
    for (size_t i = 0; i < count; i++) {
        bool is_cidr = cidr_list_add(field, items[i], &err);
        assert(is_cidr);
    }
}

static void cidrs_clear(void *field)
{
    cidr_list_clear(field);
}

static bool listener_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    struct config_listener listener;
    if (!listen_parse(text, &listener, err))
        return false;
    listen_clear(&listener);
    *canonical_r = xstrdup(text);
    return true;
}

static void listeners_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct config_listeners *listeners = field;
    struct error err;
    listeners->items = xcalloc(count + 1, sizeof *listeners->items);
    for (size_t i = 0; i < count; i++) {
        bool is_listener =
            listen_parse(items[i], &listeners->items[listeners->count++], &err);
        assert(is_listener);
    }
}

static void listeners_clear(void *field)
{
    struct config_listeners *listeners = field;
    for (size_t i = 0; i < listeners->count; i++)
        listen_clear(&listeners->items[i]);
    free(listeners->items);
}

static const struct option_value word_value = {
    option_word_read, word_store, NULL};
static const struct option_value text_value = {
    text_read, text_store, text_clear};
static const struct option_value texts_value = {
    text_read, texts_store, texts_clear};
static const struct option_value cidrs_value = {
    cidr_read, cidrs_store, cidrs_clear};
static const struct option_value listeners_value = {
    listener_read, listeners_store, listeners_clear};

static const struct option_value *const values[] = {
    [OPTION_NUMBER] = &option_number,
    [OPTION_BOOL] = &option_bool,
    [OPTION_DURATION] = &option_duration,
    [OPTION_RATE] = &option_rate,
    [OPTION_MODE] = &option_mode,
    [OPTION_WORD] = &word_value,
    [OPTION_TEXT] = &text_value,
    [OPTION_KEY] = &option_key,
    [OPTION_EVENT] = &option_event,
    [OPTION_TEXTS] = &texts_value,
    [OPTION_ARGV] = &texts_value,
    [OPTION_PAIRS] = &option_pairs,
    [OPTION_CIDRS] = &cidrs_value,
    [OPTION_LISTENERS] = &listeners_value,
};

bool option_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    return values[option->type]->read(option, text, canonical_r, err);
}

void option_store(
    const struct option *option, char *const *items, size_t count, void *base)
{
    if (option->size > 0)
        values[option->type]->store(
            option, items, count, (char *)base + option->offset);
}

void option_clear(const struct option *option, void *base)
{
    if (option->size > 0 && values[option->type]->clear != NULL)
        values[option->type]->clear((char *)base + option->offset);
}
