/*
 * dial.c - the three ways to a server.
 */
#include "common/redis/dial.h"

#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

void redis_dialer_init(struct redis_dialer *dialer, struct event_base *base)
{
    *dialer = (struct redis_dialer){.base = base};
}

void redis_dialer_clear(struct redis_dialer *dialer)
{
    if (dialer->dns != NULL)
        evdns_base_free(dialer->dns, 0);
    *dialer = (struct redis_dialer){0};
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

/* False if host is not an address. */
static bool numeric_address(const char *host, uint16_t port,
    struct sockaddr_storage *address_r, int *len_r)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
        memcpy(address_r, &in, sizeof in);
        *len_r = sizeof in;
        return true;
    }
    if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
        return false;
    memcpy(address_r, &in6, sizeof in6);
    *len_r = sizeof in6;
    return true;
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

bool redis_dial(struct redis_dialer *dialer, const struct redis_url *url,
    bufferevent_data_cb on_readable, bufferevent_event_cb on_event,
    void *context, struct bufferevent **bev_r)
{
    struct bufferevent *bev =
        bufferevent_socket_new(dialer->base, -1, BEV_OPT_CLOSE_ON_FREE);
    *bev_r = bev;
    if (bev == NULL)
        return false;
    bufferevent_setcb(bev, on_readable, NULL, on_event, context);
    if (url->unix_path != NULL)
        return dial_unix(bev, url->unix_path);
    struct sockaddr_storage address;
    int len;
    if (!numeric_address(url->host, url->port, &address, &len))
        return dial_name(dialer, bev, url->host, url->port);
    return bufferevent_socket_connect(
               bev, (const struct sockaddr *)&address, len) == 0;
}

const char *redis_dial_error(struct bufferevent *bev, short events)
{
    int error = EVUTIL_SOCKET_ERROR();
    int dns_error = bufferevent_socket_get_dns_error(bev);
    if (dns_error != 0)
        return evutil_gai_strerror(dns_error);
    if ((events & BEV_EVENT_EOF) != 0 || error == 0)
        return "the server closed the connection";
    return strerror(error);
}
