/*
 * peer_socket.h - what a descriptor is, seen as one end of TCP.
 *
 * Looks, and changes nothing: the descriptor is another process's. An error of
 * a question is PEER_SOCKET_REFUSED, unless the error itself is an answer: "no
 * socket" or "not connected".
 */
#ifndef TOLLGATE_NET_PEER_SOCKET_H
#define TOLLGATE_NET_PEER_SOCKET_H

#include "common/core/peer.h"

enum peer_socket_kind {
    PEER_SOCKET_CLOSED,    /* no descriptor of this number */
    PEER_SOCKET_REFUSED,   /* a question was refused: refusal is set */
    PEER_SOCKET_OTHER,     /* no TCP socket, and no unix socket */
    PEER_SOCKET_UNIX,      /* a unix socket */
    PEER_SOCKET_LISTENING, /* port is set */
    PEER_SOCKET_CONNECTED, /* port and address are set */
    PEER_SOCKET_GONE,      /* connected no more, or not yet: port is set */
};

struct peer_socket {
    struct address address; /* the other end */
    uint16_t port;          /* this end; 0: it was never bound */
    struct peer_refusal refusal;
};

/* Never CLOSED. Sets all of *socket_r. */
enum peer_socket_kind peer_socket_read(int fd, struct peer_socket *socket_r);

#endif
