/*
 * peer_socket.c - see peer_socket.h.
 *
 * The cheapest question comes first: a process has few TCP sockets among its
 * descriptors. A security module or a seccomp filter may refuse any of the
 * questions, with whatever errno; such a socket may be a client's.
 */
#include "common/net/peer_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

union end {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_storage storage;
};

static enum peer_socket_kind refused(
    struct peer_socket *socket_r, enum peer_step step)
{
    socket_r->refusal = (struct peer_refusal){step, errno};
    return PEER_SOCKET_REFUSED;
}

/* getsockname has failed. EBADF is the answer for a descriptor that was opened
 * with O_PATH, and for no other that exists. */
static enum peer_socket_kind read_no_name(int fd, struct peer_socket *socket_r)
{
    if (errno == ENOTSOCK)
        return PEER_SOCKET_OTHER;
    if (errno != EBADF)
        return refused(socket_r, PEER_STEP_SOCKNAME);
    int flags = fcntl(fd, F_GETFL);
    if (flags == -1)
        return refused(socket_r, PEER_STEP_FLAGS);
    errno = EBADF;
    return (flags & O_PATH) != 0 ? PEER_SOCKET_OTHER
                                 : refused(socket_r, PEER_STEP_SOCKNAME);
}

static bool read_option(int fd, int option, int *value_r)
{
    socklen_t len = sizeof *value_r;

    return getsockopt(fd, SOL_SOCKET, option, value_r, &len) == 0;
}

/* It is of IPv4 or IPv6. */
static enum peer_socket_kind read_inet(int fd, struct peer_socket *socket_r)
{
    union end end;
    socklen_t len = sizeof end;
    int type, is_listening;

    if (!read_option(fd, SO_TYPE, &type))
        return refused(socket_r, PEER_STEP_TYPE);
    if (type != SOCK_STREAM)
        return PEER_SOCKET_OTHER;
    if (getpeername(fd, &end.any, &len) == 0)
        return address_from_sockaddr(&end.any, &socket_r->address, NULL)
                   ? PEER_SOCKET_CONNECTED
                   : PEER_SOCKET_GONE;
    if (errno != ENOTCONN)
        return refused(socket_r, PEER_STEP_PEERNAME);
    if (!read_option(fd, SO_ACCEPTCONN, &is_listening))
        return refused(socket_r, PEER_STEP_ACCEPTCONN);
    return is_listening == 1 ? PEER_SOCKET_LISTENING : PEER_SOCKET_GONE;
}

enum peer_socket_kind peer_socket_read(int fd, struct peer_socket *socket_r)
{
    union end end;
    socklen_t len = sizeof end;
    struct address ignored;

    memset(socket_r, 0, sizeof *socket_r);
    end.any.sa_family = AF_UNSPEC;
    if (getsockname(fd, &end.any, &len) == -1)
        return read_no_name(fd, socket_r);
    if (end.any.sa_family == AF_UNIX)
        return PEER_SOCKET_UNIX;
    if (end.any.sa_family != AF_INET && end.any.sa_family != AF_INET6)
        return PEER_SOCKET_OTHER;
    address_from_sockaddr(&end.any, &ignored, &socket_r->port);
    return read_inet(fd, socket_r);
}
