/*
 * turnaway.h - an smtpd whose client has no business here is told so, without
 * libmilter.
 *
 * In the loop: answers the negotiation, hears whom smtpd believes to serve,
 * answers that with the refusal, and hangs up; never waits, and not for long.
 * Told in the protocol it holds whatever Postfix would do with a milter that
 * failed (milter_default_action). Each is one decision, with its log line.
 */
#ifndef TOLLGATE_MILTER_TURNAWAY_H
#define TOLLGATE_MILTER_TURNAWAY_H

#include "common/core/peer.h"
#include "common/engine/daemon.h"

struct turnaways;

/* The daemon is borrowed. */
struct turnaways *turnaways_new(struct daemon *);
/* Ends those that are under way. */
void turnaways_free(struct turnaways **);

/* The connection is ours from here on. */
void turnaway_begin(struct turnaways *, int fd, const struct peer *);
/* How many are under way; daemon_session_ended is called after each. */
size_t turnaways_count(const struct turnaways *);

#endif
