/*
 * peers.h - who came to proxied services: trusted proxies, and others.
 *
 * Pure; the clock is an argument. Bounded: proxies and others have places of
 * their own, so that a crowd of forgers displaces no proxy; of too many the
 * one that came longest ago goes.
 */
#ifndef TOLLGATE_ENGINE_PEERS_H
#define TOLLGATE_ENGINE_PEERS_H

#include "common/base/address.h"

#define PEERS_MAX          128 /* of each kind */
#define PEERS_SERVICE_SIZE 64  /* longer titles are cut */

struct peer_record {
    struct address address;
    char service[PEERS_SERVICE_SIZE];
    uint64_t requests;
    uint64_t first_ms, last_ms; /* wall clock */
};

struct peer_records {
    struct peer_record items[PEERS_MAX]; /* in no order */
    size_t count, last;                  /* last: which came last */
    uint64_t forgotten;                  /* to make room */
};

/* All zero at first. */
struct peers {
    struct peer_records proxies, untrusted;
};

/* One more request of this peer for this service. now_ms: of any clock that
 * goes forward. */
void peers_note(struct peers *, const struct address *, bool is_trusted,
    const char *service, uint64_t now_ms);

#endif
