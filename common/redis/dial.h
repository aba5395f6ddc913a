/*
 * dial.h - opens the bufferevent to a server: unix, address or name.
 *
 * Never blocks: a name is resolved by the resolver, anew for each attempt, and
 * all addresses are those of one full name, so that the password goes to no
 * host of another one. Attempts take turns between them, IPv4 and IPv6: a
 * server that listens on one of them is found. An answer that comes after an
 * attempt has been given up is the next attempt's.
 * With TLS success is the end of its handshake, the server's name included.
 */
#ifndef TOLLGATE_REDIS_DIAL_H
#define TOLLGATE_REDIS_DIAL_H

#include "common/net/resolver.h"

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct redis_tls;

/* Borrowed, all of it. */
struct redis_place {
    const char *unix_path; /* NULL: host and port */
    const char *host;      /* name or address */
    uint16_t port;
    const struct redis_tls *tls; /* NULL: without */
};

#define REDIS_DIAL_ADDRESSES 8 /* of each family that are tried */

struct redis_dialer {
    struct event_base *base;
    struct resolver *resolver; /* NULL: there are no names */
    unsigned attempts;

    /* The name that was asked for last, and what is known of it. */
    char *host;
    struct resolver_call call;
    struct event *patience; /* for the other family */
    struct address found[RESOLVER_FAMILIES][REDIS_DIAL_ADDRESSES];
    size_t counts[RESOLVER_FAMILIES];
    uint64_t found_ms;
    bool is_used; /* an attempt has been made with it */

    /* The attempt that waits for an address; bev NULL: none does. */
    struct bufferevent *bev;
    uint16_t port;
    bufferevent_event_cb on_event;
    void *context;
    char problem[RESOLVER_NAME_SIZE + 128]; /* with the name; "": none */
};

/* Both are borrowed; resolver may be NULL. */
void redis_dialer_init(
    struct redis_dialer *, struct event_base *, struct resolver *);
/* Frees what it has; an attempt that waits for an address ends unheard. */
void redis_dialer_clear(struct redis_dialer *);

/* Frees what redis_dial has made. What the kernel has not sent by now will
 * never arrive: nobody waits for it any more. */
void redis_dial_hang_up(struct redis_dialer *, struct bufferevent *);

/*
 * Success and failure come to on_event, failure perhaps before this returns:
 * false means that it failed, or could not even begin. bev_r is set first,
 * and is the caller's in any case.
 */
bool redis_dial(struct redis_dialer *, const struct redis_place *,
    bufferevent_data_cb on_readable, bufferevent_event_cb on_event,
    void *context, struct bufferevent **bev_r);

/* In on_event: why it failed or ended, for the log. */
void redis_dial_error(const struct redis_dialer *, struct bufferevent *,
    short events, char *text, size_t size);

#endif
