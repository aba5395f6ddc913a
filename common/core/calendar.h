/*
 * calendar.h - a rate by the day, the week or the month of a time zone.
 *
 * A counter of each period has a name of its own, so a new period begins at
 * zero, on each store, at the local midnight of this host's clock. A period is
 * as long as it is: days of 23 and 25 hours, months of 28 to 31 days.
 */
#ifndef TOLLGATE_CORE_CALENDAR_H
#define TOLLGATE_CORE_CALENDAR_H

#include "common/base/duration.h"
#include "common/base/time_zone.h"

/* What a counter in the store has beside the unit's usual length: no period is
 * longer than both. */
#define CALENDAR_SPARE_MS (2 * 3600 * 1000)

/* The number of its first day is YYYYMMDD. */
struct calendar_period {
    int64_t end_s; /* its first second that is none of it; UTC */
    uint32_t id;
};

/* The period that holds a moment. unit: not RATE_SPAN. */
struct calendar_period calendar_period(
    const struct time_zone *, enum rate_unit unit, int64_t now_s);

/* Of one limit. */
struct calendar;

/* zone: borrowed. name: copied, at most 39 bytes. */
struct calendar *calendar_new(
    const struct time_zone *, enum rate_unit unit, const char *name);
/* NULL is allowed. */
void calendar_free(struct calendar **);

/* "NAME@20261130": the counter of the period that holds now. It stays what it
 * is for the next period, too: longer than any request takes. */
const char *calendar_name(struct calendar *, int64_t now_s);
/* How long the period goes on, 1.. ms. */
int64_t calendar_left_ms(struct calendar *, int64_t now_ms);
enum rate_unit calendar_unit(const struct calendar *);
/* Seconds east of UTC when the period that holds now ends. */
int32_t calendar_end_offset(struct calendar *, int64_t now_s);

#endif
