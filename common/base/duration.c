/*
 * duration.c - reads and writes durations and rates.
 *
 * Each text is taken apart from left to right by a cursor; whatever is left at
 * the end makes the text wrong. Limits are checked while a number is read, so
 * nothing can overflow.
 */
#include "common/base/duration.h"

#include "common/base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_MS  UINT64_C(1000)
#define MINUTE_MS  (60 * SECOND_MS)
#define HOUR_MS    (60 * MINUTE_MS)
#define DAY_MS     (24 * HOUR_MS)
#define SPAN_MAX   (366 * DAY_MS)
#define COUNT_MAX  UINT64_C(1000000000)
#define KIBI       UINT32_C(1024)
#define NUMBER_MAX (UINT64_C(1) << 62)

struct unit {
    const char *name;
    uint64_t factor;
};

/* Ascending, so that the last one that divides is the shortest form. */
static const struct unit duration_units[] = {
    {"ms", 1},
    {"s", SECOND_MS},
    {"m", MINUTE_MS},
    {"h", HOUR_MS},
    {"d", DAY_MS},
    {NULL, 0},
};

static const struct unit rate_units[] = {
    {"ms", 1},
    {"s", SECOND_MS},
    {"sec", SECOND_MS},
    {"secs", SECOND_MS},
    {"second", SECOND_MS},
    {"seconds", SECOND_MS},
    {"m", MINUTE_MS},
    {"min", MINUTE_MS},
    {"mins", MINUTE_MS},
    {"minute", MINUTE_MS},
    {"minutes", MINUTE_MS},
    {"h", HOUR_MS},
    {"hour", HOUR_MS},
    {"hours", HOUR_MS},
    {"d", DAY_MS},
    {"day", DAY_MS},
    {"days", DAY_MS},
    {NULL, 0},
};

static const struct unit calendar_units[] = {
    [RATE_SPAN] = {"", 0},
    [RATE_DAY] = {"day", DAY_MS},
    [RATE_WEEK] = {"week", 7 * DAY_MS},
    [RATE_MONTH] = {"month", 31 * DAY_MS},
    {NULL, 0},
};

static void skip_spaces(const char **cursor)
{
    *cursor += strspn(*cursor, " \t");
}

static bool find_unit(
    const struct unit *units, const char *name, uint64_t *factor_r)
{
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, name) == 0) {
            *factor_r = units->factor;
            return true;
        }
    }
    return false;
}

static bool multiply(uint64_t a, uint64_t b, uint64_t max, uint64_t *product_r)
{
    if (a > max / b)
        return false;
    *product_r = a * b;
    return true;
}

bool duration_parse(const char *text, uint64_t *ms_r, struct error *err)
{
    const char *cursor = text;
    uint64_t number, factor;
    if (decimal_read(&cursor, NUMBER_MAX, &number) &&
        find_unit(duration_units, cursor, &factor) &&
        multiply(number, factor, SPAN_MAX, ms_r))
        return true;
    return error_set(err,
        "\"%s\" is not a duration; write a whole number and its unit, ms s m h "
        "or d (\"100ms\", \"5s\"), at most 366d",
        text);
}

char *duration_format(uint64_t ms, char text[DURATION_TEXT_SIZE])
{
    const struct unit *best = ms == 0 ? &duration_units[1] : &duration_units[0];
    for (const struct unit *unit = best; unit->name != NULL && ms > 0; unit++)
        if (ms % unit->factor == 0)
            best = unit;
    int len = snprintf(text, DURATION_TEXT_SIZE, "%" PRIu64 "%s",
        ms / best->factor, best->name);
    if (len < 0)
        text[0] = '\0';
    return text;
}

/* A count, or a size; cursor is behind it then. */
static bool read_amount(const char **cursor, struct rate *rate)
{
    uint64_t count, factor = 1;
    if (!decimal_read(cursor, COUNT_MAX, &count) || count == 0)
        return false;
    rate->is_size = **cursor == 'k' || **cursor == 'm';
    if (rate->is_size)
        factor = *(*cursor)++ == 'k' ? KIBI : KIBI * KIBI;
    if (!multiply(count, factor, COUNT_MAX, &count))
        return false;
    rate->count = (uint32_t)count;
    return true;
}

const char *rate_unit_name(enum rate_unit unit)
{
    return unit == RATE_SPAN ? NULL : calendar_units[unit].name;
}

/* A word without a number. */
static bool read_calendar(const char *word, struct rate *rate)
{
    for (unsigned unit = RATE_DAY; unit <= RATE_MONTH; unit++) {
        if (strcmp(calendar_units[unit].name, word) == 0) {
            rate->unit = (enum rate_unit)unit;
            rate->window_ms = calendar_units[unit].factor;
            return true;
        }
    }
    return false;
}

bool rate_parse(const char *text, struct rate *rate_r, struct error *err)
{
    const char *cursor = text;
    uint64_t number = 1, factor = 0;
    bool is_right = read_amount(&cursor, rate_r);
    rate_r->unit = RATE_SPAN;
    skip_spaces(&cursor);
    is_right = is_right && *cursor++ == '/';
    if (is_right) {
        skip_spaces(&cursor);
        if (read_calendar(cursor, rate_r))
            return true;
        if (*cursor >= '0' && *cursor <= '9')
            is_right = decimal_read(&cursor, NUMBER_MAX, &number);
    }
    if (is_right && find_unit(rate_units, cursor, &factor) &&
        multiply(number, factor, SPAN_MAX, &rate_r->window_ms) &&
        rate_r->window_ms > 0)
        return true;
    return error_set(err,
        "\"%s\" is not a rate; write a count of 1 to 1000000000, a slash and a "
        "span of 1ms to 366d (\"100/60s\", \"500/1d\", \"200/hour\"; bytes "
        "also "
        "\"50m/1d\"), or day, week or month",
        text);
}

char *rate_format(const struct rate *rate, char text[RATE_TEXT_SIZE])
{
    char window[DURATION_TEXT_SIZE];
    uint32_t count = rate->count;
    const char *unit = "";
    if (rate->is_size) {
        unit = count % (KIBI * KIBI) == 0 ? "m" : "k";
        count /= *unit == 'm' ? KIBI * KIBI : KIBI;
    }
    int len = snprintf(text, RATE_TEXT_SIZE, "%" PRIu32 "%s/%s", count, unit,
        rate->unit != RATE_SPAN ? rate_unit_name(rate->unit)
                                : duration_format(rate->window_ms, window));
    if (len < 0)
        text[0] = '\0';
    return text;
}
