/*
 * certs_private.h - what the files of certs.h share among themselves.
 */
#ifndef TOLLGATE_CERTS_CERTS_PRIVATE_H
#define TOLLGATE_CERTS_CERTS_PRIVATE_H

#include "common/certs/certs.h"
#include "common/certs/round.h"
#include "common/certs/watch.h"

/* Somebody to be told of the end of a round. */
struct waiter {
    struct waiter *next;
    uint64_t round; /* the first that began after the question */
    void (*on_done)(void *context);
    void *context;
};

/* When to look. */
struct schedule {
    struct watch *watch;
    struct event *poll, *retry;
    struct event *turn; /* the round goes on */
    struct round round;
    uint64_t number; /* of the round that is under way, or was the last */
    bool is_running;
    bool is_due;         /* another one as soon as this one is over */
    uint64_t loud_until; /* up to that round all is read, and problems are
                          * logged at once */
    unsigned retries;
    struct waiter *waiters;
};

struct certs {
    struct event_base *base;
    struct config *config; /* held */
    struct certificate **items;
    size_t count;
    struct schedule schedule;
    struct event *command;
    struct publisher publisher;
};

/* certs.c: in a child, which has no use for them. */
void certs_wipe_keys(const struct certs *);

/* certs_schedule.c */
void schedule_init(struct certs *);
void schedule_clear(struct certs *);
/* All sources are looked at when it returns: for the start. */
void schedule_look_first(struct certs *);
/* The sections have been replaced; the old ones are about to go. */
void schedule_follow(struct certs *);

#endif
