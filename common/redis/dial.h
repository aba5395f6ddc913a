/*
 * dial.h - opens the bufferevent to a server: unix, address or name.
 *
 * Never blocks: a name is resolved by evdns, anew at each attempt. libevent
 * tries only the first address of a name, so attempts on a name take turns
 * between whatever comes first, IPv4 and IPv6: a server that listens on one
 * of them is found. The resolver reads /etc/resolv.conf and /etc/hosts once.
 * With TLS success is the end of its handshake, the server's name included.
 */
#ifndef TOLLGATE_REDIS_DIAL_H
#define TOLLGATE_REDIS_DIAL_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evdns_base;
struct event_base;
struct redis_tls;

/* Borrowed, all of it. */
struct redis_place {
    const char *unix_path; /* NULL: host and port */
    const char *host;      /* name or address */
    uint16_t port;
    const struct redis_tls *tls; /* NULL: without */
};

struct redis_dialer {
    struct event_base *base;
    struct evdns_base *dns; /* made when the first name needs it */
    unsigned attempts;
};

void redis_dialer_init(struct redis_dialer *, struct event_base *);
void redis_dialer_clear(struct redis_dialer *);

/* Frees it. What the kernel has not sent by now will never arrive: nobody
 * waits for it any more. */
void redis_dial_hang_up(struct bufferevent *);

/*
 * Success and failure come to on_event, failure perhaps before this returns:
 * false means that it failed, or could not even begin. bev_r is set first,
 * and is the caller's in any case.
 */
bool redis_dial(struct redis_dialer *, const struct redis_place *,
    bufferevent_data_cb on_readable, bufferevent_event_cb on_event,
    void *context, struct bufferevent **bev_r);

/* In on_event: why it failed or ended, for the log. */
void redis_dial_error(
    struct bufferevent *, short events, char *text, size_t size);

#endif
