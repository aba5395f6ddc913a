/*
 * redis_node.h - a server that holds counters, and whether it can be used.
 *
 * Of the Redis store: its one server, or each master of a Cluster. A node has
 * a connection, a breaker and a heartbeat of its own, so that the loss of one
 * is nothing to the others. Who waits for it is settled in one place and way:
 * a reply settles one, and redis_node_fail settles all. Both may call out to
 * faces that come back with new requests, so lists are never walked while
 * calling out: the first one is taken until there is none.
 */
#ifndef TOLLGATE_STORE_REDIS_NODE_H
#define TOLLGATE_STORE_REDIS_NODE_H

#include "common/core/charge.h"
#include "common/redis/connection.h"
#include "common/store/breaker.h"
#include "common/store/redis_clock.h"
#include "common/store/redis_room.h"

#include <sys/queue.h>

struct redis_node;
struct redis_store;
struct store_part;

TAILQ_HEAD(part_list, store_part);
TAILQ_HEAD(node_list, redis_node);

struct redis_link {
    struct redis_node *node;
    struct redis_connection *connection; /* NULL: none */
    bool is_retired; /* has been left; goes when it is idle */
};

struct redis_node {
    struct redis_store *store;
    TAILQ_ENTRY(redis_node) entry; /* of the store's nodes */
    struct event_base *base;
    char *host; /* of a Cluster or by Sentinel: its address; else NULL */
    uint16_t port;
    char *description; /* for the log */
    struct redis_link links[2];
    struct redis_link *link; /* the one in use; the other is about to take
                                its place, or has left it */
    struct redis_settings settings; /* of both */
    bool wants_renewal;             /* as soon as the other link is free */
    struct breaker breaker;
    struct event *tick; /* probes while open, renewals while closed */
    char trouble[200];  /* what was logged last; "" while all is well */
    uint64_t reasons_until_ms;
    unsigned reasons; /* logged until then, of the same loss */
    uint64_t connects;
    struct redis_room room;
    struct redis_clock clock;

    struct redis_call heartbeat; /* this process's own leases: the probe too */
    struct subject pulse;        /* whose leases these are */
    bool heartbeat_is_repeated;
    unsigned heartbeats_lost; /* in a row, of this connection */
    uint64_t heartbeat_due_ms;
    unsigned told_serves;   /* faces, as the heartbeat has said */
    struct part_list parts; /* requests that wait for it */
    struct event *deadline; /* of those that are parked */
    bool has_slots;         /* of a Cluster's */
    bool has_failed;        /* once at least: nobody waits for it to connect */
    uint64_t named_ms;      /* when a MOVED or an ASK named it last */
};

/* host NULL: where the store's URL leads. Copied. */
struct redis_node *redis_node_new(
    struct redis_store *, struct event_base *, const char *host, uint16_t port);
/* Nobody waits for it any more. */
void redis_node_free(struct redis_node **);
/* Connects anew, with new TLS material, and goes over when that is ready. */
void redis_node_renew(struct redis_node *);

/* The server is somewhere else now. Copied. */
void redis_node_aim(struct redis_node *, const char *host, uint16_t port);
/* For the log, unless it can be used: why it cannot be reached. */
void redis_node_complain(struct redis_node *, const char *reason);

/* Nobody waits for it. */
bool redis_node_is_idle(const struct redis_node *);
/* The next call there is one that ASK has sent us with. */
void redis_node_asking(struct redis_node *);

/* It serves nobody now: opens the breaker, settles all who wait. */
void redis_node_fail(struct redis_node *, const char *reason);
/* The heartbeat has been answered well. */
void redis_node_succeed(struct redis_node *);

/* What an error reply to a script means. */
enum redis_trouble {
    TROUBLE_REPEAT,    /* the script is loaded again, nothing has run */
    TROUBLE_ONE,       /* this call has failed; logged now and then */
    TROUBLE_ELSEWHERE, /* its keys are on another node; nothing has run */
    TROUBLE_DIVIDED,   /* they are on two; nothing has run */
    TROUBLE_ALL,       /* redis_node_fail has settled all, this call too */
};
struct redisReply;
/* Does what an error reply asks for, and says of which kind it is. */
enum redis_trouble redis_node_take_error(
    struct redis_node *, const struct redisReply *reply);

static inline bool redis_node_is_usable(const struct redis_node *node)
{
    return node->breaker.state == BREAKER_CLOSED;
}

static inline struct redis_connection *redis_node_connection(
    const struct redis_node *node)
{
    return node->link->connection;
}

#endif
