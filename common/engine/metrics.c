/*
 * metrics.c - see metrics.h. Only what has to be computed while counting;
 * the text is made in metrics_page.c.
 */
#include "common/engine/metrics.h"

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
