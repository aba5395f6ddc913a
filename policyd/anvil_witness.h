/*
 * anvil_witness.h - notices limits that can never count.
 *
 * smtpd sends anvil the `message` and `recipient` events only where main.cf's
 * own limit is above 0. When a session of the policy face shows a recipient,
 * this remembers of the same smtpd's anvil session what it has sent since its
 * connect, and warns once a service if a limit waits in vain. A client about
 * whom smtpd asks nothing (an exempt one) has no connect, and says nothing.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_WITNESS_H
#define TOLLGATE_POLICYD_ANVIL_WITNESS_H

#include "common/config/config.h"
#include "policyd/anvil_ident.h"
#include "policyd/anvil_silence.h"

#include <sys/types.h>

struct anvil_witnesses;

/* Embedded in a session; zero at first. */
struct anvil_witness {
    struct anvil_witness *next, **link; /* of the same bucket */
    pid_t pid;
    bool is_serving;   /* somebody, known by any event; the session sets it */
    bool is_connected; /* that somebody, by a connect */
    bool has_seen[EVENT_KINDS]; /* since connect; the session sets it */
    struct cidr client;
    char service[ANVIL_IDENT_SIZE];
};

/* Empty. */
struct anvil_witnesses *anvil_witnesses_new(void);
void anvil_witnesses_free(struct anvil_witnesses **); /* empty by then */

/* pid 0, an smtpd that the kernel does not name, is never found again. */
void anvil_witness_add(
    struct anvil_witnesses *, struct anvil_witness *, pid_t pid);
void anvil_witness_remove(struct anvil_witness *);

/* The smtpd serves this client from now on. */
void anvil_witness_enter(struct anvil_witness *, const struct anvil_ident *);
/* Its client has gone. */
void anvil_witness_leave(struct anvil_witness *);

/* False too where no session of this smtpd is known. */
bool anvil_witness_is_between_sessions(
    const struct anvil_witnesses *, pid_t smtpd);

/* This smtpd has asked the policy face about a recipient. */
enum anvil_acquaintance anvil_witness_rcpt(
    struct anvil_witnesses *, pid_t smtpd, const struct config *);

#endif
