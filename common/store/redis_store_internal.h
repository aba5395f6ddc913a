/*
 * redis_store_internal.h - what the files of the Redis store share:
 * redis_store.c (open, close, is it there?), redis_charge.c and redis_note.c
 * (requests), redis_pending.c (who waits), lease_writer.c.
 *
 * Whoever waits is settled in one place and way: a reply settles one, and
 * redis_store_fail settles all at once. Both may call out to faces that come
 * back with new requests, so lists are never walked while calling out: the
 * first one is taken until there is none.
 */
#ifndef TOLLGATE_STORE_REDIS_STORE_INTERNAL_H
#define TOLLGATE_STORE_REDIS_STORE_INTERNAL_H

#include "common/redis/connection.h"
#include "common/store/breaker.h"
#include "common/store/redis_store.h"
#include "common/store/refused_cache.h"
#include "common/store/script_call.h"

#define REDIS_PENDING_MAX 1000 /* requests and recalls that wait */
#define LEASE_BATCHES     4    /* under way at once: charges come between */
#define LEASE_BATCH_MAX   SCRIPT_LIMITS_MAX
#define REDIS_COMPLAINT_MS \
    10000 /* the same kind of trouble is logged once \
             in this time */

struct lease_batch {
    struct redis_call call;
    struct redis_store *store;
    size_t count; /* 0: free */
    uint64_t sent_ms;
    struct {
        struct lease *lease;
        uint32_t mine;
    } items[LEASE_BATCH_MAX];
};

struct lease_writer {
    struct event *event; /* once per turn of the loop */
    bool is_paused;      /* after an error, until the next tick */
    unsigned repeats;    /* for a missing script, since the last tick */
    size_t single_left;  /* so many go alone, to find the one at fault */
    struct lease_batch batches[LEASE_BATCHES];
};

/* A request or a recall that waits for its reply. */
struct store_pending {
    struct redis_call call;
    struct redis_store *store;
    /* Takes it off the list and answers: calls out. */
    void (*finish)(struct store_pending *, enum store_status);
    TAILQ_ENTRY(store_pending) link;
    struct store_recall *recall;
    struct store_request *request; /* NULL: cancelled, an orphan */
    struct charge *charges;        /* the request's, or an orphan's own */
    size_t count;
    bool peek, is_sent, is_repeated;
    uint64_t sent_ms, due_ms;
    size_t lease_count;
    struct {
        struct lease *lease;
        uint32_t mine;
        size_t index; /* of its charge */
    } leases[STORE_CHARGES_MAX];
};

TAILQ_HEAD(pending_list, store_pending);

struct redis_store {
    struct redis_url url;
    char *description, *client_name, *prefix;
    uint64_t timeout_ms, renew_ms, tick_ms;
    struct redis_connection *connection;
    struct breaker breaker;
    struct event *tick; /* probes while open, renewals while closed */
    char trouble[200];  /* what was logged last; "" while all is well */
    uint64_t complain_after_ms;

    struct script_holder holder;
    struct script_call call; /* the one that is being written */
    struct refused_cache *refused;
    struct lease_table *leases; /* the facade's */
    struct lease_writer writer;

    struct redis_call heartbeat; /* this process's own lease: the probe too */
    bool heartbeat_is_repeated;
    uint64_t heartbeat_due_ms;
    uint32_t instances;

    struct pending_list waiting, spare;
    size_t waiting_count;
    uint64_t round_trips, failures, connects;
};

/* It serves nobody now: opens the breaker, settles all who wait. */
void redis_store_fail(struct redis_store *, const char *reason);
/* One request had bad luck; others may not. Logged now and then. */
void redis_store_complain(struct redis_store *, const char *what);
/* What an error reply to a script means. */
enum redis_trouble {
    TROUBLE_REPEAT, /* the script is loaded again, nothing has run */
    TROUBLE_ONE,    /* this call has failed; logged now and then */
    TROUBLE_ALL,    /* redis_store_fail has settled all, this call too */
};
enum redis_trouble redis_store_take_error(
    struct redis_store *, const struct redisReply *reply);

static inline bool redis_store_is_open_for_use(const struct redis_store *store)
{
    return store->breaker.state == BREAKER_CLOSED;
}

void redis_pending_init(struct redis_store *);
void redis_pending_clear(struct redis_store *);
/* On the list of those that wait; NULL: there are too many. */
struct store_pending *redis_pending_new(struct redis_store *);
void redis_pending_free(struct store_pending *);
/* All that wait: STORE_UNAVAILABLE. */
void redis_pending_settle(struct redis_store *);

void lease_writer_init(struct redis_store *, struct event_base *);
void lease_writer_clear(struct redis_store *);
/* Writes what is queued, a few batches at a time. */
void lease_writer_run(struct redis_store *);
/* Goes on after an error, and renews those written before that moment. */
void lease_writer_tick(struct redis_store *, uint64_t renew_before_ms);
/* Batches under way have no answer. */
void lease_writer_settle(struct redis_store *);
/* Gives back everything, the heartbeat's lease included, unasked. */
void lease_writer_farewell(struct redis_store *);

#endif
