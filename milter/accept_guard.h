/*
 * accept_guard.h - who is behind each connection that libmilter takes.
 *
 * libmilter shows nobody its descriptors, but it calls accept and read as the
 * program has them, and ours go before the C library's. Our accept proves the
 * smtpd at once, in libmilter's listening thread, and keeps from libmilter
 * whoever will be turned away whatever he says; our read tells a callback
 * which connection its thread has read from. Where the proof says too little
 * at that moment, the session is judged at CONNECT like any other request.
 */
#ifndef TOLLGATE_MILTER_ACCEPT_GUARD_H
#define TOLLGATE_MILTER_ACCEPT_GUARD_H

#include "common/core/peer.h"
#include "milter/bridge.h"

struct engine;
struct turnaways;

/* Before libmilter has a thread; in use until the end of the process. */
void accept_guard_begin(struct bridge *, struct engine *, struct turnaways *);
/* From the loop, when the engine has another configuration. */
void accept_guard_follow(void);
/* From the loop, as it ends: nobody is turned away here any more. */
void accept_guard_end(void);

/*
 * From the first callback of a session, for that session: who is behind it.
 * UNPROVEN too if it is not known and a service wants proof.
 */
void accept_guard_peer(struct peer *peer_r);

/*
 * At start, with a connection to our own listening socket: does libmilter call
 * us? Waits for its answer, some seconds at most; the connection is closed.
 */
bool accept_guard_check(int fd, struct error *err);

#endif
