/*
 * sentinel.h - who is the master now, as the Sentinels say.
 *
 * All of them are asked, and stay connected: a message about a failover is a
 * reason to ask again at once, never believed by itself. The answer with the
 * highest epoch counts, so one that was cut off and comes back with an old
 * address misleads nobody. Without an answer the last one stands. Never blocks;
 * what a server says of its own role is for the connection to ask.
 */
#ifndef TOLLGATE_REDIS_SENTINEL_H
#define TOLLGATE_REDIS_SENTINEL_H

#include "common/config/redis_url.h"

#include <stdbool.h>

struct event_base;
struct redis_sentinel;
struct redis_tls;
struct resolver;

struct redis_sentinel_settings {
    const struct redis_url *url; /* borrowed, as everything here */
    /* Given to a Sentinel that asks for them; NULL: none. */
    char *username, *password;
    const struct redis_tls *tls; /* NULL: without */
    struct resolver *resolver;   /* NULL: hosts are addresses */
    const char *client_name;
    uint64_t timeout_ms; /* of a question */
    /* At each answer, news or not. */
    void (*on_master)(void *context, const char *host, uint16_t port);
    /* No Sentinel can say; reason is one's, for the log. */
    void (*on_trouble)(void *context, const char *reason);
    void *context;
};

/* The settings are copied, what they point to is borrowed. Connects at once. */
struct redis_sentinel *redis_sentinel_new(
    struct event_base *, const struct redis_sentinel_settings *);
/* No event of it any more. */
void redis_sentinel_free(struct redis_sentinel **);

/* Is the master lost? Then they are asked often, else now and then. */
void redis_sentinel_hurry(struct redis_sentinel *, bool is_lost);
/* Connects anew, with new TLS material. */
void redis_sentinel_renew(struct redis_sentinel *);

#endif
