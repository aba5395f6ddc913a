/*
 * duration.h - durations and rates as people write them.
 *
 * Pure. Every parser takes the whole text or nothing, refuses signs, spaces
 * inside a number, overflow and, in a rate, zero, and says in the error what
 * is allowed.
 */
#ifndef TOLLGATE_BASE_DURATION_H
#define TOLLGATE_BASE_DURATION_H

#include "common/base/error.h"

#include <stdint.h>

#define DURATION_TEXT_SIZE 24

/* "100ms" "5s" "2m" "1h" "1d"; a unit is required. At most 366 days. */
bool duration_parse(const char *text, uint64_t *ms_r, struct error *err);
/* The shortest exact form: 60000 -> "1m", 1500 -> "1500ms". */
char *duration_format(uint64_t ms, char text[DURATION_TEXT_SIZE]);

/* What a rate is per. */
enum rate_unit {
    RATE_SPAN, /* window_ms */
    RATE_DAY,  /* or, where no calendar is meant, window_ms */
    RATE_WEEK,
    RATE_MONTH,
};

struct rate {
    uint32_t count; /* 1..1000000000 */
    bool is_size;   /* was written as one: only for what counts bytes */
    enum rate_unit unit;
    uint64_t window_ms; /* a month has 31 days */
};

#define RATE_TEXT_SIZE (DURATION_TEXT_SIZE + 13)

/*
 * "100/60s" "500/1d" "200/hour" "20/30min" "20/30minute" "10 / 1h": a count
 * per a span of 1 ms to 366 days. The words sec, second, min, minute, hour,
 * day and their plurals count as units here. "10k/1h" "50m/1d": a size, k and
 * m are powers of 1024. "500/day" "2000/week" "10000/month": a word without a
 * number is a unit of the calendar.
 */
bool rate_parse(const char *text, struct rate *rate_r, struct error *err);
/* "day" "week" "month"; NULL: a span. */
const char *rate_unit_name(enum rate_unit);
/* The shortest exact form; a size stays one: "50m/1d". */
char *rate_format(const struct rate *, char text[RATE_TEXT_SIZE]);

#endif
