/*
 * cluster.h - the slot map of a Cluster, as its nodes tell it.
 *
 * Any node knows it: one connection asks the hosts of the URL and the masters
 * of the last map in turn, until one answers. Asked now and then, at once when
 * redis_cluster_ask says that the map is out of date, and often while
 * something is lost. Never blocks.
 */
#ifndef TOLLGATE_REDIS_CLUSTER_H
#define TOLLGATE_REDIS_CLUSTER_H

#include "common/config/redis_url.h"
#include "common/redis/cluster_reply.h"

struct event_base;
struct redis_cluster;
struct redis_tls;
struct resolver;

struct redis_cluster_settings {
    const struct redis_url *url; /* borrowed, as everything here */
    const struct redis_tls *tls; /* NULL: without */
    struct resolver *resolver;   /* NULL: hosts are addresses */
    const char *client_name;
    uint64_t timeout_ms; /* of a question */
    /* At each answer, news or not. May come without a slot's owner. */
    void (*on_map)(void *context, const struct cluster_map *);
    /* Why one of them did not answer, for the log. */
    void (*on_trouble)(void *context, const char *reason);
    void *context;
};

/* The settings are copied, what they point to is borrowed. Connects at once. */
struct redis_cluster *redis_cluster_new(
    struct event_base *, const struct redis_cluster_settings *);
/* No event of it any more. */
void redis_cluster_free(struct redis_cluster **);

/* The map is out of date. */
void redis_cluster_ask(struct redis_cluster *);
/* Is a node lost? Then they are asked often, each in its turn. */
void redis_cluster_hurry(struct redis_cluster *, bool is_lost);
/* Connects anew, with new TLS material. */
void redis_cluster_renew(struct redis_cluster *);

#endif
