/*
 * store.h - where counters live: in this process, or in Redis for all.
 *
 * A request carries all charges of one decision, at most STORE_CHARGES_MAX.
 * They are made in one atomic step, on the store's own clock, all or nothing
 * (core/charge.h says what "all" means). on_done is called exactly once,
 * always: before store_charge returns (memory:, or a client known to be
 * refused), or later from the loop, at the latest store_timeout after the
 * request. Never retried by the store: a charge that was sent and not
 * answered may have counted, so one lost reply can cost one extra count,
 * never a lost one.
 *
 * Leases: a CHARGE_LEASE that passes is held by this process until
 * store_release. Each process writes its absolute count under its own random
 * identity, renews it every lease_ttl/3, and is forgotten lease_ttl after
 * its last renewal; so a crash, a lost reply or a failover heals by itself.
 * Leases survive the loss of the store: the local count is always right.
 */
#ifndef TOLLGATE_STORE_STORE_H
#define TOLLGATE_STORE_STORE_H

#include "common/base/error.h"
#include "common/core/charge.h"

#include <stddef.h>

struct config;
struct event_base;
struct store;

#define STORE_CHARGES_MAX CHARGES_MAX
#define STORE_NOTE_SIZE   32

enum store_status {
    STORE_OK,
    STORE_UNAVAILABLE, /* nothing known; results are not set */
};

/* Owned by the caller, and where it is until on_done or store_cancel. */
struct store_request {
    struct charge *charges; /* 1..STORE_CHARGES_MAX */
    size_t count;
    bool peek; /* read only: results say what a charge would do */
    void (*on_done)(struct store_request *, enum store_status);
    void *context; /* the caller's */

    struct store_pending *pending; /* the store's, NULL while idle */
};

/*
 * Opens what config->store names. memory: cannot fail; a Redis that is away
 * is not an error (it is tried again for ever), a bad URL is.
 */
struct store *store_open(
    struct event_base *, const struct config *, struct error *err);
/* Leases of this process are given back where the store can be reached. */
void store_close(struct store **);

void store_charge(struct store *, struct store_request *);
/*
 * The same on this process's memory alone, for an outage: answers before it
 * returns. The caller has divided the limits by store_state's instances.
 */
void store_charge_local(struct store *, struct store_request *);
/* The caller goes away: no on_done; a lease that passes yet is given back. */
void store_cancel(struct store *, struct store_request *);
/* Ends one unit of a lease that passed. Never waits, never fails. */
void store_release(struct store *, const struct subject *, const char *name);

/*
 * Notes: small values shared by all daemons, one hour of life, for what must
 * be remembered about a message (policyd/message_memory.h).
 */
void store_note_write(struct store *, const char *key, const char *value);
struct store_recall {
    char value[STORE_NOTE_SIZE]; /* "" where there is none */
    void (*on_done)(struct store_recall *, enum store_status);
    void *context;
    struct store_pending *pending;
};
void store_note_read(struct store *, const char *key, struct store_recall *);
void store_recall_cancel(struct store *, struct store_recall *);

/* Is it shared with other processes (not memory:)? */
bool store_is_shared(const struct store *);

struct store_state {
    bool is_available;       /* memory: always */
    const char *description; /* URL without password */
    uint64_t tracked;        /* memory: counters held */
    uint64_t leases;         /* units held by this process */
    uint32_t instances;      /* daemons alive on this store when it was last
                                seen, this one included; 1..; memory: 1 */
    uint64_t round_trips, failures, reconnects; /* since start */
};
void store_state(const struct store *, struct store_state *state_r);

#endif
