/*
 * time_zone.h - when the local clock of an IANA time zone is how far from UTC.
 *
 * Pure but for the loading of a file. libc knows the process's own zone only,
 * and to change that is not for a process with threads.
 * Source: RFC 8536 (TZif); POSIX.1-2017, 8.3, TZ, for its last line.
 */
#ifndef TOLLGATE_BASE_TIME_ZONE_H
#define TOLLGATE_BASE_TIME_ZONE_H

#include "common/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct time_zone;

/* From the bytes of a TZif file of version 2 or later. NULL: err. */
struct time_zone *time_zone_parse(
    const unsigned char *bytes, size_t len, struct error *err);
/* name: as in "Europe/Berlin"; "": the system's, or UTC where there is no
 * /etc/localtime. NULL: err says what is wrong and what is allowed. */
struct time_zone *time_zone_load(const char *name, struct error *err);
/* NULL is allowed. */
void time_zone_free(struct time_zone **);

/* Seconds east of UTC at a moment, in seconds since 1970. */
int32_t time_zone_offset(const struct time_zone *, int64_t utc_s);

/* The days from 1970-01-01 to a day of the Gregorian calendar; month 1..12,
 * or more: of the years that follow. */
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);
/* The reverse. */
void civil_from_days(
    int64_t days, int64_t *year_r, int64_t *month_r, int64_t *day_r);

#endif
