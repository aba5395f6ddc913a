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
    PEER_UNPROVEN,  /* none, several, gone already, or the kernel refused:
                       refusal says which question */
    PEER_LOCAL,     /* the process has no TCP socket: local submission */
    PEER_ELSEWHERE, /* some, but no listener, and none at a service's port: a
                       table over inet, or a service that we know by name only
                       and that is handed its clients */
    PEER_INET,      /* asked over inet: nothing can be proven */
    PEER_ASSUMED,   /* made up: take it for a trusted proxy */
    PEER_GATED,     /* a gate of ours has handed it over: a trusted proxy */
    PEER_STATES,
};

/* What a proof asks the kernel, in order: up to GETFD of a process, then of its
 * sockets. */
enum peer_step {
    PEER_STEP_NONE,
    PEER_STEP_DOMAIN,     /* SO_DOMAIN of our connection */
    PEER_STEP_PEERPIDFD,  /* SO_PEERPIDFD */
    PEER_STEP_PEERCRED,   /* SO_PEERCRED; error 0: it names no process */
    PEER_STEP_PIDFD_OPEN, /* pidfd_open */
    PEER_STEP_POLL,       /* is the process of that pid still the same? */
    PEER_STEP_GETFD,      /* pidfd_getfd */
    PEER_STEP_SOCKNAME,   /* getsockname of a duplicate */
    PEER_STEP_FLAGS,      /* F_GETFL */
    PEER_STEP_TYPE,       /* SO_TYPE */
    PEER_STEP_PEERNAME,   /* getpeername */
    PEER_STEP_ACCEPTCONN, /* SO_ACCEPTCONN */
    PEER_STEP_SOCKET,     /* socket(AF_INET): a trial's own */
    PEER_STEPS,
};

/* A question that the kernel refused to answer, and its errno. */
struct peer_refusal {
    enum peer_step step; /* NONE: all were answered */
    int error;
};

struct peer {
    enum peer_state state;
    struct address address; /* PROVEN; else ADDRESS_NONE */
    uint16_t port;          /* the true local port of the listener; 0: unknown,
                               may be known of a client that has gone too */
    struct peer_refusal refusal; /* UNPROVEN: why, if the kernel refused */
};

#endif
