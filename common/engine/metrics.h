/*
 * metrics.h - what /metrics shows, counted in plain integers by the loop.
 *
 * Low cardinality by design: face, event, limit, result, reason; never an
 * address. Histogram buckets are fixed.
 */
#ifndef TOLLGATE_ENGINE_METRICS_H
#define TOLLGATE_ENGINE_METRICS_H

#include "common/core/verdict.h"

struct evbuffer;

#define METRICS_BUCKETS 12

struct metrics {
    uint64_t decisions[FACES][3][REASONS]; /* by verdict kind */
    uint64_t shadow_refusals[FACES];
    uint64_t malformed[FACES];   /* requests answered by closing */
    uint64_t connections[FACES]; /* open now */
    uint64_t store_round_trip[METRICS_BUCKETS + 1]; /* the last: slower */
    uint64_t store_round_trip_sum_us;
    uint64_t store_unavailable; /* decisions made without the store */
    uint64_t displaced;         /* listeners displaced now */
    uint64_t reloads, reload_failures;
};

void metrics_round_trip(struct metrics *, uint64_t us);

#endif
