/*
 * peer_proof.h - from a unix socket to the true TCP peer of the process that
 * connected it.
 *
 * smtpd's connection names its process (SO_PEERPIDFD, else SO_PEERCRED and
 * pidfd_open); pidfd_getfd and getpeername on that process's client give its
 * peer. Needs CAP_SYS_PTRACE, and shared PID namespaces only where the kernel
 * has no SO_PEERPIDFD. Never blocks, never fails: what cannot be proven is
 * PEER_UNPROVEN, with the question that the kernel refused, if it refused one.
 * Ask at each request: smtpd serves many clients over one connection, and what
 * was found at one request says nothing about the next.
 *
 * Every duplicate of a descriptor is closed before the next is made: one of
 * smtpd's is its accept lock, and holding it would stop the listener.
 */
#ifndef TOLLGATE_NET_PEER_PROOF_H
#define TOLLGATE_NET_PEER_PROOF_H

#include "common/core/peer.h"

/* A set of TCP ports. All zero: none. */
struct peer_ports {
    uint64_t bits[65536 / 64];
};

/* Adds the port to the set. */
void peer_ports_add(struct peer_ports *, uint16_t port);
/* Is the port in the set? */
bool peer_ports_has(const struct peer_ports *, uint16_t port);

/* One per thread. All zero: knows no port but those of listeners that it
 * finds in the processes themselves. */
struct peer_prover {
    struct peer_ports services; /* set by the owner: where clients come in */
    bool by_pid;                /* no SO_PEERPIDFD, or a test does without */
};

/*
 * fd: a connected unix socket (of another family: PEER_INET).
 *
 * PROVEN is exactly one connected TCP socket whose local port is a listener's
 * of the same process or in services. LOCAL is a process without any TCP
 * socket, ELSEWHERE one without a listener and without any such socket; both
 * only if every question was answered, and the process was seen to hold a unix
 * socket, as each does that asks us.
 */
void peer_prove(struct peer_prover *, int fd, struct peer *peer_r);

#endif
