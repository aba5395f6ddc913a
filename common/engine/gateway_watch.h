/*
 * gateway_watch.h - are the clients of a service hidden behind one address?
 *
 * Limits and bans then hit all of them together. Where the address is one of a
 * gateway of ours, MAJORITY_FIRST arrivals are enough to say so; another one
 * may be a customer's, and is said of proxied services alone, after
 * MAJORITY_SIZE.
 */
#ifndef TOLLGATE_ENGINE_GATEWAY_WATCH_H
#define TOLLGATE_ENGINE_GATEWAY_WATCH_H

#include "common/base/address.h"
#include "common/core/majority.h"

#include <stddef.h>

#define GATEWAY_SERVICE_SIZE 64 /* longer titles are cut */

struct config;
struct decision;

/* The last gateway that was seen; of the service whose clients it hid until
 * less than three quarters of a crowd have its address. */
struct gateway_seen {
    struct majority_share share; /* of 0: none is seen */
    char service[GATEWAY_SERVICE_SIZE];
    char client[ADDRESS_TEXT_SIZE];
    uint64_t last_ms; /* clock_coarse_ms */
};

/* Embedded in the engine; all zero at first. */
struct gateway_watch {
    /* Owned: of each service of the snapshot, and one of all others. */
    struct majority *majorities;
    struct gateway_seen seen;
    size_t seen_at;     /* the crowd in which it was seen */
    uint64_t warned_ms; /* 0: never */
};

/* What helps where an engine or a balancer hides the clients. */
extern const char gateway_remedy[];

/* Frees the crowds. */
void gateway_watch_clear(struct gateway_watch *);

/* A new snapshot: all crowds begin anew. */
void gateway_watch_follow(struct gateway_watch *, const struct config *);

/* Of a session to which limits by client apply. Logs once an hour. */
void gateway_watch_note(struct gateway_watch *, const struct decision *);

#endif
