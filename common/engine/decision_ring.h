/*
 * decision_ring.h - decisions as they happen, for whoever looks on.
 *
 * A ring of fixed size: a decision is copied into it, nothing is formatted
 * and nobody is waited for. Who reads too slowly is told how many he missed.
 * While nobody looks on there is no ring and nothing to do.
 */
#ifndef TOLLGATE_ENGINE_DECISION_RING_H
#define TOLLGATE_ENGINE_DECISION_RING_H

#include "common/core/verdict.h"

#define RING_RECORDS 2048
#define RING_TEXT    96 /* of a field; longer ones are cut */

struct decision;
struct decision_ring;

struct ring_record {
    uint64_t at_ms;    /* CLOCK_REALTIME */
    const char *asker; /* event_asker */
    uint32_t amount[EVENT_KINDS];
    enum verdict_kind kind;
    enum verdict_reason reason;
    bool would_refuse, is_held;
    uint32_t used, allowed;
    uint32_t postfix_limit, postfix_count; /* as a decision has them */
    uint64_t window_ms;
    int64_t retry_ms;
    struct peer peer;
    char limit[40];                /* "": none */
    char key[LIMIT_KEY_TEXT_SIZE]; /* whose counter; "": no limit's */
    char service[RING_TEXT], client[RING_TEXT], sasl[RING_TEXT];
    char sender[RING_TEXT], recipient[RING_TEXT], instance[RING_TEXT];
};

/* Owned by whoever looks on. */
struct ring_reader {
    struct decision_ring *ring; /* NULL: does not look on */
    bool refused_only;
    uint64_t next;
};

/* Without a reader there is no memory for records. */
struct decision_ring *decision_ring_new(void);
/* Readers must have left. */
void decision_ring_free(struct decision_ring **);

/* The reader sees what is decided from now on; it is the caller's, and stays
 * where it is until decision_ring_leave. */
void decision_ring_join(
    struct decision_ring *, struct ring_reader *, bool refused_only);
/* Of a reader that has not joined: nothing happens. */
void decision_ring_leave(struct ring_reader *);

/* At the end of a decision; copies it if a reader wants it. */
void decision_ring_note(struct decision_ring *, const struct decision *);

/* The next record that the reader wants; NULL: none yet. Valid until the next
 * decision. *missed_r: how many were lost before it. */
const struct ring_record *decision_ring_take(
    struct ring_reader *, uint64_t *missed_r);

#endif
