/*
 * usage_sum.h - the records of usage.h of several daemons and hours, added up
 * by limit.
 *
 * Pure. A key that two daemons or hours have seen counts once for each in
 * `peaks`.
 */
#ifndef TOLLGATE_CORE_USAGE_SUM_H
#define TOLLGATE_CORE_USAGE_SUM_H

#include "common/core/top_list.h"
#include "common/core/usage.h"

#define USAGE_LIMITS_MAX 256 /* of a report; more are malformed */

struct usage_sum {
    char name[USAGE_NAME_MAX + 1];
    uint64_t came, refused;
    uint64_t keys; /* the sum of peaks */
    uint64_t peaks[USAGE_BUCKETS];
    uint32_t largest;     /* use of any key */
    struct top_list list; /* with peak and allowed */
};

struct usage_sums {
    struct usage_sum *of[USAGE_LIMITS_MAX]; /* owned; in the order in which
                                               they came */
    size_t count;
    uint64_t since_hour; /* records of hours before do not count */
};

/* Adds a record; false: malformed, and part of it may have been added. */
bool usage_sums_read(struct usage_sums *, const char *text, size_t len);
/* Frees all. */
void usage_sums_clear(struct usage_sums *);

/* The least use that at least so many thousandths of the keys did not exceed;
 * at most a quarter too much. 0: there are none. */
uint32_t usage_sum_percentile(const struct usage_sum *, unsigned thousandths);

/* After all records: one row for each key, the largest use against its limit
 * first, at most max. */
void usage_sum_settle(struct usage_sum *, size_t max);

#endif
