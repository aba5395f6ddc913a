/*
 * calendar.c - see calendar.h.
 *
 * The end is searched for by the local date, not computed from an offset: there
 * are midnights that do not happen, and others that happen twice.
 */
#include "common/core/calendar.h"

#include "common/base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_S      86400
#define NAME_SIZE  64
#define WEST_MAX_S (26 * 3600) /* no local midnight is later by UTC's clock */

struct calendar {
    const struct time_zone *zone;
    enum rate_unit unit;
    char stem[NAME_SIZE - 16];
    int64_t since_s; /* the period was computed then */
    struct calendar_period period;
    unsigned current; /* of names: the other one is the period's before */
    char names[2][NAME_SIZE];
};

static int64_t local_day(const struct time_zone *zone, int64_t utc_s)
{
    int64_t local = utc_s + time_zone_offset(zone, utc_s);

    return (local >= 0 ? local : local - (DAY_S - 1)) / DAY_S;
}

/* The first and the last day but one, as numbers of days since 1970. */
static void period_days(
    enum rate_unit unit, int64_t day, int64_t *first_r, int64_t *next_r)
{
    int64_t year, month, of_month;

    civil_from_days(day, &year, &month, &of_month);
    if (unit == RATE_MONTH) {
        *first_r = days_from_civil(year, month, 1);
        *next_r = days_from_civil(year, month + 1, 1);
    } else if (unit == RATE_WEEK) { /* from Monday on */
        *first_r = day - ((day + 3) % 7 + 7) % 7;
        *next_r = *first_r + 7;
    } else {
        *first_r = day;
        *next_r = day + 1;
    }
}

struct calendar_period calendar_period(
    const struct time_zone *zone, enum rate_unit unit, int64_t now_s)
{
    int64_t first, next, year, month, day, from = now_s, to;

    period_days(unit, local_day(zone, now_s), &first, &next);
    to = next * DAY_S + WEST_MAX_S;
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (local_day(zone, middle) >= next)
            to = middle;
        else
            from = middle;
    }
    civil_from_days(first, &year, &month, &day);
    return (struct calendar_period){
        .end_s = to, .id = (uint32_t)(year * 10000 + month * 100 + day)};
}

struct calendar *calendar_new(
    const struct time_zone *zone, enum rate_unit unit, const char *name)
{
    struct calendar *calendar = xcalloc(1, sizeof *calendar);

    calendar->zone = zone;
    calendar->unit = unit;
    (void)snprintf(calendar->stem, sizeof calendar->stem, "%s", name);
    return calendar;
}

void calendar_free(struct calendar **calendar)
{
    free(*calendar);
    *calendar = NULL;
}

/* A clock that has stepped back is asked anew, too. */
static void settle(struct calendar *calendar, int64_t now_s)
{
    uint32_t id = calendar->period.id;

    if (now_s >= calendar->since_s && now_s < calendar->period.end_s)
        return;
    calendar->since_s = now_s;
    calendar->period = calendar_period(calendar->zone, calendar->unit, now_s);
    if (calendar->period.id == id)
        return;
    calendar->current = 1 - calendar->current;
    (void)snprintf(calendar->names[calendar->current], NAME_SIZE,
        "%s@%08" PRIu32, calendar->stem, calendar->period.id);
}

const char *calendar_name(struct calendar *calendar, int64_t now_s)
{
    settle(calendar, now_s);
    return calendar->names[calendar->current];
}

int64_t calendar_left_ms(struct calendar *calendar, int64_t now_ms)
{
    settle(calendar, now_ms / 1000);
    return calendar->period.end_s * 1000 - now_ms;
}

enum rate_unit calendar_unit(const struct calendar *calendar)
{
    return calendar->unit;
}

int32_t calendar_end_offset(struct calendar *calendar, int64_t now_s)
{
    settle(calendar, now_s);
    return time_zone_offset(calendar->zone, calendar->period.end_s);
}
