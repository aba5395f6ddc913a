/*
 * peer_trial.h - can this process prove anything? A proof of a child that is
 * as an smtpd is: not dumpable, and as root of another uid.
 *
 * Of its own process the kernel would answer whatever Yama, a profile or a
 * missing capability forbids. What it cannot show: a profile or a namespace
 * that smtpd alone is in. Blocks until the child is there: for the start only.
 */
#ifndef TOLLGATE_NET_PEER_TRIAL_H
#define TOLLGATE_NET_PEER_TRIAL_H

#include "common/base/error.h"
#include "common/core/peer.h"

#include <sys/types.h>

struct peer_trial {
    pid_t pid;
    int fd;                     /* the child's connection */
    int channel;                /* to the child, which ends with it */
    struct peer_refusal socket; /* of an inet socket of our own */
};

/* Starts the child; before privileges are dropped, so that it can have another
 * uid. */
bool peer_trial_begin(struct peer_trial *, struct error *err);

/* Proves, once privileges are dropped, and ends the child. refusal_r: what the
 * kernel refused; step NONE: nothing. */
void peer_trial_end(struct peer_trial *, struct peer_refusal *refusal_r);

#endif
