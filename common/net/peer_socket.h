/*
 * peer_socket.h - what a descriptor is, seen as one end of TCP.
 *
 * Looks, and changes nothing: the descriptor is another process's.
 */
#ifndef TOLLGATE_NET_PEER_SOCKET_H
#define TOLLGATE_NET_PEER_SOCKET_H

#include "common/base/address.h"

enum peer_socket_kind {
    PEER_SOCKET_CLOSED,    /* no descriptor of this number */
    PEER_SOCKET_REFUSED,   /* the kernel does not let us look */
    PEER_SOCKET_OTHER,     /* no TCP socket, or one that was never bound */
    PEER_SOCKET_LISTENING, /* port is set */
    PEER_SOCKET_CONNECTED, /* port and address are set */
    PEER_SOCKET_GONE,      /* connected no more, or not yet: port is set */
};

struct peer_socket {
    struct address address; /* the other end */
    uint16_t port;          /* this end */
};

enum peer_socket_kind peer_socket_read(int fd, struct peer_socket *socket_r);

#endif
