/*
 * lease.h - what this process holds open, and what the store knows of it.
 *
 * Pure: a table, no I/O; the clock is an argument. Whatever becomes of the
 * store, `held` is right, for only this process changes it. A lease that the
 * store may see differently is queued to be written, as an absolute number;
 * whoever can write takes it from the queue (lease_writer.c).
 */
#ifndef TOLLGATE_STORE_LEASE_H
#define TOLLGATE_STORE_LEASE_H

#include "common/core/charge.h"

#include <sys/queue.h>

struct lease {
    uint32_t held;    /* units that passed and were not released */
    uint32_t asking;  /* charges under way that want one more each */
    uint32_t writing; /* writes under way */
    uint32_t told;    /* what the store knows, as far as it has answered */
    bool is_told;     /* false: a command was lost, or none was ever sent */
    bool is_queued;
    bool is_due;         /* to be written even if the store knows it all */
    uint64_t written_ms; /* when what it knows was sent */
    uint64_t hash;
    struct lease *next; /* of the same bucket */
    TAILQ_ENTRY(lease) by_age;
    TAILQ_ENTRY(lease) queue;
    const char *name;
    struct subject subject;
};

struct lease_table;

enum lease_outcome {
    LEASE_ADMITTED, /* the store has noted `mine` */
    LEASE_REFUSED,  /* the store has noted nothing */
    LEASE_UNKNOWN,  /* no answer: either may be */
};

/* Empty. */
struct lease_table *lease_table_new(void);
/* Frees all leases; none may be under way. */
void lease_table_free(struct lease_table **);

/* Units held, of all leases. */
uint64_t lease_table_units(const struct lease_table *);

/* NULL if there is none. Valid until the next call of another verb here. */
struct lease *lease_find(
    struct lease_table *, const struct subject *, const char *name);

/*
 * A charge wants one more unit: what to tell the store, other charges under
 * way included. The lease stays valid until lease_answer.
 */
struct lease *lease_ask(struct lease_table *, const struct subject *,
    const char *name, uint32_t *mine_r);
/* is_wanted: false if the asker has gone meanwhile; the unit is given back. */
void lease_answer(struct lease_table *, struct lease *, uint32_t mine,
    enum lease_outcome, bool is_wanted, uint64_t sent_ms);

/* A unit without asking the store. */
void lease_take(struct lease_table *, const struct subject *, const char *name);
/* A unit ends. Of one that is not held: nothing happens. */
void lease_release(
    struct lease_table *, const struct subject *, const char *name);

/* The next one to be written, and `mine`; NULL: none, for what was queued may
 * have been set right by a charge since. Valid until lease_written, with
 * LEASE_ADMITTED or LEASE_UNKNOWN. */
struct lease *lease_next_write(struct lease_table *, uint32_t *mine_r);
void lease_written(struct lease_table *, struct lease *, uint32_t mine,
    enum lease_outcome, uint64_t sent_ms);

/* Instead of lease_written: it cannot be written now. Not queued again before
 * something changes, or lease_queue_all says that all can be. */
void lease_postpone(struct lease *);

/* Queues those that the store was last told of before this moment. */
void lease_queue_older(struct lease_table *, uint64_t before_ms);
/* Queues all: the store may have forgotten. */
void lease_queue_all(struct lease_table *);
bool lease_has_queued(const struct lease_table *);

#endif
