/*
 * smtpd_activity.h - notices limits that can never count.
 *
 * smtpd sends anvil the `message` and `recipient` events only where main.cf's
 * own limit is above 0. When a session of the policy face shows a recipient,
 * this remembers of the same smtpd's anvil session what it has sent since its
 * connect, and warns once a service if a limit waits in vain. A client about
 * whom smtpd asks nothing (an exempt one) has no connect, and says nothing.
 */
#ifndef TOLLGATE_POLICYD_SMTPD_ACTIVITY_H
#define TOLLGATE_POLICYD_SMTPD_ACTIVITY_H

#include "common/config/config.h"
#include "policyd/anvil_ident.h"
#include "policyd/anvil_silence.h"

#include <sys/types.h>

struct smtpd_activities;

/* Embedded in a session; zero at first. */
struct smtpd_activity {
    struct smtpd_activity *next, **link; /* of the same bucket */
    pid_t pid;
    bool is_serving;   /* somebody, known by any event; the session sets it */
    bool is_connected; /* that somebody, by a connect */
    bool has_seen[EVENT_KINDS]; /* since connect; the session sets it */
    struct cidr client;
    char service[ANVIL_IDENT_SIZE];
};

/* Empty. */
struct smtpd_activities *smtpd_activities_new(void);
void smtpd_activities_free(struct smtpd_activities **); /* empty by then */

/* pid 0, an smtpd that the kernel does not name, is never found again. */
void smtpd_activity_add(
    struct smtpd_activities *, struct smtpd_activity *, pid_t pid);
void smtpd_activity_remove(struct smtpd_activity *);

/* The smtpd serves this client from now on. */
void smtpd_activity_enter(struct smtpd_activity *, const struct anvil_ident *);
/* Its client has gone. */
void smtpd_activity_leave(struct smtpd_activity *);

/* False too where no session of this smtpd is known. */
bool smtpd_activity_is_between_sessions(
    const struct smtpd_activities *, pid_t smtpd);

/* This smtpd has asked the policy face about a recipient. */
enum anvil_acquaintance smtpd_activity_rcpt(
    struct smtpd_activities *, pid_t smtpd, const struct config *);

#endif
