/*
 * gate.h - the gate: proxies come here, and what they bring goes to Postfix.
 *
 * Takes the place of an smtpd that wants a PROXY header. Knows the true peer
 * because it accepts the connection itself, reads the header, refuses what has
 * to be refused, and hands the rest to an smtpd (gate_pass.h), with whatever
 * the client has sent already. So no forger, no health check and nobody who is
 * banned wakes a process of Postfix, and no capability is needed to tell.
 */
#ifndef TOLLGATE_POLICYD_GATE_H
#define TOLLGATE_POLICYD_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/engine/daemon.h"

struct gate;

/* The daemon is borrowed. */
struct gate *gate_new(struct daemon *);
/* Closes what is in hand. */
void gate_free(struct gate **);

/* A connection of a "gate" listener; fd is the gate's now. */
void gate_add(struct gate *, const struct config_listener *, int fd);
/* Connections in hand: not handed over, refused or ended yet. They end within
 * header_timeout and pass_timeout, and tell the daemon (daemon_session_ended).
 */
size_t gate_count(const struct gate *);

/* Clients of which service reach no smtpd, and why, as a sentence; NULL: all
 * do, for all that is known. Lives until the next call. */
const char *gate_trouble(const struct gate *);
/* For `status`: those in hand, and how the others ended, each a word. */
size_t gate_counts(
    const struct gate *, struct daemon_count counts_r[DAEMON_COUNTS]);
void gate_write_metrics(const struct gate *, struct evbuffer *out);

#endif
