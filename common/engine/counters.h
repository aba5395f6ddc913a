/*
 * counters.h - which counters belong to a client, a user, a sender.
 *
 * Computed from the limits of the configuration, so that nobody has to search
 * the store. A counter whose key has further parts (a client and a sender) has
 * a name only together with them and is not found here. Pure.
 */
#ifndef TOLLGATE_ENGINE_COUNTERS_H
#define TOLLGATE_ENGINE_COUNTERS_H

#include "common/config/config.h"

#define COUNTERS_MAX     512
#define COUNTER_KEY_TEXT 256

/* Whose: one part of a key. */
struct counter_key {
    enum key_part part;
    bool is_unproxied;           /* the proxies themselves */
    struct cidr client;          /* KEY_CLIENT */
    char text[COUNTER_KEY_TEXT]; /* of the other parts, as the event has it */
};

/*
 * "198.51.100.7", a network, "unproxied", or PART:VALUE with a part of
 * tollgate.conf's keys ("sender:bob@example.com"); "sasl" is short for
 * sasl_username, "sasl:@example.com" for "sasl_domain:example.com". "client:"
 * may stand before an address.
 */
bool counter_key_parse(
    const char *text, struct counter_key *key_r, struct error *err);

/* An event of nobody else; borrows from the key. */
struct event counter_key_event(const struct counter_key *);
/* Adds what the key says to an event. */
void counter_key_put(const struct counter_key *, struct event *event);

struct counter {
    const struct limit *limit; /* NULL: what the anvil face reports */
    enum event_kind kind;
    const char *service;    /* a title; NULL: services do not matter */
    struct subject subject; /* of charge */
    struct charge charge;   /* of one more unit */
    uint32_t allowed;       /* by the limit, or an override; 0: no limit */
    bool is_overridden;
    uint64_t blocked_until_ms; /* an override lets nothing through; 0: no */
};

struct counters {
    size_t count;
    struct counter items[COUNTERS_MAX];
};

struct edict_table;

/* Puts overrides that are in force now into the charges. */
void counters_override(struct counters *, const struct edict_table *);

/*
 * For each service title in services and each limit. The counters borrow from
 * both, and must not be moved afterwards.
 */
void counters_list(struct counters *, const struct config *,
    const struct counter_key *, const char *const *services, size_t count);

#endif
