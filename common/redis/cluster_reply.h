/*
 * cluster_reply.h - what a Cluster says of where things are.
 *
 * Pure; nothing is believed that does not fit. A node may leave its own host
 * empty: it is the one that was asked. "?" is a host that nobody knows.
 * Source: https://redis.io/docs/latest/commands/cluster-slots/ and the
 * cluster specification (MOVED, ASK).
 */
#ifndef TOLLGATE_REDIS_CLUSTER_REPLY_H
#define TOLLGATE_REDIS_CLUSTER_REPLY_H

#include "common/redis/sentinel_reply.h"
#include "common/redis/slot.h"

#include <stddef.h>

#define CLUSTER_MASTERS_MAX 256
#define CLUSTER_NOBODY      UINT16_MAX

struct redisReply;

/* Who is asked for the keys of each slot. Big: on the heap. */
struct cluster_map {
    size_t count;
    struct redis_address masters[CLUSTER_MASTERS_MAX];
    uint16_t owners[REDIS_SLOTS]; /* into masters; CLUSTER_NOBODY */
};

/* The reply to CLUSTER SLOTS of the node at asked_host. */
bool cluster_map_read(const struct redisReply *, const char *asked_host,
    struct cluster_map *map_r);
/* Has each slot an owner? */
bool cluster_map_is_whole(const struct cluster_map *);

struct cluster_redirect {
    bool is_ask; /* ASK: this once; else MOVED: from now on */
    unsigned slot;
    struct redis_address address;
};

/* The text of an error of the node at asked_host. False: it is none. */
bool cluster_redirect_read(const char *text, const char *asked_host,
    struct cluster_redirect *redirect_r);

#endif
