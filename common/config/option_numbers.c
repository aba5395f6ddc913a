/*
 * option_numbers.c - options that are numbers of some kind.
 *
 * Reading checks range and form and gives the one canonical text; storing
 * converts that text and therefore cannot fail.
 */
#include "common/config/option_value.h"

#include "common/base/alloc.h"
#include "common/base/duration.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Decimal as people write it: no sign, no leading zero, at most 18 digits. */
static bool number_parse(const char *text, uint64_t *number_r)
{
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 18 || text[len] != '\0' ||
        (text[0] == '0' && len > 1))
        return false;
    *number_r = strtoull(text, NULL, 10);
    return true;
}

static uint64_t number_of(const char *text)
{
    uint64_t number = 0;
    bool is_number = number_parse(text, &number);
    assert(is_number);
    return number;
}

static bool number_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    uint64_t number;
    if (!number_parse(text, &number))
        return error_set(err,
            "\"%s\" is not a whole number; allowed: %s to %s, without sign or "
            "leading zero",
            text, option->min, option->max);
    if (number < number_of(option->min) || number > number_of(option->max))
        return error_set(err, "%s is out of range; allowed: %s to %s", text,
            option->min, option->max);
    *canonical_r = xstrdup(text);
    return true;
}

static void number_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    if (count == 0)
        return;
    uint64_t number = number_of(items[0]);
    if (option->size == sizeof(uint8_t))
        *(uint8_t *)field = (uint8_t)number;
    else
        *(uint32_t *)field = (uint32_t)number;
}

static bool bool_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    bool is_true = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 ||
                   strcmp(text, "on") == 0;
    bool is_false = strcmp(text, "false") == 0 || strcmp(text, "no") == 0 ||
                    strcmp(text, "off") == 0;
    if (!is_true && !is_false)
        return error_set(
            err, "\"%s\" is neither; allowed: true or false", text);
    *canonical_r = xstrdup(is_true ? "true" : "false");
    return true;
}

static void bool_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    *(bool *)field = count > 0 && strcmp(items[0], "true") == 0;
}

static uint64_t duration_of(const char *text)
{
    struct error err;
    uint64_t ms = 0;
    bool is_duration = duration_parse(text, &ms, &err);
    assert(is_duration);
    return ms;
}

static bool duration_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    uint64_t ms;
    if (!duration_parse(text, &ms, err))
        return error_set(err,
            "\"%s\" is not a duration; allowed: %s to %s, a whole number with "
            "ms, s, m, h or d",
            text, option->min, option->max);
    if (ms < duration_of(option->min) || ms > duration_of(option->max))
        return error_set(err, "\"%s\" is out of range; allowed: %s to %s", text,
            option->min, option->max);
    char canonical[DURATION_TEXT_SIZE];
    *canonical_r = xstrdup(duration_format(ms, canonical));
    return true;
}

static void duration_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    *(uint64_t *)field = count == 0 ? 0 : duration_of(items[0]);
}

static bool rate_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    struct rate rate;
    if (!rate_parse(text, &rate, err))
        return false;
    char canonical[RATE_TEXT_SIZE];
    *canonical_r = xstrdup(rate_format(&rate, canonical));
    return true;
}

static void rate_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    struct error err;
    if (count == 0)
        return;
    bool is_rate = rate_parse(items[0], field, &err);
    assert(is_rate);
}

static bool mode_read(const struct option *option, const char *text,
    char **canonical_r, struct error *err)
{
    size_t len = strspn(text, "01234567");
    if (text[len] != '\0' || len < 3 || len > 4 || (len == 4 && *text != '0'))
        return error_set(err,
            "\"%s\" is no mode; allowed: three octal digits, "
            "as in 0660",
            text);
    *canonical_r = xprintf("0%s", text + len - 3);
    return true;
}

static void mode_store(
    const struct option *option, char *const *items, size_t count, void *field)
{
    if (count > 0)
        *(unsigned *)field = (unsigned)strtoul(items[0], NULL, 8);
}

const struct option_value option_number = {number_read, number_store, NULL};
const struct option_value option_bool = {bool_read, bool_store, NULL};
const struct option_value option_duration = {
    duration_read, duration_store, NULL};
const struct option_value option_rate = {rate_read, rate_store, NULL};
const struct option_value option_mode = {mode_read, mode_store, NULL};
