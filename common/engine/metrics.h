/*
 * metrics.h - what /metrics shows, counted in plain integers by the loop.
 *
 * Low cardinality by design: face, event, limit, result, reason; never an
 * address. Histogram buckets are fixed.
 */
#ifndef TOLLGATE_ENGINE_METRICS_H
#define TOLLGATE_ENGINE_METRICS_H

#include "common/core/verdict.h"
#include "common/net/peer_cause.h"
#include "common/store/store.h"

struct evbuffer;

#define METRICS_BUCKETS  12
#define METRICS_VERDICTS 3 /* enum verdict_kind */
#define METRICS_LIMITS   128
#define METRICS_NAME     64 /* of a limit, with its NUL */

/* What the proof of a session's peer came to, per request. */
enum proof_result {
    PROOF_TRUSTED,   /* a trusted proxy; or no proxy in front, and known */
    PROOF_UNTRUSTED, /* somebody else: a forger */
    PROOF_UNPROVEN,  /* could not be told */
    PROOF_LOCAL,     /* local submission */
    PROOF_INET,      /* asked over inet */
    PROOF_RESULTS,
};

/* What came of a message to whom notify names. */
enum notices_result {
    NOTICES_SENT,
    NOTICES_FAILED,  /* an attempt: it is made again */
    NOTICES_DROPPED, /* a refusal that found no room to be told */
    NOTICES,
};

/* Upper bounds of the round-trip histogram, in µs. */
extern const uint32_t metrics_bucket_us[METRICS_BUCKETS];

/* What one limit has refused. */
struct metrics_limit {
    char name[METRICS_NAME];
    enum face face;
    enum event_kind kind;
    uint64_t refused, shadowed, held;
};

struct metrics {
    uint64_t decisions[FACES][METRICS_VERDICTS][REASONS];
    uint64_t gate_decisions[METRICS_VERDICTS][REASONS];
    uint64_t shadow_refusals[FACES];
    uint64_t proofs[FACES][PROOF_RESULTS];
    uint64_t proof_refusals[PEER_CAUSES]; /* by the kernel */
    uint64_t malformed[FACES];            /* requests answered by closing */
    uint64_t connections[FACES];          /* open now */
    uint64_t store_round_trip[METRICS_BUCKETS + 1]; /* the last: slower */
    uint64_t store_round_trip_sum_us;
    uint64_t store_unavailable; /* decisions made without the store */
    uint64_t shared_counters;   /* decisions on new names beyond the bound */
    uint64_t notices[NOTICES];  /* by what came of them */
    uint64_t bans_made;         /* by limits (engine/penalties.h) */
    uint64_t bans_failed;       /* the store did not take them */
    uint64_t bans_dropped;      /* too many were in work */
    uint64_t displaced;         /* our sockets that somebody has replaced */
    uint64_t reloads, reload_failures;
    /* Kept over reloads; those that find no place count as the last one. */
    struct metrics_limit limits[METRICS_LIMITS];
    size_t limit_count;
};

enum metrics_refusal { METRICS_REFUSED, METRICS_SHADOWED, METRICS_HELD };

/* Counts a refusal of this limit, one that a shadow would have made, or what
 * it had held instead. */
void metrics_refused(struct metrics *, const struct limit *, enum event_kind,
    enum metrics_refusal);

/* Counts an answer of the store that took so many microseconds. */
void metrics_round_trip(struct metrics *, uint64_t us);

/* The Prometheus text of it all. config_hash and version: labels. */
void metrics_write_page(const struct metrics *, const struct store_state *,
    const char *config_hash, struct evbuffer *);

#endif
