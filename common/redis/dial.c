/*
 * dial.c - the ways to a server: unix, address or name, with TLS or without.
 */
#include "common/redis/dial.h"

#include "common/base/address.h"
#include "common/redis/tls.h"

#include <event2/bufferevent_ssl.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void redis_dialer_init(struct redis_dialer *dialer, struct event_base *base)
{
    *dialer = (struct redis_dialer){.base = base};
}

void redis_dialer_clear(struct redis_dialer *dialer)
{
    /* A lookup under way holds its bufferevent until it is told of its end. */
    if (dialer->dns != NULL)
        evdns_base_free(dialer->dns, 1);
    *dialer = (struct redis_dialer){0};
}

/* The kernel would go on sending for minutes, also over a network that is back
 * after we have long counted elsewhere. */
void redis_dial_hang_up(struct bufferevent *bev)
{
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

static bool dial_name(struct redis_dialer *dialer, struct bufferevent *bev,
    const char *host, uint16_t port)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    int family = families[dialer->attempts++ % 3];
    if (dialer->dns == NULL)
        dialer->dns =
            evdns_base_new(dialer->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                             EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    return dialer->dns != NULL && bufferevent_socket_connect_hostname(bev,
                                      dialer->dns, family, host, port) == 0;
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
    bufferevent_setcb(bev, on_readable, NULL, on_event, context);
    if (place->unix_path != NULL)
        return dial_unix(bev, place->unix_path);
    struct address address;
    struct sockaddr_storage to;
    if (!address_parse(place->host, strlen(place->host), &address))
        return dial_name(dialer, bev, place->host, place->port);
    int len = (int)address_to_sockaddr(&address, place->port, &to);
    return bufferevent_socket_connect(bev, (const struct sockaddr *)&to, len) ==
           0;
}

void redis_dial_error(
    struct bufferevent *bev, short events, char *text, size_t size)
{
    int error = EVUTIL_SOCKET_ERROR();
    int dns_error = bufferevent_socket_get_dns_error(bev);
    redis_tls_describe(bev, text, size);
    if (text[0] != '\0')
        return;
    if (dns_error != 0)
        (void)snprintf(text, size, "%s",
            dns_error == EVUTIL_EAI_NONAME ? "the DNS knows no such name"
                                           : evutil_gai_strerror(dns_error));
    else if ((events & BEV_EVENT_EOF) != 0 || error == 0)
        (void)snprintf(text, size, "the server closed the connection");
    else
        (void)snprintf(text, size, "%s", strerror(error));
}
