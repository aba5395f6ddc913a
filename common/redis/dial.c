/*
 * dial.c - the ways to a server: unix, address or name, with TLS or without.
 */
#include "common/redis/dial.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/redis/tls.h"

#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FRESH_MS    5000 /* an answer for an attempt that came too late */
#define PATIENCE_MS 250  /* for IPv4 when IPv6 is there, and for IPv6 */

void redis_dialer_init(struct redis_dialer *dialer, struct event_base *base,
    struct resolver *resolver)
{
    *dialer = (struct redis_dialer){.base = base, .resolver = resolver};
}

static void dialer_forget(struct redis_dialer *dialer)
{
    resolver_cancel(&dialer->call);
    if (dialer->patience != NULL)
        evtimer_del(dialer->patience);
    memset(dialer->counts, 0, sizeof dialer->counts);
    dialer->is_used = false;
}

void redis_dialer_clear(struct redis_dialer *dialer)
{
    dialer_forget(dialer);
    if (dialer->patience != NULL)
        event_free(dialer->patience);
    free(dialer->host);
    *dialer = (struct redis_dialer){0};
}

/* The kernel would go on sending for minutes, also over a network that is back
 * after we have long counted elsewhere. */
void redis_dial_hang_up(struct redis_dialer *dialer, struct bufferevent *bev)
{
    if (dialer->bev == bev)
        dialer->bev = NULL;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    evutil_socket_t fd = bufferevent_getfd(bev);
    if (fd != -1)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    bufferevent_free(bev);
}

static bool dial_unix(struct bufferevent *bev, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, len + 1);
    return bufferevent_socket_connect(
               bev, (const struct sockaddr *)&address, sizeof address) == 0;
}

/* IPv4 and IPv6 in turn, each address of a family in turn. */
static const struct address *dialer_next(struct redis_dialer *dialer)
{
    const size_t *counts = dialer->counts;
    unsigned turn = dialer->attempts++;
    int family = turn % 2 == 0 ? RESOLVER_IPV4 : RESOLVER_IPV6;

    if (counts[family] == 0)
        family = RESOLVER_IPV4 + RESOLVER_IPV6 - family;
    else if (counts[RESOLVER_IPV4] != 0 && counts[RESOLVER_IPV6] != 0)
        turn /= 2;
    return &dialer->found[family][turn % counts[family]];
}

static bool dial_address(
    struct bufferevent *bev, const struct address *address, uint16_t port)
{
    struct sockaddr_storage to;
    int len = (int)address_to_sockaddr(address, port, &to);

    return bufferevent_socket_connect(bev, (const struct sockaddr *)&to, len) ==
           0;
}

/* Calls out: the last thing of a callback. */
static void dialer_fail(struct redis_dialer *dialer)
{
    struct bufferevent *bev = dialer->bev;

    dialer->bev = NULL;
    if (bev != NULL)
        dialer->on_event(bev, BEV_EVENT_ERROR, dialer->context);
}

/* Of the attempt that waits, if one does. Where libevent has told of a failure
 * already, that attempt has been hung up. */
static void dialer_connect(struct redis_dialer *dialer)
{
    evtimer_del(dialer->patience);
    if (dialer->bev == NULL)
        return;
    dialer->is_used = true;
    if (dial_address(dialer->bev, dialer_next(dialer), dialer->port))
        dialer->bev = NULL;
    else
        dialer_fail(dialer);
}

static void dialer_on_patience(evutil_socket_t fd, short what, void *context)
{
    dialer_connect(context);
}

static void dialer_on_addresses(
    struct resolver_call *call, const struct resolver_reply *reply)
{
    const struct timeval patience = clock_span(PATIENCE_MS);
    struct redis_dialer *dialer = call->context;
    size_t count = reply->count;

    if (count > REDIS_DIAL_ADDRESSES)
        count = REDIS_DIAL_ADDRESSES;
    memcpy(dialer->found[reply->family], reply->addresses,
        count * sizeof reply->addresses[0]);
    dialer->counts[reply->family] = count;
    dialer->found_ms = clock_monotonic_ms();
    if (dialer->bev != NULL)
        evtimer_add(dialer->patience, &patience);
}

static bool dialer_has_found(const struct redis_dialer *dialer)
{
    return dialer->counts[RESOLVER_IPV4] + dialer->counts[RESOLVER_IPV6] > 0;
}

static void dialer_on_end(
    struct resolver_call *call, const struct resolver_reply *end)
{
    struct redis_dialer *dialer = call->context;
    const char *full = *end->full == '\0' ? dialer->host : end->full;

    if (dialer_has_found(dialer)) {
        dialer_connect(dialer);
        return;
    }
    (void)snprintf(dialer->problem, sizeof dialer->problem, "%s: %s", full,
        resolver_why(end->status[RESOLVER_IPV4]));
    dialer_fail(dialer);
}

/* Anew, unless there is an answer that no attempt has had, or IPv6 is still
 * awaited. */
static bool dialer_has_fresh(const struct redis_dialer *dialer)
{
    return dialer_has_found(dialer) &&
           (!dialer->is_used || dialer->call.resolver != NULL) &&
           clock_monotonic_ms() - dialer->found_ms < FRESH_MS;
}

static void dialer_set_host(struct redis_dialer *dialer, const char *host)
{
    if (dialer->patience == NULL)
        dialer->patience =
            evtimer_new(dialer->base, dialer_on_patience, dialer);
    if (dialer->patience == NULL)
        abort();
    if (dialer->host != NULL && strcmp(dialer->host, host) == 0)
        return;
    dialer_forget(dialer);
    free(dialer->host);
    dialer->host = xstrdup(host);
    dialer->call = (struct resolver_call){.name = dialer->host,
        .on_addresses = dialer_on_addresses,
        .on_end = dialer_on_end,
        .context = dialer};
}

static bool dialer_ask(struct redis_dialer *dialer)
{
    if (dialer->call.resolver != NULL)
        return true;
    dialer_forget(dialer);
    if (dialer->resolver != NULL &&
        resolver_ask(dialer->resolver, &dialer->call))
        return true;
    (void)snprintf(dialer->problem, sizeof dialer->problem, "%s: %s",
        dialer->host, resolver_why(RESOLVER_BUSY));
    return false;
}

static bool dial_name(struct redis_dialer *dialer, struct bufferevent *bev,
    const char *host, uint16_t port)
{
    dialer_set_host(dialer, host);
    if (dialer_has_fresh(dialer)) {
        dialer->is_used = true;
        return dial_address(bev, dialer_next(dialer), port);
    }
    if (!dialer_ask(dialer))
        return false;
    dialer->bev = bev;
    dialer->port = port;
    return true;
}

static struct bufferevent *dial_new(
    struct redis_dialer *dialer, const struct redis_place *place)
{
    if (place->tls == NULL)
        return bufferevent_socket_new(dialer->base, -1, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = redis_tls_link(place->tls, place->host);
    if (ssl == NULL)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(dialer->base, -1,
        ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev == NULL)
        SSL_free(ssl);
    return bev;
}

bool redis_dial(struct redis_dialer *dialer, const struct redis_place *place,
    bufferevent_data_cb on_readable, bufferevent_event_cb on_event,
    void *context, struct bufferevent **bev_r)
{
    struct bufferevent *bev = dial_new(dialer, place);
    *bev_r = bev;
    if (bev == NULL)
        return false;
    dialer->problem[0] = '\0';
    bufferevent_setcb(bev, on_readable, NULL, on_event, context);
    if (place->unix_path != NULL)
        return dial_unix(bev, place->unix_path);
    struct address address;
    if (address_parse(place->host, strlen(place->host), &address))
        return dial_address(bev, &address, place->port);
    dialer->on_event = on_event;
    dialer->context = context;
    return dial_name(dialer, bev, place->host, place->port);
}

void redis_dial_error(const struct redis_dialer *dialer,
    struct bufferevent *bev, short events, char *text, size_t size)
{
    int error = EVUTIL_SOCKET_ERROR();
    redis_tls_describe(bev, text, size);
    if (text[0] != '\0')
        return;
    if (dialer->problem[0] != '\0')
        (void)snprintf(text, size, "%s", dialer->problem);
    else if ((events & BEV_EVENT_EOF) != 0 || error == 0)
        (void)snprintf(text, size, "the server closed the connection");
    else
        (void)snprintf(text, size, "%s", strerror(error));
}
