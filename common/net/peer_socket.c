/*
 * peer_socket.c - see peer_socket.h.
 *
 * The cheapest question comes first: a process has few TCP sockets among its
 * descriptors.
 */
#include "common/net/peer_socket.h"

#include <netinet/in.h>
#include <string.h>

static int int_option(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

static bool is_listening(int fd)
{
    return int_option(fd, SO_ACCEPTCONN) == 1;
}

enum peer_socket_kind peer_socket_read(int fd, struct peer_socket *socket_r)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_storage storage;
    } end;
    socklen_t len = sizeof end;
    struct address ignored;

    memset(socket_r, 0, sizeof *socket_r);
    end.any.sa_family = AF_UNSPEC;
    if (getsockname(fd, &end.any, &len) == -1 ||
        (end.any.sa_family != AF_INET && end.any.sa_family != AF_INET6) ||
        int_option(fd, SO_TYPE) != SOCK_STREAM)
        return PEER_SOCKET_OTHER;
    address_from_sockaddr(&end.any, &ignored, &socket_r->port);
    len = sizeof end;
    if (getpeername(fd, &end.any, &len) == 0 &&
        address_from_sockaddr(&end.any, &socket_r->address, NULL))
        return PEER_SOCKET_CONNECTED;
    return is_listening(fd) ? PEER_SOCKET_LISTENING : PEER_SOCKET_GONE;
}
