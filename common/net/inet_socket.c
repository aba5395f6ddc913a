/*
 * inet_socket.c - opens a TCP listener.
 *
 * Resolves no names: start-up must not depend on a name server. On failure
 * the error says address, port and the kernel's reason.
 */
#include "common/net/inet_socket.h"

#include "common/base/address.h"
#include "common/net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static bool prepare(int fd, sa_family_t family)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return false;
    return family != AF_INET6 ||
           setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
}

int inet_socket_listen(const char *host, uint16_t port, struct error *err)
{
    struct address address;
    if (!address_parse(host, strlen(host), &address)) {
        error_set(err, "%s: not an IPv4 or IPv6 address", host);
        return -1;
    }

    struct sockaddr_storage at;
    socklen_t len = address_to_sockaddr(&address, port, &at);
    int fd =
        socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd != -1 && prepare(fd, at.ss_family) &&
        bind(fd, (const struct sockaddr *)&at, len) == 0 &&
        listen(fd, LISTENER_BACKLOG) == 0)
        return fd;

    error_set(err, "cannot listen on %s port %u: %s", host, (unsigned)port,
        strerror(errno));
    if (fd != -1)
        close(fd);
    return -1;
}

bool inet_socket_is_named(
    const struct sockaddr *name, const char *host, uint16_t port)
{
    struct address wanted, bound;
    uint16_t bound_port;
    return address_parse(host, strlen(host), &wanted) &&
           address_from_sockaddr(name, &bound, &bound_port) &&
           address_equal(&wanted, &bound) && bound_port == port;
}

void inet_socket_tune(int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}
