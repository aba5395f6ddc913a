/*
 * metrics.c - see metrics.h. Only what has to be computed while counting;
 * the text is made in metrics_page.c.
 */
#include "common/engine/metrics.h"

#include <stdio.h>
#include <string.h>

const uint32_t metrics_bucket_us[METRICS_BUCKETS] = {
    50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000};

void metrics_round_trip(struct metrics *metrics, uint64_t us)
{
    size_t bucket = 0;
    while (bucket < METRICS_BUCKETS && us > metrics_bucket_us[bucket])
        bucket++;
    metrics->store_round_trip[bucket]++;
    metrics->store_round_trip_sum_us += us;
}

static struct metrics_limit *metrics_limit_of(
    struct metrics *metrics, const struct limit *limit, enum event_kind kind)
{
    struct metrics_limit *at = metrics->limits;

    for (size_t i = 0; i < metrics->limit_count; i++, at++)
        if (at->face == limit->at && at->kind == kind &&
            strncmp(at->name, limit->name, METRICS_NAME - 1) == 0)
            return at;
    if (metrics->limit_count == METRICS_LIMITS)
        return &metrics->limits[METRICS_LIMITS - 1];
    bool is_last = ++metrics->limit_count == METRICS_LIMITS;
    int len = snprintf(
        at->name, METRICS_NAME, "%s", is_last ? "others" : limit->name);
    if (len < 0)
        at->name[0] = '\0';
    at->face = limit->at;
    at->kind = kind;
    return at;
}

void metrics_refused(struct metrics *metrics, const struct limit *limit,
    enum event_kind kind, enum metrics_refusal refusal)
{
    struct metrics_limit *counted = metrics_limit_of(metrics, limit, kind);

    if (refusal == METRICS_SHADOWED)
        counted->shadowed++;
    else if (refusal == METRICS_HELD)
        counted->held++;
    else
        counted->refused++;
}
