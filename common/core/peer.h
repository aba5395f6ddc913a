/*
 * peer.h - who stands at the other end of an smtpd's TCP connection.
 *
 * Found out by net/peer_proof, never told by Postfix: what a PROXY header
 * says is the claim (struct event's client), this is the truth. Pure data.
 */
#ifndef TOLLGATE_CORE_PEER_H
#define TOLLGATE_CORE_PEER_H

#include "common/base/address.h"

enum peer_state {
    PEER_NOT_ASKED, /* no service wants proof */
    PEER_PROVEN,    /* exactly one connected client: address is true */
    PEER_UNPROVEN,  /* none, several, gone already, or the kernel refused */
    PEER_LOCAL,     /* the process has no TCP socket: local submission */
    PEER_ELSEWHERE, /* some, but no listener, and none at a service's port: a
                       table over inet, or a service that we know by name only
                       and that is handed its clients */
    PEER_INET,      /* asked over inet: nothing can be proven */
    PEER_ASSUMED,   /* made up: take it for a trusted proxy */
    PEER_STATES,
};

struct peer {
    enum peer_state state;
    struct address address; /* PROVEN; else ADDRESS_NONE */
    uint16_t port;          /* the true local port of the listener; 0: unknown,
                               may be known of a client that has gone too */
};

#endif
